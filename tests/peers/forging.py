"""What somebody can do to a log who may write to its folder: with the signing key in hand, or without.

A `Forger` works on a copy of a folder. It makes anew whatever can be made without a secret, so that what
is found afterwards was not found for want of care: the chain, the `day` entries, every tile. What is
signed it can only make with a key.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rorpost_gateway.decision_log.published.note import sign_checkpoint, whole_notes
from rorpost_gateway.decision_log.published.tree import Tree
from rorpost_gateway.decision_log.signing import SigningKey

ZEROS = "0" * 64
_HEAD = re.compile(rb'\{"n":(\d+),"prev":"([0-9a-f]{64})"')
Change = Callable[[list[bytes]], list[bytes]]


@dataclass(frozen=True, kw_only=True)
class Forger:
    """`folder` is the copy; `origin` the log's."""

    folder: Path
    origin: str

    @classmethod
    def of(cls, original: Path, copy: Path, origin: str) -> "Forger":
        shutil.copytree(original, copy)
        return cls(folder=copy, origin=origin)

    @property
    def days(self) -> list[Path]:
        return sorted(self.folder.glob("*.jsonl"))

    def lines(self) -> list[bytes]:
        """Every line of every file, without its newline."""
        return [line for day in self.days for line in day.read_bytes().splitlines()]

    def change(self, day: int, change: Change) -> None:
        """Other lines in a day's file, and nothing else."""
        path = self.days[day]
        changed = change(path.read_bytes().splitlines())
        path.write_bytes(b"".join(line + b"\n" for line in changed))

    def chain(self) -> None:
        """Numbers, `prev` and what the `day` entries say of the file before, all computed anew."""
        n, prev, before = 0, ZEROS, None
        for path in self.days:
            lines, first = [], n
            for line in path.read_bytes().splitlines():
                entry = json.loads(line) | {"n": n, "prev": prev}
                if entry["event"] == "day" and before is not None:
                    entry |= before
                new = json.dumps(entry, separators=(",", ":")).encode("ascii")
                lines.append(new + b"\n")
                n, prev = n + 1, hashlib.sha256(b"\0" + new).hexdigest()
            octets = b"".join(lines)
            path.write_bytes(octets)
            sha256 = hashlib.sha256(octets).hexdigest()
            before = {"file": path.name, "first": first, "last": n - 1, "sha256": sha256}

    def sizes(self) -> list[int]:
        """Of the checkpoints, in order."""
        octets = (self.folder / "checkpoints").read_bytes()
        return [checkpoint.size for _, checkpoint in whole_notes(octets, self.origin)]

    def tiles(self) -> dict[int, bytes]:
        """Every tile computed anew from the lines; the root at each checkpoint's size."""
        shutil.rmtree(self.folder / "tile")
        tree, roots = Tree(), {}
        wanted = set(self.sizes())
        for line in self.lines():
            tree.append(hashlib.sha256(b"\0" + line).digest())
            if tree.size in wanted:
                grown = tree.grown()
                roots[grown.size] = grown.root
                for tile in grown.tiles:
                    path = self.folder / tile.name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(tile.octets)
        return roots

    def sign(self, roots: dict[int, bytes], keys: Callable[[int], Sequence[SigningKey]]) -> bytes:
        """Every checkpoint anew, each by the keys for its size (none: left out); the newest one."""
        notes = [
            sign_checkpoint(keys(size), origin=self.origin, size=size, root=root).note
            for size, root in roots.items()
            if keys(size)
        ]
        (self.folder / "checkpoints").write_bytes(b"".join(notes))
        (self.folder / "checkpoint").write_bytes(notes[-1])
        return notes[-1]
