"""What a command looks like on the wire, and where it must wait for the server's invitation. Pure.

A literal goes at once where the server offers that, unless it is so large that the server should have
the chance to refuse it beforehand. RFC 3501, sections 4.3 and 7.5; RFC 7888.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

LITERAL_MINUS_OCTETS = 4096  # RFC 7888, section 5
UNCONFIRMED_OCTETS = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Piece:
    """With `waits`, what follows is sent when the server asks for it."""

    octets: bytes = field(repr=False)
    waits: bool = False


def most_at_once(capabilities: frozenset[str]) -> int:
    """The longest literal, in octets, that may be sent unasked; -1 where none may."""
    if "LITERAL+" in capabilities:
        return UNCONFIRMED_OCTETS
    return LITERAL_MINUS_OCTETS if "LITERAL-" in capabilities else -1


def pieces(beginning: str, args: Sequence[str | bytes], capabilities: frozenset[str]) -> list[Piece]:
    """`beginning` is the tag and the command's name; octets among `args` are literals."""
    found: list[Piece] = []
    text = beginning.encode("ascii")
    for arg in args:
        if isinstance(arg, str):
            text += b" " + arg.encode("utf-8")
            continue
        at_once = len(arg) <= most_at_once(capabilities)
        mark = b" {%d%s}\r\n" % (len(arg), b"+" if at_once else b"")
        found.append(Piece(octets=text + mark, waits=not at_once))
        text = b""
        found.append(Piece(octets=arg))
    return [*found, Piece(octets=text + b"\r\n")]
