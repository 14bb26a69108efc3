"""What is counted while messages go by: lines of the decision log, and how long each stage took.

Plain numbers in plain containers, changed by the event loop alone: a line costs a microsecond,
a timing less. Nothing of a line is kept but words of ours: direction, action, reason, event.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rorpost_gateway.decision import SENT_COPY_RULE, Action, Direction, Reason
from rorpost_gateway.decision_log.base import Event, Record
from rorpost_gateway.reply import action_of
from rorpost_gateway.stages import Stage, Suspicion

# Upper bounds, seconds. Sealing with GnuPG takes some 25 ms, with a slow next hop a relay minutes.
BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0)
COPY_EVENTS: Final = frozenset(
    {
        *(Event.RELAYED, Event.DEFERRED, Event.BOUNCED, Event.DELIVERED),
        *(Event.HELD, Event.RELEASED, Event.REMOVED),
    }
)
MADE, NOT_MADE = "made", "not-made"
SENT_COPY_OUTCOMES: Final = (MADE, NOT_MADE, *sorted(event.value for event in COPY_EVENTS - {Event.RELAYED}))
Words = tuple[str, ...]


class Times:
    """How long one stage took: how often within each bucket, and the sum in seconds."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)  # the last one holds what took longer than every bound
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds


class _Timing:
    """One piece of work being timed."""

    __slots__ = ("_began", "_clock", "_times")

    def __init__(self, times: Times, clock: Callable[[], float]) -> None:
        self._times = times
        self._clock = clock

    def __enter__(self) -> None:
        self._began = self._clock()

    def __exit__(self, *_: object) -> None:
        self._times.add(self._clock() - self._began)


@dataclass(frozen=True, kw_only=True)
class Tallied:
    """What had been counted at one moment. Keys of `decisions` and `copies` are label values in order."""

    decisions: Mapping[Words, int]  # direction, action, reason
    copies: Mapping[Words, int]  # direction, event
    sent_copies: Mapping[Words, int]  # made, not-made, or an event
    login_failures: int
    deadlines: Mapping[Words, int]  # mailbox, outcome
    lines: Mapping[str, int]  # by event
    position: int | None  # of the newest line in the log; None before the first one
    last_line_at: float | None  # seconds since the epoch
    suspected: Mapping[Words, int]  # by the rule that could not tell
    times: Mapping[Stage, tuple[Sequence[int], float]]  # counts by bucket, not cumulated; seconds


class Tallies:
    """Implements `stages.Stages`, and watches the decision log by `lines_written`.

    `clock` counts seconds from anywhere and never goes back; `now` is seconds since the epoch.
    """

    def __init__(self, *, clock: Callable[[], float], now: Callable[[], float]) -> None:
        self._clock = clock
        self._now = now
        self._times = {stage: Times() for stage in Stage}
        # What has not happened yet stands there as zero, so that its first time is a rise.
        self._decisions: Counter[Words] = Counter(
            {
                (direction.value, action_of(reason).value, reason.value): 0
                for direction in Direction
                for reason in Reason
                if reason is not Reason.LOGIN_FAILED
            }
        )
        self._copies: Counter[Words] = Counter(
            {(direction.value, event.value): 0 for direction in Direction for event in sorted(COPY_EVENTS)}
        )
        self._sent_copies: Counter[Words] = Counter({(outcome,): 0 for outcome in SENT_COPY_OUTCOMES})
        self._suspected: Counter[Words] = Counter({(each.value,): 0 for each in Suspicion})
        self._deadlines: Counter[Words] = Counter()
        self._lines: Counter[str] = Counter()
        self._login_failures = 0
        self._position: int | None = None
        self._last_line_at: float | None = None

    def timed(self, stage: Stage) -> _Timing:
        """See `Stages`."""
        return _Timing(self._times[stage], self._clock)

    def suspected(self, suspicion: Suspicion) -> None:
        """See `Stages`."""
        self._suspected[(suspicion.value,)] += 1

    def lines_written(self, records: Sequence[Record], last: int) -> None:
        """These lines are durable; `last` is the entry number of the last one."""
        self._position, self._last_line_at = last, self._now()
        for record in records:
            self._count(record)

    def _count(self, record: Record) -> None:
        event = record.event
        self._lines[event.value] += 1
        if record.fields.get("rule") == SENT_COPY_RULE:
            self._sent_copies[(_of_sent_copy(record),)] += 1
        elif event is Event.DECISION:
            self._decisions[_words(record, "direction", "action", "reason")] += _stands_for(record)
        elif event is Event.LOGIN_FAILED:
            self._login_failures += _stands_for(record)
        elif event is Event.MAILBOX:
            self._deadlines[_words(record, "mailbox", "outcome")] += 1
        elif event in COPY_EVENTS:
            self._copies[(*_words(record, "direction"), event.value)] += 1

    def tallied(self) -> Tallied:
        """A copy, which stands still."""
        return Tallied(
            decisions=dict(self._decisions),
            copies=dict(self._copies),
            sent_copies=dict(self._sent_copies),
            login_failures=self._login_failures,
            deadlines=dict(self._deadlines),
            lines=dict(self._lines),
            suspected=dict(self._suspected),
            position=self._position,
            last_line_at=self._last_line_at,
            times={stage: (tuple(times.counts), times.seconds) for stage, times in self._times.items()},
        )


def _of_sent_copy(record: Record) -> str:
    if record.event is not Event.DECISION:
        return record.event.value
    return MADE if record.fields.get("action") == Action.ACCEPT else NOT_MADE


def _words(record: Record, *names: str) -> Words:
    return tuple(str(record.fields.get(name)) for name in names)


def _stands_for(record: Record) -> int:
    """An aggregated line stands for more than one refusal."""
    count = record.fields.get("count", 1)
    return count if isinstance(count, int) else 1
