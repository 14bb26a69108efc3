"""How a mailbox stands: as the line of a deadline, and as everybody who asks is shown it. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rorpost_gateway.supervision.base import DeadlineLine, Judged, Watched
from rorpost_gateway.supervision.contents import Contents, Look, NotLookedInto
from rorpost_gateway.supervision.deadlines import Deadline, Judgement
from rorpost_gateway.supervision.duty import Duty


@dataclass(frozen=True, kw_only=True)
class Standing:
    """`look` is the newest one, `contents` what the newest one saw that saw something."""

    watched: Watched
    look: Look | None
    contents: Contents | None
    judged: Judged | None

    @classmethod
    def of(cls, duty: Duty) -> "Standing":
        return cls(watched=duty.watched, look=duty.look, contents=duty.contents, judged=duty.judged)

    @property
    def is_up(self) -> bool:
        """Whether the mailbox could be looked into when that was tried last."""
        return isinstance(self.look, Contents)

    @property
    def fault(self) -> str | None:
        return self.look.cause if isinstance(self.look, NotLookedInto) else None

    def as_data(self) -> dict[str, Any]:
        """As JSON can carry it; times are RFC 3339. Figures are null before the first look."""
        contents, judged = self.contents, self.judged
        inbox = contents.inbox if contents else None
        sent = contents.sent if contents else None
        return {
            "mailbox": self.watched.address,
            "name": self.watched.name,
            "unread": inbox.unread if inbox else None,
            "oldest_unread": _time(inbox.oldest_unread_at if inbox else None),
            "in_inbox": inbox.messages if inbox else None,
            "oldest_in_inbox": _time(inbox.oldest_at if inbox else None),
            "in_sent": sent.messages if sent else None,
            "oldest_in_sent": _time(sent.oldest_at if sent else None),
            "foreign": contents.foreign if contents else None,
            "deadline": judged.local if judged else None,
            "outcome": judged.outcome.value if judged else None,
            "looked_at": _time(contents.looked_at if contents else None),
            "tried_at": _time(self.look.looked_at if self.look else None),
            "fault": self.fault,
        }


def line_of(deadline: Deadline, judgement: Judgement, look: Look) -> DeadlineLine:
    """What the log is to say of a deadline, and of the mailbox as it was at that look."""
    if not isinstance(look, Contents):
        return DeadlineLine(
            mailbox=deadline.mailbox,
            deadline=deadline.local,
            outcome=judgement.outcome,
            cause=judgement.cause,
        )
    return DeadlineLine(
        mailbox=deadline.mailbox,
        deadline=deadline.local,
        outcome=judgement.outcome,
        unread=look.inbox.unread,
        oldest_unread=look.inbox.oldest_unread_at,
        in_inbox=look.inbox.messages,
        in_sent=look.sent.messages if look.sent else None,
        oldest=_oldest(look),
        foreign=look.foreign,
        cause=judgement.cause,
    )


def _oldest(look: Contents) -> datetime | None:
    """Of all that lies in inbox and sent."""
    dates = [each.oldest_at for each in (look.inbox, look.sent) if each and each.oldest_at]
    return min(dates, default=None)


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
