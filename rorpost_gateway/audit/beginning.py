"""Where verification begins to read: not always with entry 0, and with which key then.

Files are missing where they were purged, and need not be read where a checkpoint
that the auditor kept vouches for them. Then the tiles tell of what is before, and
which key was in force there is told by the next `key` entry, or by the auditor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rorpost_gateway.audit.blocks import blocks, lines
from rorpost_gateway.audit.folder import Broken
from rorpost_gateway.audit.line import LineFault, parse_line
from rorpost_gateway.audit.plan import first_claim
from rorpost_gateway.audit.since import Since

Files = Sequence[tuple[Path, int]]


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """The file to begin with, by its place among the files, and the entry that is due there."""

    file: int
    n: int

    def key(self, files: Files, *, vkey: str | None, since: Since | None) -> str:
        """The verifier key in force where reading begins, if that is not at entry 0. Raises Broken."""
        previous = _first_change(files[self.file :])
        if previous is not None:
            return previous
        if since is not None:
            known = [each for each in (vkey, _genesis_vkey(files)) if each is not None]
            return since.signer(known)
        if vkey is None:
            text = "the entry with the verifier key was purged; give the key (--vkey)"
            raise Broken(file=files[0][0].name, line=0, entry=0, check="vkey", text=text)
        return vkey


def begin(files: Files, *, covered: int, since: Since | None) -> Beginning:
    """Where to begin. Raises Broken, OSError."""
    index = 0 if since is None else _file_with(files, since.checkpoint.size)
    if not files:
        return Beginning(file=0, n=0)
    claim = first_claim(*files[index])
    # Purged are whole files, and only what a checkpoint covers; reading will say what else is wrong.
    if claim is None or claim.event not in ("day", "torn") or not 0 < claim.n <= covered:
        return Beginning(file=0, n=0)
    return Beginning(file=index, n=claim.n)


def _file_with(files: Files, n: int) -> int:
    """The last file that begins with entry `n` or before it; the first where none does."""
    for index in range(len(files) - 1, 0, -1):
        claim = first_claim(*files[index])
        if claim is not None and claim.n <= n:
            return index
    return 0


def _first_change(files: Files) -> str | None:
    """The key before the first change that these files tell of."""
    for path, _ in files:
        for block in blocks(path):
            if b'"event":"key"' not in block.octets:
                continue
            for _, line in lines(block):
                if b'"event":"key"' not in line:
                    continue
                try:
                    entry = parse_line(line)
                except LineFault:
                    continue
                if entry["event"] == "key":
                    return str(entry["previous"])
    return None


def _genesis_vkey(files: Files) -> str | None:
    for block in blocks(files[0][0]):
        for _, line in lines(block):
            try:
                entry = parse_line(line)
            except LineFault:
                continue
            return str(entry["vkey"]) if entry["event"] == "genesis" else None
    return None
