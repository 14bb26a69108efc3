"""The watch by a clock of the test's: each deadline one line, whatever happens; nothing asked about twice."""

import asyncio
import resource
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Self

import pytest
from structlog.testing import capture_logs

from rorpost_gateway.imap.base import ImapLoginFailed, ImapTooLarge
from rorpost_gateway.supervision.base import Settings
from rorpost_gateway.supervision.deadlines import Outcome
from rorpost_gateway.supervision.duty import NOT_RUNNING
from rorpost_gateway.supervision.watch import Watch
from tests.peers.watched_mailboxes import (
    DISTRICT,
    HOME_CARE,
    MemorySession,
    Store,
    World,
    at,
    unavailable,
    watched,
)

WEDNESDAY = "2026-05-06"


def world(*mailboxes: object, now: str = f"{WEDNESDAY} 07:00", **more: object) -> World:
    chosen = mailboxes or (watched(HOME_CARE, "08:00", "13:00"),)
    return World(mailboxes=tuple(chosen), now=at(now), **more)  # type: ignore[arg-type]


async def test_mail_unread_at_the_deadline_is_a_missed_deadline() -> None:
    made = world()
    made.store.inbox(HOME_CARE).add(at(f"{WEDNESDAY} 07:30"))
    made.store.inbox(HOME_CARE).add(at(f"{WEDNESDAY} 07:10"), seen=True)
    async with made.running():
        await made.go_to(at(f"{WEDNESDAY} 08:00"))
    (line,) = made.lines
    assert (line.mailbox, line.deadline) == (HOME_CARE, f"{WEDNESDAY}T08:00:00+02:00")
    assert (line.outcome, line.unread, line.in_inbox, line.in_sent) == (Outcome.MISSED, 1, 2, None)
    assert line.oldest_unread == at(f"{WEDNESDAY} 07:30")
    assert line.oldest == at(f"{WEDNESDAY} 07:10")
    assert (line.foreign, line.cause) == (2, None)


async def test_what_was_read_or_came_afterwards_does_not_make_it_missed() -> None:
    made = world()
    inbox = made.store.inbox(HOME_CARE)
    inbox.add(at(f"{WEDNESDAY} 07:30"), seen=True)
    async with made.running():
        await made.go_to(at(f"{WEDNESDAY} 07:59"))
        inbox.add(at(f"{WEDNESDAY} 08:00") + timedelta(seconds=1))
        await made.go_to(at(f"{WEDNESDAY} 08:00"))
    assert made.outcomes() == [(f"{WEDNESDAY} 08:00", "met")]


async def test_the_look_is_made_at_the_end_of_the_grace() -> None:
    made = world(settings=Settings(grace_seconds=600))
    inbox = made.store.inbox(HOME_CARE)
    inbox.add(at(f"{WEDNESDAY} 07:30"))
    async with made.running():
        await made.go_to(at(f"{WEDNESDAY} 08:09"))
        assert not made.lines
        inbox.read()
        inbox.add(at(f"{WEDNESDAY} 08:05"))
        await made.go_to(at(f"{WEDNESDAY} 08:10"))
    assert made.outcomes() == [(f"{WEDNESDAY} 08:00", "met")]


async def test_a_day_has_one_line_for_each_deadline_however_many_rounds_there_are() -> None:
    made = world(watched(HOME_CARE, "08:00", "13:00"), watched(DISTRICT, "08:00"), watched("rorpost.x@m.se"))
    async with made.running():
        await made.go_to(at("2026-05-07 07:00"))
    assert sorted(made.outcomes()) == [
        (f"{WEDNESDAY} 08:00", "met"),
        (f"{WEDNESDAY} 08:00", "met"),
        (f"{WEDNESDAY} 13:00", "met"),
    ]
    assert made.store.opened.count("rorpost.x@m.se") == 97  # each quarter of an hour


async def test_nobody_is_judged_on_a_holiday() -> None:
    made = world(now="2026-06-18 12:00")
    async with made.running():
        await made.go_to(at("2026-06-22 12:00"))  # over Midsummer's Eve, a Friday
    assert made.outcomes() == [("2026-06-18 13:00", "met"), ("2026-06-22 08:00", "met")]


async def test_a_message_is_asked_about_once_only() -> None:
    made = world()
    inbox = made.store.inbox(HOME_CARE)
    first = inbox.add(at(f"{WEDNESDAY} 07:00"))
    async with made.running():
        second = inbox.add(at(f"{WEDNESDAY} 07:40"))
        await made.go_to(at(f"{WEDNESDAY} 12:00"))
    assert made.store.asked == [first, second]


async def test_another_uidvalidity_makes_everything_new() -> None:
    made = world()
    inbox = made.store.inbox(HOME_CARE)
    inbox.add(at(f"{WEDNESDAY} 07:00"))
    async with made.running():
        inbox.uid_validity = 2
        inbox.messages[1].arrived_at = at(f"{WEDNESDAY} 06:00")
        await made.go_to(at(f"{WEDNESDAY} 07:30"))
        (standing,) = made.watch.standings
    assert made.store.asked == [1, 1]
    assert standing.contents is not None
    assert standing.contents.inbox.oldest_at == at(f"{WEDNESDAY} 06:00")


async def test_there_are_never_more_sessions_than_allowed_and_never_two_for_one_mailbox() -> None:
    many = [watched(f"rorpost.enhet{number}@motala.se", "08:00") for number in range(40)]
    made = world(*many, settings=Settings(connections=7, interval_seconds=900))
    async with made.running():
        await made.go_to(at(f"{WEDNESDAY} 08:05"))
    assert made.store.most_open == 7
    assert not made.store.twice
    assert len(made.lines) == 40


async def test_a_deadline_comes_before_the_rest_of_a_round() -> None:
    others = [watched(f"rorpost.enhet{number}@motala.se") for number in range(5)]
    made = world(*others, watched(HOME_CARE, "08:00"), settings=Settings(connections=1))
    async with made.running():
        made.store.opened.clear()
        made.store.before_look[others[0].address] = hold = asyncio.Event()
        made.watch.tick()  # the round is not due yet: nothing
        made._goal = at(f"{WEDNESDAY} 08:00")
        made._more.set()
        await made.until(lambda: made.store.open_now == [others[0].address])
        made.now = at(f"{WEDNESDAY} 08:00")
        made.watch.tick()
        hold.set()
        await made.go_to(at(f"{WEDNESDAY} 08:01"))
    assert made.store.opened[:2] == [others[0].address, HOME_CARE]


async def test_a_failing_mailbox_keeps_nobody_else_from_being_looked_into() -> None:
    made = world(watched(HOME_CARE, "08:00"), watched(DISTRICT, "08:00"))
    made.store.broken[HOME_CARE] = ImapLoginFailed("imap.example:143: the login is not taken")
    with capture_logs() as said:
        async with made.running():
            await made.go_to(at(f"{WEDNESDAY} 09:00"))
            up = {each.watched.address: each.is_up for each in made.watch.standings}
    assert up == {HOME_CARE: False, DISTRICT: True}
    lines = {line.mailbox: line for line in made.lines}
    assert lines[DISTRICT].outcome is Outcome.MET
    failed = lines[HOME_CARE]
    assert (failed.outcome, failed.unread, failed.foreign) == (Outcome.UNKNOWN, None, None)
    assert failed.cause == "imap.example:143: the login is not taken"
    events = [entry["event"] for entry in said if entry.get("mailbox") == HOME_CARE]
    assert events == ["mailbox-not-looked-into", "reading-deadline-unknown"]  # not once a look


async def test_a_server_that_comes_back_in_time_costs_no_deadline() -> None:
    made = world()
    async with made.running():
        made.store.broken[HOME_CARE] = unavailable()
        await made.go_to(at(f"{WEDNESDAY} 08:02"))
        assert not made.lines
        del made.store.broken[HOME_CARE]
        await made.go_to(at(f"{WEDNESDAY} 08:04"))
        (standing,) = made.watch.standings
    assert made.outcomes() == [(f"{WEDNESDAY} 08:00", "met")]
    assert standing.is_up


async def test_what_nobody_foresaw_ends_one_look_and_not_the_watch() -> None:
    made = world(watched(HOME_CARE, "08:00"), watched(DISTRICT, "08:00"))
    made.store.broken[HOME_CARE] = RuntimeError("the answer was 42")
    async with made.running():
        await made.go_to(at(f"{WEDNESDAY} 08:06"))
        del made.store.broken[HOME_CARE]
        await made.go_to(at(f"{WEDNESDAY} 09:00"))
        assert all(standing.is_up for standing in made.watch.standings)
    causes = {line.mailbox: line.cause for line in made.lines}
    assert causes == {HOME_CARE: "internal fault", DISTRICT: None}


async def test_many_that_fail_together_cost_no_more_ticks_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = []
    monkeypatch.setattr(Watch, "tick", lambda watch, tick=Watch.tick: ticks.append(tick(watch)))
    many = [watched(f"rorpost.enhet{number}@motala.se", "08:00") for number in range(60)]
    made = world(*many, settings=Settings(connections=1))
    made.store.broken.update({each.address: unavailable() for each in many})
    async with made.running():
        await made.go_to(at(f"{WEDNESDAY} 07:59"))
        ticks.clear()
        await made.go_to(at(f"{WEDNESDAY} 08:00") + timedelta(seconds=30))
    assert len(ticks) < 12


async def test_a_log_that_takes_no_lines_ends_no_more_than_the_look() -> None:
    made = world(log_fails=True)
    async with made.running():
        await made.go_to(at(f"{WEDNESDAY} 08:00"))
    assert not made.lines
    assert not made.told  # nobody is told of what is not in the log


class TestRestarts:
    async def test_what_went_by_while_nothing_ran_is_unknown(self) -> None:
        made = world(now="2026-05-05 12:00")
        async with made.running():
            await made.go_to(at("2026-05-05 13:30"))
        again = await made.restarted(at(f"{WEDNESDAY} 14:00"))
        async with again.running():
            await again.go_to(at(f"{WEDNESDAY} 15:00"))
        assert again.outcomes() == [
            ("2026-05-05 13:00", "met"),
            (f"{WEDNESDAY} 08:00", "unknown"),
            (f"{WEDNESDAY} 13:00", "unknown"),
        ]
        assert {line.cause for line in again.lines[1:]} == {NOT_RUNNING}

    async def test_what_is_unread_still_was_missed_all_the_same(self) -> None:
        made = world(now="2026-05-05 12:00")
        async with made.running():
            await made.go_to(at("2026-05-05 13:30"))
        made.store.inbox(HOME_CARE).add(at(f"{WEDNESDAY} 07:00"))
        again = await made.restarted(at(f"{WEDNESDAY} 09:00"))
        async with again.running():
            pass
        assert again.outcomes()[1:] == [(f"{WEDNESDAY} 08:00", "missed")]

    async def test_a_deadline_that_has_its_line_gets_no_other(self) -> None:
        made = world()
        async with made.running():
            await made.go_to(at(f"{WEDNESDAY} 08:00"))
        for minute in (1, 2, 3):
            made = await made.restarted(at(f"{WEDNESDAY} 08:0{minute}"))
            async with made.running():
                pass
        assert made.outcomes() == [(f"{WEDNESDAY} 08:00", "met")]

    async def test_one_that_the_gateway_went_down_on_is_judged_at_the_start(self) -> None:
        made = world()
        async with made.running():
            await made.go_to(at(f"{WEDNESDAY} 07:59"))
        again = await made.restarted(at(f"{WEDNESDAY} 08:01"))
        async with again.running():
            pass
        assert again.outcomes() == [(f"{WEDNESDAY} 08:00", "met")]

    @pytest.mark.parametrize("start", ["08:00:00", "08:00:01", "07:59:59"])
    async def test_a_start_right_at_the_deadline(self, start: str) -> None:
        made = world()
        async with made.running():
            await made.go_to(at(f"{WEDNESDAY} 07:50"))
        made.store.inbox(HOME_CARE).add(at(f"{WEDNESDAY} 07:51"))
        again = await made.restarted(at(f"{WEDNESDAY} {start}"))
        async with again.running():
            await again.go_to(at(f"{WEDNESDAY} 09:00"))
        assert again.outcomes() == [(f"{WEDNESDAY} 08:00", "missed")]
        assert [who for who, *_ in again.told] == ["on duty", "manager"]

    async def test_a_week_is_as_far_back_as_it_goes(self) -> None:
        made = world(now="2026-04-20 12:00")
        async with made.running():
            await made.go_to(at("2026-04-20 13:30"))
        again = await made.restarted(at("2026-05-08 09:00"))
        async with again.running():
            pass
        assert again.outcomes()[1][0] == "2026-05-04 08:00"  # Friday the 1st is a holiday, then a weekend
        assert len(again.lines) == 10

    async def test_a_new_log_says_nothing_of_the_time_before_it(self) -> None:
        made = world(now=f"{WEDNESDAY} 12:00")
        async with made.running():
            await made.go_to(at(f"{WEDNESDAY} 13:00"))
        assert made.outcomes() == [(f"{WEDNESDAY} 13:00", "met")]


class TestReload:
    async def test_a_new_mailbox_is_watched_from_then_on(self) -> None:
        made = world()
        async with made.running():
            await made.go_to(at(f"{WEDNESDAY} 09:00"))
            made.mailboxes = (*made.mailboxes, watched(DISTRICT, "08:00", "10:00"))
            await made.go_to(at(f"{WEDNESDAY} 10:00"))
            assert {each.watched.address for each in made.watch.standings} == {HOME_CARE, DISTRICT}
        assert [(line.mailbox, line.deadline[11:16]) for line in made.lines] == [
            (HOME_CARE, "08:00"),
            (DISTRICT, "10:00"),
        ]

    async def test_other_times_count_at_once(self) -> None:
        made = world()
        async with made.running():
            made.mailboxes = (watched(HOME_CARE, "07:10"),)
            await made.go_to(at(f"{WEDNESDAY} 15:00"))
        assert made.outcomes() == [(f"{WEDNESDAY} 07:10", "met")]

    async def test_a_mailbox_that_is_gone_is_not_looked_into(self) -> None:
        made = world(watched(HOME_CARE, "08:00"), watched(DISTRICT, "08:00"))
        async with made.running():
            made.mailboxes = (watched(DISTRICT, "08:00"),)
            made.store.opened.clear()
            await made.go_to(at(f"{WEDNESDAY} 09:00"))
        assert set(made.store.opened) == {DISTRICT}
        assert [line.mailbox for line in made.lines] == [DISTRICT]

    async def test_one_that_goes_and_comes_back_while_it_is_looked_into_has_one_line(self) -> None:
        made = world(watched(HOME_CARE, "08:00"), watched(DISTRICT, "08:00"))
        async with made.running():
            everybody = made.mailboxes
            made.store.before_look[HOME_CARE] = hold = asyncio.Event()
            made._goal = at(f"{WEDNESDAY} 08:00")
            made._more.set()
            await made.until(lambda: HOME_CARE in made.store.open_now)
            for made.mailboxes in (everybody[1:], tuple(everybody)):
                made.watch.tick()
            hold.set()
            await made.go_to(at(f"{WEDNESDAY} 09:00"))
            assert len(made.watch.standings) == 2
        assert sorted(line.mailbox for line in made.lines) == [DISTRICT, HOME_CARE]


class TestTelling:
    async def test_those_on_duty_hear_at_once_and_the_manager_where_it_lasts(self) -> None:
        made = world()
        made.store.inbox(HOME_CARE).add(at(f"{WEDNESDAY} 07:30"))
        async with made.running():
            await made.go_to(at(f"{WEDNESDAY} 08:59"))
            assert made.told == [("on duty", HOME_CARE, f"{WEDNESDAY}T08:00", 1)]
            await made.go_to(at(f"{WEDNESDAY} 12:00"))
        assert made.told[1:] == [("manager", HOME_CARE, f"{WEDNESDAY}T08:00", 1)]

    async def test_the_manager_hears_nothing_where_it_has_been_read_meanwhile(self) -> None:
        made = world()
        inbox = made.store.inbox(HOME_CARE)
        inbox.add(at(f"{WEDNESDAY} 07:30"))
        async with made.running():
            await made.go_to(at(f"{WEDNESDAY} 08:30"))
            inbox.read()
            inbox.add(at(f"{WEDNESDAY} 08:31"))
            await made.go_to(at(f"{WEDNESDAY} 12:00"))
        assert [who for who, *_ in made.told] == ["on duty"]

    async def test_after_a_restart_whoever_may_not_have_heard_hears_if_it_is_unread_still(self) -> None:
        """A notice that waited was in memory only: twice is better than never."""
        made = world()
        made.store.inbox(HOME_CARE).add(at(f"{WEDNESDAY} 07:30"))
        async with made.running():
            await made.go_to(at(f"{WEDNESDAY} 08:30"))
        made.told.clear()
        made = await made.restarted(at(f"{WEDNESDAY} 08:40"))
        async with made.running():
            await made.go_to(at(f"{WEDNESDAY} 08:59"))
            assert made.told == [("on duty", HOME_CARE, f"{WEDNESDAY}T08:00", 1)]
            await made.go_to(at(f"{WEDNESDAY} 12:59"))
        assert [who for who, *_ in made.told] == ["on duty", "manager"]
        assert len(made.lines) == 1

    async def test_after_a_restart_nobody_hears_of_what_has_been_read(self) -> None:
        made = world()
        inbox = made.store.inbox(HOME_CARE)
        inbox.add(at(f"{WEDNESDAY} 07:30"))
        async with made.running():
            await made.go_to(at(f"{WEDNESDAY} 08:30"))
        made.told.clear()
        inbox.read()
        made = await made.restarted(at(f"{WEDNESDAY} 09:30"))
        async with made.running():
            inbox.add(at(f"{WEDNESDAY} 07:40"))
            await made.go_to(at(f"{WEDNESDAY} 12:59"))
        assert not made.told

    async def test_after_a_restart_nobody_hears_of_what_no_notice_can_have_waited_for(self) -> None:
        made = world(watched(HOME_CARE, "08:00"))
        made.store.inbox(HOME_CARE).add(at(f"{WEDNESDAY} 07:30"))
        async with made.running():
            await made.go_to(at(f"{WEDNESDAY} 21:30"))
        made.told.clear()
        made = await made.restarted(at(f"{WEDNESDAY} 22:00"))
        async with made.running():
            await made.go_to(at(f"{WEDNESDAY} 23:00"))
        assert not made.told

    async def test_after_a_restart_the_newest_deadline_is_told_of_alone(self) -> None:
        made = world()
        made.store.inbox(HOME_CARE).add(at(f"{WEDNESDAY} 07:30"))
        async with made.running():
            await made.go_to(at(f"{WEDNESDAY} 12:30"))
        made.told.clear()
        made = await made.restarted(at(f"{WEDNESDAY} 13:10"))
        async with made.running():
            await made.go_to(at(f"{WEDNESDAY} 13:11"))
        assert [(who, deadline[-5:]) for who, _, deadline, _ in made.told] == [
            ("on duty", "13:00"),
            ("manager", "08:00"),
        ]

    async def test_a_mailbox_that_cannot_be_looked_into_then_is_told_of_when_it_can(self) -> None:
        made = world()
        made.store.inbox(HOME_CARE).add(at(f"{WEDNESDAY} 07:30"))
        async with made.running():
            await made.go_to(at(f"{WEDNESDAY} 08:30"))
            made.store.broken[HOME_CARE] = unavailable()
            await made.go_to(at(f"{WEDNESDAY} 09:30"))
            assert len(made.told) == 1
            del made.store.broken[HOME_CARE]
            await made.go_to(at(f"{WEDNESDAY} 09:32"))
        assert [who for who, *_ in made.told] == ["on duty", "manager"]


class TestForeign:
    async def test_what_the_log_does_not_know_is_counted_in_both_folders(self) -> None:
        made = world(known={"<known@x.se>"})
        inbox, sent = made.store.inbox(HOME_CARE), made.store.box(HOME_CARE, "Sent")
        inbox.add(at(f"{WEDNESDAY} 06:30"), b"Message-ID: <known@x.se>\r\n\r\n")
        inbox.add(at(f"{WEDNESDAY} 06:40"), b"Message-ID: <unknown@x.se>\r\n\r\n")
        sent.add(at(f"{WEDNESDAY} 06:50"), b"\r\n")
        with capture_logs() as said:
            async with made.running():
                await made.go_to(at(f"{WEDNESDAY} 08:00"))
        (line,) = made.lines
        assert (line.foreign, line.in_sent) == (2, 1)
        assert [entry["foreign"] for entry in said if entry["event"] == "foreign-messages"] == [2]

    async def test_a_sent_message_whose_line_comes_later_is_known_then(self) -> None:
        """Some mail clients put it into their folder before they submit it."""
        made = world()
        sent = made.store.box(HOME_CARE, "Sent")
        uid = sent.add(at(f"{WEDNESDAY} 06:59"), b"Message-ID: <soon@x.se>\r\n\r\n")
        async with made.running():
            made.known.add("<soon@x.se>")
            await made.go_to(at(f"{WEDNESDAY} 12:00"))
        assert made.lines[0].foreign == 0
        assert made.store.asked == [uid, uid]

    async def test_one_of_long_ago_is_not_asked_about_for_ever(self) -> None:
        made = world()
        uid = made.store.box(HOME_CARE, "Sent").add(at("2026-05-01 06:59"))
        async with made.running():
            await made.go_to(at(f"{WEDNESDAY} 12:00"))
        assert made.store.asked == [uid]


class TestServers:
    async def test_a_message_whose_header_is_too_long_keeps_nothing_else_from_being_counted(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = world()
        inbox = made.store.inbox(HOME_CARE)
        for number in range(30):
            inbox.add(at(f"{WEDNESDAY} 06:{number:02}"), b"Message-ID: <known@x.se>\r\n\r\n", seen=True)
        inbox.messages[17].header = b"X-Rorpost-Verified: " + b"x" * 100_000
        made.known.add("<known@x.se>")
        summaries = MemorySession.summaries

        async def strict(session: MemorySession, uids: list[int], *, fields: tuple[str, ...] = ()) -> object:
            if fields and any(len(session._open.messages[uid].header) > 65536 for uid in uids):
                raise ImapTooLarge("the server sends more than was asked for")
            async for each in summaries(session, uids, fields=fields):
                yield each

        monkeypatch.setattr(MemorySession, "summaries", strict)
        async with made.running():
            await made.go_to(at(f"{WEDNESDAY} 08:00"))
        (line,) = made.lines
        assert (line.outcome, line.in_inbox, line.foreign) == (Outcome.MET, 30, 1)

    async def test_an_inbox_that_disappears_is_unknown_and_comes_back_by_itself(self) -> None:
        made = world()
        async with made.running():
            folders = made.store.folders[HOME_CARE]
            inbox = folders.pop("INBOX")
            await made.go_to(at(f"{WEDNESDAY} 08:30"))
            assert made.watch.standings[0].fault is not None
            folders["INBOX"] = inbox
            await made.go_to(at(f"{WEDNESDAY} 13:00"))
        assert made.outcomes() == [(f"{WEDNESDAY} 08:00", "unknown"), (f"{WEDNESDAY} 13:00", "met")]

    async def test_a_server_that_lists_more_than_any_mailbox_holds_is_not_believed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("rorpost_gateway.supervision.looking.MOST_MESSAGES", 3)
        made = world()
        for _ in range(4):
            made.store.inbox(HOME_CARE).add(at(f"{WEDNESDAY} 06:00"))
        async with made.running():
            (standing,) = made.watch.standings
        assert standing.fault == "the server lists 4 messages in one folder"

    async def test_a_hundred_thousand_messages_take_no_memory_to_speak_of(self) -> None:
        made = world()
        inbox = made.store.inbox(HOME_CARE)
        one = inbox.messages[inbox.add(at(f"{WEDNESDAY} 06:00"), b"Message-ID: <known@x.se>\r\n\r\n")]
        inbox.messages.update(dict.fromkeys(range(2, 100_001), one))
        made.known.add("<known@x.se>")
        made.store.asked = Counted()
        before = resident_octets()
        async with made.running():
            await made.go_to(at(f"{WEDNESDAY} 08:00"))
        assert resident_octets() - before < 40 * 1024 * 1024
        (line,) = made.lines
        assert (line.outcome, line.in_inbox, line.unread, line.foreign) == (
            Outcome.MISSED,
            100_000,
            100_000,
            0,
        )
        assert made.store.asked.total == 100_000, "known messages are not asked about again"


class Counted(list[int]):
    """Of what is added, only how much."""

    total = 0

    def __iadd__(self, more: object) -> Self:  # type: ignore[override, misc]
        self.total += len(more)  # type: ignore[arg-type]
        return self


def resident_octets() -> int:
    """Of this process (proc(5), statm)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


class TestClock:
    async def test_one_that_is_put_back_makes_no_second_line(self) -> None:
        made = world()
        async with made.running():
            await made.go_to(at(f"{WEDNESDAY} 08:10"))
            made.now = made._goal = at(f"{WEDNESDAY} 07:30")
            looks = len(made.store.opened)
            await made.go_to(at(f"{WEDNESDAY} 09:00"))
            assert len(made.store.opened) > looks + 4  # rounds go on
        assert made.outcomes() == [(f"{WEDNESDAY} 08:00", "met")]

    async def test_one_that_leaps_over_a_deadline_leaves_it_unknown(self) -> None:
        made = world()
        async with made.running():
            made.now = at(f"{WEDNESDAY} 10:00")
            await made.go_to(at(f"{WEDNESDAY} 10:01"))
        assert made.outcomes() == [(f"{WEDNESDAY} 08:00", "unknown")]


async def test_a_round_by_itself_is_enough_to_measure() -> None:
    made = world(*(watched(f"rorpost.enhet{number}@motala.se") for number in range(25)))
    await made.watch.begin()
    await made.watch.round()
    assert all(standing.contents for standing in made.watch.standings)
    assert len(made.store.opened) == 25


async def test_a_watch_that_is_ended_leaves_no_session_open() -> None:
    made = world(store=Store(before_look={HOME_CARE: asyncio.Event()}))
    made.watch.tick()
    await made.until(lambda: made.store.open_now)
    await made.watch._stop()
    assert not made.store.open_now


def test_an_address_is_watched_with_what_policy_says_of_it() -> None:
    mailbox = watched(HOME_CARE, "08:00")
    assert replace(mailbox, name="Hemsjukvården").times == mailbox.times
