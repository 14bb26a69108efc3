"""Where verification begins to read: not always with entry 0, and with which keys then.

Files are missing where they were purged, and need not be read where a checkpoint
that the auditor kept vouches for them. Then the tiles tell of what is before. The
keys of what is missing are told by the next `key` entry, or by the auditor; those
of what is not read by its `key` entries, each of which must be under the root of
the checkpoint that was kept.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rorpost_gateway.audit.blocks import blocks, lines
from rorpost_gateway.audit.folder import Broken
from rorpost_gateway.audit.key_chain import KeyChain
from rorpost_gateway.audit.line import LineFault, parse_line
from rorpost_gateway.audit.plan import first_claim
from rorpost_gateway.audit.since import Since

Files = Sequence[tuple[Path, int]]

_KEY = b'"event":"key"'


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """The file to begin with, by its place among the files, and the entry that is due there."""

    file: int
    n: int


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


def keys_where_purged(files: Files, *, vkey: str | None) -> KeyChain:
    """The keys of a log whose first entries are missing. Raises Broken, KeyChainFault."""
    for _, entry in _changes(files):
        return KeyChain(entry["previous"])
    return KeyChain(_given(files, vkey))


def keys_before(files: Files, beginning: Beginning, *, vkey: str | None, since: Since) -> KeyChain:
    """The keys of a log whose first files are not read. Raises Broken, KeyChainFault."""
    found = [*_genesis(files), *_changes(files[: beginning.file])]
    for line, entry in found:
        since.see_entry(files[0][0].parent, entry["n"], line)
    following = next((entry for _, entry in _changes(files[beginning.file :])), None)
    first = found[0][1] if found else following
    if first is None:
        chain = KeyChain(_given(files, vkey))
    elif first["event"] == "genesis":
        chain = KeyChain(first["vkey"], origin=first["origin"])
    else:
        chain = KeyChain(first["previous"])
    for _, entry in found:
        if entry["event"] == "key":
            chain.rotated(entry["n"], entry)
    chain.resume()
    return chain


def _given(files: Files, vkey: str | None) -> str:
    if vkey is None:
        text = "the entry with the verifier key was purged; give the key (--vkey)"
        raise Broken(file=files[0][0].name, line=0, entry=0, check="vkey", text=text)
    return vkey


def _file_with(files: Files, n: int) -> int:
    """The last file that begins with entry `n` or before it; the first where none does."""
    for index in range(len(files) - 1, 0, -1):
        claim = first_claim(*files[index])
        if claim is not None and claim.n <= n:
            return index
    return 0


def _changes(files: Files) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """The `key` entries of files that are looked through and not read."""
    for path, _ in files:
        for block in blocks(path):
            if _KEY not in block.octets:
                continue
            for _, line in lines(block):
                entry = _entry(line) if _KEY in line else None
                if entry is not None and entry["event"] == "key":
                    yield line, entry


def _genesis(files: Files) -> Iterator[tuple[bytes, dict[str, Any]]]:
    for block in blocks(files[0][0]):
        for _, line in lines(block):
            entry = _entry(line)
            if entry is not None:
                if entry["event"] == "genesis":
                    yield line, entry
                return


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        return parse_line(line)
    except LineFault:
        return None
