"""Addresses as a policy writes them: each is checked where it stands, and lower-cased."""

import unicodedata

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
        findings.add(
            position,
            f"{shown(text)} does not follow the naming standard {NAMING_STANDARD}",
            meant=_by_the_standard(text),
            advice=_why_no_mailbox(text),
        )
    return text.lower()


def _by_the_standard(text: str) -> str:
    """The mailbox that was probably meant: without the marks over å, ä and ö, with rorpost. before it."""
    folded = unicodedata.normalize("NFKD", text.strip().lower())
    plain = folded.encode("ascii", "ignore").decode()
    return next((each for each in (plain, f"rorpost.{plain}") if is_function_mailbox(each)), "")


def _why_no_mailbox(text: str) -> str:
    if "@" not in text:
        return "a mailbox is an address; if this is a key of the mailbox above, indent it further"
    return "a unit is written with a-z, 0-9, dots and hyphens"


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
        section.complain(key, f"is not a mail address: {shown(written)}", advice=_why_no_address(written))
        return ""
    if is_function_mailbox(address):
        section.complain(key, f"is a function mailbox, not a person: {shown(written)}")
    return address


def _why_no_address(written: str) -> str:
    if "<" in written or " " in written.strip():
        return "write the address alone, such as eva.ek@motala.se; the name of a person stands under `name`"
    return "" if written.isascii() else "an address is written with ASCII letters: a for å and ä, o for ö"
