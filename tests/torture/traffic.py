"""What is submitted and brought: drawn from the seed, made again octet by octet whenever it is wanted."""

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import StrEnum

from tests.peers.gateway_world import ANNA, BRINKEN, CLARA, HOME_CARE, LYCKORNA, OURS, THEIRS
from tests.peers.submitting import make_message
from tests.peers.two_gateways import DORA
from tests.torture.evidence import WORD
from tests.torture.ledger import Message, Way

_NOBODY = f"rorpost.finnsinte@{THEIRS}"
BEGAN = datetime.now(tz=UTC).replace(microsecond=0)
LARGEST_OCTETS, SMALLEST_OCTETS = 1_000_000, 1_000


class Kind(StrEnum):
    """What is wrong with a message, if anything. The last three are the partner's."""

    SOUND = "sound"
    URGENT = "urgent"
    OTHER_PERSON = "another person's name"
    OUTSIDER = "a copy to an outsider"
    IDENTITY_NUMBER = "an identity number in the subject"
    NO_CHANNEL = "to a mailbox that is none"
    NOT_SEALED = "not sealed"
    DAMAGED = "a seal with octets changed"
    STRANGER = "signed by another key"


_WEIGHTS = {Kind.SOUND: 12, Kind.URGENT: 2}  # the others: 1
_FIELDS: Mapping[Kind, Mapping[str, str]] = {
    Kind.URGENT: {"Importance": "high"},
    Kind.OTHER_PERSON: {"user": CLARA},
    Kind.OUTSIDER: {"Cc": "nagon@example.com"},
    Kind.IDENTITY_NUMBER: {"subject": f"{WORD} 19121212-1212"},
}
OUTWARD = tuple(Kind)[:6]
INWARD = (Kind.SOUND, Kind.URGENT, Kind.NOT_SEALED, Kind.DAMAGED, Kind.STRANGER)


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A message and how to make its octets."""

    message: Message
    kind: Kind
    size_octets: int

    def octets(self) -> bytes:
        message, fields = self.message, dict(_FIELDS.get(self.kind, {}))
        outward = message.way is Way.OUT
        return make_message(
            sender=HOME_CARE if outward else BRINKEN,
            recipients=message.recipients,
            user=fields.pop("user", ANNA if outward else DORA),
            message_id=message.message_id,
            subject=fields.pop("subject", f"{WORD} {message.marker}"),
            body=_body(message, self.size_octets),
            Date=format_datetime(BEGAN),
            **fields,
        )


def _body(message: Message, size_octets: int) -> str:
    line = f"{WORD} {message.marker} "
    chance = random.Random(message.number)
    lines = [line + f"{chance.getrandbits(160):040x}" for _ in range(size_octets // (len(line) + 42) + 1)]
    return "\r\n".join(lines)


@dataclass(kw_only=True)
class Source:
    """Draws messages. What the clients are to say again they are handed by `again`."""

    chance: random.Random
    largest_octets: int = LARGEST_OCTETS
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def outward(self) -> Planned:
        kind = self._kind(OUTWARD)
        recipients = self.chance.choice([(BRINKEN,), (LYCKORNA,), (BRINKEN, LYCKORNA), (BRINKEN, LYCKORNA)])
        if kind is Kind.NO_CHANNEL:
            recipients = (_NOBODY,)
        return self._planned(kind, Way.OUT, recipients, OURS)

    def inward(self) -> Planned:
        return self._planned(self._kind(INWARD), Way.IN, (HOME_CARE,), THEIRS)

    def _kind(self, kinds: tuple[Kind, ...]) -> Kind:
        return self.chance.choices(kinds, weights=[_WEIGHTS.get(kind, 1) for kind in kinds])[0]

    def _planned(self, kind: Kind, way: Way, recipients: tuple[str, ...], domain: str) -> Planned:
        number = next(self._numbers)
        message = Message(
            number=number,
            way=way,
            recipients=recipients,
            message_id=f"<{number}.{way.value}@klient.{domain}>",
            allowed=kind is Kind.SOUND,
        )
        # Most messages are small: the square of the chance, on a logarithmic scale.
        span = self.largest_octets / SMALLEST_OCTETS
        size = int(SMALLEST_OCTETS * span ** (self.chance.random() ** 2))
        return Planned(message=message, kind=kind, size_octets=size)
