"""The policy's own cases: what it must say, written down by those who edit it.

A case is decided by the same code as the daemon's: its message
is built as octets and read like a submitted one. The keys are what the case says they are
(usable, where it says nothing), so that cases hold without any GnuPG home.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.header import Header
from email.utils import format_datetime

from rorpost_gateway.content import read_content
from rorpost_gateway.decision import Direction, KeyChoice, Reason, Verdict
from rorpost_gateway.envelope import Login
from rorpost_gateway.errors import MessageMalformed
from rorpost_gateway.message import parse_message, read_facts
from rorpost_gateway.openpgp.base import KeyIndex
from rorpost_gateway.policy.content_rules import content_to_look_at
from rorpost_gateway.policy.evaluate import evaluate, judge_sender
from rorpost_gateway.policy.inquiry import Question
from rorpost_gateway.policy.model import Policy, Source
from rorpost_gateway.policy.read_cases import ACCEPT, Case, CaseMessage, load_cases

__all__ = ["ACCEPT", "Case", "CaseKeys", "CaseMessage", "CaseResult", "load_cases", "message_of", "run_cases"]

GATEWAY_HOSTNAME = "gateway.case.invalid"  # a Received field that names it is a loop
LEGAL_BASIS_FIELD = "X-Rorpost-Legal-Basis"

_BEYOND_ASCII = re.compile(r"\S*[^\x00-\x7f]\S*(?: +\S*[^\x00-\x7f]\S*)*")


@dataclass(frozen=True, kw_only=True)
class CaseResult:
    """What came out. Where the message could not even be read, `fault` says why, and there is no verdict."""

    case: Case
    got: str
    verdict: Verdict | None
    fault: str = ""

    @property
    def passed(self) -> bool:
        return self.got == self.case.want


class CaseKeys:
    """A key index in which every key is as a case says, and usable where it says nothing."""

    def __init__(self, states: Mapping[str, Reason | None]) -> None:
        self._states = states

    def for_sealing(self, address: str, pinned: Collection[str], at: datetime) -> KeyChoice | Reason:  # noqa: ARG002
        fingerprint = next(iter(pinned), "0" * 40)
        return self._states.get(address) or KeyChoice(primary=fingerprint, subkey=fingerprint)

    def for_signing(self, address: str, pinned: Collection[str], at: datetime) -> KeyChoice | Reason:
        return self.for_sealing(address, pinned, at)

    def accepts(self, *_signer: str, signed_at: datetime, at: datetime) -> Reason | None:  # noqa: ARG002
        return None

    def is_for(self, key_ids: Collection[str], address: str, pinned: Collection[str]) -> bool:  # noqa: ARG002
        return True

    def fault_of(self, sealed_to: KeyChoice, at: datetime) -> Reason | None:  # noqa: ARG002
        return None


def run_cases(
    policy: Policy, cases: Sequence[Case], *, own_domains: frozenset[str], now: datetime
) -> list[CaseResult]:
    """Decide every case; one that names no time is decided as of `now` (aware)."""
    return [_run(policy, case, own_domains, now) for case in cases]


def message_of(case: Case, policy: Policy, *, at: datetime) -> bytes:
    """The message of a case as a client would submit it: CRLF line ends, ASCII header fields."""
    written: dict[str, tuple[str, ...]] = {
        "From": (case.sender,),
        "To": (case.recipient,),
        "Date": (format_datetime(at),),
        "Message-ID": ("<case@case.invalid>",),
        "Subject": (case.message.subject,),
    }
    written |= _statement(case, policy, at)
    if case.message.importance is not None:
        written["Importance"] = (case.message.importance,)
    if case.message.legal_basis is not None:
        written[LEGAL_BASIS_FIELD] = (case.message.legal_basis,)
    for name, values in case.message.fields.items():
        for same in [other for other in written if other.lower() == name.lower()]:
            del written[same]
        written[name] = values
    lines = [f"{name}: {_encoded(value)}" for name, values in written.items() for value in values]
    return "\r\n".join([*lines, "", "Text.", ""]).encode("ascii")


def _run(policy: Policy, case: Case, own_domains: frozenset[str], now: datetime) -> CaseResult:
    """The order of a session: MAIL, RCPT, DATA."""
    at = case.at or now
    keys = CaseKeys(case.keys)
    envelope = _question(case, at, own_domains)
    if case.direction is Direction.INBOUND:
        return _result(case, evaluate(policy, keys, envelope))
    verdict = judge_sender(policy, address=case.sender, own_domains=own_domains)
    if verdict.accepted:
        verdict = evaluate(policy, keys, envelope)
    if not verdict.accepted:
        return _result(case, verdict)
    return _after_data(policy, keys, case, envelope)


def _after_data(policy: Policy, keys: KeyIndex, case: Case, envelope: Question) -> CaseResult:
    try:
        message = parse_message(message_of(case, policy, at=envelope.at))
        look = content_to_look_at(
            policy, case.direction, sender=case.sender, recipients=(case.recipient,), at=envelope.at
        )
        facts = replace(read_facts(message, hostname=GATEWAY_HOSTNAME), content=read_content(message, look))
    except MessageMalformed as error:
        return CaseResult(case=case, got=Reason.MESSAGE_MALFORMED, verdict=None, fault=error.private)
    question = replace(envelope, facts=facts, envelope_recipients=(case.recipient,))
    return _result(case, evaluate(policy, keys, question))


def _question(case: Case, at: datetime, own_domains: frozenset[str]) -> Question:
    login = None
    if case.login is not None:
        login = Login(name=case.login, address=case.login, aliases=case.aliases)
    return Question(
        direction=case.direction,
        at=at,
        sender=case.sender,
        recipient=case.recipient,
        own_domains=own_domains,
        login=login,
    )


def _result(case: Case, verdict: Verdict) -> CaseResult:
    return CaseResult(case=case, got=ACCEPT if verdict.accepted else verdict.reason.value, verdict=verdict)


def _statement(case: Case, policy: Policy, at: datetime) -> dict[str, tuple[str, ...]]:
    """How the user is stated: in the way that the channel in force reads first."""
    day, user = policy.day(at), case.user
    channels = policy.pairs.get((case.sender, case.recipient), ())
    rules = next((channel.rules for channel in channels if channel.in_force(day)), policy.rules)
    if user is None:
        return {}
    if Source.HEADER in rules.sources:
        return {rules.header: (user,)}
    return {"Sender": (user,)} if Source.SENDER in rules.sources else {}


def _encoded(value: str) -> str:
    """Words beyond ASCII as encoded words (RFC 2047), and nothing else: an address stays one."""
    return _BEYOND_ASCII.sub(lambda words: Header(words[0], "utf-8", maxlinelen=100_000).encode(), value)
