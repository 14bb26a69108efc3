"""Whose messages the decision log knows, asked of its files: those who ask together share one pass.

What the log wrote about a message was cleaned before; so the same is done to what the message says.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Final

from rorpost_gateway.decision_log.clean import clean
from rorpost_gateway.decision_log.folder import read_or_unavailable
from rorpost_gateway.decision_log.known_messages import Question, find_known
from rorpost_gateway.dsn import message_ids
from rorpost_gateway.identity_number import contains_identity_number
from rorpost_gateway.supervision.base import Place, Trace

# Its line comes before a message is delivered, but a clock may have been put back meanwhile.
BEFORE: Final = timedelta(hours=1)
# Of a message that was sent, and of a notice, only the time is known at which it came into its folder:
# a mail client may have been away, a notice may have waited for the mail server.
SENT_BEFORE: Final = timedelta(days=3)
_LAST: Final = datetime(9000, 1, 1, tzinfo=UTC)
_NOTICE: Final = "<dsn."


@dataclass(kw_only=True)
class _Batch:
    """Those who share a pass; what each of them asks about one message."""

    asked: list[tuple[Question, ...]] = field(default_factory=list)
    task: asyncio.Task[list[bool]] | None = None


class KnownMessages:
    """Implements `supervision.base.Known` over the log in `folder`.

    `is_known` says of a text that the policy or the logins name it: such a one stands in the log as it is.
    """

    def __init__(self, folder: Path, *, hostname: str, is_known: Callable[[str], bool]) -> None:
        self._folder = folder
        self._hostname = hostname
        self._is_known = is_known
        self._gathering = _Batch()
        self._reading = asyncio.Lock()

    async def find(self, traces: Sequence[Trace]) -> Sequence[bool]:
        """See `Known`."""
        asked = [tuple(self._questions(trace)) for trace in traces]
        if not any(asked):
            return [False] * len(traces)
        batch = self._gathering
        start = len(batch.asked)
        batch.asked += asked
        if batch.task is None:
            batch.task = asyncio.create_task(self._answer(batch))
        # Who is told no more to wait must not keep the others from their answers.
        return (await asyncio.shield(batch.task))[start : start + len(traces)]

    async def _answer(self, batch: "_Batch") -> list[bool]:
        """One pass for all who have asked by the time that the one before is over."""
        async with self._reading:
            self._gathering = _Batch()
            with read_or_unavailable():
                return await asyncio.to_thread(self._find, batch.asked)

    def _find(self, asked: Sequence[tuple[Question, ...]]) -> list[bool]:
        flat = [question for questions in asked for question in questions]
        found = iter(find_known(self._folder, flat, self._notice_names))
        return [any(tuple(islice(found, len(questions)))) for questions in asked]

    def _questions(self, trace: Trace) -> Iterator[Question]:
        decided_at = None if trace.decision_id is None else _time_of(trace.decision_id)
        message_id = None if trace.message_id is None else self._as_logged(trace.message_id)
        arrived_at = trace.arrived_at.astimezone(UTC)
        if decided_at is not None:
            yield Question(
                mailbox=trace.mailbox,
                message_id=message_id,
                first=decided_at - BEFORE,
                last=decided_at + BEFORE,
                decision_id=trace.decision_id,
            )
        notice = trace.place is Place.INBOX
        if message_id is not None and (not notice or message_id.startswith(_NOTICE)):
            yield Question(
                mailbox=trace.mailbox,
                message_id=message_id,
                first=arrived_at - SENT_BEFORE,
                last=arrived_at + BEFORE,
                notice=notice,
            )

    def _as_logged(self, message_id: str) -> str:
        return clean(
            message_id,
            known=self._is_known(message_id),
            contains_identity_number=contains_identity_number,
        )

    def _notice_names(self, queue_id: str, recipient: str) -> frozenset[str]:
        return message_ids(queue_id, recipient, hostname=self._hostname)


def _time_of(decision_id: str) -> datetime | None:
    """When a UUIDv7 was made (RFC 9562, section 5.7); None where that is no time of ours."""
    milliseconds = int(decision_id[:8] + decision_id[9:13], 16)
    try:
        made_at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return made_at if made_at < _LAST else None
