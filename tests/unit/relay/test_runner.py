"""The relay over a real queue and a real Maildir; what the next hop says is given."""

import asyncio
import email
import email.policy
from collections.abc import Callable
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest

from rorpost_gateway.decision import Reason, Verdict
from rorpost_gateway.delivery.base import DeferredDelivery, DeliveryOutcome
from rorpost_gateway.delivery.maildir import MaildirDelivery
from rorpost_gateway.envelope import Notify
from rorpost_gateway.errors import LogUnavailable, QueueUnavailable
from rorpost_gateway.queue.base import Queue, State
from rorpost_gateway.relay.runner import RelayLimits, wait_on
from rorpost_gateway.smtp_client.base import (
    Attempt,
    Deferred,
    Failed,
    Outgoing,
    Relayed,
    Route,
    Routes,
)
from tests.peers.queues import ABROAD, BRINKEN, LYCKORNA, NOW, copy, message, put_ready
from tests.peers.relaying import REVISION, Tower

HOP = "mx.regionostergotland.se:25"
ROUTE = Route(host="mx.regionostergotland.se", port=25, hostname="gw.motala.se", connections=2)
ROUTES = Routes(default=None, by_domain={"regionostergotland.se": ROUTE})
TAKEN = Relayed(reply="250 2.0.0 queued", next_hop=HOP, notify_taken=True)
LATER = Deferred(reply="450 4.2.0 greylisted", next_hop=HOP)
NEVER = Failed(reply="550 5.1.1 user unknown", next_hop=HOP)
OUTER = b"From: <a@b.se>\r\nSubject: [...]\r\n\r\nCANARY-4711\r\n"


class NextHop:
    """Answers as it is told; remembers what it was given."""

    def __init__(self) -> None:
        self.answer: Callable[[Outgoing], Attempt] = lambda _: TAKEN
        self.sent: list[Outgoing] = []
        self.at_once = 0
        self.most_at_once = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def send(self, route: Route, outgoing: Outgoing) -> Attempt:
        assert route is ROUTE or route.host == "default"
        self.sent.append(outgoing)
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await asyncio.sleep(0)  # as a network would, let the others run
            await self.gate.wait()
            return self.answer(outgoing)
        finally:
            self.at_once -= 1

    async def close(self) -> None:
        pass


@pytest.fixture
def hop() -> NextHop:
    return NextHop()


@pytest.fixture
async def tower(queue: Queue, hop: NextHop, tmp_path: Path) -> Tower:
    return Tower(queue=queue, client=hop, routes=ROUTES, mail=tmp_path / "mail")


async def put(queue: Queue, recipient: str = BRINKEN, **more: object) -> str:
    it = message()
    await queue.insert_pending(it, [copy(recipient, sealed=OUTER, **more)])
    await queue.make_ready(it.queue_id, now=NOW)
    return it.queue_id


def notice(path: Path) -> EmailMessage:
    octets = path.read_bytes()
    assert b"CANARY" not in octets
    assert b"Traceback" not in octets
    parsed = email.message_from_bytes(octets, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def action(path: Path) -> str:
    return str(list(notice(path).iter_parts())[1].get_payload()[1]["Action"])


# --- what must not leave


@pytest.mark.parametrize("reason", [Reason.PAIR_NOT_ALLOWED, Reason.KEY_REVOKED, Reason.CHANNEL_NOT_VALID])
async def test_what_is_no_longer_allowed_is_held_and_nothing_is_sent(
    tower: Tower, queue: Queue, hop: NextHop, reason: Reason
) -> None:
    """No key, and the message is gone without a word (Zeyple): here it stays, and the sender hears of it."""
    await put(queue)
    tower.judge = lambda _: Verdict(reason=reason, rule="channels")
    await tower.work()
    assert hop.sent == []
    (held,) = await tower.copies()
    assert (held.state, held.held_because) == (State.HELD, reason.value)
    (line,) = tower.lines.records
    assert line.event.value == "held"
    assert (line.fields["reason"], line.fields["policy"]) == (reason, REVISION)
    (told,) = tower.notices()
    assert action(told) == "delayed"
    assert "Stoppad tills vidare" in str(notice(told)["Subject"])


async def test_a_judge_that_fails_lets_nothing_leave(tower: Tower, queue: Queue, hop: NextHop) -> None:
    await put(queue)

    def broken(_: object) -> Verdict:
        raise ZeroDivisionError("secret of the inside")

    tower.judge = broken
    await tower.work()
    assert hop.sent == []
    (kept,) = await tower.copies()
    assert kept.state is State.READY
    assert kept.last_reply == "4.3.0 a fault in this gateway; its log says more"
    assert tower.lines.events == ["deferred"]


async def test_without_a_decision_log_relaying_stops(tower: Tower, queue: Queue, hop: NextHop) -> None:
    await put(queue)
    tower.lines.broken = True
    with pytest.raises(LogUnavailable):
        await tower.work()
    await put(queue, LYCKORNA)
    assert len(hop.sent) == 1
    assert len(await tower.copies()) == 2


async def test_no_route_is_deferred_with_a_clear_text(tower: Tower, queue: Queue, hop: NextHop) -> None:
    await put(queue, ABROAD)
    await tower.work()
    assert hop.sent == []
    (kept,) = await tower.copies()
    assert kept.last_reply == "4.4.4 no route is configured for example.org, and no default"


async def test_pending_copies_are_left_alone(tower: Tower, queue: Queue, hop: NextHop) -> None:
    await queue.insert_pending(message(), [copy()])
    await tower.work()
    assert hop.sent == []


# --- outcomes


async def test_a_relayed_copy_is_logged_and_gone(tower: Tower, queue: Queue, hop: NextHop) -> None:
    queue_id = await put(queue, notify=frozenset({Notify.SUCCESS}), original_recipient="rfc822;x@y.se")
    await tower.work()
    assert await tower.copies() == []
    (line,) = tower.lines.records
    assert line.event.value == "relayed"
    assert line.fields["queue_id"] == queue_id
    assert line.fields["recipient"] == BRINKEN
    assert line.fields["next_hop"] == HOP
    assert line.fields["reply"] == "250 2.0.0 queued"
    assert line.fields["attempt"] == 1
    assert line.fields["policy"] == REVISION
    assert tower.notices() == []  # the next hop took the notice over
    (sent,) = hop.sent
    assert sent.octets == OUTER
    assert sent.ret == "HDRS"
    assert sent.envid is not None
    assert len(sent.envid) == 32
    assert "@" not in sent.envid
    assert sent.original_recipient == f"rfc822;{BRINKEN}"  # not what the client wrote


async def test_success_is_told_only_where_the_next_hop_cannot(
    tower: Tower, queue: Queue, hop: NextHop
) -> None:
    hop.answer = lambda _: replace(TAKEN, notify_taken=False)
    await put(queue, notify=frozenset({Notify.SUCCESS}))
    await put(queue, LYCKORNA)
    await tower.work()
    (told,) = tower.notices()
    assert action(told) == "relayed"
    assert await tower.copies() == []


async def test_a_deferred_copy_waits_its_turn(tower: Tower, queue: Queue, hop: NextHop) -> None:
    hop.answer = lambda _: LATER
    await put(queue)
    await tower.work()
    (kept,) = await tower.copies()
    assert (kept.attempts, kept.next_attempt_at, kept.last_reply) == (1, NOW + 30, LATER.reply)
    assert tower.lines.events == ["deferred"]
    assert tower.notices() == []
    assert tower.pauses[-1] == 30
    await tower.work(at=NOW + 29)
    assert len(hop.sent) == 1
    await tower.work(at=NOW + 30)
    assert [line.fields["attempt"] for line in tower.lines.records] == [1, 2]


async def test_a_refused_copy_is_bounced_and_the_other_relayed(
    tower: Tower, queue: Queue, hop: NextHop
) -> None:
    """A failure notice also for the recipient who got the mail."""
    hop.answer = lambda outgoing: NEVER if outgoing.recipient == BRINKEN else TAKEN
    it = message()
    await queue.insert_pending(it, [copy(BRINKEN, sealed=OUTER), copy(LYCKORNA, sealed=OUTER)])
    await queue.make_ready(it.queue_id, now=NOW)
    await tower.work()
    assert sorted(tower.lines.events) == ["bounced", "relayed"]
    assert await tower.copies() == []
    (told,) = tower.notices()
    octets = told.read_bytes()
    assert b"vcbrinken" in octets
    assert b"vclyckorna" not in octets
    assert octets.startswith(b"Return-Path: <>\n")
    parsed = notice(told)
    assert parsed["References"] == "<inner@motala.se>"
    text = next(parsed.iter_parts()).get_content()
    assert "Vårdcentralen Brinken" in text
    assert "010-103 00 00" in text


@pytest.mark.parametrize("notify", [{Notify.NEVER}, {Notify.DELAY}, {Notify.SUCCESS}])
async def test_a_bounce_that_nobody_wants_to_hear_of_is_logged_only(
    tower: Tower, queue: Queue, hop: NextHop, notify: set[Notify]
) -> None:
    hop.answer = lambda _: NEVER
    await put(queue, notify=frozenset(notify))
    await tower.work()
    assert tower.lines.events == ["bounced"]
    assert tower.notices() == []
    assert await tower.copies() == []


async def test_from_first_attempt_to_warning_to_giving_up(tower: Tower, queue: Queue, hop: NextHop) -> None:
    """No message is ever just gone: silence ends in one warning and one bounce."""
    hop.answer = lambda _: Deferred(reply="4.7.5 TLS to mx:25: its certificate has expired", next_hop=HOP)
    await put(queue)
    for _ in range(200):
        copies = await tower.copies()
        if not copies:
            break
        await tower.work(at=max(tower.now, copies[0].next_attempt_at))
    assert tower.now == NOW + 172_800
    assert set(tower.lines.events[:-1]) == {"deferred"}
    assert tower.lines.events[-1] == "bounced"
    delayed, failed = tower.notices()
    assert (action(delayed), action(failed)) == ("delayed", "failed")
    text = next(notice(failed).iter_parts()).get_content()
    assert "certificate has expired" in text
    assert "känner inte till adressen" not in text
    status = list(notice(delayed).iter_parts())[1].get_payload()[1]
    assert status["Will-Retry-Until"] is not None


async def test_a_reply_that_holds_an_identity_number_is_not_logged(
    tower: Tower, queue: Queue, hop: NextHop
) -> None:
    hop.answer = lambda _: replace(LATER, reply="450 4.7.1 19121212-1212 not welcome")
    await put(queue)
    await tower.work()
    assert "19121212" not in str(tower.lines.records)


# --- faults


async def test_an_exception_in_one_copy_does_not_stop_the_others(
    tower: Tower, queue: Queue, hop: NextHop
) -> None:
    def answer(outgoing: Outgoing) -> Attempt:
        if outgoing.recipient == BRINKEN:
            raise ZeroDivisionError("secret of the inside")
        return TAKEN

    hop.answer = answer
    await put_ready(queue, BRINKEN)
    await put_ready(queue, LYCKORNA)
    await tower.work()
    (kept,) = await tower.copies()
    assert kept.recipient == BRINKEN
    assert kept.state is State.READY
    assert "secret" not in str(kept)
    assert "secret" not in str(tower.lines.records)


async def test_a_fault_of_ours_ends_in_a_bounce_that_tells_nothing_of_the_inside(
    tower: Tower, queue: Queue, hop: NextHop
) -> None:
    """A traceback in a bounce."""

    def broken(_: Outgoing) -> Attempt:
        raise ZeroDivisionError("secret of the inside")

    hop.answer = broken
    await put(queue)
    await tower.work(at=NOW + 172_800)
    assert tower.lines.events == ["bounced"]
    assert await tower.copies() == []
    (told,) = tower.notices()
    text = next(notice(told).iter_parts()).get_content()
    assert "Ett fel i den egna rörposten" in text
    assert b"secret" not in told.read_bytes()
    assert b"ZeroDivision" not in told.read_bytes()


async def test_a_copy_removed_during_its_attempt_is_let_go(tower: Tower, queue: Queue, hop: NextHop) -> None:
    queue_id = await put(queue)
    hop.gate.clear()
    run = asyncio.create_task(tower.relay.run())
    async with asyncio.timeout(5):
        while not hop.sent:
            await asyncio.sleep(0)
        await queue.finish(queue_id, BRINKEN)
        hop.gate.set()
        await tower.relay.drain()
        await run
    assert await tower.copies() == []
    assert tower.lines.events == ["relayed"]


async def test_a_relayed_copy_that_cannot_be_forgotten_is_not_sent_again(
    tower: Tower, queue: Queue, hop: NextHop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(queue)

    async def full(*_: object) -> None:
        raise QueueUnavailable("the store cannot be written")

    with monkeypatch.context() as patched:
        patched.setattr(queue, "finish", full)
        await tower.work()
    assert len(await tower.copies()) == 1
    await tower.work(at=NOW + 4000)
    assert await tower.copies() == []
    assert len(hop.sent) == 1


async def test_a_queue_that_cannot_be_read_does_not_end_the_loop(
    tower: Tower, queue: Queue, hop: NextHop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(queue)

    async def unreadable(**_: object) -> None:
        raise QueueUnavailable("the store cannot be read")

    with monkeypatch.context() as patched:
        patched.setattr(queue, "claim", unreadable)
        await tower.work()
    await tower.work()
    assert await tower.copies() == []
    assert len(hop.sent) == 1


class Unwritable:
    def __init__(self) -> None:
        self.calls = 0

    async def deliver(
        self, recipient: str, octets: bytes, *, reverse_path: str, unique: str
    ) -> DeliveryOutcome:
        self.calls += 1
        return DeferredDelivery(reply="4.3.0 the mailbox cannot be written", next_hop="maildir")


async def test_a_bounce_whose_notice_cannot_be_delivered_stays_and_is_told_later(
    tower: Tower, queue: Queue, hop: NextHop
) -> None:
    hop.answer = lambda _: NEVER
    await put(queue)
    tower.delivery = Unwritable()
    tower.start()
    await tower.work()
    (kept,) = await tower.copies()
    assert kept.bounced_at == NOW
    assert kept.last_reply == NEVER.reply
    tower.delivery = None
    tower.start()
    await tower.work(at=NOW + 3600)
    assert await tower.copies() == []
    assert tower.lines.events == ["bounced"]
    assert len(hop.sent) == 1
    (told,) = tower.notices()
    assert "5.1.1" in told.read_text()


async def test_a_warning_that_cannot_be_delivered_is_told_after_the_next_attempt(
    tower: Tower, queue: Queue, hop: NextHop
) -> None:
    hop.answer = lambda _: LATER
    await put(queue)
    tower.delivery = Unwritable()
    tower.start()
    await tower.work(at=NOW + 3600)
    (kept,) = await tower.copies()
    assert kept.warned_at is None
    tower.delivery = None
    tower.start()
    await tower.work(at=kept.next_attempt_at)
    assert [action(path) for path in tower.notices()] == ["delayed"]
    await tower.work(at=tower.now + 7200)
    assert len(tower.notices()) == 1


class _Killed(BaseException):
    """Stands for `kill -9`: nothing catches it."""


class DiesAfterDelivery(MaildirDelivery):
    async def deliver(
        self, recipient: str, octets: bytes, *, reverse_path: str, unique: str
    ) -> DeliveryOutcome:
        await super().deliver(recipient, octets, reverse_path=reverse_path, unique=unique)
        raise _Killed


@pytest.mark.parametrize("step", ["line", "mark_bounced", "delivery", "finish"])
async def test_a_crash_between_any_two_steps_of_a_bounce_makes_one_notice(
    tower: Tower, queue: Queue, hop: NextHop, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    hop.answer = lambda _: NEVER
    await put(queue)
    with monkeypatch.context() as patched:
        if step == "delivery":
            tower.delivery = DiesAfterDelivery(tower.mail)
            tower.start()
        else:
            owner, method = (tower.lines, "append") if step == "line" else (queue, step)
            original = getattr(owner, method)

            async def then_die(*args: object, **named: object) -> None:
                await original(*args, **named)
                raise _Killed

            patched.setattr(owner, method, then_die)
        run = asyncio.create_task(tower.relay.run())
        async with asyncio.timeout(5):
            while not tower.relay._tasks:
                await asyncio.sleep(0)
            (victim,) = tower.relay._tasks
            with pytest.raises(_Killed):
                await victim
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
    await queue.release_claims("gw1")
    tower.delivery = None
    tower.start()
    await tower.work(at=NOW + 60)
    assert await tower.copies() == []
    assert len(tower.notices()) == 1
    assert action(tower.notices()[0]) == "failed"
    assert tower.lines.events[0] == "bounced"


# --- concurrency


async def test_no_more_attempts_at_a_next_hop_than_it_has_connections(
    tower: Tower, queue: Queue, hop: NextHop
) -> None:
    for _ in range(20):
        await put(queue)
    hop.gate.clear()
    working = asyncio.create_task(tower.work())
    async with asyncio.timeout(10):
        while hop.at_once < 2:
            await asyncio.sleep(0)
    hop.gate.set()
    await working
    assert hop.most_at_once == 2
    assert len(hop.sent) == 20
    assert await tower.copies() == []


async def test_a_dead_next_hop_holds_up_nobody_else(queue: Queue, tmp_path: Path) -> None:
    dead = NextHop()
    dead.gate.clear()
    alive = NextHop()
    other = Route(host="default", port=25, hostname="gw.motala.se")

    class Both:
        async def send(self, route: Route, outgoing: Outgoing) -> Attempt:
            return await (dead if route is ROUTE else alive).send(route, outgoing)

        async def close(self) -> None:
            pass

    routes = Routes(default=other, by_domain={"regionostergotland.se": ROUTE})
    tower = Tower(queue=queue, client=Both(), routes=routes, mail=tmp_path / "mail")
    for _ in range(40):
        await put(queue, BRINKEN)
    for _ in range(40):
        await put(queue, ABROAD)
    run = asyncio.create_task(tower.relay.run())
    async with asyncio.timeout(20):
        while len(tower.lines.records) < 40:
            await asyncio.sleep(0)
    assert len(dead.sent) == 2
    assert sum(name.endswith(BRINKEN) for name in tower.relay._in_hand) <= 8
    dead.gate.set()
    async with asyncio.timeout(20):
        await tower.relay.drain()
        await run


async def test_a_lease_too_short_for_an_attempt_is_not_used(
    queue: Queue, hop: NextHop, tmp_path: Path
) -> None:
    limits = RelayLimits(lease_seconds=100, attempt_seconds=200)
    tower = Tower(queue=queue, client=hop, routes=ROUTES, mail=tmp_path / "mail", limits=limits)
    await put(queue)
    await tower.work()
    assert hop.sent == []
    (kept,) = await tower.copies()
    assert kept.state is State.CLAIMED


async def test_drain_finishes_what_is_in_hand_and_begins_nothing(
    tower: Tower, queue: Queue, hop: NextHop
) -> None:
    for _ in range(6):
        await put(queue)
    hop.gate.clear()
    run = asyncio.create_task(tower.relay.run())
    async with asyncio.timeout(5):
        while len(hop.sent) < 2:
            await asyncio.sleep(0)
        drained = asyncio.create_task(tower.relay.drain())
        await asyncio.sleep(0)
        assert not drained.done()
        hop.gate.set()
        await drained
        await run
    assert len(hop.sent) == 2
    assert tower.lines.events == ["relayed", "relayed"]
    assert len(await tower.copies()) == 4


async def test_drain_breaks_off_what_takes_longer_than_its_grace(
    tower: Tower, queue: Queue, hop: NextHop
) -> None:
    await put(queue)
    hop.gate.clear()
    run = asyncio.create_task(tower.relay.run())
    async with asyncio.timeout(5):
        while not hop.sent:
            await asyncio.sleep(0)
        await tower.relay.drain(grace_seconds=0)
        await run
    (kept,) = await tower.copies()
    assert kept.state is State.CLAIMED  # released at the next start


async def test_notify_ready_wakes_the_loop(tower: Tower, queue: Queue, hop: NextHop) -> None:
    run = asyncio.create_task(tower.relay.run())
    async with asyncio.timeout(5):
        while not tower.pauses:
            await asyncio.sleep(0)
        assert tower.pauses == [60]
        await put(queue)
        tower.relay.notify_ready()
        while not tower.lines.records:
            await asyncio.sleep(0)
        await tower.relay.drain()
        await run


async def test_waiting_ends_with_the_event_or_the_time() -> None:
    event = asyncio.Event()
    await wait_on(event, 0.001)
    event.set()
    async with asyncio.timeout(5):
        await wait_on(event, 3600)
