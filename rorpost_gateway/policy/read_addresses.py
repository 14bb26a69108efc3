"""Addresses as a policy writes them: each is checked where it stands, and lower-cased."""

from rorpost_gateway.address import is_function_mailbox, parse_address
from rorpost_gateway.decision import Position
from rorpost_gateway.document import Findings, Section, shown
from rorpost_gateway.errors import AddressMalformed

NAMING_STANDARD = "rorpost.<unit>@<domain>"
_PATTERN_CHARACTERS = frozenset("*?[]")


def mailbox_address(text: str, position: Position, findings: Findings) -> str:
    """A function mailbox in lower case; a finding where it is none."""
    if _PATTERN_CHARACTERS & set(text):
        findings.add(position, f"{shown(text)} is a pattern; every mailbox is named by itself")
    elif not is_function_mailbox(text):
        findings.add(position, f"{shown(text)} does not follow the naming standard {NAMING_STANDARD}")
    return text.lower()


def person(section: Section, key: str) -> str:
    """The address of a person: required, and no function mailbox."""
    written = section.text(key)
    return _person(section, key, written) if written else ""


def person_or_none(section: Section, key: str) -> str | None:
    written = section.text(key, None)
    return _person(section, key, written) if written else None


def people(section: Section, key: str) -> tuple[str, ...]:
    """The addresses of people, each once; nobody where the key is left out."""
    addresses = [_person(section, key, written) for written in section.texts(key, []) if written]
    found = [address for address in addresses if address]
    for twice in sorted({address for address in found if found.count(address) > 1}):
        section.complain(key, f"names {shown(twice)} twice")
    return tuple(found)


def _person(section: Section, key: str, written: str) -> str:
    try:
        address = parse_address(written)
    except AddressMalformed:
        section.complain(key, f"is not a mail address: {shown(written)}")
        return ""
    if is_function_mailbox(address):
        section.complain(key, f"is a function mailbox, not a person: {shown(written)}")
    return address
