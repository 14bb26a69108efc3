"""Proofs that stand alone: of one entry, and that a checkpoint's log is what an earlier one's has become.

Made from the folder's hash tiles and its newest checkpoint, in milliseconds; what
the tiles say is checked against the checkpoint's root before it is handed out, so
that a proof that would not hold is never given.

    c2sp.org/tlog-proof@v1
    index 73894
    BASE64(hash), one a line, from the leaf's sibling to the root's child

    (the checkpoint, as it was signed)

c2sp.org/tlog-proof; RFC 6962, sections 2.1.1 and 2.1.2.
"""

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rorpost_gateway.audit.checkpoints import CHECKPOINT, Checkpoint, parse_checkpoint, read_checkpoint
from rorpost_gateway.audit.entries import EntryMissing, line_number, locate
from rorpost_gateway.audit.folder import Broken
from rorpost_gateway.audit.merkle import (
    HASH_OCTETS,
    LONGEST_PROOF,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from rorpost_gateway.audit.notes import NOTE_OCTETS, NoteFault, decode_base64, verify_note
from rorpost_gateway.audit.signatures import VerifierKey
from rorpost_gateway.audit.tiles import TileReader

SUFFIX = ".tlog-proof"
PROOF_OCTETS = 2 * NOTE_OCTETS

_TITLE = b"c2sp.org/tlog-proof@v1\n"
_INDEX = re.compile(rb"index (0|[1-9][0-9]{0,18})")


class ProofFault(ValueError):
    """Why a proof is none, or does not hold."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What a `.tlog-proof` says; nothing of it is checked. `extra` is nobody's word."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: Checkpoint
    extra: bytes | None = None


def prove(folder: Path, n: int) -> bytes:
    """A `.tlog-proof` for entry `n` under the newest checkpoint. Raises EntryMissing, Broken.

    An entry that no checkpoint covers yet is missing as well.
    """
    checkpoint = read_checkpoint(folder)
    if checkpoint is None or n >= checkpoint.size:
        raise EntryMissing(f"no checkpoint covers entry {n} yet")
    entry = locate(folder, n)
    path = inclusion_proof(n, checkpoint.size, TileReader(folder).tree(checkpoint.size))
    if not verify_inclusion(n, checkpoint.size, leaf_hash(entry.line), path, checkpoint.root):
        raise Broken(
            file=entry.path.name,
            line=line_number(entry),
            entry=n,
            check="tree",
            text="line, tiles and checkpoint do not fit together",
        )
    hashes = "".join(f"{base64.b64encode(each).decode('ascii')}\n" for each in path)
    return _TITLE + f"index {n}\n{hashes}\n".encode("ascii") + checkpoint.octets


def parse_proof(octets: bytes) -> Proof:
    """Read a `.tlog-proof`. Raises ProofFault."""
    head, blank, note = octets.partition(b"\n\n")
    if len(octets) > PROOF_OCTETS or not octets.startswith(_TITLE) or not blank:
        raise ProofFault("not a proof")
    lines = head[len(_TITLE) :].split(b"\n", LONGEST_PROOF + 3)
    try:
        extra = (
            decode_base64(lines.pop(0).removeprefix(b"extra ")) if lines[0].startswith(b"extra ") else None
        )
        index = _INDEX.fullmatch(lines[0]) if lines else None
        hashes = tuple(decode_base64(line) for line in lines[1:])
        checkpoint = parse_checkpoint(note)
    except NoteFault as fault:
        raise ProofFault(f"not a proof: {fault}") from None
    if index is None or len(hashes) > LONGEST_PROOF or any(len(each) != HASH_OCTETS for each in hashes):
        raise ProofFault("not a proof")
    return Proof(index=int(index[1]), hashes=hashes, checkpoint=checkpoint, extra=extra)


def check_proof(octets: bytes, line: bytes, *, keys: Iterable[VerifierKey]) -> Proof:
    """What a `.tlog-proof` proves of a line (without its newline). Raises ProofFault.

    One of `keys` must have signed the checkpoint, whose origin is that key's name.
    """
    proof = parse_proof(octets)
    checkpoint = proof.checkpoint
    try:
        signers = verify_note(checkpoint.note, keys)
    except NoteFault as fault:
        raise ProofFault(f"the checkpoint does not hold: {fault}") from None
    if checkpoint.origin not in [key.name for key in signers]:
        raise ProofFault("the checkpoint is another log's")
    if not verify_inclusion(proof.index, checkpoint.size, leaf_hash(line), proof.hashes, checkpoint.root):
        raise ProofFault("the line is not that entry of the checkpoint's tree")
    return proof


def consistency(folder: Path, old: Checkpoint, new: Checkpoint) -> list[bytes]:
    """The hashes that show `new` to be what the log of `old` has become. Raises Broken.

    Signatures are the caller's; Broken names what does not fit: another log, a `new`
    that is smaller, roots that are not those of this folder's tree.
    """
    if old.origin != new.origin:
        raise _inconsistent(new, "the checkpoints are of different logs")
    if old.size > new.size:
        raise _inconsistent(new, "the newer checkpoint covers less than the older one")
    path = consistency_proof(old.size, new.size, TileReader(folder).tree(new.size))
    if not verify_consistency(old.size, new.size, path, old.root, new.root):
        raise _inconsistent(old, f"not both checkpoints are of this log: {old.size} and {new.size} entries")
    return path


def consistency_text(hashes: Sequence[bytes]) -> str:
    """A consistency proof as lines of base64, each with its line end."""
    return "".join(f"{base64.b64encode(each).decode('ascii')}\n" for each in hashes)


def _inconsistent(checkpoint: Checkpoint, text: str) -> Broken:
    return Broken(file=CHECKPOINT, line=0, entry=checkpoint.size, check="tree", text=text)
