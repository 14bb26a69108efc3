"""A workshop for logs: a clock that only moves when told, records, folders, reopening."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rorpost_gateway.audit.verify import Verified, verify_log
from rorpost_gateway.decision import Action, Direction, Reason
from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.decision_log.decision_id import new_decision_id
from rorpost_gateway.decision_log.folder import Disk
from rorpost_gateway.decision_log.record import Records
from rorpost_gateway.decision_log.signing import SigningKey, draft
from rorpost_gateway.decision_log.writer import LogWriter, Written, open_log

ORIGIN = "motala.se/rorpost/gw1"
KEY = SigningKey(origin=ORIGIN, key=Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
VKEY = KEY.vkey
NOON = datetime(2026, 5, 6, 12, tzinfo=UTC).timestamp()
DAY_SECONDS = 86_400.0


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


class NoSync(Disk):
    """For tests that reopen hundreds of times and are not about durability."""

    def sync(self, fd: int) -> None:
        pass

    def sync_folder(self, folder: Path) -> None:
        pass


async def kill(log: LogWriter) -> None:
    """Leave the log as a killed process does: what was appended is durable, nothing more is published."""
    log._failed = True
    await log.close()


def published_files(folder: Path) -> list[Path]:
    """Tiles, `checkpoints` and `checkpoint`."""
    named = [folder / "checkpoint", folder / "checkpoints"]
    return [path for path in (*named, *(folder / "tile").rglob("*")) if path.is_file()]


class Workshop:
    """Opens, writes and verifies logs in one test's own folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.vkey = VKEY
        self.witness_file: Path | None = None
        self.records = Records(
            contains_identity_number=lambda text: "811218-9876" in text,
            is_known=lambda text: text.startswith("rorpost."),
        )

    def decision(self, **fields: object) -> Record:
        given: dict[str, object] = {
            "decision_id": new_decision_id(int(self.clock() * 1000)),
            "direction": Direction.OUTBOUND,
            "action": Action.ACCEPT,
            "reason": Reason.OK,
            "reverse_path": "rorpost.hemsjukvarden@motala.se",
            "recipient": "rorpost.vcbrinken@regionostergotland.se",
        }
        return self.records.decision(**(given | fields))  # type: ignore[arg-type]

    async def open(
        self,
        *,
        disk: Disk | None = None,
        folder: Path | None = None,
        signing_key: SigningKey = KEY,
        on_failure: Callable[[BaseException], None] | None = None,
        on_written: Written | None = None,
    ) -> LogWriter:
        return await open_log(
            folder or self.folder,
            node="gw1",
            signing_key=signing_key,
            witness_file=self.witness_file,
            now=self.clock,
            on_failure=on_failure,
            on_written=on_written,
            disk=disk,
        )

    async def write(
        self, *, days: int = 1, lines: int = 3, folder: Path | None = None, killed: bool = False
    ) -> None:
        """`lines` decisions on each of `days` days that follow each other.

        `killed`: it ends as a process does that is killed before it could publish them.
        """
        log = await self.open(folder=folder, disk=NoSync())
        for day in range(days):
            self.clock.now = NOON + day * DAY_SECONDS
            for _ in range(lines):
                await log.append([self.decision()])
        await (kill(log) if killed else log.close())

    async def reopen(self, folder: Path) -> Verified:
        """What a restart does: open, one line, close. What is there then holds."""
        log = await self.open(folder=folder, disk=NoSync())
        await log.append([self.decision()])
        await log.close()
        return self.verify(folder)

    def unpublish(self, folder: Path | None = None) -> None:
        """Make it a log of the time before checkpoints: every line is read again at the next start."""
        for path in published_files(folder or self.folder):
            path.unlink()

    def lay(self, path: Path, octets: bytes) -> None:
        """A file as a crash may have left it that came before anything in it was published."""
        path.write_bytes(octets)
        self.unpublish(path.parent)

    def key_file(self) -> Path:
        """The signing key as a file, for another process."""
        return draft(self.folder.parent / "signing.key", KEY)

    def verify(self, folder: Path | None = None) -> Verified:
        return verify_log(folder or self.folder, vkey=VKEY)

    def files(self, folder: Path | None = None) -> list[Path]:
        return sorted((folder or self.folder).glob("*.jsonl"))

    def lines(self) -> list[bytes]:
        return b"".join(path.read_bytes() for path in self.files()).splitlines()
