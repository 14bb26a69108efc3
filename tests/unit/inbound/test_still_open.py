"""Between the 250 and the first delivery: opened once, judged twice; in memory only, and not for long."""

import gc
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.delivery.base import DeferredDelivery, Delivered
from rorpost_gateway.errors import QueueUnavailable
from rorpost_gateway.inbound.deliver import NoLongerAllowed
from rorpost_gateway.inbound.opened import OpenedMessage, open_message
from rorpost_gateway.inbound.still_open import StillOpen
from rorpost_gateway.openpgp.gnupg import load_index
from tests.peers import gateway_world as world
from tests.peers.gnupg_home import copy_home, remove_home, revoke_primary
from tests.peers.inbound_house import MARKER, REHAB, UNPROTECTED, InboundHouse

A, B = "rorpost.a@motala.se", "rorpost.b@motala.se"


@dataclass
class Timer:
    due: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class Timers:
    """In the place of a loop's `call_later`."""

    set: list[Timer] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def __call__(self, seconds: float, due: Callable[[], None]) -> Timer:
        self.seconds.append(seconds)
        self.set.append(Timer(due))
        return self.set[-1]


@pytest.fixture
def timers() -> Timers:
    return Timers()


@pytest.fixture
async def opened(way_in: InboundHouse) -> OpenedMessage:
    return await open_message(
        way_in.partner.message(), opener=way_in.opener, hostname="gw.motala.se", longest_octets=1_000_000
    )


class Full:
    """A mail store that is over quota the first time."""

    def __init__(self) -> None:
        self.given: list[bytes] = []

    async def deliver(self, recipient: str, octets: bytes, *, reverse_path: str, unique: str) -> Any:
        self.given.append(octets)
        if len(self.given) == 1:
            return DeferredDelivery(reply="452 4.2.2 full", next_hop="store:24")
        return Delivered(reply="250 ok", next_hop="store:24")


def keep(way_in: InboundHouse, timers: Timers, **bounds: Any) -> StillOpen:
    still_open = StillOpen(later=timers, **bounds)
    way_in.use_still_open(still_open)
    return still_open


# What it saves, and what it does not


@pytest.mark.parametrize("sender", [world.BRINKEN, UNPROTECTED])
async def test_opened_once_and_the_readers_copy_is_the_same(
    way_in: InboundHouse, timers: Timers, sender: str
) -> None:
    copy, queued = await way_in.taken(way_in.partner.message(sender), sender=sender)
    await way_in.deliverer().deliver(copy, queued)
    (again,) = way_in.delivered()
    still_open = keep(way_in, timers)
    copy, queued = await way_in.taken(way_in.partner.message(sender, Subject="another"), sender=sender)
    way_in.steps.clear()
    assert isinstance(await way_in.deliverer().deliver(copy, queued), Delivered)
    assert "open" not in way_in.steps
    (once,) = [each for each in way_in.delivered() if each != again]
    assert once.partition(b"\r\n\r\n")[2] == again.partition(b"\r\n\r\n")[2]
    assert once.count(b"X-Rorpost-Verified: ") == 1
    assert still_open.octets == 0


@pytest.mark.parametrize("change", ["pair", "signer"])
async def test_what_the_policy_no_longer_allows_is_not_delivered(
    way_in: InboundHouse, timers: Timers, change: str
) -> None:
    keep(way_in, timers)
    copy, queued = await way_in.taken(way_in.partner.message())
    good = way_in.policy_data
    if change == "pair":
        way_in.set_policy(
            good | {"channels": [each for each in good["channels"] if each["name"] != "brinken"]}
        )
    else:
        pinned = {"mailboxes": {world.BRINKEN: {"key": way_in.keys.stranger}}}
        way_in.set_policy(world.merged(good, pinned))
    with pytest.raises(NoLongerAllowed) as refusal:
        await way_in.deliverer().deliver(copy, queued)
    assert refusal.value.reason is (Reason.PAIR_NOT_ALLOWED if change == "pair" else Reason.SIGNER_MISMATCH)
    assert way_in.delivered() == []


async def test_nor_what_was_signed_by_a_key_that_was_revoked_meanwhile(
    way_in: InboundHouse, timers: Timers
) -> None:
    """The key index is asked again, although the signature is not verified again."""
    keep(way_in, timers)
    copy, queued = await way_in.taken(way_in.partner.message())
    home = copy_home(way_in.keys.receiver_home)
    try:
        revoke_primary(home, way_in.keys.receiver)
        way_in.index = await load_index(home)
    finally:
        remove_home(home)
    way_in.set_policy(way_in.policy_data)
    way_in.steps.clear()
    with pytest.raises(NoLongerAllowed) as refusal:
        await way_in.deliverer().deliver(copy, queued)
    assert refusal.value.reason is Reason.SIGNATURE_INVALID
    assert "open" not in way_in.steps
    assert way_in.delivered() == []


async def test_the_next_attempt_opens_it_again(way_in: InboundHouse, timers: Timers) -> None:
    keep(way_in, timers)
    store = Full()
    deliverer = way_in.deliverer(delivery=store)
    copy, queued = await way_in.taken(way_in.partner.message())
    way_in.steps.clear()
    assert isinstance(await deliverer.deliver(copy, queued), DeferredDelivery)
    assert way_in.steps == []
    assert isinstance(await deliverer.deliver(copy, queued), Delivered)
    assert way_in.steps == ["open"]
    assert store.given[0] == store.given[1]


async def test_another_seal_than_the_one_in_the_queue_is_not_taken_for_it(
    way_in: InboundHouse, timers: Timers
) -> None:
    keep(way_in, timers)
    copy, queued = await way_in.taken(way_in.partner.message())
    way_in.steps.clear()
    other = replace(copy, sealed_sha256="0" * 64)
    assert isinstance(await way_in.deliverer().deliver(other, queued), Delivered)
    assert way_in.steps == ["open"]


@pytest.mark.parametrize("step", ["insert_pending", "make_ready"])
async def test_what_was_not_taken_is_not_kept(way_in: InboundHouse, timers: Timers, step: str) -> None:
    still_open = keep(way_in, timers)
    way_in.faults[step] = QueueUnavailable("the disk")
    heard = await way_in.receive(way_in.partner.message())
    assert heard.reply.code == 451
    assert still_open.octets == 0
    assert timers.set[0].cancelled


async def test_nothing_is_kept_of_what_was_refused(way_in: InboundHouse, timers: Timers) -> None:
    still_open = keep(way_in, timers)
    assert (await way_in.receive(way_in.partner.message(Importance="high"))).reason == "urgent"
    assert still_open.octets == 0
    assert timers.set == []


# Its bounds


def left(still_open: StillOpen, name: str, opened: OpenedMessage, *recipients: str) -> None:
    with still_open.left(name, opened, recipients or (A,)):
        pass


async def test_each_recipient_once(opened: OpenedMessage, timers: Timers) -> None:
    still_open = StillOpen(later=timers)
    left(still_open, "q1", opened, A, B)
    assert still_open.take("q2", A) is None
    assert still_open.take("q1", "rorpost.c@motala.se") is None
    assert still_open.take("q1", A) is not None
    assert still_open.take("q1", A) is None
    assert still_open.octets > 0
    assert still_open.take("q1", B) is not None
    assert still_open.octets == 0
    assert timers.set[0].cancelled


async def test_not_for_long(opened: OpenedMessage, timers: Timers) -> None:
    still_open = StillOpen(later=timers, seconds=7)
    left(still_open, "q1", opened)
    assert timers.seconds == [7]
    timers.set[0].due()
    assert still_open.octets == 0
    assert still_open.take("q1", A) is None


async def test_no_more_than_there_is_room_for(opened: OpenedMessage, timers: Timers) -> None:
    one = StillOpen(later=timers)
    left(one, "q1", opened)
    still_open = StillOpen(later=timers, most_octets=2 * one.octets)
    for name in ("q1", "q2", "q3"):
        left(still_open, name, opened)
    assert still_open.octets == 2 * one.octets
    assert still_open.take("q3", A) is None, "the last one waits longest: it is opened again"
    assert still_open.take("q1", A) is not None
    left(still_open, "q4", opened)
    assert still_open.take("q4", A) is not None


@pytest.mark.parametrize("facts_of", ["outer", "protected"])
async def test_long_header_fields_are_counted(opened: OpenedMessage, timers: Timers, facts_of: str) -> None:
    """A partner may send a quarter of a megabyte of them with every message, however short it is."""
    long = replace(opened.outer_facts, fields={"x-padding": ("x" * 200_000,)})
    protected = replace(opened.protected, facts=long)
    change = {"outer_facts": long} if facts_of == "outer" else {"protected": protected}
    still_open = StillOpen(later=timers)
    left(still_open, "q1", replace(opened, **change))
    assert still_open.octets > 200_000
    still_open.forget("q1")
    assert still_open.octets == 0


async def test_one_that_keeps_nothing(opened: OpenedMessage) -> None:
    still_open = StillOpen.nothing()
    left(still_open, "q1", opened)
    assert still_open.take("q1", A) is None


async def test_plaintext_goes_with_it(way_in: InboundHouse, timers: Timers) -> None:
    still_open = StillOpen(later=timers)
    fresh = await open_message(
        way_in.partner.message(), opener=way_in.opener, hostname="gw.motala.se", longest_octets=1_000_000
    )
    left(still_open, "q1", fresh)
    taken = still_open.take("q1", A)
    assert taken is not None
    assert MARKER.encode() in taken.protected.entity.octets
    watch = weakref.ref(taken)
    del taken, fresh
    gc.collect()
    assert watch() is None
    assert MARKER not in repr(still_open.__dict__)


async def test_less_is_kept_than_was_opened(opened: OpenedMessage) -> None:
    kept = opened.for_delivery()
    assert (kept.outer, kept.opened.payload, kept.protected.covered) == (None, b"", b"")
    assert kept.octets < opened.octets / 2
    assert kept.facts == opened.facts


async def test_to_two_recipients_each_is_delivered_without_opening_again(
    way_in: InboundHouse, timers: Timers
) -> None:
    still_open = keep(way_in, timers)
    both = (world.HOME_CARE, REHAB)
    assert (await way_in.receive(way_in.partner.message(to=both), recipients=both)).reason == "ok"
    way_in.steps.clear()
    for copy in await way_in.copies():
        octets = await way_in.queue.sealed(copy.message.queue_id, copy.recipient)
        await way_in.deliverer().deliver(copy, octets)
    assert "open" not in way_in.steps
    assert still_open.octets == 0
    assert [len(way_in.delivered(each)) for each in both] == [1, 1]
