r"""The watch: looks into every mailbox now and then, and into those with a deadline right after it.

Invariants: at most `Settings.connections` sessions at a time, and one a mailbox; nothing in a mailbox is
ever changed (`looking`); each deadline has one line in the log, whatever happens between two starts;
whatever a server does ends a look and not the watch, and the next look starts from the beginning.

Whoever wants to measure or to step through it makes a `Watch`, calls `begin` once and then `round`, which
returns when every mailbox of the roster has been looked into. `run` is both and goes on for ever.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import cast

import structlog

from rorpost_gateway.errors import LogUnavailable
from rorpost_gateway.imap.base import Sessions
from rorpost_gateway.supervision.agenda import Agenda
from rorpost_gateway.supervision.base import (
    Known,
    Lines,
    Now,
    Past,
    Roster,
    Settings,
    Telling,
    WaitUntil,
    Watched,
)
from rorpost_gateway.supervision.contents import Contents, Look
from rorpost_gateway.supervision.deadlines import PUNCTUAL_SECONDS, Holidays
from rorpost_gateway.supervision.duty import LONGEST_BACK, Duty, Verdict
from rorpost_gateway.supervision.looking import Looking
from rorpost_gateway.supervision.saying import say_deadlines, say_look
from rorpost_gateway.supervision.standing import Standing, line_of
from rorpost_gateway.supervision.timetable import Timetable
from rorpost_gateway.supervision.visiting import Visiting
from rorpost_gateway.supervision.waiting import until_either

log = structlog.get_logger()

TICK_SECONDS = 60.0  # at least so often it is seen that the roster has changed


class Watch:
    def __init__(
        self,
        *,
        roster: Roster,
        sessions: Sessions,
        known: Known,
        lines: Lines,
        settings: Settings,
        zone: tzinfo,
        holidays: Holidays,
        now: Now,
        wait_until: WaitUntil,
        telling: Telling | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._roster = roster
        self._lines = lines
        self._settings = settings
        self._timetable = Timetable(zone, holidays)
        self._now = now
        self._wait_until = wait_until
        self._telling = telling
        self._chance = chance
        looking = Looking(settings=settings, known=known, now=now)
        self._visiting = Visiting(sessions=sessions, looking=looking, now=now)
        self._agenda = Agenda()
        self._sooner = asyncio.Event()  # something is due before what is waited for
        self._workers: set[asyncio.Task[None]] = set()
        self._watched: Sequence[Watched] = ()
        self._duties: dict[str, Duty] = {}
        self._past = Past(judged={}, down_since=None)
        self._started_at = self._moment()
        self._next_round = self._waits_until = self._started_at

    @property
    def standings(self) -> tuple[Standing, ...]:
        """How every watched mailbox stands, by address."""
        return tuple(Standing.of(duty) for _, duty in sorted(self._duties.items()))

    async def run(self) -> None:
        """Go on until cancelled, or until the decision log takes no lines."""
        try:
            await self.begin()
            while True:
                self._sooner.clear()
                self.tick()
                self._waits_until = self._next_moment()
                await until_either(self._wait_until(self._waits_until.timestamp()), self._sooner)
        except LogUnavailable as error:
            log.error("supervision-stopped", error=error)
        finally:
            await self._stop()

    async def begin(self) -> None:
        """Read back what the log says of deadlines before this start. Raises LogUnavailable."""
        self._started_at = self._moment()
        self._past = await self._lines.past(since=self._started_at - LONGEST_BACK)
        self._read_roster()
        self._past = Past(judged={}, down_since=None)  # who joins later joins from then on

    async def round(self) -> None:
        """Look into every mailbox now; returns when that is done, and what was due is in the log."""
        self._read_roster()
        self._pass_time()
        self._ask_for_all()
        self._employ()
        await self.idle()

    def tick(self) -> None:
        """Set going what is due: a round, and looks at deadlines."""
        now = self._moment()
        self._read_roster()
        self._pass_time()
        interval = timedelta(seconds=self._visiting.logins.interval(self._settings.interval_seconds))
        if now >= self._next_round or self._next_round - now > interval:  # or the clock was put back
            self._next_round = now + interval
            self._ask_for_all()
        self._employ()

    async def idle(self) -> None:
        """Wait until nobody waits for a look and none is under way."""
        while self._workers:
            await asyncio.wait(self._workers)

    def _read_roster(self) -> None:
        watched = self._roster()
        if watched is self._watched:
            return
        self._watched = watched
        before, self._duties = self._duties, {}
        for each in watched:
            duty = before.get(each.address)
            if duty is None:
                duty = self._new_duty(each)
            duty.watched = each
            self._duties[each.address] = duty

    def _new_duty(self, watched: Watched) -> Duty:
        """A mailbox that was watched before this start goes on where the log ends."""
        judged, down_since = self._past.judged.get(watched.address), self._past.down_since
        since = self._moment()
        if judged is not None:
            since = judged.at
        elif down_since is not None:
            # What was due shortly before may not have got its line any more.
            still_open = timedelta(seconds=self._settings.grace_seconds + PUNCTUAL_SECONDS)
            since = down_since - still_open
        return Duty(
            watched,
            timetable=self._timetable,
            settings=self._settings,
            since=since,
            started_at=self._started_at,
            down_since=down_since,
            judged=judged,
        )

    def _ask_for_all(self) -> None:
        for address in self._in_order():
            self._agenda.add(address)

    def _in_order(self) -> list[str]:
        """Those last whose login was refused: they make nobody else wait. In doubt, the others by lot."""
        logins = self._visiting.logins

        def place(address: str) -> tuple[bool, float]:
            return logins.is_refused(address), self._chance() if logins.in_doubt else 0.0

        return sorted(self._duties, key=place)

    def _pass_time(self) -> None:
        now = self._moment()
        for address in self._in_order():
            duty = self._duties[address]
            duty.pass_time(now)
            if duty.wants_look(now):
                self._agenda.add(address, urgent=True)

    def _next_moment(self) -> datetime:
        now = self._moment()
        until = min(self._next_round, now + timedelta(seconds=TICK_SECONDS))
        return min((duty.next_moment(now, until) for duty in self._duties.values()), default=until)

    def _employ(self) -> None:
        """As many workers as there are looks to make and connections to make them by."""
        for _ in range(min(len(self._agenda), self._places - len(self._workers))):
            worker = asyncio.create_task(self._work(), name="look")
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    @property
    def _places(self) -> int:
        return self._visiting.logins.places(self._settings.connections)

    async def _work(self) -> None:
        while len(self._workers) <= self._places and (address := self._agenda.take()) is not None:
            try:
                await self._look_into(address)
            except LogUnavailable as error:
                log.error("supervision-not-logged", mailbox=address, error=error)
                return  # the log ends the daemon
            except Exception as error:  # noqa: BLE001 - one mailbox must not end the watch over the others
                log.error("supervision-fault", mailbox=address, error=error)
            finally:
                self._agenda.done(address)
            self._employ()  # a login that was taken makes room for more
        self._workers.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _look_into(self, address: str) -> None:
        duty = self._duties.get(address)
        if duty is None:
            return
        in_doubt = self._visiting.logins.in_doubt
        visit = await self._visiting.visit(duty.watched, duty.memory)
        look, now = visit.look, self._moment()
        if in_doubt and not self._visiting.logins.in_doubt:
            self._next_round = now  # those that were not tried need not wait for the next one
            self._sooner.set()
        say_look(duty, look)
        decided = duty.see(look, now, may_repeat=visit.worth_repeating)
        if decided:
            await self._lines.write([line_of(deadline, judged, look) for deadline, judged in decided])
        self._tell(duty, look, decided, now)
        if duty.look_again_at is not None and duty.look_again_at < self._waits_until:
            self._sooner.set()
        if self._duties.get(address) is duty and duty.wants_look(self._moment()):
            self._agenda.done(address)
            self._agenda.add(address, urgent=True)

    def _tell(self, duty: Duty, look: Look, decided: Sequence[Verdict], now: datetime) -> None:
        say_deadlines(decided)
        again = duty.untold(look)
        missed = duty.settle(decided, now) or again
        unread = look.inbox.unread if isinstance(look, Contents) else 0
        late = duty.escalation(look, now)
        if self._telling is None:
            return
        if missed is not None:
            self._telling.missed(duty.watched, missed, unread)
        if late is not None:
            self._telling.still_unread(duty.watched, late, unread)

    async def _stop(self) -> None:
        workers = tuple(self._workers)
        for worker in workers:
            worker.cancel()
        if workers:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*workers, return_exceptions=True)

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)
