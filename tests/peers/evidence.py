"""A decision log laid down from nothing: day files, hash tiles and signed checkpoints, by the book.

Knows nothing of the writer: what is tested with it is the auditor's reading of the formats alone.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ORIGIN = "motala.se/rorpost/gw1"
FIRST_DAY = date(2026, 5, 6)


class Key:
    """A signing key made from a number, the same one each time."""

    def __init__(self, number: int = 1, *, name: str = ORIGIN, kind: int = 1) -> None:
        self.private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"%d" % number).digest())
        self.name, self.kind = name, kind
        material = bytes([kind]) + self.private.public_key().public_bytes_raw()
        self.key_id = hashlib.sha256(name.encode() + b"\n" + material).digest()[:4]
        self.vkey = f"{name}+{self.key_id.hex()}+{base64.b64encode(material).decode()}"

    def line(self, text: bytes, *, seconds: int = 1_700_000_000) -> bytes:
        if self.kind == 4:
            signed = b"cosignature/v1\ntime %d\n%b" % (seconds, text)
            octets = seconds.to_bytes(8, "big") + self.private.sign(signed)
        else:
            octets = self.private.sign(text)
        return f"\u2014 {self.name} {base64.b64encode(self.key_id + octets).decode()}\n".encode()


def note(size: int, root: bytes, *keys: Key, origin: str = ORIGIN) -> bytes:
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n".encode()
    return text + b"\n" + b"".join(key.line(text) for key in keys)


def mth(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word; of leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def tiles(leaves: Sequence[bytes], size: int) -> dict[str, bytes]:
    """The tiles of the tree of the first `size` leaves, by path (c2sp.org/tlog-tiles)."""
    found = {}
    level, hashes = 0, list(leaves[:size])
    while hashes:
        for at in range(0, len(hashes), 256):
            part = hashes[at : at + 256]
            number = f"{at // 256:03d}"
            path = number if len(number) == 3 else f"x{number[:-3].zfill(3)}/{number[-3:]}"
            partial = "" if len(part) == 256 else f".p/{len(part)}"
            found[f"tile/{level}/{path}{partial}"] = b"".join(part)
        full = len(hashes) // 256 * 256
        hashes = [mth(hashes[at : at + 256]) for at in range(0, full, 256)]
        level += 1
    return found


class Evidence:
    """A log being laid down: `line` adds entries, `day` begins a file, `publish` signs what is there."""

    def __init__(self, folder: Path, *keys: Key) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.keys = list(keys) or [Key()]
        self.leaves: list[bytes] = []
        self.today = FIRST_DAY
        self._file: list[bytes] = []
        self._first = 0
        self._notes = b""
        self._tiles: dict[str, bytes] = {}
        self.line("genesis", vkey=self.keys[0].vkey, origin=ORIGIN, version="1")

    @property
    def path(self) -> Path:
        return self.folder / f"{self.today}.jsonl"

    @property
    def size(self) -> int:
        return len(self.leaves)

    def line(self, event: str, **fields: object) -> None:
        prev = self.leaves[-1].hex() if self.leaves else "0" * 64
        time = datetime.combine(self.today, datetime.min.time(), UTC) + timedelta(
            seconds=len(self._file) % 86_400
        )
        entry = {
            "n": self.size,
            "prev": prev,
            "time": f"{time:%Y-%m-%dT%H:%M:%S}.000Z",
            "node": "gw1",
            "event": event,
            **fields,
        }
        octets = json.dumps(entry, separators=(",", ":")).encode()
        self.leaves.append(hashlib.sha256(b"\0" + octets).digest())
        self._file.append(octets + b"\n")

    def lines(self, count: int) -> None:
        for _ in range(count):
            self.line(
                "decision", direction="outbound", action="reject", reason="pair-not-allowed", login="anna"
            )

    def day(self, *, days: int = 1) -> None:
        """Put the file away and begin the next one."""
        self.lay()
        name, last = self.path.name, self.size - 1
        digest = hashlib.sha256(b"".join(self._file)).hexdigest()
        self.today += timedelta(days=days)
        first, self._first, self._file = self._first, self.size, []
        self.line("day", file=name, first=first, last=last, sha256=digest)

    def torn(self, octets: bytes) -> None:
        """Octets that are no line, and the entry that tells of them."""
        offset = sum(map(len, self._file))
        self._file.append(octets + b"\n")
        digest = hashlib.sha256(octets).hexdigest()
        self.line("torn", file=self.path.name, offset=offset, length=len(octets), sha256=digest)

    def root(self, size: int | None = None) -> bytes:
        return mth(self.leaves[:size])

    def publish(self, *keys: Key, size: int | None = None) -> bytes:
        """Tiles and a checkpoint over the first `size` lines; the note."""
        size = self.size if size is None else size
        self._tiles |= tiles(self.leaves, size)
        octets = note(size, self.root(size), *(keys or self.keys))
        self._notes += octets
        self.lay()
        (self.folder / "checkpoint").write_bytes(octets)
        return octets

    def append_to_checkpoints(self, octets: bytes) -> int:
        """Anything at the end of `checkpoints`; where it begins."""
        offset = len(self._notes)
        self._notes += octets
        self.lay()
        return offset

    def lay(self) -> None:
        """Write what is there so far."""
        self.path.write_bytes(b"".join(self._file))
        if self._notes:
            (self.folder / "checkpoints").write_bytes(self._notes)
        for name, octets in self._tiles.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(octets)
        self._tiles = {}


def lay(folder: Path, days: Iterable[int], *keys: Key) -> Evidence:
    """A log with so many decisions each day, published at the end of each."""
    log = Evidence(folder, *keys)
    for number, count in enumerate(days):
        if number:
            log.day()
        log.lines(count)
        log.publish()
    return log
