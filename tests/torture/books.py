"""The books side by side: what the log says, and where each copy is now. Pure."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tests.torture.evidence import Evidence
from tests.torture.ledger import Arrival, Ledger, Message, Reply


@dataclass(frozen=True)
class Books:
    ledger: Ledger
    evidence: Evidence
    events: Mapping[str, Counter[str]] = field(init=False)

    def __post_init__(self) -> None:
        events: dict[str, Counter[str]] = defaultdict(Counter)
        for entry in self.evidence.log.entries:
            if "queue_id" in entry and entry["event"] != "decision":
                events[entry["event"]][entry["decision_id"]] += 1
        object.__setattr__(self, "events", events)

    @cached_property
    def decisions(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(entry for entry in self.evidence.log.entries if entry["event"] == "decision")

    @cached_property
    def taken(self) -> dict[str, Mapping[str, Any]]:
        """The lines of the copies that were accepted, duplicates aside, by decision id."""
        return {
            entry["decision_id"]: entry
            for entry in self.decisions
            if entry["action"] == "accept" and entry["reason"] == "ok"
        }

    @cached_property
    def by_seal(self) -> dict[str, Mapping[str, Any]]:
        return {entry["sealed_sha256"]: entry for entry in self.taken.values()}

    @cached_property
    def messages(self) -> dict[str, Message]:
        return {reply.message.message_id: reply.message for reply in self.ledger.replies}

    @cached_property
    def arrived(self) -> dict[str, list[Arrival]]:
        """By decision id, in the order in which they came."""
        arrived: dict[str, list[Arrival]] = defaultdict(list)
        for arrival in self.ledger.arrivals:
            if (line := self.by_seal.get(arrival.sealed_sha256)) is not None:
                arrived[line["decision_id"]].append(arrival)
        return arrived

    @cached_property
    def in_mailbox(self) -> dict[str, str]:
        """Names of delivered copies, QUEUE_ID.DECISION_ID: the mailbox each lies in."""
        return {each.name: each.mailbox for each in self.evidence.delivered if not is_notice(each.octets)}

    @cached_property
    def notices(self) -> frozenset[str]:
        return frozenset(each.name for each in self.evidence.delivered if is_notice(each.octets))

    @cached_property
    def refused_only(self) -> set[tuple[str, str]]:
        """(message id, recipient) of what was refused each time and never left in doubt."""
        heard: dict[tuple[str, str], list[Reply]] = defaultdict(list)
        for reply in self.ledger.replies:
            heard[reply.message.message_id, reply.recipient].append(reply)
        return {what for what, replies in heard.items() if all(reply.refused for reply in replies)}

    def ended(self, line: Mapping[str, Any]) -> bool:
        decision_id = line["decision_id"]
        return bool(
            decision_id in self.arrived
            or f"{line['queue_id']}.{decision_id}" in self.in_mailbox
            or self.events["removed"][decision_id]
            or (self.events["bounced"][decision_id] and self._told(line))
        )

    def _told(self, line: Mapping[str, Any]) -> bool:
        """The sender was told that the copy failed; a notice to a partner leaves by the next hop."""
        digest = hashlib.sha256(line["recipient"].encode()).hexdigest()[:16]
        end = f".{line['queue_id']}.{digest}.failed"
        return any(name.endswith(end) for name in self.notices)

    def explained_end(self, decision_id: str) -> bool:
        """The 250 was not noted; then the next attempt was refused for good, or an operator removed the copy.

        The kill explains both.
        """
        left = {run.number: run.left for run in self.ledger.runs if run.killed}
        ended = self.events["bounced"][decision_id] or self.events["removed"][decision_id]
        return bool(ended) and all(
            decision_id in left.get(each.run, ()) for each in self.arrived[decision_id]
        )


def is_notice(octets: bytes) -> bool:
    return octets.startswith(b"Return-Path: <>")


def subject(entry: Mapping[str, Any]) -> tuple[str, str]:
    return entry["message_id"], entry["recipient"]
