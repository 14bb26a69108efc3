"""Addresses: the grammar of envelope paths and of function mailboxes.

Everything here is ASCII and lower case once it is parsed: SMTPUTF8 is not
offered, and function mailboxes are compared without regard to case.

RFC 5321, sections 4.1.2 (grammar) and 4.5.3.1 (sizes).
"""

import re
from functools import lru_cache

from rorpost_gateway.errors import AddressMalformed

LOCAL_PART_OCTETS = 64
DOMAIN_OCTETS = 255
ADDRESS_OCTETS = 254  # RFC 5321, 4.5.3.1.3: a path is 256 octets with its angle brackets

# No possessive groups: Python 3.11.2, which Debian 12 has, does not step back when a round of
# `(...)*+` fails half way (gh-106052), and so takes `a.@x`. Each repetition here begins with a
# character that cannot stand before it, so that matching is linear all the same.
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_DOT_ATOM = rf"{_ATEXT}(?:\.{_ATEXT})*"
_QUOTED = r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*"'
_LABEL = r"[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*"
_ADDRESS = re.compile(rf"(?P<local>{_DOT_ATOM}|{_QUOTED})@(?P<domain>{_DOMAIN})")
_UNIT = r"[a-z0-9]+(?:[.-][a-z0-9]+)*"
_FUNCTION_MAILBOX = re.compile(rf"rorpost\.(?P<unit>{_UNIT})@(?P<domain>{_DOMAIN})")


@lru_cache(maxsize=1024)  # the few mailboxes there are, over and over
def parse_address(text: str) -> str:
    """Return `text` in lower case if it is exactly one `local-part@domain`.

    No comments, no white space, no source route, no address literal.
    Raises AddressMalformed otherwise.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise AddressMalformed("not a mailbox address")
    if (
        len(match["local"]) > LOCAL_PART_OCTETS
        or len(match["domain"]) > DOMAIN_OCTETS
        or len(text) > ADDRESS_OCTETS
        or any(len(label) > 63 for label in match["domain"].split("."))
    ):
        raise AddressMalformed("mailbox address too long")
    return text.lower()


def parse_path(text: str) -> tuple[str, str]:
    """Split `<path> parameters` into the address and what follows it.

    The null path `<>` yields an empty address. Raises AddressMalformed for
    anything but one angle-bracketed address, so that `<a(c)@x>`, `<a @x>`,
    `<a@x` and source routes are refused rather than guessed at.
    """
    if not text.startswith("<"):
        raise AddressMalformed("path without angle brackets")
    # A quoted local part may hold '>', so the end is where the grammar ends, not at the first '>'.
    if text.startswith("<>"):
        address, rest = "", text[2:]
    else:
        match = _ADDRESS.match(text, 1)
        if match is None or not text.startswith(">", match.end()):
            raise AddressMalformed("path does not follow the grammar")
        address, rest = parse_address(match[0]), text[match.end() + 1 :]
    if rest and not rest.startswith(" "):
        raise AddressMalformed("path is followed by something else")
    return address, rest.strip(" ")


def is_function_mailbox(address: str) -> bool:
    """Whether `address` (in any case) follows the naming standard `rorpost.<unit>@<domain>`."""
    try:
        # Parsed first: `lower` alone would turn the Kelvin sign into a k.
        return _FUNCTION_MAILBOX.fullmatch(parse_address(address)) is not None
    except AddressMalformed:
        return False


def domain_of(address: str) -> str:
    """The part after the last `@`; the empty string where there is none, as in the null path."""
    return address.rpartition("@")[2] if "@" in address else ""
