"""The books, balanced: what was seen from outside against what lies in the folders. Pure.

Each thing that does not agree is a finding: what kind, and which message, copy or line.
Where the gateway may repeat itself (RFC 5321, section 6.1: a 250 of the next hop that
was not noted down in time), the repetition is counted and must be explained by a kill
that left that very copy in the queue. Nothing else explains one.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.torture.books import Books, is_notice, subject
from tests.torture.evidence import Evidence
from tests.torture.ledger import Ledger, Message, Reply

_ENDED_FOR_GOOD = ("bounced", "removed")  # the same message sent again is a new one


@dataclass(frozen=True, kw_only=True, order=True)
class Finding:
    kind: str
    about: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.about}"


@dataclass(frozen=True, kw_only=True)
class Balance:
    findings: tuple[Finding, ...]
    explained: int  # copies that went out once more, each after a kill that explains it


def balance(ledger: Ledger, evidence: Evidence, *, drained: bool) -> Balance:
    """`drained`: the daemon has had all the time it wanted, so that nothing may be under way any more."""
    books = _Checks(ledger, evidence)
    repeated, explained = books.repeated()
    findings = [
        *(Finding(kind="chain", about=fault) for fault in evidence.log.faults),
        *(Finding(kind="plaintext", about=place) for place in evidence.in_clear),
        *(Finding(kind="orphan", about=process) for process in ledger.orphans),
        *(Finding(kind="seal", about=what) for what in ledger.unlike),
        *books.accepted_without_line(),
        *books.refused_without_line(),
        *books.allowed_wrongly(),
        *books.lost(),
        *books.taken_twice(),
        *books.got_out(),
        *books.delivered_wrongly(),
        *repeated,
        *(books.left_over() if drained else ()),
    ]
    return Balance(findings=tuple(sorted(set(findings))), explained=explained)


class _Checks(Books):
    """Each of them what must agree, and the findings where it does not."""

    def accepted_without_line(self) -> Iterator[Finding]:
        """Each 250 has its line: as many for a message and a recipient as were heard."""
        lines = Counter(subject(entry) for entry in self.decisions if entry["action"] == "accept")
        heard = Counter(_what(reply) for reply in self.ledger.replies if reply.accepted)
        yield from _missing("250 without its line", heard, lines)
        ids = {entry["queue_id"] for entry in self.decisions if entry["action"] == "accept"}
        for reply in self.ledger.replies:
            if reply.accepted and reply.queue_id not in ids:
                yield _about("250 without its line", reply.message, reply.recipient)

    def refused_without_line(self) -> Iterator[Finding]:
        """Each 5xx has its line. Of sealed mail that could not be opened no line can name the message."""
        lines = Counter(
            (entry["direction"], entry["recipient"], entry["reason"])
            for entry in self.decisions
            if entry["action"] == "reject" and "recipient" in entry
        )
        heard = Counter(
            (reply.message.way.value, reply.recipient, reply.reason)
            for reply in self.ledger.replies
            if reply.code is not None and reply.code >= 500
        )
        yield from _missing("refusal without its line", heard, lines)

    def allowed_wrongly(self) -> Iterator[Finding]:
        for reply in self.ledger.replies:
            if reply.accepted and not reply.message.allowed:
                yield _about("250 to what must be refused", reply.message, reply.recipient)

    def lost(self) -> Iterator[Finding]:
        """Whatever was accepted is at the next hop, in the mailbox, in the queue, or told of as failed."""
        heard = {(reply.queue_id, reply.recipient) for reply in self.ledger.replies if reply.accepted}
        for decision_id, line in self.taken.items():
            state = self.evidence.queue.get(decision_id)
            name = f"{line['queue_id']}/{line['recipient']} {line['message_id']}"
            if (line["queue_id"], line["recipient"]) in heard:
                if state == "pending":
                    yield Finding(kind="250 before it was ready", about=name)
                elif state is None and not self.ended(line):
                    yield Finding(kind="lost", about=name)
            elif state is None and not self.ended(line):
                yield Finding(kind="accepted, and nowhere", about=name)

    def taken_twice(self) -> Iterator[Finding]:
        """One message is taken once for a recipient, but where the first one has failed for good."""
        taken: dict[tuple[str, str], list[str]] = defaultdict(list)
        for decision_id, line in self.taken.items():
            taken[subject(line)].append(decision_id)
        for (message_id, recipient), ids in taken.items():
            going_on = [each for each in ids if not any(self.events[e][each] for e in _ENDED_FOR_GOOD)]
            if len(going_on) > 1:
                yield Finding(kind="taken twice", about=f"{message_id} for {recipient}")

    def got_out(self) -> Iterator[Finding]:
        """Whatever came to the next hop was accepted for that recipient, and was not refused."""
        for arrival in self.ledger.arrivals:
            line = self.by_seal.get(arrival.sealed_sha256)
            if line is None:
                about = f"{arrival.sealed_sha256} to {arrival.recipient}"
                yield Finding(kind="a copy that no line accepts", about=about)
                continue
            message = self.messages.get(line["message_id"])
            if message is None or line["recipient"] != arrival.recipient:
                yield Finding(
                    kind="a copy for somebody else", about=f"{arrival.recipient} {line['queue_id']}"
                )
            elif subject(line) in self.refused_only or not message.allowed:
                yield _about("refused, and got out", message, arrival.recipient)

    def delivered_wrongly(self) -> Iterator[Finding]:
        """A file for each message, named by its decision, in its recipient's mailbox and no other."""
        of_content: Counter[str] = Counter()
        names = {f"{line['queue_id']}.{name}": line for name, line in self.taken.items()}
        for each in self.evidence.delivered:
            if is_notice(each.octets):
                continue
            line = names.get(each.name)
            message = self.messages.get(line["message_id"]) if line is not None else None
            if line is None or message is None or line["recipient"] != each.mailbox:
                yield Finding(kind="a delivery that no line accepts", about=f"{each.mailbox}/{each.name}")
                continue
            of_content[message.message_id] += 1
            if message.marker.encode() not in each.octets:
                yield _about("delivered with another content", message, each.mailbox)
            if subject(line) in self.refused_only or not message.allowed:
                yield _about("refused, and delivered", message, each.mailbox)
        for message_id, count in of_content.items():
            if count > 1:
                yield Finding(kind="delivered twice", about=message_id)

    def repeated(self) -> tuple[list[Finding], int]:
        """Copies that went out more than once; and how many of those times a kill explains."""
        findings, explained = [], 0
        runs = {run.number: run for run in self.ledger.runs}
        for decision_id, arrivals in self.arrived.items():
            for first, second in pairwise(arrivals):
                run = runs.get(first.run)
                if first.run != second.run and run and run.killed and decision_id in run.left:
                    explained += 1
                else:
                    about = f"{decision_id} to {first.recipient}, runs {first.run} and {second.run}"
                    findings.append(Finding(kind="sent twice", about=about))
        return findings, explained

    def left_over(self) -> Iterator[Finding]:
        """After the drain: nothing is in the queue, and each outcome has its line."""
        for decision_id, state in self.evidence.queue.items():
            yield Finding(kind="left in the queue", about=f"{decision_id} {state}")
        for decision_id, arrivals in self.arrived.items():
            relayed = self.events["relayed"][decision_id]
            if not 0 < relayed <= len(arrivals) and not self.explained_end(decision_id):
                yield Finding(kind="relayed without its line", about=decision_id)
        for decision_id in self.events["relayed"]:
            if decision_id not in self.arrived:
                yield Finding(kind="a line for what never arrived", about=decision_id)
        for decision_id, line in self.taken.items():
            if (
                f"{line['queue_id']}.{decision_id}" in self.in_mailbox
                and not self.events["delivered"][decision_id]
            ):
                yield Finding(kind="delivered without its line", about=decision_id)


def _what(reply: Reply) -> tuple[str, str]:
    return reply.message.message_id, reply.recipient


def _missing(kind: str, heard: Counter[Any], lines: Counter[Any]) -> Iterator[Finding]:
    for what, count in (heard - lines).items():
        yield Finding(kind=kind, about=f"{' '.join(map(str, what))}, {count} missing")


def _about(kind: str, message: Message, recipient: str) -> Finding:
    return Finding(kind=kind, about=f"{message.message_id} to {recipient}")
