"""The decision logs of both organisations: verified, and held against each other."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rorpost_gateway.audit.verify import Broken, Verified, verify_log
from rorpost_gateway.decision import Direction, Reason
from rorpost_gateway.demo.arrivals import Expected
from rorpost_gateway.demo.names import Organisation
from rorpost_gateway.demo.world import House, World

Line = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Log:
    """One organisation's decision log. `verified` is None where it does not hold, and `fault` says why."""

    organisation: Organisation
    lines: Sequence[Line]
    verified: Verified | None
    fault: str | None = None

    def says(self, direction: Direction, reason: Reason) -> bool:
        """Whether some line gives that reason. A failed login or a lost client has no direction."""
        return any(
            line.get("reason") == reason and line.get("direction", direction) == direction
            for line in self.lines
        )

    def accepted(self, direction: Direction, expected: Expected) -> Line | None:
        """The line with which a copy was accepted."""
        wanted = {
            "event": "decision",
            "reason": str(Reason.OK),
            "direction": str(direction),
            "recipient": expected.recipient,
            "message_id": expected.message_id,
        }
        return next((line for line in self.lines if wanted.items() <= line.items()), None)

    def delivered(self, expected: Expected) -> bool:
        return any(
            line["event"] == "delivered"
            and (line.get("recipient"), line.get("message_id")) == (expected.recipient, expected.message_id)
            for line in self.lines
        )


@dataclass(frozen=True, kw_only=True)
class Joined:
    """How many copies stand in both logs with the same hashes, and what does not fit."""

    copies: int
    findings: Sequence[str]


def read_log(house: House) -> Log:
    """Verify a log as an auditor would, with the verifier key that lies beside it."""
    lines = [
        json.loads(line)
        for path in sorted(house.log.glob("*.jsonl"))
        for line in path.read_bytes().splitlines()
    ]
    try:
        vkey = (house.folder / "decision-log.vkey").read_text(encoding="ascii").strip()
        return Log(organisation=house.organisation, lines=lines, verified=verify_log(house.log, vkey=vkey))
    except (Broken, OSError) as fault:
        return Log(organisation=house.organisation, lines=lines, verified=None, fault=str(fault))


def join(world: World, logs: Sequence[Log], expected: Iterable[Expected]) -> Joined:
    """Hold the sender's line against the receiver's, for every copy that went from gateway to gateway."""
    by_name = {log.organisation.folder: log for log in logs}
    copies, findings = 0, []
    for each in expected:
        sender = by_name[world.house_of(each.sender).organisation.folder]
        receiver = by_name[world.house_of(each.recipient).organisation.folder]
        if not receiver.delivered(each):
            findings.append(f"{each.story}: the log of {receiver.organisation.name} has no `delivered` line")
        if sender is receiver or each.by_hand:
            continue
        faults = list(_differences(each, sender, receiver))
        findings += [f"{each.story}, to {each.recipient}: {fault}" for fault in faults]
        copies += not faults
    return Joined(copies=copies, findings=findings)


def _differences(each: Expected, sender: Log, receiver: Log) -> Iterator[str]:
    sent = sender.accepted(Direction.OUTBOUND, each)
    taken = receiver.accepted(Direction.INBOUND, each)
    if sent is None or taken is None:
        yield "it does not stand in both logs"
        return
    for name in ("content_sha256", "sealed_sha256", "signed_by", "encrypted_to", "declared_user"):
        if sent.get(name) is None or sent.get(name) != taken.get(name):
            yield f"{name} differs between the logs"
