"""What is due for one mailbox: deadlines that wait for their line, and the manager who is to hear. Pure.

Invariants: every deadline that goes by is judged once, in order, by a look that began after it and
its grace; one that could not be judged yet is looked at again until a look would come too late.
A missed deadline is told of once, and the manager hears once, if mail of then is still unread. A
notice waits in memory: who may not have got it when the gateway went down hears after the start.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rorpost_gateway.supervision.base import NOTICE_WAITS_SECONDS, Judged, Settings, Watched
from rorpost_gateway.supervision.contents import Contents, Look
from rorpost_gateway.supervision.deadlines import (
    PUNCTUAL_SECONDS,
    Deadline,
    Judgement,
    Outcome,
    judge,
    still_unread,
)
from rorpost_gateway.supervision.remembered import MailboxMemory
from rorpost_gateway.supervision.timetable import Timetable

LONGEST_BACK = timedelta(days=7)  # what went by longer ago, while nothing ran, has no line
FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS, REFUSED_RETRY_SECONDS = 5.0, 60.0, 900.0
NOT_RUNNING = "the gateway was not running at the deadline"

Verdict = tuple[Deadline, Judgement]


@dataclass(kw_only=True)
class Missed:
    """A missed deadline about which the manager is to hear at `escalate_at`, if nobody reads."""

    deadline: Deadline
    escalate_at: datetime


class Duty:
    """One mailbox. `since` is the moment from which deadlines are its own to judge."""

    def __init__(
        self,
        watched: Watched,
        *,
        timetable: Timetable,
        settings: Settings,
        since: datetime,
        started_at: datetime,
        down_since: datetime | None = None,
        judged: Judged | None = None,
    ) -> None:
        self.watched = watched
        self.memory = MailboxMemory()
        self.look: Look | None = None
        self.contents: Contents | None = None  # of the newest look that saw something
        self.judged = judged
        self._timetable = timetable
        self._grace = timedelta(seconds=settings.grace_seconds)
        self._escalate_after = timedelta(seconds=settings.escalate_after_seconds)
        self._handled_until = since
        self._started_at = started_at
        self._waiting: list[Deadline] = []
        self._retries = 0
        self._look_again_at: datetime | None = None
        self._missed: Missed | None = None
        self._perhaps_untold: Deadline | None = None
        if judged is not None and down_since is not None:
            self._take_up(judged, down_since)

    @property
    def look_again_at(self) -> datetime | None:
        """When a look that has failed is to be made again; None where none is."""
        return self._look_again_at

    def pass_time(self, now: datetime) -> None:
        """Take in the deadlines that, with their grace, have gone by."""
        until = now - self._grace
        if until > self._handled_until:
            after = max(self._handled_until, until - LONGEST_BACK)
            self._waiting += self._timetable.between(self.watched.times, after, until)
            self._handled_until = until

    def wants_look(self, now: datetime) -> bool:
        """Whether a look is due that cannot wait for the next round."""
        if self._look_again_at is not None and now < self._look_again_at:
            return False
        return self._is_due(now)

    def next_moment(self, now: datetime, until: datetime) -> datetime:
        """When something is due next that is not due already; `until` where nothing is before it."""
        moments = [until]
        if self._look_again_at is not None:
            moments.append(self._look_again_at)
        if self._missed is not None:
            moments.append(self._missed.escalate_at)
        ahead = self._timetable.between(self.watched.times, self._handled_until, until - self._grace)
        moments += [deadline.at + self._grace for deadline in ahead[:1]]
        return min(moment for moment in moments if moment > now or moment is until)

    def see(self, look: Look, now: datetime, *, may_repeat: bool = True) -> list[Verdict]:
        """Take in a look; the deadlines that it decides, to be settled once they have their lines.

        `may_repeat`: one that saw nothing may be made again soon, rather than decide anything.
        """
        self.look = look
        if isinstance(look, Contents):
            self.contents = look
        decided = []
        for deadline in self._waiting:
            due = deadline.at + self._grace
            if look.looked_at < due:
                break
            punctual_until = due + timedelta(seconds=PUNCTUAL_SECONDS)
            if not isinstance(look, Contents) and may_repeat and now < punctual_until:
                break
            decided.append((deadline, self._judge(deadline, look)))
        self._plan_retry(look, now, soon=may_repeat)
        return decided

    def settle(self, decided: Sequence[Verdict], now: datetime) -> Deadline | None:
        """These have their lines; the newest missed one of them, of which those on duty are to hear."""
        missed = None
        for deadline, judgement in decided:
            self._waiting.remove(deadline)
            self.judged = Judged(at=deadline.at, local=deadline.local, outcome=judgement.outcome)
            if judgement.outcome is Outcome.MISSED:
                missed = deadline
        if not self._is_due(now):
            self._look_again_at, self._retries = None, 0
        if missed is not None and self._missed is None:
            at = missed.at + self._grace + self._escalate_after
            self._missed = Missed(deadline=missed, escalate_at=max(at, now))
        return missed

    def untold(self, look: Look) -> Deadline | None:
        """A deadline missed before this start of which those on duty are to hear again, unread still."""
        deadline = self._perhaps_untold
        if deadline is None or not isinstance(look, Contents):
            return None
        self._perhaps_untold = None
        return deadline if still_unread(deadline, look) else None

    def escalation(self, look: Look, now: datetime) -> Deadline | None:
        """The deadline of which the manager is to hear now, once; None where nothing is to be told."""
        missed = self._missed
        if missed is None or not isinstance(look, Contents):
            return None
        unread = still_unread(missed.deadline, look)
        if unread and now < missed.escalate_at:
            return None
        self._missed = None
        return missed.deadline if unread else None

    def _judge(self, deadline: Deadline, look: Look) -> Judgement:
        judgement = judge(deadline, look, grace_seconds=self._grace.total_seconds())
        if judgement.outcome is Outcome.UNKNOWN and deadline.at + self._grace < self._started_at:
            return Judgement(outcome=Outcome.UNKNOWN, cause=NOT_RUNNING)
        return judgement

    def _is_due(self, now: datetime) -> bool:
        if self._waiting and now >= self._waiting[0].at + self._grace:
            return True
        return self._missed is not None and now >= self._missed.escalate_at

    def _plan_retry(self, look: Look, now: datetime, *, soon: bool) -> None:
        """What could not be seen is looked at again, soon where that may help."""
        if isinstance(look, Contents) or not self._is_due(now):
            self._look_again_at, self._retries = None, 0
            return
        seconds = min(FIRST_RETRY_SECONDS * 2**self._retries, LONGEST_RETRY_SECONDS)
        seconds = seconds if soon else REFUSED_RETRY_SECONDS
        self._look_again_at = now + timedelta(seconds=seconds)
        self._retries = min(self._retries + 1, 10)

    def _take_up(self, judged: Judged, down_since: datetime) -> None:
        """A missed deadline whose notices may have been waiting still when the gateway went down."""
        if judged.outcome is not Outcome.MISSED:
            return
        deadline = Deadline(mailbox=self.watched.address, at=judged.at, local=judged.local)
        due, waits = judged.at + self._grace, timedelta(seconds=NOTICE_WAITS_SECONDS)
        if due + waits > down_since:
            self._perhaps_untold = deadline
        escalate_at = due + self._escalate_after
        if escalate_at + waits > down_since:
            self._missed = Missed(deadline=deadline, escalate_at=escalate_at)
