"""Queue ids: shape, order, uniqueness."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.queue.identity import ALPHABET, is_queue_id, new_queue_id

TIMES = st.integers(min_value=0, max_value=(1 << 48) - 1)
RANDOMS = st.binary(min_size=4, max_size=4)


@pytest.mark.parametrize("random", [b"", b"123", b"12345"])
def test_another_number_of_random_octets_is_refused(random: bytes) -> None:
    with pytest.raises(ValueError, match="4 random octets"):
        new_queue_id(0, random)


@pytest.mark.parametrize("now_ms", [-1, 1 << 48])
def test_a_time_that_does_not_fit_is_refused(now_ms: int) -> None:
    with pytest.raises(ValueError, match="time"):
        new_queue_id(now_ms, b"1234")


@pytest.mark.parametrize("text", ["", "0" * 15, "0" * 17, "0" * 15 + "U", "0" * 15 + "a", "0" * 16 + "\n"])
def test_other_texts_are_no_queue_ids(text: str) -> None:
    assert not is_queue_id(text)


@given(TIMES, RANDOMS)
def test_a_queue_id_is_16_characters_of_crockfords_alphabet(now_ms: int, random: bytes) -> None:
    identity = new_queue_id(now_ms, random)
    assert is_queue_id(identity)
    assert int("".join(f"{ALPHABET.index(c):05b}" for c in identity), 2) == (
        now_ms << 32 | int.from_bytes(random)
    )


@given(TIMES, RANDOMS, TIMES, RANDOMS)
def test_queue_ids_sort_as_time_does(a: int, ra: bytes, b: int, rb: bytes) -> None:
    assert (new_queue_id(a, ra) < new_queue_id(b, rb)) == ((a, ra) < (b, rb))


def test_the_ends_of_the_range() -> None:
    assert new_queue_id(0, bytes(4)) == "0" * 16
    assert new_queue_id((1 << 48) - 1, b"\xff" * 4) == "Z" * 16


def test_many_ids_of_one_millisecond_differ() -> None:
    assert len({new_queue_id(1_790_000_000_000, os.urandom(4)) for _ in range(1000)}) == 1000
