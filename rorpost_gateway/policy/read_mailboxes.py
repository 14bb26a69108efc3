"""Reading `mailboxes`: who they are, who may act as them, and which keys they are pinned to."""

import re
from collections.abc import Mapping
from datetime import date
from typing import cast

from rorpost_gateway.address import domain_of
from rorpost_gateway.decision import Position
from rorpost_gateway.document import REST, Aside, Entry, Findings, Kind, Node, Section, shown
from rorpost_gateway.policy.model import Authorisation, Mailbox, PinnedKey
from rorpost_gateway.policy.read_addresses import mailbox_address, person, person_or_none
from rorpost_gateway.policy.read_reading import read_reading

NAME_CHARACTERS = 100  # names and numbers go into a reply line of 510 octets
PHONE_CHARACTERS = 40
MOST_PERIODS = 200  # of one person at one mailbox: they are compared with each other

PHONE = re.compile(r"\+?[0-9][0-9 ()/-]*")
A_NUMBER = "digits, blanks, hyphens and brackets, with a + in front or without"
_YAML_NUMBER = re.compile(r"[+-]?[0-9]+")
_BETWEEN_DIGITS = re.compile(r"[\s:]")
FINGERPRINT = re.compile(r"(?:[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})")


def read_mailbox(entry: Entry, findings: Findings, *, own_domains: frozenset[str], max_days: int) -> Mailbox:
    """One entry of `mailboxes`; findings for whatever is wrong with it."""
    address = mailbox_address(entry.key, entry.position, findings)
    section = Section(entry.node, findings, name=address)
    reading = read_reading(section)
    mailbox = Mailbox(
        address=address,
        name=section.text("name", address, longest=NAME_CHARACTERS),
        phone=_read_phone(section),
        manager=person_or_none(section, "manager"),
        read_at=reading.read_at,
        read_on=reading.read_on,
        on_duty=reading.on_duty,
        users=_read_users(section, findings, max_days),
        keys=_read_keys(section, findings),
        position=entry.position,
    )
    if domain_of(address) not in own_domains and not section.has("key") and section.node.kind is Kind.MAPPING:
        findings.add(
            entry.position, f"{address} lies outside this side's domains and must have a key: its fingerprint"
        )
    section.finish()
    return mailbox


def _read_phone(section: Section) -> str | None:
    phone = section.text("phone", None, pattern=PHONE, longest=PHONE_CHARACTERS, advice=A_NUMBER)
    node = section.value("phone", None)
    # Other readers of YAML turn such a value into a number, and lose its zero or its plus.
    if (
        node is not None
        and node.kind is Kind.TEXT
        and not node.quoted
        and _YAML_NUMBER.fullmatch(node.source)
    ):
        section.complain(
            "phone",
            f'would be read as a number elsewhere; put it in quotes: "{node.source}"',
            advice="other programs that read YAML drop the zero or the plus that it begins with",
        )
    return phone


def _read_users(
    section: Section, findings: Findings, max_days: int
) -> Mapping[str, tuple[Authorisation, ...]]:
    users: dict[str, tuple[Authorisation, ...]] = {}
    for user_section in section.sections("users"):
        authorisation = _read_authorisation(user_section, max_days)
        earlier = users.get(authorisation.user, ())
        if len(earlier) >= MOST_PERIODS:
            user_section.complain(None, f"is the same person's, listed more than {MOST_PERIODS} times")
            continue
        other = next((each for each in earlier if _share_a_day(each, authorisation)), None)
        if other is not None:
            findings.add(
                authorisation.position,
                f"{authorisation.user} is listed twice for the same days (first at {other.position})",
                length=REST,
                asides=(Aside(other.position, "first here"),),
            )
        if authorisation.user:
            users[authorisation.user] = (*earlier, authorisation)
    return users


def _share_a_day(one: Authorisation, other: Authorisation) -> bool:
    return one.valid_from <= other.valid_until and other.valid_from <= one.valid_until


def _read_authorisation(section: Section, max_days: int) -> Authorisation:
    authorisation = Authorisation(
        user=person(section, "user"),
        name=section.text("name", None, longest=NAME_CHARACTERS),
        requested_by=person(section, "requested_by"),
        executed_by=person(section, "executed_by"),
        valid_from=section.date("valid_from"),
        valid_until=section.date("valid_until"),
        position=section.position(),
        key=_person_key(section),
    )
    if authorisation.executed_by and authorisation.executed_by == authorisation.requested_by:
        section.complain("executed_by", "is the one who asked; somebody else carries it out")
    if authorisation.executed_by and authorisation.executed_by == authorisation.user:
        section.complain("executed_by", "is the user; nobody gives access to themselves")
    check_period(section, authorisation.valid_from, authorisation.valid_until)
    days = (authorisation.valid_until - authorisation.valid_from).days
    if date.min < authorisation.valid_from and days > max_days:
        section.complain(
            "valid_until", f"lies {days} days after valid_from; rules.authorisation_max_days is {max_days}"
        )
    section.finish()
    return authorisation


def _person_key(section: Section) -> str | None:
    fingerprint = section.text("key", None, pattern=FINGERPRINT)
    return None if fingerprint is None else fingerprint.upper()


def check_period(section: Section, first: date | None, last: date | None) -> None:
    """A finding where a period ends before it begins. `date.min` stands for a date that could not be read."""
    if first and last and date.min < last < first:
        section.complain("valid_until", f"lies before valid_from ({first})")


def _read_keys(section: Section, findings: Findings) -> tuple[PinnedKey, ...]:
    node = section.value("key", None)
    if node is None:
        return ()
    if node.kind is Kind.SEQUENCE:
        keys = [_read_key(element, findings, f"{section.name}.key") for element in node.elements]
        if not keys:
            section.complain("key", "names no fingerprint")
    else:
        keys = [_read_key(node, findings, f"{section.name}.key")]
    seen: dict[str, Position] = {}
    for key in keys:
        if key.fingerprint and key.fingerprint in seen:
            first = seen[key.fingerprint]
            findings.add(
                key.position,
                f"fingerprint stands twice (first at {first})",
                asides=(Aside(first, "first here"),),
            )
        seen.setdefault(key.fingerprint, key.position)
    return tuple(keys)


def _read_key(node: Node, findings: Findings, name: str) -> PinnedKey:
    if node.kind is Kind.MAPPING:
        section = Section(node, findings, name=name)
        fingerprint_node = cast("Node | None", section.value("fingerprint"))
        accept_until = section.date("accept_until", None)
        section.finish()
        fingerprint = _fingerprint(fingerprint_node, findings, name) if section.has("fingerprint") else ""
        return PinnedKey(fingerprint=fingerprint, accept_until=accept_until, position=node.position)
    return PinnedKey(
        fingerprint=_fingerprint(node, findings, name), accept_until=None, position=node.position
    )


def _fingerprint(node: Node | None, findings: Findings, name: str) -> str:
    if node is None:
        return ""
    if node.kind is not Kind.TEXT:
        findings.add(
            node.position, f"{name} must be a fingerprint in quotes, not a {node.kind}", length=node.length
        )
        return ""
    if not FINGERPRINT.fullmatch(node.source):
        findings.add(
            node.position,
            f"{name}: {shown(node.source)} is no full fingerprint (40 hexadecimal digits, or 64, no blanks)",
            length=node.length,
            meant=_without_blanks(node.source),
            advice=_why_no_fingerprint(node.source),
        )
    return node.source.upper()


def _without_blanks(written: str) -> str:
    """The fingerprint that was probably meant, as programs print it: in groups, or with 0x before it."""
    digits = _BETWEEN_DIGITS.sub("", written).removeprefix("0x")
    return digits.upper() if FINGERPRINT.fullmatch(digits) else ""


def _why_no_fingerprint(written: str) -> str:
    digits = _BETWEEN_DIGITS.sub("", written).removeprefix("0x")
    if _without_blanks(written):
        return ""
    if not digits or not set(digits) <= set("0123456789abcdefABCDEF"):
        return "`rorpost keys list` shows the fingerprint of each key"
    if len(digits) in (8, 16):
        return "this is a key id, which others can forge; `rorpost keys list` shows the fingerprint"
    return f"it has {len(digits)} digits; `rorpost keys list` shows the whole"
