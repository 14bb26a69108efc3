"""Notices on their way: sent as soon as may be, tried again while that may help, never in anybody's way.

Invariants: what waits is in memory only, and bounded; a notice goes to each person for itself, so that
one address that is refused keeps nobody else from hearing; sent twice it is one and the same message
(`notices`); a mailbox's newer notice takes the place of an older one that has not got out yet.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final

import structlog

from rorpost_gateway.reply import Language
from rorpost_gateway.smtp_client.base import Client, Deferred, Outgoing, Relayed, Route
from rorpost_gateway.supervision.base import NOTICE_WAITS_SECONDS, Now, WaitUntil, Watched
from rorpost_gateway.supervision.deadlines import Deadline
from rorpost_gateway.supervision.notices import Kind, Unread, build_notice
from rorpost_gateway.supervision.waiting import until_either

log = structlog.get_logger()

FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 30.0, 900.0
MOST_WAITING = 10_000
AT_ONCE = 4  # connections to the server that takes notices
_NULL_PATH = ""
SENT, DEFERRED, FAILED = "sent", "deferred", "failed"
OUTCOMES: Final = (SENT, DEFERRED, FAILED)

_SAID = {SENT: "notice-sent", FAILED: "notice-failed"}


@dataclass(frozen=True, kw_only=True)
class Letters:
    """How notices are written, and by which way they go."""

    client: Client
    route: Route
    sender: str
    zone: tzinfo
    language: Language


@dataclass(kw_only=True)
class _Waiting:
    kind: Kind
    unread: Unread
    recipient: str
    since: float
    due: float
    tries: int = 0


class Notices:
    """Implements `base.Telling`. `run` sends until it is cancelled."""

    def __init__(self, letters: Letters, *, now: Now, wait_until: WaitUntil) -> None:
        self._letters = letters
        self._now = now
        self._wait_until = wait_until
        self._waiting: dict[tuple[str, str], _Waiting] = {}  # by mailbox and recipient
        self._more = asyncio.Event()
        self._outcomes: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))

    @property
    def outcomes(self) -> Mapping[str, int]:
        """Attempts since the start, by what became of them."""
        return dict(self._outcomes)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def missed(self, watched: Watched, deadline: Deadline, unread: int) -> None:
        recipients = watched.on_duty or _manager(watched)
        self._take(Kind.MISSED, watched, deadline, unread, recipients)

    def still_unread(self, watched: Watched, deadline: Deadline, unread: int) -> None:
        self._take(Kind.STILL_UNREAD, watched, deadline, unread, _manager(watched))

    async def run(self) -> None:
        """Send what is due, and wait for more."""
        while True:
            self._more.clear()
            await self.send_due()
            await self._until_something_is_due()

    async def send_due(self) -> None:
        """One attempt at each notice whose time has come."""
        now = self._now()
        due = [each for each in self._waiting.values() if each.due <= now]
        places = asyncio.Semaphore(AT_ONCE)

        async def send(waiting: _Waiting) -> None:
            async with places:
                try:
                    await self._send(waiting)
                except Exception as error:  # noqa: BLE001 - one notice must not keep the others from going
                    log.error("notice-fault", mailbox=waiting.unread.mailbox, error=error)
                    self._done(waiting, FAILED, "internal fault")

        await asyncio.gather(*map(send, due))

    def _take(
        self, kind: Kind, watched: Watched, deadline: Deadline, count: int, recipients: tuple[str, ...]
    ) -> None:
        if not recipients:
            log.warning("nobody-to-tell", mailbox=watched.address, deadline=deadline.local)
        told = (watched.on_duty or _manager(watched)) if kind is Kind.STILL_UNREAD else ()
        unread = Unread(
            mailbox=watched.address,
            name=watched.name,
            phone=watched.phone,
            deadline=deadline,
            unread=count,
            told=tuple(address for address in told if address not in recipients),
        )
        now = self._now()
        for recipient in recipients:
            key = (watched.address, recipient)
            if len(self._waiting) < MOST_WAITING or key in self._waiting:
                self._waiting[key] = _Waiting(
                    kind=kind, unread=unread, recipient=recipient, since=now, due=now
                )
        self._more.set()

    async def _send(self, waiting: _Waiting) -> None:
        letters, now = self._letters, self._now()
        octets = build_notice(
            waiting.kind,
            waiting.unread,
            recipient=waiting.recipient,
            sender=letters.sender,
            now=datetime.fromtimestamp(now, UTC),
            zone=letters.zone,
            language=letters.language,
        )
        outgoing = Outgoing(reverse_path=_NULL_PATH, recipient=waiting.recipient, octets=octets)
        attempt = await letters.client.send(letters.route, outgoing)
        waiting.tries += 1
        if isinstance(attempt, Relayed):
            self._done(waiting, SENT, attempt.reply)
        elif isinstance(attempt, Deferred) and now - waiting.since < NOTICE_WAITS_SECONDS:
            self._outcomes[DEFERRED] += 1
            seconds = min(FIRST_RETRY_SECONDS * 2 ** min(waiting.tries - 1, 10), LONGEST_RETRY_SECONDS)
            waiting.due = now + seconds
            log.warning("notice-deferred", mailbox=waiting.unread.mailbox, reply=attempt.reply)
        else:
            self._done(waiting, FAILED, attempt.reply)

    def _done(self, waiting: _Waiting, outcome: str, reply: str) -> None:
        self._outcomes[outcome] += 1
        key = (waiting.unread.mailbox, waiting.recipient)
        if self._waiting.get(key) is waiting:  # no newer one has taken its place
            del self._waiting[key]
        say = log.info if outcome == SENT else log.error
        say(_SAID[outcome], mailbox=waiting.unread.mailbox, kind=waiting.kind.value, reply=reply)

    async def _until_something_is_due(self) -> None:
        if not self._waiting:
            await self._more.wait()
            return
        due = min(each.due for each in self._waiting.values())
        await until_either(self._wait_until(due), self._more)


def _manager(watched: Watched) -> tuple[str, ...]:
    return () if watched.manager is None else (watched.manager,)
