"""What happens on the days of 2026 on which the clocks change, and what supervision must make of it. Data.

Home care is to have read by 02:30, which on the one day never comes and on the other comes twice.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from rorpost_gateway.supervision.deadlines import ReadingTimes
from tests.peers.dovecot import DISTRICT, HOME_CARE

STOCKHOLM = ZoneInfo("Europe/Stockholm")
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)  # both are Sundays
OFFICE = "rorpost.bistand@motala.se"
EVERY_DAY, WORKING_DAYS = frozenset(range(7)), frozenset(range(5))
END = time(15)


@dataclass(frozen=True, kw_only=True)
class Mailbox:
    address: str
    read_at: tuple[str, ...]
    weekdays: frozenset[int] = EVERY_DAY

    def times(self) -> ReadingTimes:
        return ReadingTimes(
            mailbox=self.address,
            read_at=tuple(time.fromisoformat(at) for at in self.read_at),
            weekdays=self.weekdays,
            on_holidays=self.weekdays == EVERY_DAY,
        )


MAILBOXES = (
    Mailbox(address=HOME_CARE, read_at=("02:30", "08:00", "13:00")),
    Mailbox(address=DISTRICT, read_at=("08:00", "13:00")),
    Mailbox(address=OFFICE, read_at=("08:00", "13:00"), weekdays=WORKING_DAYS),
)


@dataclass(frozen=True, kw_only=True)
class Act:
    """What happens in a mailbox at a moment: a message arrives, or somebody reads all that is there."""

    at: datetime
    mailbox: str
    what: str
    known: bool = True  # to the decision log


def acts_of(day: date) -> list[Act]:
    """Times are written with their offset where the clock on the wall does not tell."""

    def at(text: str) -> datetime:
        return datetime.fromisoformat(f"{day}T{text}").replace(tzinfo=STOCKHOLM).astimezone(UTC)

    def with_offset(text: str, offset_hours: int) -> datetime:
        return datetime.fromisoformat(f"{day}T{text}+0{offset_hours}:00").astimezone(UTC)

    night = {
        # Two minutes before the clocks leap from 02:00 to 03:00, which is when 02:30 is due.
        SPRING: [
            Act(at=with_offset("01:58:00", 1), mailbox=HOME_CARE, what="arrives"),
            Act(at=with_offset("03:05:00", 2), mailbox=HOME_CARE, what="read"),
        ],
        # Read before the first 02:30. The next is unread at the second 02:30, which is no deadline.
        AUTUMN: [
            Act(at=with_offset("02:10:00", 2), mailbox=HOME_CARE, what="arrives"),
            Act(at=with_offset("02:25:00", 2), mailbox=HOME_CARE, what="read"),
            Act(at=with_offset("02:40:00", 2), mailbox=HOME_CARE, what="arrives"),
            Act(at=with_offset("03:10:00", 1), mailbox=HOME_CARE, what="read"),
        ],
    }[day]
    return [
        *night,
        Act(at=at("07:10:00"), mailbox=OFFICE, what="arrives"),
        Act(at=at("07:30:00"), mailbox=DISTRICT, what="arrives"),
        Act(at=at("08:00:01"), mailbox=HOME_CARE, what="arrives"),
        Act(at=at("08:40:00"), mailbox=DISTRICT, what="read"),
        Act(at=at("12:10:00"), mailbox=DISTRICT, what="arrives"),
        Act(at=at("12:20:00"), mailbox=DISTRICT, what="arrives", known=False),
        Act(at=at("12:59:59"), mailbox=HOME_CARE, what="read"),
    ]


MISSED, MET = "missed", "met"
EXPECTED = {
    SPRING: [
        ("2026-03-29T03:00:00+02:00", HOME_CARE, MISSED),
        ("2026-03-29T08:00:00+02:00", DISTRICT, MISSED),
        ("2026-03-29T08:00:00+02:00", HOME_CARE, MET),
        ("2026-03-29T13:00:00+02:00", DISTRICT, MISSED),
        ("2026-03-29T13:00:00+02:00", HOME_CARE, MET),
    ],
    AUTUMN: [
        ("2026-10-25T02:30:00+02:00", HOME_CARE, MET),
        ("2026-10-25T08:00:00+01:00", DISTRICT, MISSED),
        ("2026-10-25T08:00:00+01:00", HOME_CARE, MET),
        ("2026-10-25T13:00:00+01:00", DISTRICT, MISSED),
        ("2026-10-25T13:00:00+01:00", HOME_CARE, MET),
    ],
}
_BY_DAY = [
    ("08:00:00", "on duty", DISTRICT),  # read at 08:40, so that no manager hears
    ("13:00:00", "on duty", DISTRICT),
    ("14:00:00", "manager", DISTRICT),
]
TOLD = {SPRING: [("03:00:00", "on duty", HOME_CARE), *_BY_DAY], AUTUMN: _BY_DAY}
