"""A day of supervision: the gateway's own watch over a real Dovecot, midnight to 15:00 by a clock of ours.

The watch logs in as a master user and runs as it runs in the daemon; the clock goes from one moment that it
waits for to the next, and people, who use an ordinary IMAP client, do what they do in between. Kept of each
line is how the mailbox looked right before and right after the look that it came from.
"""

import asyncio
import contextlib
import functools
import tempfile
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from rorpost_gateway.imap.base import Account, ImapTls, Server, Session
from rorpost_gateway.imap.credentials import PasswordFile
from rorpost_gateway.imap.sessions import ImapSessions
from rorpost_gateway.supervision.base import DeadlineLine, Past, Settings, Trace, Watched
from rorpost_gateway.supervision.calendar import SwedishHolidays
from rorpost_gateway.supervision.deadlines import Deadline, ReadingTimes
from rorpost_gateway.supervision.watch import Watch
from tests.peers.authority import Authority, make_authority
from tests.peers.dovecot import DISTRICT, HOME_CARE, WATCH, WATCH_PASSWORD, Dovecot, dovecot_over

STOCKHOLM = ZoneInfo("Europe/Stockholm")
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)  # both are Sundays
OFFICE = "rorpost.bistand@motala.se"
EVERY_DAY, WORKING_DAYS = frozenset(range(7)), frozenset(range(5))
END = time(15)
ROUNDS_SECONDS = 4 * 3600.0
DAY_SECONDS = 60.0  # of real time, at most


@dataclass(frozen=True, kw_only=True)
class Mailbox:
    address: str
    read_at: tuple[str, ...]
    weekdays: frozenset[int] = EVERY_DAY

    def times(self) -> ReadingTimes:
        return ReadingTimes(
            mailbox=self.address,
            read_at=tuple(time.fromisoformat(at) for at in self.read_at),
            weekdays=self.weekdays,
            on_holidays=self.weekdays == EVERY_DAY,
        )


MAILBOXES = (
    Mailbox(address=HOME_CARE, read_at=("02:30", "08:00", "13:00")),
    Mailbox(address=DISTRICT, read_at=("08:00", "13:00")),
    Mailbox(address=OFFICE, read_at=("08:00", "13:00"), weekdays=WORKING_DAYS),
)


@dataclass(frozen=True, kw_only=True)
class Act:
    """What happens in a mailbox at a moment: a message arrives, or somebody reads all that is there."""

    at: datetime
    mailbox: str
    what: str
    known: bool = True  # to the decision log


def acts_of(day: date) -> list[Act]:
    """Times are written with their offset where the clock on the wall does not tell."""

    def at(text: str) -> datetime:
        return datetime.fromisoformat(f"{day}T{text}").replace(tzinfo=STOCKHOLM).astimezone(UTC)

    def with_offset(text: str, offset_hours: int) -> datetime:
        return datetime.fromisoformat(f"{day}T{text}+0{offset_hours}:00").astimezone(UTC)

    night = {
        # Two minutes before the clocks leap from 02:00 to 03:00, which is when 02:30 is due.
        SPRING: [
            Act(at=with_offset("01:58:00", 1), mailbox=HOME_CARE, what="arrives"),
            Act(at=with_offset("03:05:00", 2), mailbox=HOME_CARE, what="read"),
        ],
        # Read before the first 02:30. The next is unread at the second 02:30, which is no deadline.
        AUTUMN: [
            Act(at=with_offset("02:10:00", 2), mailbox=HOME_CARE, what="arrives"),
            Act(at=with_offset("02:25:00", 2), mailbox=HOME_CARE, what="read"),
            Act(at=with_offset("02:40:00", 2), mailbox=HOME_CARE, what="arrives"),
            Act(at=with_offset("03:10:00", 1), mailbox=HOME_CARE, what="read"),
        ],
    }[day]
    return [
        *night,
        Act(at=at("07:10:00"), mailbox=OFFICE, what="arrives"),
        Act(at=at("07:30:00"), mailbox=DISTRICT, what="arrives"),
        Act(at=at("08:00:01"), mailbox=HOME_CARE, what="arrives"),
        Act(at=at("08:40:00"), mailbox=DISTRICT, what="read"),
        Act(at=at("12:10:00"), mailbox=DISTRICT, what="arrives"),
        Act(at=at("12:20:00"), mailbox=DISTRICT, what="arrives", known=False),
        Act(at=at("12:59:59"), mailbox=HOME_CARE, what="read"),
    ]


MISSED, MET = "missed", "met"
EXPECTED = {
    SPRING: [
        ("2026-03-29T03:00:00+02:00", HOME_CARE, MISSED),
        ("2026-03-29T08:00:00+02:00", DISTRICT, MISSED),
        ("2026-03-29T08:00:00+02:00", HOME_CARE, MET),
        ("2026-03-29T13:00:00+02:00", DISTRICT, MISSED),
        ("2026-03-29T13:00:00+02:00", HOME_CARE, MET),
    ],
    AUTUMN: [
        ("2026-10-25T02:30:00+02:00", HOME_CARE, MET),
        ("2026-10-25T08:00:00+01:00", DISTRICT, MISSED),
        ("2026-10-25T08:00:00+01:00", HOME_CARE, MET),
        ("2026-10-25T13:00:00+01:00", DISTRICT, MISSED),
        ("2026-10-25T13:00:00+01:00", HOME_CARE, MET),
    ],
}
_BY_DAY = [
    ("08:00:00", "on duty", DISTRICT),  # read at 08:40, so that no manager hears
    ("13:00:00", "on duty", DISTRICT),
    ("14:00:00", "manager", DISTRICT),
]
TOLD = {SPRING: [("03:00:00", "on duty", HOME_CARE), *_BY_DAY], AUTUMN: _BY_DAY}

Files = tuple[dict[int, frozenset[str]], tuple[str, ...]]
"""One inbox: what an ordinary client is told (flags by UID), and the file names, in which a Maildir has them."""


@dataclass(kw_only=True)
class Row:
    """One line, and the mailbox around the look that it came from."""

    line: DeadlineLine
    before: Files
    after: Files | None = None

    @property
    def unchanged(self) -> bool:
        return self.before == self.after


@dataclass(kw_only=True)
class Supervised:
    """What a day yielded. `told` are (local time, who, mailbox); `disturbed` are mailboxes that were
    found otherwise than people had left them.
    """

    rows: list[Row] = field(default_factory=list)
    told: list[tuple[str, str, str]] = field(default_factory=list)
    disturbed: list[str] = field(default_factory=list)
    looks: int = 0

    def outcomes(self) -> list[tuple[str, str, str]]:
        """Ascending; those of one moment by mailbox."""
        found = [(row.line.deadline, row.line.mailbox, str(row.line.outcome)) for row in self.rows]
        return sorted(found, key=lambda each: (datetime.fromisoformat(each[0]), each[1]))


class Day:
    """The clock, the people, the log and whoever is told: everything around the watch."""

    def __init__(self, day: date, dovecot: Dovecot, folder: Path) -> None:
        self._dovecot = dovecot
        self._acts = acts_of(day)
        midnight = datetime.combine(day, time(), tzinfo=STOCKHOLM)
        self._clock = midnight.astimezone(UTC).timestamp()
        self._end = datetime.combine(day, END, tzinfo=STOCKHOLM).timestamp()
        self._over = asyncio.Event()
        self._known: set[str] = set()
        self._left = {each.address: self._files(each.address) for each in MAILBOXES}
        self.found = Supervised()
        self._sessions = CountedSessions(self.found)
        self.watch = Watch(
            roster=functools.cache(lambda: self._roster(folder)),
            sessions=self._sessions,
            known=self,
            lines=self,
            settings=Settings(interval_seconds=ROUNDS_SECONDS),
            zone=STOCKHOLM,
            holidays=SwedishHolidays(),
            now=lambda: self._clock,
            wait_until=self._wait_until,
            telling=self,
        )

    async def run(self) -> Supervised:
        running = asyncio.create_task(self.watch.run())
        over = asyncio.create_task(self._over.wait())
        try:
            async with asyncio.timeout(DAY_SECONDS):
                await asyncio.wait((running, over), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (running, over):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
        return self.found

    async def _wait_until(self, moment: float) -> None:
        """The looks of this moment are over; then whatever people do before the next one."""
        await self.watch.idle()
        await asyncio.to_thread(self._look_again)
        while self._acts and self._acts[0].at.timestamp() <= min(moment, self._end):
            act = self._acts.pop(0)
            self._clock = act.at.timestamp()
            await asyncio.to_thread(self._perform, act)
        self._clock = moment
        if moment >= self._end:
            await asyncio.to_thread(self._compare, *self._left)
            self._over.set()
            await asyncio.Event().wait()

    def _perform(self, act: Act) -> None:
        self._compare(act.mailbox)
        if act.what == "arrives":
            name = f"<{act.at.timestamp():.0f}@outlook.motala.se>"
            if act.known:
                self._known.add(name)
            self._dovecot.deposit(act.mailbox, f"Message-ID: {name}\r\n\r\nx\r\n".encode(), arrived_at=act.at)
        else:
            with self._dovecot.login(act.mailbox) as session:
                session.store("1:*", "+FLAGS", "(\\Seen)")
        self._left[act.mailbox] = self._files(act.mailbox)

    def _compare(self, *mailboxes: str) -> None:
        self.found.disturbed += [each for each in mailboxes if self._files(each) != self._left[each]]

    def _look_again(self) -> None:
        """The flags now, for every line since the last time."""
        for row in self.found.rows:
            row.after = row.after or self._files(row.line.mailbox)

    def _files(self, mailbox: str) -> Files:
        return self._dovecot.flags(mailbox), tuple(str(path) for path in self._dovecot.paths(mailbox))

    def _roster(self, folder: Path) -> tuple[Watched, ...]:
        secret = folder / "watch.password"
        secret.write_text(WATCH_PASSWORD)
        secret.chmod(0o600)
        server = Server(
            host="localhost",
            port=self._dovecot.imap_port,
            tls=ImapTls.IMPLICIT,
            ca=self._dovecot.authority.ca_file,
        )
        return tuple(
            Watched(
                address=each.address,
                name=each.address,
                times=each.times(),
                account=Account(
                    server=server, username=f"{each.address}*{WATCH}", credentials=PasswordFile(secret)
                ),
                on_duty=("vakt@motala.se",),
                manager="eva.ek@motala.se",
            )
            for each in MAILBOXES
        )

    # The log, as the watch knows it.

    async def find(self, traces: Sequence[Trace]) -> Sequence[bool]:
        return [trace.message_id in self._known for trace in traces]

    async def past(self, *, since: datetime) -> Past:
        return Past(judged={}, down_since=None)

    async def write(self, lines: Sequence[DeadlineLine]) -> None:
        self.found.rows += [Row(line=line, before=self._left[line.mailbox]) for line in lines]

    # Whoever is told.

    def missed(self, watched: Watched, deadline: Deadline, unread: int) -> None:
        self._tell("on duty", deadline)

    def still_unread(self, watched: Watched, deadline: Deadline, unread: int) -> None:
        self._tell("manager", deadline)

    def _tell(self, who: str, deadline: Deadline) -> None:
        at = datetime.fromtimestamp(self._clock, STOCKHOLM)
        self.found.told.append((f"{at:%H:%M:%S}", who, deadline.mailbox))


class CountedSessions:
    """The gateway's own sessions, counted."""

    def __init__(self, found: Supervised) -> None:
        self._sessions = ImapSessions()
        self._found = found

    def open(self, account: Account) -> AbstractAsyncContextManager[Session]:
        self._found.looks += 1
        return self._sessions.open(account)


def supervise(day: date, authority: Authority | None = None) -> Supervised:
    """One day over an empty Dovecot of its own."""
    with tempfile.TemporaryDirectory(prefix="rorpost-supervision-") as name:
        folder = Path(name)
        addresses = [each.address for each in MAILBOXES]
        with dovecot_over(authority or make_authority(folder), mailboxes=addresses) as dovecot:
            return asyncio.run(_run(day, dovecot, folder))


async def _run(day: date, dovecot: Dovecot, folder: Path) -> Supervised:
    return await Day(day, dovecot, folder).run()
