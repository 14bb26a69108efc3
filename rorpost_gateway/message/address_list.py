"""Address lists of header fields, read strictly.

What the grammar does not give exactly one reading is refused, not guessed at
(CVE-2023-27043: `alice@x.se)bob@y.se`): two addresses in one pair of angle
brackets, an address before angle brackets, source routes, white space or
comments inside an address, empty list elements, unbalanced anything.

RFC 5322, section 3.4; of section 4 only the dots in phrases; groups by RFC 6854.
"""

import re

from rorpost_gateway.address import ADDRESS_OCTETS, parse_address
from rorpost_gateway.errors import AddressMalformed
from rorpost_gateway.message.grammar import CFWS, DOT_ATOM, PHRASE, QUOTED, Unreadable

_ADDRESS = rf"(?:{DOT_ATOM}|{QUOTED})@[A-Za-z0-9.-]++"
_ELEMENT = re.compile(
    rf"{CFWS}(?:(?:{PHRASE})?<[ \t]*+(?P<angle>{_ADDRESS})[ \t]*+>"
    rf"|(?P<bare>{_ADDRESS})"
    rf"|(?P<group>{PHRASE}:)){CFWS}"
)
_SPACE = re.compile(CFWS)


def read_addresses(value: str) -> tuple[str, ...]:
    """The addresses of an unfolded address-list field, in order, lower case and bare.

    Empty for an empty field and for `undisclosed-recipients:;`. Raises Unreadable.
    """
    position = _after_space(value, 0)
    if position == len(value):
        return ()
    found: list[str] = []
    in_group = False
    while True:
        match = _ELEMENT.match(value, position)
        if match is None:
            raise Unreadable("not an address")
        position = match.end()
        if match["group"] is not None:
            if in_group:
                raise Unreadable("a group inside a group")
            in_group = True
            if not value.startswith(";", position):
                continue
        else:
            found.append(_checked(match["angle"] or match["bare"]))
        if in_group and value.startswith(";", position):
            in_group = False
            position = _after_space(value, position + 1)
        if position == len(value) and not in_group:
            return tuple(found)
        if not value.startswith(",", position):
            raise Unreadable("something after an address")
        position += 1


def _checked(text: str) -> str:
    if len(text) > ADDRESS_OCTETS:
        raise Unreadable("an address that is too long")
    try:
        return parse_address(text)
    except AddressMalformed:
        raise Unreadable("not an address") from None


def _after_space(value: str, position: int) -> int:
    match = _SPACE.match(value, position)
    return match.end() if match else position
