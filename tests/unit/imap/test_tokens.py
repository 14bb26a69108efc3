"""Words of a response, and what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.imap.tokens import DEEPEST_LIST, Unreadable, Word, words


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (
            rb"* 1 FETCH (UID 5 FLAGS (\Seen $Label))",
            (b"*", b"1", b"FETCH", (b"UID", b"5", b"FLAGS", (rb"\Seen", b"$Label"))),
        ),
        (b'"a \\"b\\" \\\\ c" NIL nil "NIL"', (b'a "b" \\ c', None, None, b"NIL")),
        (b"BODY[HEADER.FIELDS (A B)]<0> x", (b"BODY[HEADER.FIELDS (A B)]<0>", b"x")),
        (b'() (()) ""', ((), ((),), b"")),
        (b'* LIST (\\Noselect) NIL "a]b" a]b ', (b"*", b"LIST", (b"\\Noselect",), None, b"a]b", b"a]b")),
        (b"(a)(b)", ((b"a",), (b"b",))),
    ],
)
def test_words(text: bytes, read: tuple[Word, ...]) -> None:
    assert words((text,)) == read


def test_a_literal_is_a_word_wherever_it_stands() -> None:
    assert words((b"* 1 FETCH (BODY[] ", b'"not\r\nquoted', b" UID 5)")) == (
        b"*",
        b"1",
        b"FETCH",
        (b"BODY[]", b'"not\r\nquoted', b"UID", b"5"),
    )


@pytest.mark.parametrize(
    "text",
    [b"(a", b"a)", b'"a', b"a { b", b"BODY[", b"a\x00b", b"(" * (DEEPEST_LIST + 2), b'"\\', b"(" * 100_000],
)
def test_what_is_none(text: bytes) -> None:
    with pytest.raises(Unreadable):
        words((text,))


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5))
def test_anything_is_read_or_refused(pieces: list[bytes]) -> None:
    try:
        words(tuple(pieces))
    except Unreadable:
        return


def test_a_word_of_a_megabyte() -> None:
    assert words((b'"' + b"x" * 10**6 + b'" ' + b"y" * 10**6,)) == (b"x" * 10**6, b"y" * 10**6)
