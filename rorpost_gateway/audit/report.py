"""A month in figures: what was sent and refused, why, on which channel and by whom, and what became of it.

A figure counts decisions: one a recipient; a copy that the sending mailbox keeps is none,
and is counted by itself. Lines that stand for several events
(`count`) count as that many. Memory is bounded: a table has at most `NAMES` names,
and what is beyond them is counted under `OTHERS`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

NAMES = 10_000
OTHERS = "(others)"
MOST = 1 << 53  # that one line can stand for; more than JSON's readers agree on is no count
COPY_EVENTS = (
    "relayed",
    "deferred",
    "bounced",
    "delivered",
    "read",
    "expired",
    "held",
    "released",
    "removed",
)
OUTCOMES = ("met", "missed", "unknown")  # of reading deadlines
SENT_COPY_EVENTS = ("deferred", "bounced", "delivered", "held", "released", "removed")
SENT_COPIES = "delivery.sent_copy"  # the rule of lines about copies for Sent folders
LOG_EVENTS = ("start", "stop", "policy", "keyring", "key", "torn", "purged", "extract")


@dataclass(kw_only=True)
class Tally:
    """Decisions about one channel, or one person: sent is outbound, received inbound."""

    sent: int = 0
    received: int = 0
    duplicate: int = 0
    refused: int = 0


@dataclass(kw_only=True)
class Report:
    """The figures. Reasons are of what was refused: for good (`reject`) or for now (`defer`).

    `first` and `last` are entry numbers. `channels` and `users` have None for what
    was refused before a channel, or a person, was known. `deadlines` is mailbox →
    `met`, `missed`, `unknown` → how often.
    """

    entries: int = 0
    first: int | None = None
    last: int | None = None
    messages: int = 0  # accepted, whatever the number of their recipients
    totals: Tally = field(default_factory=Tally)
    reasons: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    channels: dict[str | None, Tally] = field(default_factory=dict)
    users: dict[str | None, Tally] = field(default_factory=dict)
    copies: Counter[str] = field(default_factory=Counter)
    sent_copies: Counter[str] = field(default_factory=Counter)  # `made`, `not_made`, and what became of them
    log: Counter[str] = field(default_factory=Counter)
    extracts: Counter[str] = field(default_factory=Counter)
    login_failures: int = 0
    deadlines: dict[str, Counter[str]] = field(default_factory=dict)


def figures_of(entries: Iterable[Mapping[str, Any]]) -> Report:
    """The figures of these entries, which are such as the verifier lets through."""
    figures = Report()
    message = None
    for entry in entries:
        event, count = entry["event"], min(entry.get("count") or 1, MOST)
        figures.entries += 1
        figures.first = min(entry["n"], entry["n"] if figures.first is None else figures.first)
        figures.last = max(entry["n"], figures.last or 0)
        if entry.get("rule") == SENT_COPIES:
            figures.sent_copies[_of_sent_copy(entry)] += count
        elif event == "decision":
            _decision(figures, entry, count)
            # The lines of a message follow each other.
            if entry["action"] == "accept" and entry["reason"] == "ok" and entry.get("queue_id") != message:
                message = entry.get("queue_id")
                figures.messages += 1
        elif event == "login-failed":
            figures.login_failures += count
        elif event == "mailbox":
            _deadline(figures, entry)
        elif event in COPY_EVENTS:
            figures.copies[event] += count
        elif event in LOG_EVENTS:
            figures.log[event] += count
            if event == "extract":
                figures.extracts[_bounded(figures.extracts, str(entry.get("verb")))] += count
    return figures


def as_data(figures: Report) -> dict[str, Any]:
    """The figures as JSON can carry them; tables as lists, the most first."""
    return {
        "entries": {"count": figures.entries, "first": figures.first, "last": figures.last},
        "messages": figures.messages,
        "decisions": vars(figures.totals),
        "refused": [
            {"reason": reason, **{name: by[name] for name in ("outbound", "inbound")}}
            for reason, by in ordered(figures.reasons, key=lambda by: by.total())
        ],
        "channels": [
            {"channel": name} | vars(tally) for name, tally in ordered(figures.channels, key=weight)
        ],
        "users": [{"user": name} | vars(tally) for name, tally in ordered(figures.users, key=weight)],
        "copies": {name: figures.copies[name] for name in COPY_EVENTS},
        "sent_copies": {name: figures.sent_copies[name] for name in ("made", "not_made", *SENT_COPY_EVENTS)},
        "login_failures": figures.login_failures,
        "deadlines": [
            {"mailbox": name} | {outcome: by[outcome] for outcome in OUTCOMES}
            for name, by in sorted(figures.deadlines.items())
        ],
        "events": {name: figures.log[name] for name in LOG_EVENTS} | {"extracts": dict(figures.extracts)},
    }


def ordered(table: Mapping[Any, Any], *, key: Any) -> list[tuple[Any, Any]]:  # noqa: ANN401
    """The rows of a table, the most first, then by name; the row without a name last."""
    return sorted(table.items(), key=lambda row: (row[0] is None, -key(row[1]), row[0] or ""))


def weight(tally: Tally) -> int:
    """How much was decided about it."""
    return tally.sent + tally.received + tally.duplicate + tally.refused


def _decision(figures: Report, entry: Mapping[str, Any], count: int) -> None:
    direction, action, reason = entry["direction"], entry["action"], entry["reason"]
    if action != "accept":
        kind = "refused"
        figures.reasons[_bounded(figures.reasons, reason)][direction] += count
    elif reason != "ok":
        kind = "duplicate"
    else:
        kind = "sent" if direction == "outbound" else "received"
    of_channel = figures.channels.setdefault(_bounded(figures.channels, entry.get("channel")), Tally())
    of_user = figures.users.setdefault(_bounded(figures.users, entry.get("declared_user")), Tally())
    for tally in (figures.totals, of_channel, of_user):
        setattr(tally, kind, getattr(tally, kind) + count)


def _of_sent_copy(entry: Mapping[str, Any]) -> str:
    if entry["event"] != "decision":
        return str(entry["event"])
    return "made" if entry["action"] == "accept" else "not_made"


def _deadline(figures: Report, entry: Mapping[str, Any]) -> None:
    outcome, mailbox = entry.get("outcome"), entry.get("mailbox") or entry.get("recipient")
    if outcome in OUTCOMES and isinstance(mailbox, str):
        figures.deadlines.setdefault(_bounded(figures.deadlines, mailbox), Counter())[outcome] += 1


def _bounded(table: Mapping[Any, Any], name: Any) -> Any:  # noqa: ANN401
    return name if name in table or len(table) < NAMES else OTHERS
