"""Notices on their way: each person for itself, tried again, given up in the end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from rorpost_gateway.reply import Language
from rorpost_gateway.smtp_client.base import Attempt, Deferred, Failed, Outgoing, Relayed, Route, TlsMode
from rorpost_gateway.supervision.base import NOTICE_WAITS_SECONDS
from rorpost_gateway.supervision.deadlines import Deadline
from rorpost_gateway.supervision.telling import MOST_WAITING, Letters, Notices
from tests.peers.watched_mailboxes import HOME_CARE, MANAGER, ON_DUTY, watched

DEADLINE = Deadline(
    mailbox=HOME_CARE, at=datetime(2026, 5, 6, 6, tzinfo=UTC), local="2026-05-06T08:00:00+02:00"
)
ROUTE = Route(host="127.0.0.1", port=25, hostname="gw.motala.se", tls=TlsMode.OFF)
RELAYED = Relayed(reply="250 2.0.0 taken", next_hop="[127.0.0.1]:25")
LATER = Deferred(reply="451 4.3.0 later", next_hop="[127.0.0.1]:25")
NEVER = Failed(reply="550 5.1.1 nobody", next_hop="[127.0.0.1]:25")


class Post:
    """A `Client` that answers as it is told; the last answer goes on."""

    def __init__(self, *answers: Attempt | Exception) -> None:
        self.answers = list(answers)
        self.sent: list[Outgoing] = []

    async def send(self, route: Route, outgoing: Outgoing) -> Attempt:
        self.sent.append(outgoing)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None: ...


class Desk:
    def __init__(self, *answers: Attempt | Exception) -> None:
        self.now = DEADLINE.at.timestamp()
        self.post = Post(*answers)
        letters = Letters(
            client=self.post,
            route=ROUTE,
            sender="rorpost.vakt@motala.se",
            zone=ZoneInfo("Europe/Stockholm"),
            language=Language.SV,
        )
        self.waits: list[float] = []
        self.notices = Notices(letters, now=lambda: self.now, wait_until=self._wait_until)

    async def _wait_until(self, moment: float) -> None:
        self.waits.append(moment - self.now)
        self.now = moment

    @property
    def recipients(self) -> list[str]:
        return [outgoing.recipient for outgoing in self.post.sent]


async def test_those_on_duty_hear_each_for_themselves() -> None:
    desk = Desk(RELAYED)
    desk.notices.missed(watched(HOME_CARE, on_duty=(ON_DUTY, "kvall@motala.se")), DEADLINE, 2)
    await desk.notices.send_due()
    assert sorted(desk.recipients) == ["kvall@motala.se", ON_DUTY]
    assert {outgoing.reverse_path for outgoing in desk.post.sent} == {""}
    assert desk.notices.waiting == 0
    assert desk.notices.outcomes == {"sent": 2, "deferred": 0, "failed": 0}


async def test_where_nobody_is_on_duty_the_manager_hears_at_once() -> None:
    desk = Desk(RELAYED)
    desk.notices.missed(watched(HOME_CARE, on_duty=()), DEADLINE, 2)
    await desk.notices.send_due()
    assert desk.recipients == [MANAGER]


async def test_where_there_is_nobody_at_all_the_operator_hears() -> None:
    desk = Desk(RELAYED)
    with capture_logs() as said:
        desk.notices.missed(watched(HOME_CARE, on_duty=(), manager=None), DEADLINE, 2)
    assert [entry["event"] for entry in said] == ["nobody-to-tell"]
    assert desk.notices.waiting == 0


async def test_one_that_is_deferred_is_the_same_message_when_it_is_tried_again() -> None:
    desk = Desk(LATER, RELAYED)
    desk.notices.missed(watched(HOME_CARE), DEADLINE, 2)
    await desk.notices.send_due()
    await desk.notices.send_due()  # not yet
    assert (len(desk.post.sent), desk.notices.waiting) == (1, 1)
    desk.now += 30
    await desk.notices.send_due()
    ids = {
        line for sent in desk.post.sent for line in sent.octets.split(b"\r\n") if line[:11] == b"Message-ID:"
    }
    assert (len(desk.post.sent), len(ids), desk.notices.waiting) == (2, 1, 0)


async def test_it_is_given_up_after_half_a_day() -> None:
    desk = Desk(LATER)
    desk.notices.missed(watched(HOME_CARE), DEADLINE, 2)
    begin = desk.now
    with capture_logs() as said:
        async with sending(desk):
            async with asyncio.timeout(10):
                while desk.notices.waiting:
                    await asyncio.sleep(0)
    assert desk.now - begin == pytest.approx(NOTICE_WAITS_SECONDS, abs=900)
    assert said[-1]["event"] == "notice-failed"
    assert desk.notices.outcomes["failed"] == 1
    assert desk.waits[:6] == [30, 60, 120, 240, 480, 900]


@asynccontextmanager
async def sending(desk: Desk) -> AsyncIterator[None]:
    task = asyncio.create_task(desk.notices.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("answer", [NEVER, RuntimeError("unforeseen")])
async def test_one_that_is_refused_keeps_nobody_else_from_hearing(answer: Attempt | Exception) -> None:
    desk = Desk(answer, RELAYED)
    desk.notices.missed(watched(HOME_CARE, on_duty=("fel@motala.se", ON_DUTY)), DEADLINE, 2)
    with capture_logs():
        await desk.notices.send_due()
    assert desk.notices.outcomes == {"sent": 1, "deferred": 0, "failed": 1}
    assert desk.notices.waiting == 0


async def test_a_newer_notice_takes_the_place_of_one_that_has_not_got_out() -> None:
    desk = Desk(LATER, RELAYED)
    desk.notices.missed(watched(HOME_CARE, on_duty=()), DEADLINE, 2)
    await desk.notices.send_due()
    desk.notices.still_unread(watched(HOME_CARE, on_duty=()), DEADLINE, 3)
    await desk.notices.send_due()
    assert desk.notices.waiting == 0
    assert [b"3" in sent.octets.split(b"meddelanden: ")[1][:2] for sent in desk.post.sent] == [False, True]


async def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rorpost_gateway.supervision.telling.MOST_WAITING", 3)
    desk = Desk(LATER)
    for number in range(9):
        desk.notices.missed(watched(f"rorpost.x{number}@motala.se"), DEADLINE, 1)
    assert desk.notices.waiting == 3
    assert MOST_WAITING > 1000


async def test_one_that_comes_while_it_waits_is_sent_at_once() -> None:
    desk = Desk(RELAYED)
    async with sending(desk):
        await asyncio.sleep(0)
        desk.notices.missed(watched(HOME_CARE), DEADLINE, 1)
        async with asyncio.timeout(10):
            while not desk.post.sent:
                await asyncio.sleep(0)
    assert desk.recipients == [ON_DUTY]
