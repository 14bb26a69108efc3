"""winmail.dat: what Outlook makes of a message that another Outlook is to read. Bounded.

[MS-OXTNEF], sections 2.1.3 (attributes) and 2.1.3.4 (properties). Only what is attached is read.
"""

import struct
from collections.abc import Iterator
from typing import Final

from rorpost_gateway.content.entries import Budget, Closed, Contents, Entry
from rorpost_gateway.content.kinds import TNEF, Octets

_BEGINS_ATTACHMENT: Final = 0x00069002
_DATA: Final = 0x0006800F
_TITLE: Final = 0x00018010
_PROPERTIES: Final = 0x00069005
_NAMES: Final = (0x3707, 0x3704, 0x3001)  # long, short, as shown
_OBJECT: Final = 0x3701
_IID_OCTETS: Final = 16
_FIXED: Final = {
    0x0: 0, 0x1: 0, 0x2: 4, 0x3: 4, 0x4: 4, 0xA: 4, 0xB: 4,
    0x5: 8, 0x6: 8, 0x7: 8, 0x14: 8, 0x40: 8, 0x48: 16,
}  # fmt: skip
_STRING_8, _STRING_16, _EMBEDDED, _BINARY = 0x1E, 0x1F, 0xD, 0x102
_VARIABLE: Final = (_STRING_8, _STRING_16, _EMBEDDED, _BINARY)
_SEVERAL: Final = 0x1000
_MOST_PROPERTIES: Final = 10_000


def read_tnef(octets: Octets, budget: Budget) -> Contents:
    """What is attached. Raises Closed, while it is gone through, for what is cut off or broken."""
    return Contents(kind=TNEF, entries=_attachments(octets, budget))


class _Attachment:
    """One attachment while its attributes come in."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.found: list[Octets] = []

    def entries(self) -> Iterator[Entry]:
        names = tuple(dict.fromkeys(self.names))
        for octets in self.found or [b""]:
            yield Entry(names=names, octets=octets)


def _attachments(octets: Octets, budget: Budget) -> Iterator[Entry]:
    current: _Attachment | None = None
    for attribute, start, end in _attributes(octets, budget):
        if attribute == _BEGINS_ATTACHMENT:
            if current is not None:
                yield from current.entries()
            current = _Attachment()
        elif current is None:
            if attribute in (_DATA, _TITLE, _PROPERTIES):
                raise Closed("an attachment that never began")
        elif attribute == _DATA:
            budget.take_octets(end - start)
            current.found.append(octets[start:end])
        elif attribute == _TITLE:
            current.names.append(_string(octets[start:end]))
        elif attribute == _PROPERTIES:
            _read_properties(octets, start, end, current, budget)
    if current is not None:
        yield from current.entries()


def _attributes(octets: Octets, budget: Budget) -> Iterator[tuple[int, int, int]]:
    position = 6  # signature and key
    while position < len(octets):
        budget.take_entry()
        if position + 9 > len(octets):
            raise Closed("cut off")
        level, attribute, length = struct.unpack_from("<BLL", octets, position)
        start = position + 9
        position = start + length + 2  # its checksum
        if level not in (1, 2) or position > len(octets):
            raise Closed("cut off")
        yield attribute, start, start + length


def _read_properties(octets: Octets, start: int, end: int, into: _Attachment, budget: Budget) -> None:
    for which, kind, begin, stop in _properties(octets, start, end):
        if which in _NAMES and kind in (_STRING_8, _STRING_16):
            into.names.append(_string(octets[begin:stop], wide=kind == _STRING_16))
        elif which == _OBJECT and kind in (_EMBEDDED, _BINARY):
            budget.take_octets(stop - begin)
            into.found.append(octets[begin + (_IID_OCTETS if kind == _EMBEDDED else 0) : stop])


def _properties(octets: Octets, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Each property of variable length: its id and type, and where its value stands. Raises Closed."""
    count, position = _number(octets, start, end), start + 4
    if count > _MOST_PROPERTIES:
        raise Closed("too many properties")
    for _ in range(count):
        tag = _number(octets, position, end)
        kind, which = tag & 0xFFFF, tag >> 16
        position = _after_name(octets, position + 4, end) if which >= 0x8000 else position + 4
        base = kind & ~_SEVERAL
        values = 1
        if kind != base or base in _VARIABLE:
            values, position = _number(octets, position, end), position + 4
        if base not in _VARIABLE:
            position += values * _octets_of(base)
        else:
            for begin, stop in _values(octets, position, end, values):
                position = begin + -(-(stop - begin) // 4) * 4
                yield which, base, begin, stop
        if position > end:
            raise Closed("cut off")


def _values(octets: Octets, position: int, end: int, count: int) -> Iterator[tuple[int, int]]:
    if count > _MOST_PROPERTIES:
        raise Closed("too many values")
    for _ in range(count):
        length, begin = _number(octets, position, end), position + 4
        position = begin + -(-length // 4) * 4
        if begin + length > end:
            raise Closed("cut off")
        yield begin, begin + length


def _octets_of(kind: int) -> int:
    if kind not in _FIXED:
        raise Closed("a property of an unknown type")
    return _FIXED[kind]


def _after_name(octets: Octets, position: int, end: int) -> int:
    position += _IID_OCTETS
    named_by_text = _number(octets, position, end) == 1
    if not named_by_text:
        return position + 8
    length = _number(octets, position + 4, end)
    return position + 8 + -(-length // 4) * 4


def _number(octets: Octets, at: int, end: int) -> int:
    if at + 4 > end:
        raise Closed("cut off")
    return int.from_bytes(octets[at : at + 4], "little")


def _string(octets: Octets, *, wide: bool = False) -> str:
    if wide:
        return octets[: len(octets) & ~1].decode("utf-16-le", "replace").rstrip("\0")
    return octets.decode("cp1252", "replace").rstrip("\0")
