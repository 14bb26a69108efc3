"""What the relay hands over for mailboxes behind this gateway, and what becomes of it in queue and log."""

import email
import email.policy
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import pytest

from rorpost_gateway.daemon.reading import OwnMailboxes
from rorpost_gateway.daemon.relaying import judge_copy
from rorpost_gateway.daemon.way_in import NoticeDelivery
from rorpost_gateway.decision import Reason
from rorpost_gateway.delivery.base import (
    DeferredDelivery,
    Delivered,
    Delivery,
    DeliveryOutcome,
    FailedDelivery,
)
from rorpost_gateway.delivery.maildir import MaildirDelivery
from rorpost_gateway.metrics.tallies import Tallies
from rorpost_gateway.openpgp.base import OpeningFailed
from rorpost_gateway.queue.base import State
from rorpost_gateway.relay.local import NotAllowed
from rorpost_gateway.relay.notices import Notices, Unit
from rorpost_gateway.relay.runner import Relay
from rorpost_gateway.relay.settle import Settlement
from rorpost_gateway.reply import Language
from rorpost_gateway.retry import Schedule
from rorpost_gateway.smtp_client.base import Attempt, Deferred, Failed, Outgoing, Relayed, Route, Routes
from rorpost_gateway.stages import Stage
from tests.peers import gateway_world as world
from tests.peers.inbound_house import INNER_ID, MARKER, OUTER_ID, InboundHouse
from tests.peers.relaying import work_until_idle

HOP = "mx.regionostergotland.se:25"
ROUTE = Route(host="mx.regionostergotland.se", port=25, hostname="gw.motala.se")
QUOTED = f"550 5.7.1 spam found: {MARKER}"  # as a mail server may quote what it has just read


@dataclass
class Says:
    """A mail server of our own that answers as it is told."""

    outcome: DeliveryOutcome

    async def deliver(
        self, recipient: str, octets: bytes, *, reverse_path: str, unique: str
    ) -> DeliveryOutcome:
        assert MARKER.encode() in octets
        return self.outcome


@dataclass
class Partners:
    """The partner's mail server."""

    answer: Attempt = field(default_factory=lambda: Relayed(reply="250 ok", next_hop=HOP, notify_taken=False))
    sent: list[Outgoing] = field(default_factory=list)

    async def send(self, route: Route, outgoing: Outgoing) -> Attempt:
        assert route is ROUTE
        self.sent.append(outgoing)
        return self.answer

    async def close(self) -> None:
        pass


class Running:
    """A relay over the house's queue and log, as the daemon puts it together."""

    def __init__(self, house: InboundHouse, delivery: Delivery | None = None) -> None:
        self.house = house
        self.partners = Partners()
        own = {world.OURS}
        routes = Routes(default=None, by_domain={world.THEIRS: ROUTE})
        house.mail.mkdir(exist_ok=True)
        notices = Notices(
            delivery=NoticeDelivery(MaildirDelivery(house.mail), self.partners, routes, frozenset(own)),
            hostname=house.house.hostname,
            zone=ZoneInfo("Europe/Stockholm"),
            language=Language.SV,
            unit_of=lambda _: Unit(name="Hemsjukvården, Motala", phone="0141-22 50 00"),
        )
        self._make: Callable[..., Relay] = lambda wait: Relay(
            queue=house.queue,
            client=self.partners,
            routes=routes,
            local=OwnMailboxes(house.deliverer(delivery=delivery), frozenset(own)),
            settlement=Settlement(
                queue=house.queue,
                log=house.log,
                records=house.records,
                schedule=Schedule(),
                notices=notices,
                now=house.clock,
                chance=lambda: 0.5,
            ),
            judge=lambda copy: judge_copy(
                house.in_force, copy, own_domains=frozenset(own), now=house.clock.now
            ),
            revision=lambda: house.in_force.policy.revision,
            now=house.clock,
            node="gw1",
            wait=wait,
            stages=house.house.stages,
        )

    async def work(self) -> None:
        await work_until_idle(self._make)

    def events(self) -> list[str]:
        return [line["event"] for line in self.house.lines(None) if line["event"] not in {"genesis", "day"}]


async def test_delivered_is_a_line_and_the_end(way_in: InboundHouse) -> None:
    running = Running(way_in)
    copy, _ = await way_in.taken(way_in.partner.message())
    await running.work()
    assert len(way_in.delivered()) == 1
    assert await way_in.copies() == []
    (line,) = way_in.lines("delivered")
    wanted = {
        "direction": "inbound",
        "decision_id": copy.decision_id,
        "queue_id": copy.message.queue_id,
        "channel": "brinken",
        "reverse_path": world.BRINKEN,
        "recipient": world.HOME_CARE,
        "sealed_sha256": copy.sealed_sha256,
        "next_hop": "maildir",
        "reply": "2.0.0 stored in the mailbox",
        "attempt": 1,
    }
    assert wanted.items() <= line.items()
    assert running.partners.sent == []


async def test_opening_judging_and_delivering_are_timed(way_in: InboundHouse) -> None:
    tallies = Tallies(clock=way_in.clock, now=way_in.clock)
    way_in.change(stages=tallies)
    await way_in.taken(way_in.partner.message())
    await Running(way_in).work()
    times = tallies.tallied().times
    assert {stage.value for stage in Stage if sum(times[stage][0]) == 1} == {"open", "judge", "deliver"}


@pytest.mark.parametrize("change", ["channel", "key"])
async def test_no_longer_allowed_is_held_and_may_be_released(way_in: InboundHouse, change: str) -> None:
    """The channel is seen to before the copy is opened, the key after."""
    running = Running(way_in)
    copy, _ = await way_in.taken(way_in.partner.message())
    good = way_in.policy_data
    changed = world.merged(good, {"mailboxes": {world.BRINKEN: {"key": way_in.keys.stranger}}})
    if change == "channel":
        changed = good | {"channels": [each for each in good["channels"] if each["name"] != "brinken"]}
    way_in.set_policy(changed)
    await running.work()
    (held,) = await way_in.copies(State.HELD)
    assert held.held_because == ("pair-not-allowed" if change == "channel" else "signer-mismatch")
    assert ("open" in way_in.steps[1:]) == (change == "key")
    (line,) = way_in.lines("held")
    assert (line["action"], line["reason"]) == ("defer", held.held_because)
    assert way_in.delivered() == []
    assert [each.recipient for each in running.partners.sent] == [world.BRINKEN], "its sender is told"
    way_in.set_policy(good)
    await way_in.queue.release(copy.message.queue_id, None, now=way_in.clock.now)
    await running.work()
    assert len(way_in.delivered()) == 1
    assert running.events()[-1] == "delivered"


async def test_not_opened_is_deferred_and_comes_again(way_in: InboundHouse) -> None:
    running = Running(way_in)
    await way_in.taken(way_in.partner.message())
    way_in.faults["open"] = OpeningFailed("the agent", private="no agent")
    await running.work()
    (line,) = way_in.lines("deferred")
    assert (line["reply"], line["next_hop"]) == ("4.3.0 the message cannot be opened now", "opening")
    way_in.faults.clear()
    way_in.clock.now += 3600
    await running.work()
    assert len(way_in.delivered()) == 1


async def test_refused_by_our_own_server_the_partner_hears_codes_and_nothing_else(
    way_in: InboundHouse,
) -> None:
    """The server has seen the message opened: its words stay here, and so do names of the inside."""
    failed = FailedDelivery(reply=QUOTED.replace(MARKER, "Hemtagning"), next_hop="store.inside.motala.se:24")
    running = Running(way_in, Says(failed))
    await way_in.taken(way_in.partner.message())
    await running.work()
    assert await way_in.copies() == []
    assert running.events() == ["decision", "bounced"]
    (sent,) = running.partners.sent
    assert (sent.reverse_path, sent.recipient) == ("", world.BRINKEN)
    for word in (b"Hemtagning", b"spam", b"inside", INNER_ID.encode(), MARKER.encode()):
        assert word not in sent.octets
    dsn = email.message_from_bytes(sent.octets, policy=email.policy.default)
    assert isinstance(dsn, EmailMessage)
    assert dsn["In-Reply-To"] == OUTER_ID
    status = dsn.get_payload(1).as_string()  # type: ignore[union-attr]
    assert "Action: failed" in status
    assert "Status: 5.7.1" in status
    assert "550 5.7.1 the mailbox did not take the message" in status


async def test_a_notice_that_the_partner_refuses_leaves_the_copy_with_an_operator(
    way_in: InboundHouse,
) -> None:
    running = Running(way_in, Says(FailedDelivery(reply="550 5.1.1 no", next_hop="store:24")))
    running.partners.answer = Failed(reply="550 5.7.1 [sender-not-a-mailbox]", next_hop=HOP)
    await way_in.taken(way_in.partner.message())
    await running.work()
    [copy] = await way_in.copies()
    assert (copy.state, copy.held_because) == (State.HELD, "notice-refused")
    assert len(running.partners.sent) == 1
    assert running.events() == ["decision", "bounced", "held"]


async def test_a_notice_that_cannot_go_now_is_tried_again(way_in: InboundHouse) -> None:
    running = Running(way_in, Says(FailedDelivery(reply="550 5.1.1 no", next_hop="store:24")))
    running.partners.answer = Deferred(reply="451 4.3.0 later", next_hop=HOP)
    await way_in.taken(way_in.partner.message())
    await running.work()
    assert [copy.bounced_at is None for copy in await way_in.copies()] == [False]
    running.partners.answer = Relayed(reply="250 ok", next_hop=HOP, notify_taken=False)
    way_in.clock.now += 3600
    await running.work()
    assert await way_in.copies() == []
    assert running.events() == ["decision", "bounced"]


async def test_given_up_after_its_time(way_in: InboundHouse) -> None:
    running = Running(way_in, Says(DeferredDelivery(reply="452 4.2.2 over quota", next_hop="store:24")))
    await way_in.taken(way_in.partner.message())
    await running.work()
    way_in.clock.now += 3 * 86_400
    await running.work()
    assert running.events() == ["decision", "deferred", "bounced"]
    assert b"4.4.7" in running.partners.sent[-1].octets
    assert b"quota" not in running.partners.sent[-1].octets


# OwnMailboxes alone


async def test_whose_mailbox_is_here(way_in: InboundHouse) -> None:
    own = OwnMailboxes(way_in.deliverer(), frozenset({world.OURS}))
    assert own.take(world.HOME_CARE)
    assert not own.take(world.BRINKEN)
    assert not own.take("rorpost.x@sub.motala.se")


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (DeferredDelivery(reply="452 4.2.2 full", next_hop="store:24", private="why"), Deferred),
        (FailedDelivery(reply="550 5.1.1 no", next_hop="store:24", private="why"), Failed),
        (Delivered(reply="250 ok", next_hop="store:24"), Delivered),
    ],
)
async def test_every_outcome_of_a_delivery(
    way_in: InboundHouse, outcome: DeliveryOutcome, kind: type
) -> None:
    own = OwnMailboxes(way_in.deliverer(delivery=Says(outcome)), frozenset({world.OURS}))
    attempt = await own.attempt(*await way_in.taken(way_in.partner.message()))
    assert type(attempt) is kind
    assert not isinstance(attempt, NotAllowed)
    assert (attempt.reply, attempt.next_hop) == (outcome.reply, outcome.next_hop)


async def test_not_allowed_says_why(way_in: InboundHouse) -> None:
    own = OwnMailboxes(way_in.deliverer(), frozenset({world.OURS}))
    copy, queued = await way_in.taken(way_in.partner.message())
    policy = world.merged(way_in.policy_data, {"mailboxes": {world.BRINKEN: {"key": way_in.keys.stranger}}})
    way_in.set_policy(policy)
    assert await own.attempt(copy, queued) == NotAllowed(reason=Reason.SIGNER_MISMATCH)


# NoticeDelivery alone


async def test_a_notice_to_our_own_mailbox_goes_where_mail_goes(way_in: InboundHouse) -> None:
    running = Running(way_in)
    notices = NoticeDelivery(
        MaildirDelivery(way_in.mail),
        running.partners,
        Routes(default=None, by_domain={}),
        frozenset({world.OURS}),
    )
    outcome = await notices.deliver(world.HOME_CARE, b"hej\r\n", reverse_path="", unique="n1")
    assert isinstance(outcome, Delivered)
    assert way_in.delivered() == [b"hej\r\n"]


async def test_a_notice_without_a_way_waits(way_in: InboundHouse) -> None:
    running = Running(way_in)
    notices = NoticeDelivery(
        MaildirDelivery(way_in.mail),
        running.partners,
        Routes(default=None, by_domain={}),
        frozenset({world.OURS}),
    )
    outcome = await notices.deliver(world.BRINKEN, b"hej\r\n", reverse_path="", unique="n1")
    assert isinstance(outcome, DeferredDelivery)
    assert running.partners.sent == []
