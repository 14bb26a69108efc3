"""The bytes of a line: head, order, ASCII, bounds."""

import hashlib
import json

import pytest

from rorpost_gateway.decision_log.line import (
    FIRST_PREV,
    LINE_OCTETS,
    day_of,
    encode_body,
    encode_line,
    leaf,
    timestamp,
    valid_node,
)


def line_of(fields: dict[str, object]) -> bytes:
    return encode_line(
        n=7,
        prev=FIRST_PREV,
        time="2026-05-06T12:00:00.000Z",
        node="gw1",
        body=encode_body("decision", fields),  # type: ignore[arg-type]
    )


def test_a_line_is_one_object_without_spaces_in_the_order_given() -> None:
    line = line_of({"reason": "ok", "tls": None, "size": 4711, "counts": {"channels_gained": 2}})
    assert line == (
        b'{"n":7,"prev":"' + b"0" * 64 + b'","time":"2026-05-06T12:00:00.000Z","node":"gw1",'
        b'"event":"decision","reason":"ok","tls":null,"size":4711,"counts":{"channels_gained":2}}'
    )


@pytest.mark.parametrize(
    "text", ["a\nb", "a\r\nb", "\x00", "\u2028", "å ä ö", "\U0001f4a5", '"}\n{"n":0', "\x7f"]
)
def test_nothing_in_a_value_can_break_a_line(text: str) -> None:
    line = line_of({"login": text})
    assert line.isascii()
    assert b"\n" not in line
    assert b"\r" not in line
    assert json.loads(line)["login"] == text


def test_a_lone_surrogate_becomes_a_question_mark() -> None:
    assert json.loads(line_of({"login": "a\udc80b"}))["login"] == "a?b"


@pytest.mark.parametrize(
    "name", ["n", "prev", "time", "node", "event", "", "A", "with space", "a" * 65, 'x"']
)
def test_a_field_name_that_is_none_or_belongs_to_the_head_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a field name"):
        line_of({name: "x"})


def test_a_fraction_is_refused() -> None:
    with pytest.raises(ValueError, match="a field holds"):
        line_of({"size": 1.5})


@pytest.mark.parametrize("text", ["x" * 100_000, "\x00" * 100_000, "\U0001f4a5" * 100_000])
def test_a_line_is_at_most_16_kib_with_its_newline(text: str) -> None:
    line = encode_line(
        n=10**19,
        prev=FIRST_PREV,
        time="2026-05-06T12:00:00.000Z",
        node="g" * 64,
        body=encode_body("decision", {f"field{number}": text for number in range(30)}),
    )
    assert len(line) + 1 <= LINE_OCTETS
    assert len(json.loads(line)) == 35


def test_a_line_that_no_cutting_of_texts_makes_short_is_refused() -> None:
    with pytest.raises(ValueError, match="not long for its texts"):
        line_of({"counts": {f"name{number}": number for number in range(5000)}})


def test_a_leaf_is_the_hash_of_a_zero_byte_and_the_line() -> None:
    assert leaf(b"{}") == hashlib.sha256(b"\x00{}").hexdigest()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1778025599.9999, "2026-05-05T23:59:59.999Z"),
        (1778025600.0, "2026-05-06T00:00:00.000Z"),
    ],
)
def test_times_are_utc_with_milliseconds_that_are_never_rounded_up(seconds: float, text: str) -> None:
    assert timestamp(seconds) == text
    assert day_of(seconds) == text[:10]


@pytest.mark.parametrize("node", ["", "a b", 'a"', "å", "g" * 65, "a\n"])
def test_a_node_name_that_would_have_to_be_escaped_is_none(node: str) -> None:
    assert not valid_node(node)
