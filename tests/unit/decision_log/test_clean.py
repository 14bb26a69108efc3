"""Values that a client chose: cut, redacted, or left as they are."""

import pytest

from rorpost_gateway.decision_log.clean import CLIENT_OCTETS, REDACTED, clean

NUMBER = "19811218-9876"


def finds(text: str) -> bool:
    return NUMBER in text


def test_a_known_value_is_left_as_it_is() -> None:
    assert (
        clean(f"rorpost.{NUMBER}@x.se", known=True, contains_identity_number=finds)
        == f"rorpost.{NUMBER}@x.se"
    )


def test_an_unknown_value_with_an_identity_number_is_redacted() -> None:
    assert clean(f"<{NUMBER}@x.se>", known=False, contains_identity_number=finds) == REDACTED


@pytest.mark.parametrize("before", range(CLIENT_OCTETS - len(NUMBER), CLIENT_OCTETS + 1))
def test_no_part_of_a_number_is_left_where_the_cut_would_divide_it(before: int) -> None:
    cleaned = clean("x" * before + NUMBER, known=False, contains_identity_number=finds)
    assert cleaned == REDACTED or set(cleaned) == {"x"}


def test_a_number_that_only_the_cut_makes_is_redacted() -> None:
    value = "x" * (CLIENT_OCTETS - 4) + "98761"

    def ends(text: str) -> bool:
        return text.endswith("x9876")

    assert clean(value, known=False, contains_identity_number=ends) == REDACTED


@pytest.mark.parametrize(("letter", "count"), [("a", 254), ("ö", 127), ("€", 84), ("\U0001f4a5", 63)])
def test_the_cut_is_at_254_octets_and_divides_no_character(letter: str, count: int) -> None:
    assert clean(letter * 1000, known=False, contains_identity_number=finds) == letter * count


def test_the_detector_never_sees_more_than_a_little() -> None:
    seen: list[int] = []

    def measure(text: str) -> bool:
        seen.append(len(text))
        return False

    clean("x" * 10_000_000, known=False, contains_identity_number=measure)
    assert max(seen) < 400
