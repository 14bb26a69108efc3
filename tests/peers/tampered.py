"""A small log with everything in it, laid out and tampered with a thousand times over.

Three days, a rotation of the key, torn octets in the lines and in `checkpoints`, all of it covered by a
checkpoint. A `Log` is its files by their path below the folder.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rorpost_gateway.audit.verify import Broken, Verified, verify_log
from rorpost_gateway.decision import Action, Direction, Reason
from rorpost_gateway.decision_log import record
from rorpost_gateway.decision_log.keeping import rotate
from rorpost_gateway.decision_log.record import Records
from rorpost_gateway.decision_log.signing import SigningKey, create, read
from tests.peers.log_workshop import DAY_SECONDS, NOON, ORIGIN, Clock
from tests.peers.two_day_log import open_again

Log = dict[str, bytes]
Mutation = Callable[[bytes, int], bytes]
KEPT_OUT = ("decision-log.lock",)

# Each is given a file's octets and a place, and gives back other octets.
BYTES: dict[str, Mutation] = {
    "one bit of it flipped": lambda octets, at: put(octets, at, 1, bytes([octets[at] ^ 1])),
    "changed into a newline": lambda octets, at: put(octets, at, 1, b"x" if octets[at] == 10 else b"\n"),
    "changed into another digit": lambda octets, at: put(octets, at, 1, b"8" if octets[at] == 55 else b"7"),
    "removed": lambda octets, at: put(octets, at, 1, b""),
    "swapped with the next": lambda octets, at: put(octets, at, 2, octets[at : at + 2][::-1]),
    "a space put before it": lambda octets, at: put(octets, at, 0, b" "),
    "a newline put before it": lambda octets, at: put(octets, at, 0, b"\n"),
    "a NUL put before it": lambda octets, at: put(octets, at, 0, b"\0"),
}
EVERY_BYTE = "one bit of it flipped"
# Every byte of the lines has a bit flipped, and every second one of what is published; the other kinds take
# every 23rd byte, each kind others. `exhaustive` is for `tests.fuzz.tampering_table`, which takes its time.
_PUBLISHED_STEP, _STEP = 2, 23


@dataclass(frozen=True, kw_only=True)
class Small:
    """`log` holds; `vkey` is the first verifier key, `key` the signing key in force."""

    log: Log
    vkey: str
    key: SigningKey


class Bench:
    """A folder that holds one log at a time."""

    def __init__(self, folder: Path, vkey: str) -> None:
        self.folder = folder
        self._vkey = vkey
        self._laid: Log = {}

    def lay(self, log: Log) -> None:
        # Files are made anew: some file systems flush to disk what is truncated and written again.
        for name in self._laid.keys() - {
            name for name, octets in log.items() if octets == self._laid.get(name)
        }:
            (self.folder / name).unlink()
        for name, octets in log.items():
            if octets != self._laid.get(name):
                path = self.folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(octets)
        self._laid = dict(log)

    def forget(self) -> None:
        """Somebody else has written to the folder: what is there now is what is laid."""
        self._laid = files_of(self.folder)

    def verdict(self, log: Log) -> str | Verified:
        """The check that caught something, or what holds."""
        self.lay(log)
        try:
            return verify_log(self.folder, vkey=self._vkey)
        except Broken as broken:
            return broken.check


def files_of(folder: Path) -> Log:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in KEPT_OUT
    }


def put(octets: bytes, at: int, length: int, new: bytes) -> bytes:
    """Other octets in the place of `length` ones."""
    return octets[:at] + new + octets[at + length :]


def is_day(name: str) -> bool:
    return name.endswith(".jsonl")


def is_tile(name: str) -> bool:
    return name.startswith("tile/")


def is_signed(name: str) -> bool:
    """`checkpoints` and `checkpoint`."""
    return name.startswith("checkpoint")


def days(log: Log) -> list[str]:
    return sorted(filter(is_day, log))


def flat(log: Log) -> list[tuple[str, bytes]]:
    return [(name, line) for name in days(log) for line in log[name].splitlines(keepends=True)]


def folded(log: Log, lines: list[tuple[str, bytes]]) -> Log:
    return log | {name: b"".join(line for file, line in lines if file == name) for name in days(log)}


def changed_lines(lines: list[tuple[str, bytes]]) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Every way to drop, double, swap or move one line."""
    for at in range(len(lines)):
        rest = lines[:at] + lines[at + 1 :]
        yield "a line dropped", rest
        yield "a line doubled", lines[: at + 1] + lines[at:]
        for to in range(at + 1, len(lines)):
            swapped = list(lines)
            swapped[at], swapped[to] = (lines[at][0], lines[to][1]), (lines[to][0], lines[at][1])
            yield "two lines swapped", swapped
            yield "a line moved on", [*rest[:to], (rest[to - 1][0], lines[at][1]), *rest[to:]]
            back = lines[:to] + lines[to + 1 :]
            yield "a line moved back", [*back[:at], (lines[at][0], lines[to][1]), *back[at:]]


def places(kind: str, name: str, octets: bytes, *, exhaustive: bool) -> Iterator[int]:
    """Where a kind of mutation is tried in a file."""
    if exhaustive or (kind == EVERY_BYTE and is_day(name)):
        yield from range(len(octets))
    elif kind == EVERY_BYTE:
        yield from range(len(name) % _PUBLISHED_STEP, len(octets), _PUBLISHED_STEP)
    else:
        yield from range(list(BYTES).index(kind) % _STEP, len(octets), _STEP)


def mutations(
    log: Log, kind: str, names: Callable[[str], bool], *, exhaustive: bool = False
) -> Iterator[tuple[str, Log]]:
    """The log with one place in one of those files changed; a text that tells which, and the log."""
    for name, octets in log.items():
        if names(name):
            for at in places(kind, name, octets, exhaustive=exhaustive):
                changed = BYTES[kind](octets, at)
                if changed != octets:
                    yield f"{name}, octet {at}, {kind}", log | {name: changed}


def make_small(place: Path) -> Small:
    folder, key_file, clock = place / "log", place / "log.key", Clock()
    first = create(key_file, ORIGIN)
    records = Records(contains_identity_number=lambda text: False, is_known=lambda text: True)
    refused = records.decision(
        direction=Direction.OUTBOUND, action=Action.REJECT, reason=Reason.PAIR_NOT_ALLOWED, login="anna"
    )

    async def session(day: int, *lines: record.Record, rotated: bool = False) -> None:
        clock.now = NOON + day * DAY_SECONDS
        writer = await open_again(folder, read(key_file), now=clock)
        await writer.append(lines)
        if rotated:
            await rotate(writer, key_file, operator="root")
        await writer.close()

    def tear(path: Path, octets: bytes) -> None:
        with path.open("ab") as file:
            file.write(octets)

    asyncio.run(session(0, refused))
    newest = max(folder.glob("*.jsonl"))
    tear(newest, b'{"n":2,"prev":"')
    asyncio.run(session(0, refused, rotated=True))
    tear(folder / "checkpoints", ORIGIN.encode() + b"\n12")
    asyncio.run(session(1, record.start(version="0.1.0")))
    asyncio.run(session(2, refused, record.stop()))
    return Small(log=files_of(folder), vkey=first.vkey, key=read(key_file))
