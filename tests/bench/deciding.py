"""What one decision costs: the policy alone, with keys that are always there, and a message already read."""

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice

from rorpost_gateway.decision import Direction, KeyChoice, Reason
from rorpost_gateway.envelope import Login
from rorpost_gateway.facts import MessageFacts
from rorpost_gateway.message import parse_message, read_facts
from rorpost_gateway.policy.evaluate import Question, evaluate
from rorpost_gateway.policy.model import Policy
from tests.bench import towns
from tests.bench.towns import Town, own, partners

_AT = datetime(towns.DAY.year, towns.DAY.month, towns.DAY.day, 9, tzinfo=UTC)
_DIFFERENT = 2000  # questions, spread over the whole policy, so that no cache knows them all
_FINGERPRINT = "0" * 40


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """Microseconds of the processor's time, each of the quickest of the rounds."""

    at_rcpt: float
    after_data: float
    refused: float  # no channel for the pair


class EveryKey:
    """A key index that has whatever is asked for."""

    _choice = KeyChoice(primary=_FINGERPRINT, subkey=_FINGERPRINT)

    def for_sealing(self, address: str, pinned: Collection[str], at: datetime) -> KeyChoice | Reason:
        return self._choice

    def for_signing(self, address: str, pinned: Collection[str], at: datetime) -> KeyChoice | Reason:
        return self._choice

    def accepts(self, *_signer: str, signed_at: datetime, at: datetime) -> Reason | None:
        return None

    def is_for(self, key_ids: Collection[str], address: str, pinned: Collection[str]) -> bool:
        return True

    def fault_of(self, sealed_to: KeyChoice, at: datetime) -> Reason | None:
        return None


def measure(policy: Policy, town: Town, *, rounds: int) -> Decisions:
    """Raises RuntimeError where a question is not answered as it must be: a wrong answer is no figure."""
    after_data = list(_questions(policy, town))
    at_rcpt = [replace(one, facts=None, envelope_recipients=()) for one in after_data]
    refused = [replace(one, recipient=own(0)) for one in at_rcpt]
    return Decisions(
        at_rcpt=_quickest(policy, at_rcpt, Reason.OK, rounds),
        after_data=_quickest(policy, after_data, Reason.OK, rounds),
        refused=_quickest(policy, refused, Reason.PAIR_NOT_ALLOWED, rounds),
    )


def _quickest(policy: Policy, questions: list[Question], wanted: Reason, rounds: int) -> float:
    keys, took = EveryKey(), []
    for _ in range(rounds):
        began = time.process_time()  # what others do on this machine is no cost of a decision
        verdicts = [evaluate(policy, keys, question) for question in questions]
        took.append(time.process_time() - began)
        if {verdict.reason for verdict in verdicts} != {wanted}:
            raise RuntimeError(f"not {wanted}: {verdicts[0]}")
    return 1e6 * min(took) / len(questions)


def _questions(policy: Policy, town: Town) -> Iterator[Question]:
    """One for every so-many-th channel. The content was not looked into: no rule here asks for that."""
    step = max(1, town.channels // _DIFFERENT)
    for one, other in islice(towns.pairs(town), 1, None, step):
        sender, recipient = own(one), partners(other)
        user = next(iter(policy.mailboxes[sender].users))
        yield Question(
            direction=Direction.OUTBOUND,
            at=_AT,
            sender=sender,
            recipient=recipient,
            own_domains=towns.OWN_DOMAINS,
            login=Login(name=user, address=user, aliases=frozenset()),
            facts=_facts(sender, recipient, user),
            envelope_recipients=(recipient,),
        )


def _facts(sender: str, recipient: str, user: str) -> MessageFacts:
    octets = (
        f"From: {sender}\r\nTo: {recipient}\r\nX-Rorpost-Sending-User: {user}\r\n"
        "Subject: Fraga om omlaggning\r\nMessage-ID: <1@klient>\r\n"
        "Date: Wed, 06 May 2026 09:00:00 +0200\r\n\r\nHej\r\n"
    )
    return read_facts(parse_message(octets.encode("ascii")), hostname="gw.motala.se")
