"""Sent copies, in process: an `OutboundHouse` that makes them, and a relay that brings them to their folders.

The folders remember what they were given; what a real server does with it is tested against Dovecot.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from rorpost_gateway.daemon.reading import OwnMailboxes
from rorpost_gateway.daemon.relaying import judge_copy
from rorpost_gateway.delivery.base import Delivered, DeliveryOutcome
from rorpost_gateway.delivery.maildir import MaildirDelivery
from rorpost_gateway.inbound.deliver import Deliverer
from rorpost_gateway.inbound.sent_copy import SentCopies
from rorpost_gateway.openpgp.opening import GnupgOpener
from rorpost_gateway.relay.notices import Notices, Unit
from rorpost_gateway.relay.runner import Relay
from rorpost_gateway.relay.settle import Settlement
from rorpost_gateway.reply import Language
from rorpost_gateway.retry import Schedule
from rorpost_gateway.smtp_client.base import Attempt, Outgoing, Relayed, Route, Routes
from tests.peers import gateway_world as world
from tests.peers.outbound_house import OutboundHouse
from tests.peers.relaying import work_until_idle

ROUTE = Route(host="mx.regionostergotland.se", port=25, hostname="gw.motala.se")
STORED = Delivered(reply="2.0.0 stored in the folder", next_hop="imap.motala.se:993")
OWN = frozenset({world.OURS})


@dataclass(frozen=True, kw_only=True)
class Put:
    mailbox: str
    octets: bytes = field(repr=False)
    sent_at: datetime
    unique: str


@dataclass
class Folders:
    """In the place of `delivery.sent.SentFolders`. While the gate is shut it answers nothing."""

    outcome: DeliveryOutcome = STORED
    given: list[Put] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def put(self, mailbox: str, octets: bytes, *, sent_at: datetime, unique: str) -> DeliveryOutcome:
        self.given.append(Put(mailbox=mailbox, octets=octets, sent_at=sent_at, unique=unique))
        await self.gate.wait()
        return self.outcome


@dataclass
class Partners:
    """The partner's mail server, which takes everything."""

    sent: list[Outgoing] = field(default_factory=list)

    async def send(self, route: Route, outgoing: Outgoing) -> Attempt:
        assert route is ROUTE
        self.sent.append(outgoing)
        return Relayed(reply="250 2.0.0 ok", next_hop="mx:25", notify_taken=False)

    async def close(self) -> None:
        pass


class Sending:
    """A relay over the house's queue and log, as the daemon puts it together."""

    def __init__(self, house: OutboundHouse, *, wanted: bool = True) -> None:
        self.house = house
        self.mail: Path = house.folder / "mail"
        self.mail.mkdir(exist_ok=True)
        self.partners = Partners()
        self.folders = Folders()
        self.opener = GnupgOpener(house.keys.sender_home, None)
        self.wanted = wanted
        house.change(sent_copies=True)

    def relay(self, **how: object) -> Relay:
        house, own = self.house, OWN
        routes = Routes(default=None, by_domain={world.THEIRS: ROUTE})
        delivery = MaildirDelivery(self.mail)
        sent_copies = SentCopies(
            opener=self.opener,
            folders=self.folders,  # type: ignore[arg-type]
            keys=lambda: house.in_force.keys,
            now=house.clock,
            hostname=house.house.hostname,
            longest_octets=1_000_000,
        )
        return Relay(
            queue=house.queue,
            client=self.partners,
            routes=routes,
            local=OwnMailboxes(self._deliverer(delivery), own, sent_copies if self.wanted else None),
            settlement=Settlement(
                queue=house.queue,
                log=house.log,
                records=house.records,
                schedule=Schedule(),
                notices=Notices(
                    delivery=delivery,
                    hostname=house.house.hostname,
                    zone=ZoneInfo("Europe/Stockholm"),
                    language=Language.SV,
                    unit_of=lambda _: Unit(name=None, phone=None),
                ),
                now=house.clock,
                chance=lambda: 0.5,
            ),
            judge=lambda copy: judge_copy(house.in_force, copy, own_domains=own, now=house.clock.now),
            revision=lambda: house.in_force.policy.revision,
            now=house.clock,
            node="gw1",
            **how,  # type: ignore[arg-type]
        )

    def _deliverer(self, delivery: MaildirDelivery) -> Deliverer:
        house = self.house
        return Deliverer(
            opener=self.opener,
            delivery=delivery,
            in_force=lambda: house.in_force,
            now=house.clock,
            hostname=house.house.hostname,
            own_domains=OWN,
            longest_octets=1_000_000,
            show_person=False,
        )

    async def work(self) -> None:
        """Let a relay do all that is due."""
        await work_until_idle(lambda wait: self.relay(wait=wait))

    def notices(self) -> list[Path]:
        return [path for path in self.mail.rglob("*") if path.is_file()]

    def told(self) -> list[tuple[str, str | None]]:
        """Event and rule of every line of copies and decisions."""
        return [
            (line["event"], line.get("rule"))
            for line in self.house.lines(None)
            if line["event"] not in {"genesis", "day"}
        ]

    async def close(self) -> None:
        await self.opener.close()
