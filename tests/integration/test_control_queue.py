"""The queue's verbs on a real queue: what they change, what they refuse, what the log hears first."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from rorpost_gateway.control.base import ArgumentInvalid, Busy, Caller
from rorpost_gateway.control.queue_verbs import QueueVerbs
from rorpost_gateway.errors import LogUnavailable, NotFound
from rorpost_gateway.queue.base import Copy, Queue, Retry, State
from tests.peers.queues import (
    BRINKEN,
    LYCKORNA,
    NOW,
    claim,
    put_claimed,
    put_pending,
    put_ready,
    queue_id,
)

OPERATOR = Caller(uid=1000, name="olle")
CHANGING = ("queue.hold", "queue.release", "queue.retry", "queue.remove")


@dataclass(kw_only=True)
class Daemon:
    """What stands around the verbs: the log and the relay."""

    queue: Queue
    lines: list[tuple[str, str, str, State | None]] = field(default_factory=list)
    woken: int = 0
    log_is_broken: bool = False

    async def record(self, event: str, operator: str, copy: Copy) -> None:
        if self.log_is_broken:
            raise LogUnavailable("the decision log cannot be written")
        states = {c.name: c.state for c in await self.queue.list()}
        self.lines.append((event, operator, copy.name, states.get(copy.name)))

    def wake(self) -> None:
        self.woken += 1

    async def ask(self, verb: str, **arguments: Any) -> Any:
        verbs = QueueVerbs(queue=self.queue, record=self.record, wake=self.wake, now=lambda: NOW + 60)
        return await verbs.handlers()[verb](OPERATOR, arguments)

    async def states(self) -> Mapping[str, State]:
        return {c.name: c.state for c in await self.queue.list()}


@pytest.fixture
def daemon(queue: Queue) -> Daemon:
    return Daemon(queue=queue)


@pytest.mark.parametrize("verb", ["queue.show", *CHANGING])
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"id": 1},
        {"id": None},
        {"id": ""},
        {"id": "/a@b.se"},
        {"id": "06GC8M3C00000006/"},
        {"id": "06GC8M3C00000006", "force": True},
        {"id": "06GC8M3C\x1b[2J"},
        {"id": "06GC å"},
        {"id": "-rf"},
        {"id": "ALL/x"},
        {"id": "A" * 1000},
    ],
)
async def test_what_is_no_id_is_refused(daemon: Daemon, verb: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(ArgumentInvalid):
        await daemon.ask(verb, **arguments)


async def test_list_takes_no_arguments(daemon: Daemon) -> None:
    with pytest.raises(ArgumentInvalid):
        await daemon.ask("queue.list", id="ALL")


@pytest.mark.parametrize("verb", ["queue.show", "queue.remove"])
async def test_all_is_neither_shown_nor_removed(daemon: Daemon, verb: str) -> None:
    identity = await put_ready(daemon.queue)
    with pytest.raises(ArgumentInvalid):
        await daemon.ask(verb, id="ALL")
    assert await daemon.states() == {f"{identity}/{BRINKEN}": State.READY}


@pytest.mark.parametrize("verb", ["queue.show", *CHANGING])
async def test_an_unknown_id_is_not_found(daemon: Daemon, verb: str) -> None:
    known = await put_ready(daemon.queue)
    for identity in (queue_id(), f"{known}/{LYCKORNA}", f"{queue_id()}/{BRINKEN}"):
        with pytest.raises(NotFound, match=identity.partition("/")[0]):
            await daemon.ask(verb, id=identity)
    assert daemon.lines == []


async def test_a_listing_shows_every_copy_in_postfixs_words(daemon: Daemon) -> None:
    first = await put_ready(daemon.queue, at=NOW)
    await claim(daemon.queue)
    later = Retry(next_attempt_at=NOW + 600, reply="451 4.7.1 later", next_hop="mx:25")
    await daemon.queue.put_back(first, BRINKEN, later)
    second = await put_ready(daemon.queue, BRINKEN, LYCKORNA, at=NOW + 1)
    await daemon.queue.hold(second, LYCKORNA, because="key-expired")
    await put_pending(daemon.queue, at=NOW + 2)
    entries = await daemon.ask("queue.list")
    assert [(e["queue_id"], e["state"]) for e in entries[:3]] == [
        (first, "deferred"),
        (second, "active"),
        (second, "hold"),
    ]
    assert entries[3]["state"] == "pending"
    assert (entries[0]["last_reply"], entries[0]["attempts"]) == ("451 4.7.1 later", 1)
    assert entries[2]["held_because"] == "key-expired"


async def test_show_takes_a_message_or_a_copy_in_any_case_and_never_shows_content(daemon: Daemon) -> None:
    identity = await put_ready(daemon.queue, BRINKEN, LYCKORNA)
    assert [e["recipient"] for e in await daemon.ask("queue.show", id=identity)] == [BRINKEN, LYCKORNA]
    [entry] = await daemon.ask("queue.show", id=f"{identity.lower()}/{LYCKORNA.upper()}")
    assert entry["recipient"] == LYCKORNA
    assert "sealed\r\n" not in entry.values()
    assert not any(isinstance(value, bytes) for value in entry.values())


async def test_hold_takes_effect_and_is_logged_once_it_has(daemon: Daemon) -> None:
    identity = await put_ready(daemon.queue, BRINKEN, LYCKORNA)
    assert await daemon.ask("queue.hold", id=f"{identity}/{BRINKEN}") == {"changed": 1, "of": 1}
    assert await daemon.ask("queue.hold", id=identity) == {"changed": 1, "of": 2}
    assert await daemon.ask("queue.hold", id=identity) == {"changed": 0, "of": 2}
    assert daemon.lines == [
        ("held", "olle", f"{identity}/{BRINKEN}", State.HELD),
        ("held", "olle", f"{identity}/{LYCKORNA}", State.HELD),
    ]
    assert {c.held_because for c in await daemon.queue.list()} == {"operator"}


async def test_a_pending_copy_is_not_held(daemon: Daemon) -> None:
    identity = await put_pending(daemon.queue)
    assert await daemon.ask("queue.hold", id=identity) == {"changed": 0, "of": 1}
    assert daemon.lines == []


async def test_release_is_logged_first_and_wakes_the_relay(daemon: Daemon) -> None:
    identity = await put_ready(daemon.queue, BRINKEN, LYCKORNA)
    await daemon.queue.hold(identity, BRINKEN, because="pair-not-allowed")
    assert await daemon.ask("queue.release", id=identity) == {"changed": 1, "of": 2}
    assert daemon.lines == [("released", "olle", f"{identity}/{BRINKEN}", State.HELD)]
    assert daemon.woken == 1
    assert {c.state for c in await daemon.queue.list()} == {State.READY}


async def test_nothing_is_released_that_cannot_be_logged(daemon: Daemon) -> None:
    identity = await put_ready(daemon.queue)
    await daemon.queue.hold(identity, None, because="operator")
    daemon.log_is_broken = True
    with pytest.raises(LogUnavailable):
        await daemon.ask("queue.release", id=identity)
    assert await daemon.states() == {f"{identity}/{BRINKEN}": State.HELD}


async def test_retry_makes_due_and_wakes_the_relay(daemon: Daemon) -> None:
    identity = await put_claimed(daemon.queue)
    later = Retry(next_attempt_at=NOW + 600, reply="451", next_hop="mx")
    await daemon.queue.put_back(identity, BRINKEN, later)
    assert await daemon.ask("queue.retry", id=identity) == {"changed": 1, "of": 1}
    assert (daemon.woken, daemon.lines) == (1, [])
    assert await daemon.queue.next_due() == NOW + 60


async def test_all_means_the_whole_queue(daemon: Daemon) -> None:
    for _ in range(70):
        await put_ready(daemon.queue)
    await put_pending(daemon.queue)
    assert await daemon.ask("queue.hold", id="all") == {"changed": 70, "of": 71}
    assert await claim(daemon.queue) == []
    assert await daemon.ask("queue.release", id="ALL") == {"changed": 70, "of": 71}
    assert await daemon.ask("queue.retry", id="ALL") == {"changed": 70, "of": 71}
    events = [event for event, *_ in daemon.lines]
    assert events == ["held"] * 70 + ["released"] * 70


async def test_all_of_an_empty_queue_is_nothing(daemon: Daemon) -> None:
    assert await daemon.ask("queue.hold", id="ALL") == {"changed": 0, "of": 0}


async def test_remove_is_logged_while_the_copy_is_still_there_and_cannot_be_sent(daemon: Daemon) -> None:
    identity = await put_ready(daemon.queue, BRINKEN, LYCKORNA)
    assert await daemon.ask("queue.remove", id=f"{identity}/{LYCKORNA}") == {"changed": 1, "of": 1}
    assert daemon.lines == [("removed", "olle", f"{identity}/{LYCKORNA}", State.HELD)]
    assert await daemon.states() == {f"{identity}/{BRINKEN}": State.READY}
    assert await daemon.ask("queue.remove", id=identity) == {"changed": 1, "of": 1}
    assert await daemon.states() == {}


async def test_nothing_is_removed_that_cannot_be_logged(daemon: Daemon) -> None:
    ready, held = await put_ready(daemon.queue), await put_ready(daemon.queue)
    await daemon.queue.hold(held, None, because="key-expired")
    daemon.log_is_broken = True
    for identity in (ready, held):
        with pytest.raises(LogUnavailable):
            await daemon.ask("queue.remove", id=identity)
    assert await daemon.states() == {f"{ready}/{BRINKEN}": State.READY, f"{held}/{BRINKEN}": State.HELD}
    assert [c.held_because for c in await daemon.queue.show(held)] == ["key-expired"]


async def test_what_is_being_sent_or_taken_in_is_not_removed(daemon: Daemon) -> None:
    sending, taking_in = await put_claimed(daemon.queue), await put_pending(daemon.queue)
    for identity in (sending, taking_in):
        with pytest.raises(Busy):
            await daemon.ask("queue.remove", id=identity)
    await daemon.queue.hold(sending, None, because="operator")
    with pytest.raises(Busy):  # its attempt is still under way
        await daemon.ask("queue.remove", id=sending)
    assert set((await daemon.states()).values()) == {State.HELD, State.PENDING}
    assert daemon.lines == []


async def test_of_a_message_that_is_partly_being_sent_nothing_is_removed(daemon: Daemon) -> None:
    identity = await put_ready(daemon.queue, BRINKEN, LYCKORNA)
    await claim(daemon.queue, limit=1)
    with pytest.raises(Busy):
        await daemon.ask("queue.remove", id=identity)
    assert len(await daemon.states()) == 2
    assert daemon.lines == []


async def test_a_removal_that_races_with_the_relay_is_either_or(daemon: Daemon) -> None:
    for _ in range(20):
        identity = await put_ready(daemon.queue)
        removed, claimed = await asyncio.gather(
            daemon.ask("queue.remove", id=identity), claim(daemon.queue), return_exceptions=True
        )
        assert isinstance(claimed, list)
        assert isinstance(removed, Busy) == bool(claimed)
        if claimed:
            await daemon.queue.finish(identity, BRINKEN)
    assert await daemon.states() == {}
