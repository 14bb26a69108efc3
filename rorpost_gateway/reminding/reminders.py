"""Reminders on their way: looked for each hour of the day, a mail to a manager, a line for each in the log.

Invariants: the line is written once the mail was taken, so that a stop in between makes the same mail
again and never none; what has its line is not sent again, whatever was restarted; what is refused or put
off keeps nobody else from hearing, and is tried again for as long as the authorisation lasts.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

import structlog

from rorpost_gateway.errors import LogUnavailable
from rorpost_gateway.reminding.base import Ending, Endings, Journal, Now, Told, WaitUntil
from rorpost_gateway.reminding.due import due
from rorpost_gateway.reminding.letter import build_reminder
from rorpost_gateway.reply import Language
from rorpost_gateway.smtp_client.base import Attempt, Client, Deferred, Failed, Outgoing, Relayed, Route

log = structlog.get_logger()

EACH_SECONDS: Final = 3600.0
REFUSED_SECONDS: Final = 24 * 3600.0  # before somebody whose address was refused is tried again
FIRST_HOUR: Final = 7  # nobody is told at night
MOST_IN_A_MAIL: Final = 200
SENT, DEFERRED, FAILED = "sent", "deferred", "failed"
OUTCOMES: Final = (SENT, DEFERRED, FAILED)
_NULL_PATH = ""


@dataclass(frozen=True, kw_only=True)
class Letters:
    """How reminders are written, by which way they go, and how many days before the last one."""

    client: Client
    route: Route
    sender: str
    zone: tzinfo
    language: Language
    steps_days: tuple[int, ...]


class Reminders:
    """`run` reminds until it is cancelled."""

    def __init__(
        self, letters: Letters, *, endings: Endings, journal: Journal, now: Now, wait_until: WaitUntil
    ) -> None:
        self._letters = letters
        self._endings = endings
        self._journal = journal
        self._now = now
        self._wait_until = wait_until
        self._told: set[Told] | None = None  # None until the log was read
        self._refused_until: dict[str, float] = {}
        self._outcomes: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))

    @property
    def outcomes(self) -> Mapping[str, int]:
        """Mails since the start, by what became of them."""
        return dict(self._outcomes)

    async def run(self) -> None:
        """A round now, and another each hour, or when there is another policy."""
        while True:
            try:
                await self.remind()
            except LogUnavailable as error:
                log.error("reminders-without-log", reason=error.private)
            await self._wait_until(self._now() + EACH_SECONDS)

    async def remind(self) -> None:
        """One attempt at each mail that is due. Raises LogUnavailable; then nobody is told twice for it."""
        at = datetime.fromtimestamp(self._now(), UTC)
        local = at.astimezone(self._letters.zone)
        if local.hour < FIRST_HOUR:
            return
        told, steps = await self._known(at), self._letters.steps_days
        wanted = await asyncio.to_thread(self._due, told, steps, local.date())
        by_recipient = sorted(wanted, key=lambda one: one.recipient)
        for recipient, endings in itertools.groupby(by_recipient, key=lambda one: one.recipient):
            if self._refused_until.get(recipient, 0.0) <= self._now():
                await self._try(recipient, list(endings)[:MOST_IN_A_MAIL], told, at)

    def _due(self, told: set[Told], steps: tuple[int, ...], day: date) -> tuple[Ending, ...]:
        """In a thread: on the last days of a year nearly every authorisation is about to end."""
        return due(self._endings(max(steps)), told, day=day, steps_days=steps)

    async def _known(self, at: datetime) -> set[Told]:
        if self._told is None:
            longest = timedelta(days=max(self._letters.steps_days) + 1)
            self._told = set(await self._journal.past(since=at - longest))
        return self._told

    async def _try(self, recipient: str, endings: Sequence[Ending], told: set[Told], at: datetime) -> None:
        try:
            attempt = await self._send(recipient, endings, at)
        except Exception as error:  # noqa: BLE001 - one mail must not keep the others from going
            log.error("reminder-fault", error=error)
            attempt = Failed(reply="internal fault", next_hop="")
        say = {"authorisations": len(endings), "reply": attempt.reply}
        if isinstance(attempt, Relayed):
            self._outcomes[SENT] += 1
            day = at.astimezone(self._letters.zone).date()
            # Before the line: a log that takes none must not make this a mail an hour.
            told.update(_told(one, day) for one in endings)
            await self._journal.write(endings, day=day)
            log.info("reminder-sent", **say)
        elif isinstance(attempt, Deferred):
            self._outcomes[DEFERRED] += 1
            log.warning("reminder-deferred", **say)
        else:
            self._outcomes[FAILED] += 1
            self._refused_until[recipient] = self._now() + REFUSED_SECONDS
            log.error("reminder-failed", **say)

    async def _send(self, recipient: str, endings: Sequence[Ending], at: datetime) -> Attempt:
        letters = self._letters
        octets = build_reminder(
            endings,
            recipient=recipient,
            sender=letters.sender,
            now=at,
            zone=letters.zone,
            language=letters.language,
        )
        outgoing = Outgoing(reverse_path=_NULL_PATH, recipient=recipient, octets=octets)
        return await letters.client.send(letters.route, outgoing)


def _told(ending: Ending, day: date) -> Told:
    return Told(
        mailbox=ending.mailbox,
        user=ending.user,
        valid_until=ending.valid_until,
        days_left=ending.days_left(day),
    )
