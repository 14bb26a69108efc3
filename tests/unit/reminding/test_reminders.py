"""Reminders on their way: one mail a manager, each once over restarts, whoever else cannot be told."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from rorpost_gateway.errors import LogUnavailable
from rorpost_gateway.reminding.base import Ending, Told
from rorpost_gateway.reminding.reminders import Letters, Reminders
from rorpost_gateway.reply import Language
from rorpost_gateway.smtp_client.base import Attempt, Deferred, Failed, Outgoing, Relayed, Route, TlsMode

STOCKHOLM = ZoneInfo("Europe/Stockholm")
ROUTE = Route(host="127.0.0.1", port=25, hostname="gw.motala.se", tls=TlsMode.OFF)
RELAYED = Relayed(reply="250 2.0.0 taken", next_hop="[127.0.0.1]:25")
LATER = Deferred(reply="451 4.3.0 later", next_hop="[127.0.0.1]:25")
NEVER = Failed(reply="550 5.1.1 nobody", next_hop="[127.0.0.1]:25")
EVA, ULF = "eva.ek@motala.se", "ulf.dahl@motala.se"
LAST = date(2026, 12, 31)
ANNA = Ending(
    mailbox="rorpost.hemsjukvarden@motala.se",
    mailbox_name="Hemsjukvården",
    user="anna.berg@motala.se",
    name="Anna Berg",
    valid_from=date(2026, 1, 1),
    valid_until=LAST,
    recipient=EVA,
)
BO = replace(ANNA, user="bo.lind@motala.se", mailbox="rorpost.bistand@motala.se")
CARL = replace(ANNA, user="carl.ros@motala.se", recipient=ULF)


class Book:
    """A journal that outlives the desk."""

    def __init__(self) -> None:
        self.lines: list[Told] = []
        self.broken = False

    async def past(self, *, since: datetime) -> Sequence[Told]:
        if self.broken:
            raise LogUnavailable("no log")
        return list(self.lines)

    async def write(self, sent: Sequence[Ending], *, day: date) -> None:
        if self.broken:
            raise LogUnavailable("no log")
        self.lines += [
            Told(mailbox=e.mailbox, user=e.user, valid_until=e.valid_until, days_left=e.days_left(day))
            for e in sent
        ]


class Desk:
    """`answers` by recipient; whoever is not among them takes everything."""

    def __init__(self, book: Book, *endings: Ending, answers: dict[str, Attempt | Exception] | None = None):
        self.now = datetime(2026, 12, 1, 8, tzinfo=UTC).timestamp()
        self.answers = answers or {}
        self.sent: list[Outgoing] = []
        self.asked: list[int] = []
        self.endings = list(endings)
        letters = Letters(
            client=self,
            route=ROUTE,
            sender="rorpost.vakt@motala.se",
            zone=STOCKHOLM,
            language=Language.SV,
            steps_days=(30, 7),
        )
        self.reminders = Reminders(
            letters, endings=self._endings, journal=book, now=lambda: self.now, wait_until=self._wait_until
        )

    def _endings(self, days: int) -> list[Ending]:
        self.asked.append(days)
        return self.endings

    async def _wait_until(self, moment: float) -> None:
        self.now = moment
        await asyncio.sleep(0)

    async def send(self, route: Route, outgoing: Outgoing) -> Attempt:
        self.sent.append(outgoing)
        answer = self.answers.get(outgoing.recipient, RELAYED)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None: ...

    @property
    def recipients(self) -> list[str]:
        return [outgoing.recipient for outgoing in self.sent]


async def test_one_mail_a_manager_and_a_line_each() -> None:
    book = Book()
    desk = Desk(book, ANNA, CARL, BO)
    await desk.reminders.remind()
    assert desk.recipients == [EVA, ULF]
    assert {outgoing.reverse_path for outgoing in desk.sent} == {""}
    assert b"anna.berg" in desk.sent[0].octets
    assert b"bo.lind" in desk.sent[0].octets
    assert {(told.user, told.days_left) for told in book.lines} == {
        (each.user, 30) for each in (ANNA, BO, CARL)
    }
    assert desk.asked == [30]
    assert desk.reminders.outcomes == {"sent": 2, "deferred": 0, "failed": 0}


async def test_once_whatever_is_restarted() -> None:
    book = Book()
    for _ in range(3):
        desk = Desk(book, ANNA)
        await desk.reminders.remind()
        await desk.reminders.remind()
    assert len(book.lines) == 1
    assert desk.recipients == []
    desk.now += timedelta(days=23).total_seconds()
    await desk.reminders.remind()
    assert desk.recipients == [EVA]
    assert [told.days_left for told in book.lines] == [30, 7]


async def test_nobody_is_told_at_night() -> None:
    desk = Desk(Book(), ANNA)
    desk.now = datetime(2026, 12, 2, 6, 59, tzinfo=STOCKHOLM).timestamp()
    await desk.reminders.remind()
    assert desk.recipients == []
    desk.now += 60
    await desk.reminders.remind()
    assert desk.recipients == [EVA]


@pytest.mark.parametrize("answer", [LATER, NEVER, RuntimeError("boom")])
async def test_who_cannot_be_told_keeps_nobody_else_from_hearing(answer: Attempt | Exception) -> None:
    book = Book()
    desk = Desk(book, ANNA, CARL, answers={EVA: answer})
    await desk.reminders.remind()
    assert desk.recipients == [EVA, ULF]
    assert [told.user for told in book.lines] == [CARL.user]
    desk.now += 3600
    desk.answers.clear()
    await desk.reminders.remind()
    assert desk.recipients[2:] == ([EVA] if answer is LATER else [])
    desk.now += 24 * 3600
    await desk.reminders.remind()
    assert desk.recipients.count(EVA) == 2
    assert len(book.lines) == 2


async def test_without_a_log_nobody_is_told() -> None:
    book = Book()
    book.broken = True
    desk = Desk(book, ANNA)
    with pytest.raises(LogUnavailable):
        await desk.reminders.remind()
    assert desk.recipients == []


async def test_a_log_that_takes_no_line_does_not_make_a_mail_an_hour() -> None:
    book = Book()
    desk = Desk(book)
    await desk.reminders.remind()  # reads the log
    book.broken, desk.endings = True, [ANNA]
    with pytest.raises(LogUnavailable):
        await desk.reminders.remind()
    await desk.reminders.remind()
    assert desk.recipients == [EVA]


async def test_it_goes_on_for_weeks() -> None:
    book = Book()
    desk = Desk(book, ANNA, answers={EVA: LATER})
    task = asyncio.create_task(desk.reminders.run())
    until = desk.now + timedelta(days=33).total_seconds()
    async with asyncio.timeout(20):
        while desk.now < until:
            await asyncio.sleep(0)
            if len(desk.sent) == 5:
                desk.answers.clear()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert [told.days_left for told in book.lines] == [30, 7]
    assert len(desk.sent) == 7
