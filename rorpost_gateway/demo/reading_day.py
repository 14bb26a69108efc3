"""Home care's day is lived: the clock is set, something happens, and what there is to see is looked at.

Everything is seen from outside: the inbox over IMAP, the decision log in its file, mail where it
comes in.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from rorpost_gateway.decision import Reason
from rorpost_gateway.demo import dovecot, names
from rorpost_gateway.demo.daemon import Daemon
from rorpost_gateway.demo.inbox import Inbox
from rorpost_gateway.demo.logs import Line, Log, read_log
from rorpost_gateway.demo.notices import Notice, NoticeServer, notice_server
from rorpost_gateway.demo.ports import reserved_ports
from rorpost_gateway.demo.reading_scenes import DAY, READ_AT, Happening, Moment
from rorpost_gateway.demo.running import Running
from rorpost_gateway.demo.scenes import BODY, SUBJECT, Letter
from rorpost_gateway.demo.stage import Stage, reason_in
from rorpost_gateway.demo.watch_house import WatchHouse, make_watch_house

ZONE = ZoneInfo("Europe/Stockholm")
_WAIT_SECONDS = 20
_LOOK_AGAIN_SECONDS = 0.02
_BEFORE = timedelta(seconds=1)  # then the clock goes through the moment by itself
# Dovecot takes no date from the future as a message's own; what is signed today would be from there.
_DAYS_AGO = 2
# What nobody is told by mail: content, subject, who wrote.
_MARKS = (BODY, SUBJECT, names.BRINKEN, names.MARIA)
_FIRST_NUMBER = 1000  # of this day's letters; the other scenes have those below
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Lived:
    """A moment, and what there was to see."""

    moment: Moment
    seen: str

    @property
    def as_wanted(self) -> bool:
        return self.seen == self.moment.want


@dataclass(frozen=True, kw_only=True)
class ReadingDay:
    """`mailboxes` is what `rorpost mailboxes --json` said at the end, and `mailboxes_code` how it ended."""

    lived: Sequence[Lived]
    notices: Sequence[Notice] = field(repr=False)
    mailboxes: Sequence[Line]
    mailboxes_code: int
    log: Log
    ended: int

    @property
    def lines(self) -> list[Line]:
        """The log's lines about reading deadlines."""
        return [line for line in self.log.lines if line["event"] == "mailbox"]

    def findings(self) -> Iterator[str]:
        """What is not as it must be, a sentence each."""
        for each in self.lived:
            if not each.as_wanted:
                yield f"reading watch, {each.moment.story}: wanted {each.moment.want}, saw {each.seen}"
        for notice in self.notices:
            if any(mark in text for mark in _MARKS for text in (notice.octets.decode(), *notice.as_read())):
                yield "reading watch: a mail about a missed deadline tells of the message"
        if len(self.lines) != len(READ_AT):
            yield f"reading watch: {len(self.lines)} lines in the decision log about {len(READ_AT)} deadlines"
        if self.mailboxes_code != 1:
            yield f"reading watch: `rorpost mailboxes` ended with {self.mailboxes_code}"
        if self.log.verified is None:
            yield f"reading watch: the decision log does not hold: {self.log.fault}"
        if self.ended != 0:
            yield f"reading watch: the gateway ended with exit code {self.ended}"


async def live_reading_day(both: Running, progress: Callable[[str], None]) -> ReadingDay:
    """Run Motala's gateway through the whole day. Raises NotStarted."""
    world, stage = both.world, both.stage
    day = stage.now.astimezone(ZONE).date() - timedelta(days=_DAYS_AGO)
    async with AsyncExitStack() as ending:
        progress("starting Dovecot, and a gateway with a clock of its own")
        (imap_port,) = ending.enter_context(reserved_ports(1))
        await ending.enter_async_context(dovecot.mail_store(world.motala, imap_port))
        notices = await ending.enter_async_context(notice_server())
        house = make_watch_house(
            world, today=stage.now, read_at=READ_AT, imap_port=imap_port, notice_port=notices.port
        )
        house.clock.set(datetime.combine(day, DAY[0].at, ZONE) - timedelta(minutes=5))
        daemon = await Daemon.start(house.config, house.operator_log, house.clock.file)
        ending.push_async_callback(daemon.end)
        watch = _Watch(
            house=house,
            stage=replace(stage, listening={names.MOTALA.folder: await daemon.ready()}, stop=daemon.stop),
            inbox=Inbox(mailbox=names.HOME_CARE, port=imap_port, tls=stage.tls),
            notices=notices,
        )
        lived = []
        for moment in DAY:
            progress(f"{moment.at:%H:%M}  {moment.story}")
            lived.append(
                Lived(moment=moment, seen=await watch.live(datetime.combine(day, moment.at, ZONE), moment))
            )
        code, mailboxes = await _mailboxes(house)
        daemon.stop()
        ended = await daemon.ended()
    return ReadingDay(
        lived=lived,
        notices=notices.taken,
        mailboxes=mailboxes,
        mailboxes_code=code,
        log=read_log(house),
        ended=ended,
    )


class _Watch:
    """What is needed to live a moment."""

    def __init__(self, *, house: WatchHouse, stage: Stage, inbox: Inbox, notices: NoticeServer) -> None:
        self._house = house
        self._stage = stage
        self._inbox = inbox
        self._notices = notices
        self._letters = 0
        self._told = 0

    async def live(self, at: datetime, moment: Moment) -> str:
        """What there is to see of it; `nothing` where nothing comes in time."""
        waits = moment.happening in (Happening.DEADLINE, Happening.TOLD)
        start = at - _BEFORE if waits else at
        if self._house.clock.now() < start.timestamp():
            self._house.clock.set(start)
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                return await self._happen(at, moment.happening)
        except TimeoutError:
            return "nothing"

    async def _happen(self, at: datetime, happening: Happening) -> str:
        match happening:
            case Happening.DEADLINE:
                return _said(await _until(lambda: asyncio.to_thread(self._line, at)))
            case Happening.TOLD:
                notice = await _until(self._next_notice)
                return f"mail to {', '.join(notice.recipients)}"
            case Happening.LETTER:
                return await self._letter()
            case Happening.READ:
                await asyncio.to_thread(self._inbox.read)
            case Happening.ROUND_THE_GATEWAY:
                await asyncio.to_thread(self._inbox.lay, at)
            case Happening.LOOK:
                pass
        return await self._figures()

    async def _letter(self) -> str:
        """The partner brings one, and it has arrived in the inbox."""
        before, _ = await asyncio.to_thread(self._inbox.figures)
        self._letters += 1
        letter = Letter(want=Reason.OK, story="", days_old=_DAYS_AGO + 1)
        reply = await asyncio.to_thread(self._stage.play, letter, _FIRST_NUMBER + self._letters)
        if reason_in(reply) is not Reason.OK:
            return reply

        async def arrived() -> bool:
            return (await asyncio.to_thread(self._inbox.figures))[0] > before

        await _until(arrived)
        return await self._figures()

    async def _figures(self) -> str:
        messages, unread = await asyncio.to_thread(self._inbox.figures)
        return f"{messages} in the inbox, {unread} unread"

    async def _next_notice(self) -> Notice | None:
        if len(self._notices.taken) <= self._told:
            return None
        self._told += 1
        return self._notices.taken[self._told - 1]

    def _line(self, deadline: datetime) -> Line | None:
        """The decision log's line about a deadline, once it is whole."""
        for path in self._house.log.glob("*.jsonl"):
            whole, _, _ = path.read_bytes().rpartition(b"\n")
            for line in map(json.loads, whole.splitlines()):
                if line["event"] == "mailbox" and datetime.fromisoformat(line["deadline"]) == deadline:
                    return Line(line)
        return None


def _said(line: Line) -> str:
    """A line about a deadline in words."""
    oldest = line.get("oldest_unread")
    since = f" ({datetime.fromisoformat(oldest).astimezone(ZONE):%H:%M})" if oldest else ""
    foreign = f", {line['foreign']} foreign" if line.get("foreign") else ""
    return f"{line['outcome']}, {line['unread']} unread{since}{foreign}"


async def _until(look: Callable[[], Awaitable[T | None]]) -> T:
    """Look again and again until there is something."""
    while True:
        if found := await look():
            return found
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


async def _mailboxes(house: WatchHouse) -> tuple[int, list[Line]]:
    """Exit code and answer of `rorpost mailboxes --json`; no answer where it gives none."""
    asking = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "rorpost_gateway", "mailboxes", "--json", "--config", str(house.config)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    said, _ = await asking.communicate()
    with suppress(ValueError):
        return await asking.wait(), json.loads(said)
    return await asking.wait(), []
