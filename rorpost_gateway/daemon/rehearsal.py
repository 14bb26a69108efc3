"""A message decided as the daemon would, and nothing comes of it.

The receivers and transactions are the daemon's own; what they stand on forgets. Nothing is signed
or sealed (the private keys are not the asker's to use): a sealed copy is taken to be as large as
it would be. What only the live queue knows is not asked: whether the same message was taken
within the hour, or came before in another seal. Nor what belongs to a session: passwords, TLS,
how many connections there are.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from rorpost_gateway.config.model import Config
from rorpost_gateway.daemon.house import make_house, make_records
from rorpost_gateway.daemon.way_in import make_inbound
from rorpost_gateway.decision import SENT_COPY_RULE, Direction, KeyChoice, Reason
from rorpost_gateway.decision_log.base import Event, JsonValue, Record
from rorpost_gateway.envelope import Client, Login, Recipient, ReversePath
from rorpost_gateway.errors import GatewayError
from rorpost_gateway.inbound.receiver import Inbound
from rorpost_gateway.inbound.still_open import StillOpen
from rorpost_gateway.inbound.transaction import InboundTransaction
from rorpost_gateway.openpgp.base import Engine, Opener, Sealed
from rorpost_gateway.outbound.receiver import Outbound
from rorpost_gateway.outbound.transaction import OutboundTransaction
from rorpost_gateway.policy.inquiry import Question
from rorpost_gateway.queue.base import Queue
from rorpost_gateway.reception.house import InForce
from rorpost_gateway.reception.refusals import Refusals
from rorpost_gateway.reply import Reply

Line = Mapping[str, JsonValue]

_BEGIN, _END = b"-----BEGIN PGP MESSAGE-----\r\n\r\n", b"=AAAA\r\n-----END PGP MESSAGE-----\r\n"
_ARMOURED_LINE = b"A" * 64 + b"\r\n"
_PACKETS_OCTETS = 900  # around the payload: session key, signature, headers


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """One mail transaction: who brings it, the envelope, and the octets, with CRLF line ends."""

    direction: Direction
    client: Client
    reverse_path: str
    recipients: tuple[str, ...]
    octets: bytes


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """What came of it. `lines` are the decision lines, in order; `replies` what each recipient heard last.

    `asked` is what the policy was asked last of each recipient; one that it was never asked of is
    not there. `fault` says, for operators, why a message could not be read or opened.
    """

    lines: tuple[Line, ...]
    reply: Reply
    replies: Mapping[str, Reply]
    asked: Mapping[str, Question]
    fault: str = ""


async def rehearse(
    config: Config, in_force: InForce, submitted: Submitted, *, at: datetime, opener: Opener | None = None
) -> Rehearsed:
    """Decide it as of `at` (aware). `opener` is needed inbound.

    Raises GatewayError where the configuration has no way in, and the opener's own trouble.
    """
    log = _KeptLines()
    records = make_records(lambda: in_force)
    house = make_house(
        config,
        in_force=lambda: in_force,
        records=records,
        engine=cast("Engine", ReckonsSizes()),
        queue=cast("Queue", _EmptyQueue()),
        decision_log=log,
        now=at.timestamp,
    )
    refusals = Refusals(log, records, house.now)
    receiver: Outbound | Inbound | None = Outbound(house, refusals)
    if submitted.direction is Direction.INBOUND:
        receiver = None
        if opener is not None:
            receiver = make_inbound(config, house, opener, refusals, StillOpen.nothing())
    if receiver is None:
        raise GatewayError("the configuration has no way in: there is no section `inbound`")
    transaction = await receiver.begin(submitted.client, ReversePath(address=submitted.reverse_path))
    if isinstance(transaction, Reply):
        return _rehearsed(log, transaction, {}, {}, "")
    return await _play(transaction, submitted, _most_octets(config, submitted.direction), log)


async def _play(
    transaction: OutboundTransaction | InboundTransaction,
    submitted: Submitted,
    most_octets: int,
    log: "_KeptLines",
) -> Rehearsed:
    """RCPT for each, and DATA where one was taken: the order of a session."""
    replies: dict[str, Reply] = {}
    asked: dict[str, Question] = {}
    for address in submitted.recipients:
        replies[address] = await transaction.recipient(Recipient(address=address))
        asked |= {question.recipient: question for question in transaction.asked}
    taken = [address for address, reply in replies.items() if reply.positive]
    if not taken:
        return _rehearsed(log, replies[submitted.recipients[-1]], replies, asked, "")
    if len(submitted.octets) > most_octets:
        reply = await transaction.refuse(Reason.MESSAGE_TOO_LARGE)
    else:
        reply = await transaction.message(submitted.octets)
    replies |= dict.fromkeys(taken, reply)
    asked |= {question.recipient: question for question in transaction.asked}
    return _rehearsed(log, reply, replies, asked, transaction.fault)


def _rehearsed(
    log: "_KeptLines", reply: Reply, replies: Mapping[str, Reply], asked: Mapping[str, Question], fault: str
) -> Rehearsed:
    return Rehearsed(lines=tuple(log.lines), reply=reply, replies=replies, asked=asked, fault=fault)


def _most_octets(config: Config, direction: Direction) -> int:
    """What a listener takes at most."""
    limits = config.limits
    longest = limits.message_size if direction is Direction.OUTBOUND else limits.sealed_size
    return min(longest, limits.in_flight_bytes)


@dataclass(frozen=True, kw_only=True)
class AssumedLogins:
    """Logins among which there is this one, whatever its password."""

    login: Login | None

    async def verify(self, name: str, password: bytes) -> Login | None:  # noqa: ARG002
        """Nobody logs in."""
        return None

    def knows(self, name: str) -> bool:
        """Whether it is the assumed one."""
        return self.login is not None and self.login.name == name


class _KeptLines:
    """A decision log in memory; decisions only, and not those about a copy for a Sent folder."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    async def append(self, records: Sequence[Record]) -> int:
        self.lines += [
            record.fields
            for record in records
            if record.event is Event.DECISION and record.fields.get("rule") != SENT_COPY_RULE
        ]
        return len(self.lines)

    async def close(self) -> None:
        pass


class _EmptyQueue:
    """As much of a `Queue` as decides: nothing has come before, and whatever comes is taken and forgotten."""

    async def find_duplicates(self, digests: Collection[str], *, since: float) -> Mapping[str, str]:  # noqa: ARG002
        return {}

    async def find_seals(self, guards: Collection[str]) -> Mapping[str, object]:  # noqa: ARG002
        return {}

    async def insert_pending(self, *_message_and_copies: object) -> None:
        pass

    async def make_ready(self, queue_id: str, **_when: object) -> None:
        pass

    async def discard_pending(self, queue_id: str, recipient: str | None = None) -> None:
        pass


class ReckonsSizes:
    """As much of an `Engine` as decides: how large a sealed copy is; nothing is compressed."""

    async def seal(self, payload: bytes, *, seal_to: KeyChoice, sign_with: KeyChoice) -> Sealed:  # noqa: ARG002
        lines = -(-(len(payload) + _PACKETS_OCTETS) // 48)  # of the armour: 64 characters for 48 octets
        return Sealed(armoured=_BEGIN + _ARMOURED_LINE * lines + _END, packets_sha256="")
