"""Whether the log tells of a message that lies in a mailbox: one pass over the days that may know.

A message is known by one of three things, together with the mailbox that it lies in:
- received: an accepted decision of that id, for that recipient, about that Message-ID;
- sent: an accepted decision on that Message-ID, by that sender;
- a notice of this gateway's own: something happened to a copy of that sender's whose notice has
  that name (`notice_name` says how it is called).

The octets are looked through before any JSON is parsed: every line has the fields of this writer, and
its ids are ASCII. Memory depends on what is asked, not on the log. Lines are believed as they are.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rorpost_gateway.decision import Action
from rorpost_gateway.decision_log.base import Event
from rorpost_gateway.decision_log.folder import SUFFIX, day_files
from rorpost_gateway.decision_log.line import LINE_OCTETS
from rorpost_gateway.decision_log.past_lines import mark_of

_DAY = timedelta(days=1)
_DECISION_ID = re.compile(rb'"decision_id":"([0-9a-f-]{36})"')
_MESSAGE_ID = re.compile(rb'"message_id":("[^"\\]*(?:\\.[^"\\]*)*")')
_DECISION = mark_of(Event.DECISION)
_COPY_EVENTS = frozenset({Event.RELAYED, Event.DEFERRED, Event.BOUNCED, Event.DELIVERED, Event.HELD})
_COPIES = tuple(mark_of(event) for event in sorted(_COPY_EVENTS))

NoticeNames = Callable[[str, str], Iterable[str]]
"""Queue id and recipient → what notices about that copy may be called (their Message-IDs)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One message, `message_id` as the log would have it; the days (UTC) from `first` to `last` may know.

    `decision_id` is given for what was received, `notice` for what may be a notice of ours.
    """

    mailbox: str
    message_id: str | None
    first: datetime
    last: datetime
    decision_id: str | None = None
    notice: bool = False


@dataclass(kw_only=True)
class _Wanted:
    """The questions by what a line must hold to answer them; each with its place in the sequence."""

    received: dict[str, list[int]] = field(default_factory=dict)  # by decision id
    sent: dict[bytes, list[int]] = field(default_factory=dict)  # by message id, as JSON
    notices: dict[tuple[str, str], list[int]] = field(default_factory=dict)  # mailbox, message id
    notified: tuple[bytes, ...] = ()  # mailboxes with such questions, as JSON

    @classmethod
    def of(cls, questions: Sequence[Question]) -> "_Wanted":
        wanted = cls()
        for at, each in enumerate(questions):
            if each.decision_id is not None:
                wanted.received.setdefault(each.decision_id, []).append(at)
            elif each.notice:
                wanted.notices.setdefault((each.mailbox, each.message_id or ""), []).append(at)
            else:
                wanted.sent.setdefault(json.dumps(each.message_id).encode("ascii"), []).append(at)
        wanted.notified = tuple(json.dumps(mailbox).encode() for mailbox in {m for m, _ in wanted.notices})
        return wanted


def find_known(folder: Path, questions: Sequence[Question], notice_names: NoticeNames) -> list[bool]:
    """For each question whether the log knows the message. Raises OSError, LogDamaged."""
    found, wanted = [False] * len(questions), _Wanted.of(questions)
    if questions:
        for path in _files(folder, questions):
            _look_through(path, questions, wanted, notice_names, found)
    return found


def _files(folder: Path, questions: Sequence[Question]) -> list[Path]:
    days = set()
    for each in questions:
        day = each.first.astimezone(UTC).date()
        while day <= each.last.astimezone(UTC).date():
            days.add(f"{day.isoformat()}{SUFFIX}")
            day += _DAY
    return [path for path in day_files(folder) if path.name in days]


def _look_through(
    path: Path,
    questions: Sequence[Question],
    wanted: _Wanted,
    notice_names: NoticeNames,
    found: list[bool],
) -> None:
    with path.open("rb") as file:
        while line := file.readline(LINE_OCTETS):
            if _DECISION in line:
                candidates = _candidates(line, wanted)
                entry = _entry(line) if candidates else {}
                for at in candidates:
                    found[at] = found[at] or _answers(entry, questions[at])
            elif wanted.notices and any(event in line for event in _COPIES):
                for at in _noticed(line, wanted, notice_names):
                    found[at] = True


def _candidates(line: bytes, wanted: _Wanted) -> list[int]:
    candidates: list[int] = []
    if wanted.received and (match := _DECISION_ID.search(line)):
        candidates += wanted.received.get(match[1].decode("ascii"), ())
    if wanted.sent and (match := _MESSAGE_ID.search(line)):
        candidates += wanted.sent.get(match[1], ())
    return candidates


def _answers(entry: dict[str, Any], question: Question) -> bool:
    if entry.get("event") != Event.DECISION or entry.get("action") != Action.ACCEPT:
        return False
    if entry.get("message_id") != question.message_id:
        return False
    if question.decision_id is not None:
        return (entry.get("decision_id"), entry.get("recipient")) == (question.decision_id, question.mailbox)
    return entry.get("reverse_path") == question.mailbox


def _noticed(line: bytes, wanted: _Wanted, notice_names: NoticeNames) -> list[int]:
    if not any(mailbox in line for mailbox in wanted.notified):
        return []
    entry = _entry(line)
    sender, queue_id, recipient = (entry.get(name) for name in ("reverse_path", "queue_id", "recipient"))
    if entry.get("event") not in _COPY_EVENTS or not isinstance(sender, str):
        return []
    if not isinstance(queue_id, str) or not isinstance(recipient, str):
        return []
    return [at for name in notice_names(queue_id, recipient) for at in wanted.notices.get((sender, name), ())]


def _entry(line: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}
