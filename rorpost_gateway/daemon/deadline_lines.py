"""Reading deadlines in the decision log: written as they are judged, read back at the next start."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rorpost_gateway.decision_log.base import DecisionLog, Record
from rorpost_gateway.decision_log.folder import read_or_unavailable
from rorpost_gateway.decision_log.line import timestamp
from rorpost_gateway.decision_log.past_deadlines import past_deadlines
from rorpost_gateway.decision_log.record import Records
from rorpost_gateway.supervision.base import DeadlineLine, Judged, Past
from rorpost_gateway.supervision.deadlines import Outcome


@dataclass(frozen=True, kw_only=True)
class DeadlineLines:
    """Implements `supervision.base.Lines`."""

    decision_log: DecisionLog
    records: Records
    folder: Path

    async def past(self, *, since: datetime) -> Past:
        """See `Lines`."""
        with read_or_unavailable():
            found = await asyncio.to_thread(past_deadlines, self.folder, since=since.timestamp())
        judged = {
            mailbox: known
            for mailbox, last in found.by_mailbox.items()
            if (known := _judged(last.deadline, last.outcome)) is not None
        }
        return Past(judged=judged, down_since=_moment(found.down_since))

    async def write(self, lines: Sequence[DeadlineLine]) -> None:
        """See `Lines`."""
        await self.decision_log.append([self._record(line) for line in lines])

    def _record(self, line: DeadlineLine) -> Record:
        return self.records.mailbox(
            mailbox=line.mailbox,
            outcome=line.outcome.value,
            deadline=line.deadline,
            unread=line.unread,
            oldest_unread=_text(line.oldest_unread),
            in_inbox=line.in_inbox,
            in_sent=line.in_sent,
            oldest=_text(line.oldest),
            foreign=line.foreign,
            cause=line.cause,
        )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else timestamp(moment.timestamp())


def _judged(deadline: str, outcome: str) -> Judged | None:
    at = _moment(deadline)
    if at is None or outcome not in set(Outcome):
        return None
    return Judged(at=at, local=deadline, outcome=Outcome(outcome))


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo is not None else None
