"""Whose messages the decision log knows, asked of its files: those who ask together share one pass.

What the log wrote about a message was cleaned before; so the same is done to what the message says.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from rorpost_gateway.decision_log.clean import clean
from rorpost_gateway.decision_log.known_messages import Question, find_known
from rorpost_gateway.dsn import message_ids
from rorpost_gateway.errors import LogDamaged, LogUnavailable
from rorpost_gateway.identity_number import contains_identity_number
from rorpost_gateway.supervision.base import Place, Trace

# Its line comes before a message is delivered, but a clock may have been put back meanwhile.
BEFORE: Final = timedelta(hours=1)
# Of a message that was sent, and of a notice, only the time is known at which it came into its folder:
# a mail client may have been away, a notice may have waited for the mail server.
SENT_BEFORE: Final = timedelta(days=3)
_LAST: Final = datetime(9000, 1, 1, tzinfo=UTC)
_NOTICE: Final = "<dsn."


class KnownMessages:
    """Implements `supervision.base.Known` over the log in `folder`.

    `is_known` says of a text that the policy or the logins name it: such a one stands in the log as it is.
    """

    def __init__(self, folder: Path, *, hostname: str, is_known: Callable[[str], bool]) -> None:
        self._folder = folder
        self._hostname = hostname
        self._is_known = is_known
        self._asked: list[tuple[Question, ...]] = []
        self._answer: asyncio.Future[list[bool]] | None = None
        self._reading = asyncio.Lock()

    async def find(self, traces: Sequence[Trace]) -> Sequence[bool]:
        """See `Known`."""
        asked = [tuple(self._questions(trace)) for trace in traces]
        if not any(asked):
            return [False] * len(traces)
        if self._answer is None:
            self._answer = asyncio.get_running_loop().create_future()
            self._asked = []
        answer, start = self._answer, len(self._asked)
        self._asked += asked
        async with self._reading:
            if not answer.done():
                await self._read(answer)
        return (await answer)[start : start + len(traces)]

    async def _read(self, answer: asyncio.Future[list[bool]]) -> None:
        """One pass for all who have asked by now."""
        asked, self._asked, self._answer = self._asked, [], None
        try:
            answer.set_result(await asyncio.to_thread(self._find, asked))
        except (OSError, LogDamaged) as error:
            fault = LogUnavailable("the decision log cannot be read", private=f"decision log: {error}")
            answer.set_exception(fault)
            answer.exception()  # whoever waits for it hears of it
        except BaseException:
            answer.cancel()
            raise

    def _find(self, asked: Sequence[tuple[Question, ...]]) -> list[bool]:
        flat = [question for questions in asked for question in questions]
        found = iter(find_known(self._folder, flat, self._notice_names))
        return [any([next(found) for _ in questions]) for questions in asked]

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
        elif message_id is not None:
            if trace.place is Place.INBOX and not message_id.startswith(_NOTICE):
                return
            yield Question(
                mailbox=trace.mailbox,
                message_id=message_id,
                first=arrived_at - SENT_BEFORE,
                last=arrived_at + BEFORE,
                notice=trace.place is Place.INBOX,
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
