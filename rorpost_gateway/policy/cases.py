"""The policy's own cases: what it must say, written down by those who edit it.

A case is decided by the same code as the daemon's: its message is built as octets and read like
one that was submitted, or opened. The keys are what the case says they are (usable, where it says
nothing), so that cases hold without any GnuPG home.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rorpost_gateway.content import read_content
from rorpost_gateway.decision import Direction, KeyChoice, Reason, Verdict
from rorpost_gateway.envelope import Login
from rorpost_gateway.errors import MessageMalformed, MessageTooComplex
from rorpost_gateway.facts import Look, MessageFacts, SealFacts
from rorpost_gateway.message import parse_message, read_facts
from rorpost_gateway.policy.case_message import message_of, rules_of
from rorpost_gateway.policy.case_model import ACCEPT, Case, CaseAttachment, CaseMessage, CaseSignature
from rorpost_gateway.policy.content_rules import content_to_look_at
from rorpost_gateway.policy.evaluate import evaluate, judge_sender
from rorpost_gateway.policy.inquiry import Question
from rorpost_gateway.policy.model import Policy, Source
from rorpost_gateway.policy.read_cases import load_cases

__all__ = [
    "ACCEPT",
    "Case",
    "CaseAttachment",
    "CaseKeys",
    "CaseMessage",
    "CaseResult",
    "CaseSignature",
    "load_cases",
    "message_of",
    "question_of",
    "run_cases",
]

GATEWAY_HOSTNAME = "gateway.case.invalid"  # a Received field that names it is a loop
MAX_AGE = timedelta(days=14)  # the default of inbound.max_age

_NO_KEY = "0" * 40  # stands for the key of a mailbox that has no pinned one


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
        fingerprint = next(iter(pinned), _NO_KEY)
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
    policy: Policy,
    cases: Sequence[Case],
    *,
    own_domains: frozenset[str],
    now: datetime,
    max_age: timedelta = MAX_AGE,
) -> list[CaseResult]:
    """Decide every case; one that names no time is decided as of `now` (aware).

    `max_age` is how old a partner's signature may be.
    """
    return [_run(policy, case, own_domains, now, max_age) for case in cases]


def question_of(
    policy: Policy,
    case: Case,
    *,
    own_domains: frozenset[str],
    now: datetime,
    max_age: timedelta = MAX_AGE,
    whole_content: bool = False,
) -> Question:
    """The question that a case puts after DATA, or of an inbound envelope; see `run_cases`.

    `whole_content`: read of the content also what no rule of the channel asks for. Raises
    MessageMalformed and MessageTooComplex.
    """
    envelope = replace(_envelope(case, case.at or now, own_domains), max_age=max_age)
    if case.direction is Direction.INBOUND and case.signature is None:
        return envelope
    facts = _facts(policy, case, envelope.at, whole_content=whole_content)
    return replace(
        envelope,
        facts=facts,
        seal=_seal(policy, case, facts, envelope.at),
        envelope_recipients=(case.recipient,),
    )


def _run(
    policy: Policy, case: Case, own_domains: frozenset[str], now: datetime, max_age: timedelta
) -> CaseResult:
    """The order of a session: MAIL, RCPT, DATA."""
    keys, at = CaseKeys(case.keys), case.at or now
    if case.direction is Direction.OUTBOUND:
        verdict = judge_sender(policy, address=case.sender, own_domains=own_domains)
        if not verdict.accepted:
            return _result(case, verdict)
    verdict = evaluate(policy, keys, _envelope(case, at, own_domains))
    if not verdict.accepted:
        return _result(case, verdict)
    try:
        question = question_of(policy, case, own_domains=own_domains, now=now, max_age=max_age)
    except MessageMalformed as error:
        return CaseResult(case=case, got=Reason.MESSAGE_MALFORMED, verdict=None, fault=error.private)
    except MessageTooComplex as error:
        return CaseResult(case=case, got=Reason.MESSAGE_TOO_COMPLEX, verdict=None, fault=error.private)
    return _result(case, evaluate(policy, keys, question))


def _facts(policy: Policy, case: Case, at: datetime, *, whole_content: bool) -> MessageFacts:
    message = parse_message(message_of(case, policy, at=at))
    look = ~Look(0)
    if not whole_content:
        look = content_to_look_at(
            policy, case.direction, sender=case.sender, recipients=(case.recipient,), at=at
        )
    content = read_content(message, look) if look else None
    return replace(read_facts(message, hostname=GATEWAY_HOSTNAME), content=content)


def _seal(policy: Policy, case: Case, facts: MessageFacts, at: datetime) -> SealFacts | None:
    """What opening the message of a case would have shown; None for one that goes out."""
    signature = case.signature
    if signature is None:
        return None
    outer_fault = None
    if facts.authors != (case.sender,):
        outer_fault = Reason.AUTHOR_MISMATCH
    elif case.recipient not in facts.to + facts.cc:
        outer_fault = Reason.HIDDEN_RECIPIENT
    return SealFacts(
        signer=signature.by or _signer(policy, case, at),
        signed_at=signature.at or at,
        protected=signature.protected,
        key_fault=case.keys.get(case.sender),
        outer_fault=outer_fault,
    )


def _signer(policy: Policy, case: Case, at: datetime) -> str:
    """The key that ought to have signed: the mailbox's, or the person's where only that states who sent."""
    mailbox, day = policy.mailbox(case.sender), policy.day(at)
    if mailbox is None:
        return _NO_KEY
    if rules_of(case, policy, at).sources == (Source.SIGNATURE,) and case.user is not None:
        periods = mailbox.users.get(case.user.lower(), ())
        key = next((period.key for period in periods if period.key and period.in_force(day)), None)
        if key is not None:
            return key
    return next(iter(mailbox.keys_on(day)), _NO_KEY)


def _envelope(case: Case, at: datetime, own_domains: frozenset[str]) -> Question:
    login = None
    if case.login is not None:
        login = Login(name=case.login, address=case.login, aliases=case.aliases)
    return Question(
        direction=case.direction,
        at=at,
        sender=case.sender,
        recipient=case.recipient,
        own_domains=own_domains,
        login=login if case.direction is Direction.OUTBOUND else None,
    )


def _result(case: Case, verdict: Verdict) -> CaseResult:
    return CaseResult(case=case, got=ACCEPT if verdict.accepted else verdict.reason.value, verdict=verdict)
