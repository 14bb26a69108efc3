"""Octets to responses: in any pieces, of any length, within bounds."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.imap.framing import Bounds, Excessive, Framer, Response

STREAM = (
    b"* OK [CAPABILITY IMAP4rev1] people write {5}\r\n"
    b"* 1 FETCH (BODY[] {7}\r\na\r\nb)(\n FLAGS ())\r\n"
    b'* LIST () "/" {0}\r\n\r\n'
    b'* 2 FETCH (A {1}\r\nx B {2}\r\nyz C "{3}")\r\n'
    b"+ go on {4}\r\n"
    b"A1 NO {6}\r\n"
    b"* 3 FETCH (BODY[] ~{3}\r\n\x00\r\n)\r\n"
)
RESPONSES: list[Response] = [
    (b"* OK [CAPABILITY IMAP4rev1] people write {5}",),
    (b"* 1 FETCH (BODY[] ", b"a\r\nb)(\n", b" FLAGS ())"),
    (b'* LIST () "/" ', b"", b""),
    (b"* 2 FETCH (A ", b"x", b" B ", b"yz", b' C "{3}")'),
    (b"+ go on {4}",),
    (b"A1 NO {6}",),
    (b"* 3 FETCH (BODY[] ", b"\x00\r\n", b")"),
]


def test_all_at_once() -> None:
    framer = Framer()
    assert framer.feed(STREAM) == RESPONSES
    assert framer.between_responses


@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_cut_anywhere(cuts: list[int]) -> None:
    framer = Framer()
    places = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[start:end] for start, end in pairwise(places)]
    assert [each for piece in pieces for each in framer.feed(piece)] == RESPONSES
    assert framer.between_responses


def test_octet_by_octet() -> None:
    framer = Framer()
    assert [
        each for place in range(len(STREAM)) for each in framer.feed(STREAM[place : place + 1])
    ] == RESPONSES


@pytest.mark.parametrize(
    "octets", [b"* OK hal", b"* OK half\r", b"* 1 FETCH (BODY[] {3}\r\n", b"* 1 FETCH (BODY[] {3}\r\nab"]
)
def test_what_has_begun_shows(octets: bytes) -> None:
    framer = Framer()
    assert not framer.feed(octets)
    assert not framer.between_responses


def test_a_line_of_a_megabyte_in_small_pieces_takes_no_time_to_speak_of() -> None:
    framer = Framer()
    framer.begin(Bounds(octets=2**21))
    line = b"* SEARCH" + b" 123456" * 150_000
    heard = [each for at in range(0, len(line), 1400) for each in framer.feed(line[at : at + 1400])]
    assert not heard
    assert framer.feed(b"\r\n") == [(line,)]


def test_three_thousand_responses_do_not_recurse() -> None:
    framer = Framer()
    assert len(framer.feed(b"* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n" * 3000)) == 3000


@pytest.mark.parametrize("announced", [11, 100 * 1024 * 1024, 10**19])
def test_a_literal_over_the_bound_is_refused_when_it_is_announced(announced: int) -> None:
    framer = Framer()
    framer.begin(Bounds(literal_octets=10))
    with pytest.raises(Excessive):
        framer.feed(b"* 1 FETCH (BODY[] {%d}\r\n" % announced)


def test_a_literal_at_the_bound_is_taken() -> None:
    framer = Framer()
    framer.begin(Bounds(literal_octets=10))
    assert framer.feed(b"* 1 FETCH (BODY[] {10}\r\n0123456789)\r\n")


@pytest.mark.parametrize("endless", [b"x" * 1000, b"* OK still here\r\n", b"* 1 FETCH (A {3}\r\nabc)\r\n"])
def test_what_has_no_end_is_not_kept(endless: bytes) -> None:
    framer = Framer()
    framer.begin(Bounds(octets=10_000))
    with pytest.raises(Excessive):
        all(framer.feed(endless) is not None for _ in range(10_000))


def test_each_command_counts_anew() -> None:
    framer = Framer()
    for _ in range(100):
        framer.begin(Bounds(octets=100))
        assert framer.feed(b"* OK still here\r\n")
