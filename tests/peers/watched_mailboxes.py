"""Mailboxes in memory under the gateway's own watch, and a clock that goes where a test wants it.

What the watch asks and how many sessions it has open at a time is kept. The log is a list of lines; one
that is handed on to another world is what a restarted gateway reads back.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from rorpost_gateway.errors import LogUnavailable
from rorpost_gateway.imap.base import (
    Account,
    ImapError,
    ImapFolderMissing,
    Selected,
    Server,
    Sessions,
    Summary,
)
from rorpost_gateway.supervision.base import DeadlineLine, Judged, Past, Settings, Trace, Watched
from rorpost_gateway.supervision.calendar import SwedishHolidays
from rorpost_gateway.supervision.deadlines import Deadline, ReadingTimes
from rorpost_gateway.supervision.watch import Watch

STOCKHOLM = ZoneInfo("Europe/Stockholm")
HOME_CARE, DISTRICT = "rorpost.hemsjukvarden@motala.se", "rorpost.distrikt@motala.se"
ON_DUTY, MANAGER = "vakt@motala.se", "eva.ek@motala.se"
WEEKDAYS = frozenset(range(5))
SERVER = Server(host="imap.example", port=143)
HOLIDAYS = SwedishHolidays()
STEP_SECONDS = 30.0  # of real time, at most


def at(text: str) -> datetime:
    """`2026-05-06 08:00` in Stockholm, a Wednesday."""
    return datetime.fromisoformat(text).replace(tzinfo=STOCKHOLM)


class NoSecret:
    async def password(self) -> str | None:
        return "throw-away"

    async def token(self) -> str | None:
        return None


def watched(address: str, *read_at: str, **more: object) -> Watched:
    """A mailbox that is read on working days at these times; without times, it is only looked into."""
    times = ReadingTimes(
        mailbox=address,
        read_at=tuple(time.fromisoformat(each) for each in read_at),
        weekdays=WEEKDAYS,
        on_holidays=False,
    )
    given = Watched(
        address=address,
        name=address,
        times=times if read_at else None,
        account=Account(server=SERVER, username=address, credentials=NoSecret()),
        on_duty=(ON_DUTY,),
        manager=MANAGER,
    )
    return replace(given, **more)  # type: ignore[arg-type]


@dataclass(kw_only=True)
class Kept:
    arrived_at: datetime
    header: bytes = b""
    seen: bool = False


@dataclass(kw_only=True)
class Box:
    """One folder."""

    messages: dict[int, Kept] = field(default_factory=dict)
    uid_validity: int = 1
    uid_next: int = 1

    def add(self, arrived_at: datetime, header: bytes = b"", *, seen: bool = False) -> int:
        uid = self.uid_next
        self.messages[uid] = Kept(arrived_at=arrived_at, header=header, seen=seen)
        self.uid_next += 1
        return uid

    def read(self) -> None:
        for message in self.messages.values():
            message.seen = True


@dataclass(kw_only=True)
class Store:
    """Implements `imap.base.Sessions`, as far as the watch needs it. `broken` raises where it is opened."""

    folders: dict[str, dict[str, Box]] = field(default_factory=dict)
    broken: dict[str, Exception] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    open_now: list[str] = field(default_factory=list)
    most_open: int = 0
    twice: bool = False
    before_look: dict[str, asyncio.Event] = field(default_factory=dict)  # a look waits for it

    def inbox(self, address: str) -> Box:
        return self.box(address, "INBOX")

    def box(self, address: str, folder: str) -> Box:
        return self.folders.setdefault(address, {"INBOX": Box()}).setdefault(folder, Box())

    @asynccontextmanager
    async def open(self, account: Account) -> AsyncIterator["MemorySession"]:
        address = account.username
        self.opened.append(address)
        if address in self.broken:
            await asyncio.sleep(0)
            raise self.broken[address]
        self.twice = self.twice or address in self.open_now
        self.open_now.append(address)
        self.most_open = max(self.most_open, len(self.open_now))
        try:
            await asyncio.sleep(0)
            if address in self.before_look:
                await self.before_look[address].wait()
            yield MemorySession(self, address)
        finally:
            self.open_now.remove(address)


class MemorySession:
    def __init__(self, store: Store, address: str) -> None:
        self._store = store
        self._folders = store.folders.setdefault(address, {"INBOX": Box()})
        self._open = Box()

    async def examine(self, folder: str) -> Selected:
        if folder not in self._folders:
            raise ImapFolderMissing(f"{SERVER.name}: the folder is not there, or may not be opened")
        self._open = self._folders[folder]
        return Selected(
            name=folder,
            exists=999_999,  # a server may claim what it likes
            uid_validity=self._open.uid_validity,
            uid_next=None,
            read_only=True,
        )

    async def uids(self, *, after: int = 0) -> Sequence[int]:
        return sorted(uid for uid in self._open.messages if uid > after)

    async def unseen(self) -> Sequence[int]:
        return sorted(uid for uid, message in self._open.messages.items() if not message.seen)

    async def sent_folder(self) -> str | None:
        return None

    async def summaries(self, uids: Sequence[int], *, fields: Sequence[str] = ()) -> AsyncIterator[Summary]:
        self._store.asked += uids
        for uid in uids:
            if (message := self._open.messages.get(uid)) is not None:
                yield Summary(
                    uid=uid,
                    flags=frozenset({"\\Seen"} if message.seen else ()),
                    arrived_at=message.arrived_at,
                    size=len(message.header),
                    header=message.header if fields else b"",
                )


@dataclass(kw_only=True)
class World:
    """`lines` are what the log holds of deadlines; `told` are (who, mailbox, deadline, unread)."""

    mailboxes: tuple[Watched, ...]
    now: datetime
    store: Store = field(default_factory=Store)
    settings: Settings = field(default_factory=Settings)
    lines: list[DeadlineLine] = field(default_factory=list)
    down_since: datetime | None = None
    known: set[str] = field(default_factory=set)
    told: list[tuple[str, str, str, int]] = field(default_factory=list)
    log_fails: bool = False
    sessions: Sessions | None = None  # instead of the store in memory

    def __post_init__(self) -> None:
        self._goal = self.now
        self._more, self._reached = asyncio.Event(), asyncio.Event()
        self.watch = Watch(
            roster=lambda: self.mailboxes,
            sessions=self.sessions or self.store,  # type: ignore[arg-type]
            known=self,
            lines=self,
            settings=self.settings,
            zone=STOCKHOLM,
            holidays=HOLIDAYS,
            now=lambda: self.now.timestamp(),
            wait_until=self._wait_until,
            telling=self,
            chance=random.Random(5).random,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator["World"]:
        """The watch runs; its first round is over."""
        task = asyncio.create_task(self.watch.run())
        try:
            await self._settled(task)
            yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def go_to(self, moment: datetime) -> None:
        """Let the time pass; whatever is due on the way happens."""
        self._goal = moment
        self._reached.clear()
        self._more.set()
        await self._settled(None)

    async def restarted(self, moment: datetime) -> "World":
        """Another gateway, that reads back what this one has written, and was down until `moment`."""
        return World(
            mailboxes=self.mailboxes,
            now=moment,
            store=self.store,
            settings=self.settings,
            lines=self.lines,
            down_since=self.now,
            told=self.told,
        )

    def outcomes(self) -> list[tuple[str, str]]:
        """Mailbox's unit, deadline's local time, and outcome."""
        return [(line.deadline[:16].replace("T", " "), line.outcome.value) for line in self.lines]

    async def until(self, holds: Callable[[], object]) -> None:
        """Until that is so, at the moment that it is."""
        async with asyncio.timeout(STEP_SECONDS):
            while not holds():
                await asyncio.sleep(0)

    async def _settled(self, task: asyncio.Task[None] | None) -> None:
        async with asyncio.timeout(STEP_SECONDS):
            waits = [asyncio.ensure_future(self._reached.wait()), *([task] if task else [])]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)

    async def _wait_until(self, moment: float) -> None:
        await self.watch.idle()
        for _ in range(5):  # a look that failed has something sooner to wait for
            await asyncio.sleep(0)
        before = self.now
        while self.now >= self._goal:
            self._reached.set()
            self._more.clear()
            await self._more.wait()
        if self.now >= before:  # or the clock was put back
            self.now = max(self.now, min(datetime.fromtimestamp(moment, UTC), self._goal))

    # The log.

    async def find(self, traces: Sequence[Trace]) -> Sequence[bool]:
        return [trace.message_id in self.known for trace in traces]

    async def past(self, *, since: datetime) -> Past:
        judged = {}
        for line in self.lines:
            moment = datetime.fromisoformat(line.deadline)
            if moment > since - timedelta(days=1):
                judged[line.mailbox] = Judged(at=moment, local=line.deadline, outcome=line.outcome)
        return Past(judged=judged, down_since=self.down_since)

    async def write(self, lines: Sequence[DeadlineLine]) -> None:
        if self.log_fails:
            raise LogUnavailable("the decision log takes no lines")
        self.lines += lines

    # Whoever is told.

    def missed(self, mailbox: Watched, deadline: Deadline, unread: int) -> None:
        self.told.append(("on duty", mailbox.address, deadline.local[:16], unread))

    def still_unread(self, mailbox: Watched, deadline: Deadline, unread: int) -> None:
        self.told.append(("manager", mailbox.address, deadline.local[:16], unread))


def unavailable(text: str = "imap.example:143: no connection") -> ImapError:
    return ImapError(text)
