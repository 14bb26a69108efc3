"""A day of supervision: the gateway's own watch over a real Dovecot, midnight to 15:00 by a clock of ours.

The watch logs in as a master user and runs as it runs in the daemon; the clock goes from one moment that it
waits for to the next, and people, who use an ordinary IMAP client, do what they do in between. Kept of each
line is how the mailbox looked right before and right after the look that it came from.
"""

import asyncio
import contextlib
import functools
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path

from rorpost_gateway.imap.base import Account, ImapTls, Server, Session
from rorpost_gateway.imap.credentials import PasswordFile
from rorpost_gateway.imap.sessions import ImapSessions
from rorpost_gateway.supervision.base import DeadlineLine, Past, Settings, Trace, Watched
from rorpost_gateway.supervision.calendar import SwedishHolidays
from rorpost_gateway.supervision.deadlines import Deadline
from rorpost_gateway.supervision.watch import Watch
from tests.peers.authority import Authority
from tests.peers.clock_changes import END, MAILBOXES, STOCKHOLM, Act, acts_of
from tests.peers.dovecot import WATCH, WATCH_PASSWORD, Dovecot, dovecot_over

ROUNDS_SECONDS = 4 * 3600.0
DAY_SECONDS = 60.0  # of real time, at most

Files = tuple[dict[int, frozenset[str]], tuple[str, ...]]
"""One inbox: flags by UID, as an ordinary client is told; and the file names, which hold them too."""


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
                session.uid("STORE", "1:*", "+FLAGS", "(\\Seen)")
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


@contextlib.contextmanager
def dovecot_to_supervise(authority: Authority) -> Iterator[Dovecot]:
    with dovecot_over(authority, mailboxes=[each.address for each in MAILBOXES]) as dovecot:
        yield dovecot


def supervise(day: date, dovecot: Dovecot, folder: Path) -> Supervised:
    """One day, which begins with empty mailboxes. `folder` is for the secret of the watch."""
    for each in MAILBOXES:
        with dovecot.login(each.address) as session:
            session.uid("STORE", "1:*", "+FLAGS", "(\\Deleted)")
            session.expunge()
    return asyncio.run(_run(day, dovecot, folder))


async def _run(day: date, dovecot: Dovecot, folder: Path) -> Supervised:
    return await Day(day, dovecot, folder).run()
