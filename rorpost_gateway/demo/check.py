"""What must be true after a demo, and is looked for from outside: in files, logs and mailboxes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rorpost_gateway.decision import Reason
from rorpost_gateway.demo.arrivals import Arrived, Delivered
from rorpost_gateway.demo.logs import Log
from rorpost_gateway.demo.names import MOTALA
from rorpost_gateway.demo.scenes import BODY, SUBJECT, Letter, Scene
from rorpost_gateway.demo.wire import OnTheWire
from rorpost_gateway.demo.world import World

_MARKS = (BODY.encode(), SUBJECT.encode())


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """`strangers` arrived and were not accepted; `ended` are the exit codes of both daemons."""

    heard: Sequence[tuple[Scene | Letter, Reason | None]]
    wire: Sequence[OnTheWire]
    watched: int
    delivered: Sequence[Delivered]
    strangers: Sequence[Arrived]
    logs: Sequence[Log]
    ended: Sequence[int]


def findings_of(evidence: Evidence) -> list[str]:
    """What is wrong, a sentence each."""
    return [
        *(finding for each in evidence.delivered for finding in each.findings()),
        *(f"{each.recipient} got a message that was not accepted" for each in evidence.strangers),
        *_on_the_wire(evidence),
        *_in_the_logs(evidence),
        *(f"a gateway ended with exit code {code}" for code in evidence.ended if code != 0),
    ]


def clear_text_in(world: World) -> list[str]:
    """The files outside the mailboxes that hold something of a message, which nobody may find there."""
    mailboxes = [house.mail for house in world.houses]
    files = (
        path
        for path in world.folder.rglob("*")
        if path.is_file() and not any(path.is_relative_to(mail) for mail in mailboxes)
    )
    return [
        f"{path.relative_to(world.folder)} holds clear text" for path in files if _is_clear(path.read_bytes())
    ]


def _is_clear(octets: bytes) -> bool:
    return any(mark in octets for mark in _MARKS)


def _on_the_wire(evidence: Evidence) -> Iterator[str]:
    if len(evidence.wire) != evidence.watched:
        yield f"{len(evidence.wire)} sealed copies were seen on the wire instead of {evidence.watched}"
    for seen in evidence.wire:
        if _is_clear(seen.octets):
            yield f"the copy to {seen.recipient} went in clear text"
        if not all(_names(log, seen.sealed_sha256) for log in evidence.logs):
            yield f"the copy to {seen.recipient} is not the one that both logs name"


def _names(log: Log, sealed_sha256: str) -> bool:
    return any(line.get("sealed_sha256") == sealed_sha256 for line in log.lines)


def _in_the_logs(evidence: Evidence) -> Iterator[str]:
    by_folder = {log.organisation.folder: log for log in evidence.logs}
    for log in evidence.logs:
        if log.verified is None:
            yield f"the decision log of {log.organisation.name} does not hold: {log.fault}"
    for scene, heard in evidence.heard:
        organisation = scene.at if isinstance(scene, Scene) else MOTALA
        silent = heard in (None, Reason.SHUTTING_DOWN)
        if heard and not silent and not by_folder[organisation.folder].says(scene.direction, heard):
            yield f"{scene.story}: the decision log has no line with {heard}"
