"""Reading `policies/tests/*.yaml`: the policy's own cases, as they are written down.

A case says `name`, `from`, `to`, `user`, `at`, `message` (see `read_case_message`) and `want`.
Beyond that it may say `direction`, `login` (who is logged in, where that is not the user; `none`
for a trusted network), `aliases` of that login, and `keys` (usable, missing, expired, revoked or
unusable). An inbound case that says `user`, `message` or `signed` is about an opened message,
any other about its envelope.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time
from pathlib import Path

from rorpost_gateway.decision import Direction, Reason
from rorpost_gateway.document import DocumentInvalid, Findings, Kind, Section, parse_file, shown
from rorpost_gateway.policy.case_model import WANTED, Case, CaseSignature
from rorpost_gateway.policy.load import policy_files
from rorpost_gateway.policy.model import Policy
from rorpost_gateway.policy.read_case_message import read_message
from rorpost_gateway.policy.read_mailboxes import FINGERPRINT

KEY_STATES: Mapping[str, Reason | None] = {
    "usable": None,
    "missing": Reason.KEY_MISSING,
    "expired": Reason.KEY_EXPIRED,
    "revoked": Reason.KEY_REVOKED,
    "unusable": Reason.KEY_UNUSABLE,
}


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
            cases += [
                _read_case(case, policy, file.parent) for case in section.sections("cases", required=True)
            ]
            section.finish()
    findings.raise_if_any()
    return cases


def _read_case(section: Section, policy: Policy, folder: Path) -> Case:
    name = section.text("name")
    section.name = f"case {shown(name)}" if name else section.name
    user = section.text("user", None)
    login = section.text("login", None)
    direction = Direction(section.choice("direction", tuple(Direction), "") or Direction.OUTBOUND)
    case = Case(
        name=name,
        sender=section.text("from").lower(),
        recipient=section.text("to").lower(),
        user=user,
        login=_login(login, user),
        aliases=frozenset(alias.lower() for alias in section.texts("aliases", [])),
        at=_read_time(section, policy),
        direction=direction,
        message=read_message(section, folder),
        keys=_read_key_states(section),
        want=section.choice("want", WANTED),
        position=section.position(),
        signature=_read_signature(section, policy, direction),
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
    words = [(address, states.choice(address, tuple(KEY_STATES))) for address, _, _ in states.items()]
    return {address.lower(): KEY_STATES.get(word) for address, word in words}


def _read_signature(section: Section, policy: Policy, direction: Direction) -> CaseSignature | None:
    """How a partner's message was signed; None where the case is about an envelope, or goes out."""
    signed = section.section("signed")
    inbound = direction is Direction.INBOUND
    if signed is None:
        opened = inbound and (section.has("user") or section.has("message"))
        return CaseSignature() if opened else None
    by = signed.text("by", None, pattern=FINGERPRINT)
    read = CaseSignature(
        by=by.upper() if by else None,
        at=_read_time(signed, policy),
        protected=signed.boolean("protected", default=True),
    )
    signed.finish()
    if not inbound:
        section.complain(
            "signed", "has a meaning for direction: inbound only; ours are signed by the gateway"
        )
    return read
