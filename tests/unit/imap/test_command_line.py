"""Literals: at once where the server offers it, invited otherwise."""

import pytest

from rorpost_gateway.imap.command_line import UNCONFIRMED_OCTETS, Piece, pieces


@pytest.mark.parametrize(
    ("capabilities", "octets", "at_once"),
    [
        ({"LITERAL+"}, UNCONFIRMED_OCTETS, True),
        ({"LITERAL+"}, UNCONFIRMED_OCTETS + 1, False),
        ({"LITERAL-"}, 4096, True),
        ({"LITERAL-"}, 4097, False),
        ({"LITERAL+", "LITERAL-"}, 5000, True),
        (set(), 0, False),
    ],
)
def test_whether_a_literal_waits(capabilities: set[str], octets: int, at_once: bool) -> None:
    first, second, third = pieces("A1 APPEND", ["INBOX", b"x" * octets], frozenset(capabilities))
    mark = b"{%d+}" % octets if at_once else b"{%d}" % octets
    assert first == Piece(octets=b"A1 APPEND INBOX " + mark + b"\r\n", waits=not at_once)
    assert second == Piece(octets=b"x" * octets)
    assert third == Piece(octets=b"\r\n")


def test_words_around_literals() -> None:
    found = pieces("A1 LOGIN", [b"user", b"pass", "more"], frozenset())
    assert [piece.octets for piece in found] == [
        b"A1 LOGIN {4}\r\n",
        b"user",
        b" {4}\r\n",
        b"pass",
        b" more\r\n",
    ]
    assert [piece.waits for piece in found] == [True, False, True, False, False]


def test_a_piece_does_not_show_what_it_holds() -> None:
    assert "marker-word" not in repr(pieces("A1 LOGIN", [b"marker-word"], frozenset()))
