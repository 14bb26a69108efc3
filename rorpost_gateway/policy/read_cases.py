"""Reading `policies/tests/*.yaml`: the policy's own cases, as they are written down.

A case says `name`, `from`, `to`, `user`, `at`, `message` (`subject`, `importance`, `headers`)
and `want`. Beyond that it may say `direction`, `login` (who is logged in, where that is not the
user; `none` for a trusted network), `aliases` of that login, `keys` (usable, missing, expired,
revoked or unusable) and, under `message`, `legal_basis`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from pathlib import Path

from rorpost_gateway.decision import Direction, Position, Reason
from rorpost_gateway.document import DocumentInvalid, Findings, Kind, Section, parse_file, shown
from rorpost_gateway.policy.load import policy_files
from rorpost_gateway.policy.model import Policy

ACCEPT = "accept"
WANTED = (ACCEPT, *(reason.value for reason in Reason if reason is not Reason.OK))

_KEY_STATES: Mapping[str, Reason | None] = {
    "usable": None,
    "missing": Reason.KEY_MISSING,
    "expired": Reason.KEY_EXPIRED,
    "revoked": Reason.KEY_REVOKED,
    "unusable": Reason.KEY_UNUSABLE,
}


@dataclass(frozen=True, kw_only=True)
class CaseMessage:
    """The message of a case. `fields` are further header fields; one that is named here replaces
    what would have been written (`From`, `To`, ...), and an empty list leaves it out.
    """

    subject: str = "Case"
    importance: str | None = None
    legal_basis: str | None = None
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One question and the wanted answer (`accept` or a reason code)."""

    name: str
    sender: str
    recipient: str
    user: str | None
    login: str | None
    aliases: frozenset[str]
    at: datetime | None
    direction: Direction
    message: CaseMessage
    keys: Mapping[str, Reason | None]
    want: str
    position: Position


def load_cases(paths: Iterable[Path], policy: Policy) -> list[Case]:
    """Read case files, or folders of them. Raises DocumentInvalid with every finding."""
    findings = Findings()
    cases: list[Case] = []
    for path in paths:
        for file, name in policy_files(path, str(path), findings):
            try:
                section = Section(parse_file(file, shown_as=name, findings=findings), findings)
            except DocumentInvalid as error:
                findings.take(error)
                continue
            cases += [_read_case(case, policy) for case in section.sections("cases", required=True)]
            section.finish()
    findings.raise_if_any()
    return cases


def _read_case(section: Section, policy: Policy) -> Case:
    name = section.text("name")
    section.name = f"case {shown(name)}" if name else section.name
    user = section.text("user", None)
    login = section.text("login", None)
    case = Case(
        name=name,
        sender=section.text("from").lower(),
        recipient=section.text("to").lower(),
        user=user,
        login=_login(login, user),
        aliases=frozenset(alias.lower() for alias in section.texts("aliases", [])),
        at=_read_time(section, policy),
        direction=Direction(section.choice("direction", tuple(Direction), "") or Direction.OUTBOUND),
        message=_read_message(section),
        keys=_read_key_states(section),
        want=section.choice("want", WANTED),
        position=section.position(),
    )
    section.finish()
    return case


def _login(login: str | None, user: str | None) -> str | None:
    """Who is logged in: the user, where nothing is said; nobody (a trusted network), where it says none."""
    if login == "none":
        return None
    chosen = login or user
    return chosen.lower() if chosen else None


def _read_time(section: Section, policy: Policy) -> datetime | None:
    """A moment with its offset; a date stands for noon of that day."""
    node = section.value("at", None)
    if node is None:
        return None
    if node.kind is Kind.DATE:
        day = section.date("at")
        return datetime.combine(day, time(12), tzinfo=policy.timezone)
    written = section.text("at")
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        section.complain("at", "must be a day, or a time with its offset: 2026-05-06T08:00:00+02:00")
        return datetime.min.replace(tzinfo=UTC)
    return at


def _read_key_states(section: Section) -> dict[str, Reason | None]:
    states = section.section("keys")
    if states is None:
        return {}
    words = [(address, states.choice(address, tuple(_KEY_STATES))) for address, _, _ in states.items()]
    return {address.lower(): _KEY_STATES.get(word) for address, word in words}


def _read_message(section: Section) -> CaseMessage:
    message = section.section("message")
    if message is None:
        return CaseMessage()
    read = CaseMessage(
        subject=message.text("subject", "Case"),
        importance=message.text("importance", None),
        legal_basis=message.text("legal_basis", None),
        fields=_read_fields(message.section("headers")),
    )
    message.finish()
    for value in (read.subject, read.importance or "", read.legal_basis or ""):
        if not value.isprintable():
            message.complain(None, "holds something that cannot stand in a header field")
    return read


def _read_fields(headers: Section | None) -> dict[str, tuple[str, ...]]:
    if headers is None:
        return {}
    fields: dict[str, tuple[str, ...]] = {}
    for name, _, node in headers.items():
        values = headers.texts(name) if node.kind is Kind.SEQUENCE else [headers.text(name)]
        fields[name] = tuple(values)
        if not name.isascii() or not name.isprintable() or ":" in name or " " in name:
            headers.complain(name, "is no header field name")
        if not all(value.isprintable() for value in values):
            headers.complain(name, "holds something that cannot stand in a header field")
    return fields
