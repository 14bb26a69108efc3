"""The words of a response: atoms, strings, NIL and lists. Pure.

Atoms and strings are octets (a quoted string without its quotes), NIL is None, lists are tuples;
`BODY[HEADER.FIELDS (A B)]` is one atom. RFC 3501, section 9; RFC 9051, section 9.
"""

import re

from rorpost_gateway.imap.framing import Response

Word = bytes | None | tuple["Word", ...]

DEEPEST_LIST = 32
_WORD = re.compile(
    rb' *(?:(?P<open>\()|(?P<close>\))|"(?P<quoted>[^"\\]*(?:\\.[^"\\]*)*)"'
    rb'|(?P<atom>(?:[^ ()"{}\[\x00-\x1f\x7f]+|\[[^\]]*\])+))',
    re.DOTALL,
)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


class Unreadable(Exception):
    """What came is no response, or not the one that it says it is."""


def words(response: Response) -> tuple[Word, ...]:
    """All words, from the first. Raises Unreadable."""
    lists: list[list[Word]] = [[]]
    for place, piece in enumerate(response):
        if place % 2:
            lists[-1].append(piece)
        else:
            _read(piece, lists)
    if len(lists) != 1:
        raise Unreadable
    return tuple(lists[0])


def _read(text: bytes, lists: list[list[Word]]) -> None:
    position, end = 0, len(text.rstrip(b" "))
    while position < end:
        match = _WORD.match(text, position)
        if match is None:
            raise Unreadable
        position = match.end()
        if match["open"]:
            _open(lists)
        elif match["close"]:
            _close(lists)
        elif (quoted := match["quoted"]) is not None:
            lists[-1].append(_ESCAPED.sub(rb"\1", quoted) if b"\\" in quoted else quoted)
        else:
            lists[-1].append(None if match["atom"].upper() == b"NIL" else match["atom"])


def _open(lists: list[list[Word]]) -> None:
    if len(lists) > DEEPEST_LIST:
        raise Unreadable
    lists.append([])


def _close(lists: list[list[Word]]) -> None:
    if len(lists) == 1:
        raise Unreadable
    closed = lists.pop()
    lists[-1].append(tuple(closed))
