"""Checkpoints as signed notes: how the writer makes them, and reads its own again.

    ORIGIN
    SIZE
    BASE64(root)

    — ORIGIN BASE64(key id || signature)

Pure but for the keys. Lines of witnesses (`cosigned`) follow the log's own; nothing
here judges them.

c2sp.org/tlog-checkpoint; c2sp.org/signed-note; RFC 8032 (Ed25519); RFC 4648, section 4.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rorpost_gateway.decision_log.published.tiles import HASH_OCTETS
from rorpost_gateway.decision_log.signing import SigningKey

OWN_SIGNATURE_OCTETS = 4 + 64  # key id, Ed25519 signature
LEAST_SIGNATURE_OCTETS = 5
NOTE_OCTETS = 64 * 1024

_SIZE = r"0|[1-9][0-9]{0,18}"
_MARK = "\N{EM DASH} ".encode()  # begins a signature line
_NOTE = re.compile(
    rf"([\x21-\x2a\x2c-\x7e]{{1,200}})\n({_SIZE})\n([A-Za-z0-9+/]{{43}}=)\n\n".encode()
    + rb"((?:\xe2\x80\x94 [^\s+]{1,256} [A-Za-z0-9+/]{1,8192}={0,2}\n)+)"
)


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A checkpoint of this log: `root` is 32 octets, `note` the whole signed note."""

    origin: str
    size: int
    root: bytes
    note: bytes

    @property
    def text(self) -> bytes:
        """What is signed: the three lines with their line ends."""
        return checkpoint_text(self.origin, self.size, self.root)


def checkpoint_text(origin: str, size: int, root: bytes) -> bytes:
    """The note's text (c2sp.org/tlog-checkpoint)."""
    return f"{origin}\n{size}\n{base64.b64encode(root).decode('ascii')}\n".encode("ascii")


def sign_checkpoint(keys: Sequence[SigningKey], *, origin: str, size: int, root: bytes) -> Checkpoint:
    """A checkpoint signed by each of `keys` in turn: one, or at a rotation the old and the new."""
    text = checkpoint_text(origin, size, root)
    lines = [_signature_line(key.origin, key.key_id + key.sign(text)) for key in keys]
    return Checkpoint(origin=origin, size=size, root=root, note=text + b"\n" + b"".join(lines))


def cosigned(checkpoint: Checkpoint, lines: Sequence[bytes]) -> Checkpoint:
    """The same checkpoint with witnesses' signature lines (each with its line end) behind the log's own."""
    there = checkpoint.note.rpartition(b"\n\n")[2].splitlines(keepends=True)
    note = checkpoint.note + b"".join(line for line in lines if line not in there)
    if parse_checkpoint(note) is None:
        raise ValueError("not a signature line")
    return Checkpoint(origin=checkpoint.origin, size=checkpoint.size, root=checkpoint.root, note=note)


def parse_checkpoint(octets: bytes) -> Checkpoint | None:
    """The checkpoint that `octets` are, whole and nothing else; None where they are none."""
    match = _NOTE.fullmatch(octets)
    return None if match is None else _checkpoint(match)


def whole_notes(octets: bytes, origin: str) -> list[tuple[int, Checkpoint]]:
    """Every whole checkpoint of `origin` in `octets`, each with the offset behind it."""
    found = []
    at = 0
    begins = origin.encode("ascii") + b"\n"
    while (at := _line_start(octets, begins, at)) >= 0:
        match = _NOTE.match(octets, at)
        # A line that begins as a signature and is none belongs to the note, and makes it none.
        cut = match is None or octets.startswith(_MARK, match.end())
        checkpoint = None if match is None or cut else _checkpoint(match)
        if match is not None and checkpoint is not None:
            found.append((match.end(), checkpoint))
            at = match.end()
        else:
            at += 1
    return found


def signed_by(checkpoint: Checkpoint, keys: Sequence[SigningKey]) -> bool:
    """Whether one of `keys` signed the checkpoint."""
    signatures = {(name, signature) for name, signature in _signatures(checkpoint.note)}
    text = checkpoint.text
    # RFC 8032 signatures are deterministic: whoever holds the key need only sign again.
    return any((key.origin, key.key_id + key.sign(text)) in signatures for key in keys)


def _line_start(octets: bytes, begins: bytes, at: int) -> int:
    while (at := octets.find(begins, at)) > 0 and octets[at - 1 : at] != b"\n":
        at += 1
    return at


def _checkpoint(match: re.Match[bytes]) -> Checkpoint | None:
    origin, size, encoded, _ = match.groups()
    name, root = origin.decode("ascii"), _from_base64(encoded)
    signatures = _signatures(match.group())
    if len(root) != HASH_OCTETS or any(len(octets) < LEAST_SIGNATURE_OCTETS for _, octets in signatures):
        return None
    if not any(len(octets) == OWN_SIGNATURE_OCTETS for by, octets in signatures if by == name):
        return None
    return Checkpoint(origin=name, size=int(size), root=root, note=match.group())


def _signatures(note: bytes) -> list[tuple[str, bytes]]:
    """Name and octets (key id, signature) of each signature line."""
    lines = note.rpartition(b"\n\n")[2].split(b"\n")[:-1]
    parts = [line.split(b" ") for line in lines]
    return [(name.decode("utf-8", "replace"), _from_base64(encoded)) for _, name, encoded in parts]


def _from_base64(text: bytes) -> bytes:
    """The octets of base64 in the one form that an encoder writes; none where it is something else."""
    try:
        octets = base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
    return octets if base64.b64encode(octets) == text else b""


def _signature_line(name: str, signature: bytes) -> bytes:
    return f"\N{EM DASH} {name} {base64.b64encode(signature).decode('ascii')}\n".encode()
