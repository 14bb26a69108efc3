"""A decision log of two days with a rotation of its key, by the real writer; and what an auditor kept of it.

Day one: the first key's lines, the rotation, the second key's lines; then a backup is made. Day two: more
lines, past the first full tile; then somebody keeps a checkpoint; and more lines.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from rorpost_gateway.decision import Action, Direction, Reason
from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.decision_log.decision_id import new_decision_id
from rorpost_gateway.decision_log.folder import Disk
from rorpost_gateway.decision_log.keeping import rotate
from rorpost_gateway.decision_log.record import Records
from rorpost_gateway.decision_log.signing import SigningKey, create, read
from rorpost_gateway.decision_log.writer import LogWriter, open_log
from tests.peers.log_workshop import DAY_SECONDS, NOON, ORIGIN, Clock, NoSync

__all__ = ["ORIGIN", "TwoDayLog", "decision", "make_two_day_log", "open_again"]

_RECORDS = Records(contains_identity_number=lambda text: False, is_known=lambda text: True)
WITNESS_NAME = "decision-log.last"


@dataclass(frozen=True, kw_only=True)
class TwoDayLog:
    """`folder` holds the log, and nobody changes it: work on copies. `keys` are the first and the second.

    `backup` is of the end of day one, `kept` a checkpoint of day two.
    """

    folder: Path
    witness_file: Path
    keys: tuple[SigningKey, SigningKey]
    backup: Path
    kept: bytes
    entries: int

    def lines(self) -> list[bytes]:
        """Every line, without its newline, by its entry number."""
        return [
            line for path in sorted(self.folder.glob("*.jsonl")) for line in path.read_bytes().splitlines()
        ]

    @property
    def first_vkey(self) -> str:
        return self.keys[0].vkey

    @property
    def vkeys(self) -> list[str]:
        return [key.vkey for key in self.keys]


def decision(number: int, recipient: str = "rorpost.vcbrinken@regionostergotland.se") -> Record:
    return _RECORDS.decision(
        decision_id=new_decision_id(1_778_068_800_000 + number, lambda octets: bytes(octets)),
        direction=Direction.OUTBOUND,
        action=Action.ACCEPT,
        reason=Reason.OK,
        reverse_path="rorpost.hemsjukvarden@motala.se",
        recipient=recipient,
        declared_user="anna.berg@motala.se",
        queue_id=f"Q{number:08d}",
    )


async def open_again(
    folder: Path,
    key: SigningKey,
    *,
    now: Clock,
    witness_file: Path | None = None,
    disk: Disk | None = None,
) -> LogWriter:
    """The writer on a folder, as the daemon opens it at its start. Raises LogDamaged where that would."""
    return await open_log(
        folder,
        node="gw1",
        signing_key=key,
        witness_file=witness_file,
        now=now,
        disk=disk or NoSync(),
    )


async def make_two_day_log(place: Path, *, lines: int = 150) -> TwoDayLog:
    """`lines` in each half of day one, twice as many on day two; checkpoints in between."""
    folder, key_file, witness_file = place / "log", place / "log.key", place / WITNESS_NAME
    first, clock = create(key_file, ORIGIN), Clock()
    log = await open_again(folder, first, now=clock, witness_file=witness_file)
    await _append(log, 0, lines)
    await rotate(log, key_file, operator="root")
    await _append(log, lines, 2 * lines)
    await log.publish_now()
    shutil.copytree(folder, place / "backup")
    clock.now = NOON + DAY_SECONDS
    await _append(log, 2 * lines, 3 * lines)
    kept = (folder / "checkpoint").read_bytes()
    await _append(log, 3 * lines, 4 * lines)
    await log.close()
    second = read(key_file)
    return TwoDayLog(
        folder=folder,
        witness_file=witness_file,
        keys=(first, second),
        backup=place / "backup",
        kept=kept,
        entries=sum(path.read_bytes().count(b"\n") for path in folder.glob("*.jsonl")),
    )


async def _append(log: LogWriter, begin: int, end: int) -> None:
    """In groups, with a checkpoint after each."""
    step = max(1, (end - begin) // 3)
    for at in range(begin, end, step):
        await log.append([decision(number) for number in range(at, min(end, at + step))])
        await log.publish_now()
