"""Tar archives and gzip, bounded. POSIX.1-1988 (ustar), POSIX.1-2001 (pax), GNU's long names; RFC 1952."""

from collections.abc import Iterator
from typing import Final

from rorpost_gateway.content.entries import Budget, Closed, Contents, Entry
from rorpost_gateway.content.inflate import GZIPPED, inflate
from rorpost_gateway.content.kinds import GZIP, TAR, Octets

_BLOCK: Final = 512
_LONG_OCTETS: Final = 64 * 1024
_FILES: Final = (b"0", b"\0", b"7")
_WITHOUT_CONTENT: Final = (b"1", b"2", b"3", b"4", b"5", b"6")
_HAS_NAME: Final = 0x08
_HAS_EXTRA: Final = 0x04


def read_tar(octets: Octets, budget: Budget) -> Contents:
    """Its files. Raises Closed, while they are gone through, for what is no such archive."""
    return Contents(kind=TAR, entries=_files(octets, budget))


def read_gzip(octets: Octets, budget: Budget) -> Contents:
    """The one file in it, all its members put together. Raises Closed."""
    return Contents(kind=GZIP, entries=_members(octets, budget))


def _members(octets: Octets, budget: Budget) -> Iterator[Entry]:
    budget.take_entry()
    out, position = bytearray(), 0
    most = budget.most_from(len(octets))
    while octets.startswith(b"\x1f\x8b", position):
        budget.take_entry()
        piece, position = inflate(
            octets, position, len(octets), form=GZIPPED, budget=budget, most=most - len(out)
        )
        out += piece
    if octets[position : position + _LONG_OCTETS].strip(b"\0") or len(octets) - position > _LONG_OCTETS:
        raise Closed("something after the end")
    yield Entry(names=_gzip_name(octets), octets=out)


def _gzip_name(octets: Octets) -> tuple[str, ...]:
    flags, at = octets[3], 10
    if flags & _HAS_EXTRA:
        at += 2 + int.from_bytes(octets[at : at + 2], "little")
    end = octets.find(0, at, at + 4096)
    return (octets[at:end].decode("latin-1"),) if flags & _HAS_NAME and end > at else ()


def _files(octets: Octets, budget: Budget) -> Iterator[Entry]:
    position, long_name = 0, ""
    while position + _BLOCK <= len(octets):
        header = bytes(octets[position : position + _BLOCK])
        if not header.strip(b"\0"):
            break
        budget.take_entry()
        _check(header)
        size = _number(header[124:136])
        start, end = position + _BLOCK, position + _BLOCK + size
        if end > len(octets):
            raise Closed("a file beyond the end")
        position = start + -(-size // _BLOCK) * _BLOCK
        kind = header[156:157]
        if kind in (b"L", b"x"):
            long_name = _long_name(bytes(octets[start : min(end, start + _LONG_OCTETS)]), pax=kind == b"x")
        elif kind in _FILES:
            budget.take_octets(size)
            yield Entry(names=(long_name or _name(header),), octets=octets[start:end])
            long_name = ""
        elif kind in _WITHOUT_CONTENT:
            long_name = ""
        elif kind not in (b"g", b"K"):
            raise Closed("an entry of an unknown kind")
    if octets[position : position + _LONG_OCTETS].strip(b"\0"):
        raise Closed("something after the end")


def _check(header: bytes) -> None:
    if _number(header[148:156]) != sum(header[:148]) + sum(header[156:]) + 8 * 32:
        raise Closed("a damaged header")


def _number(field: bytes) -> int:
    text = field.strip(b" \0")
    try:
        number = int(text, 8) if text else 0
    except ValueError:
        raise Closed("not a number") from None
    if number < 0:
        raise Closed("not a number")
    return number


def _name(header: bytes) -> str:
    return header[:100].split(b"\0", 1)[0].decode("utf-8", "replace")


def _long_name(content: bytes, *, pax: bool) -> str:
    if not pax:
        return content.split(b"\0", 1)[0].decode("utf-8", "replace")
    if b" size=" in content:
        raise Closed("a size of another file")
    at = content.find(b" path=")
    return content[at + 6 :].split(b"\n", 1)[0].decode("utf-8", "replace") if at >= 0 else ""
