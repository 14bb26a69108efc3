"""A witness's answer as the log's side reads it. No I/O.

A line counts if its name and key id are those of the configured verifier key, its signature
holds, and it is not from the future. Lines of other keys are passed over, as the
specification wants it.

c2sp.org/tlog-cosignature; c2sp.org/tlog-witness; c2sp.org/signed-note.
"""

import base64
from dataclasses import dataclass
from typing import Final

from rorpost_gateway.audit.notes import MARK, NoteFault, Signature, parse_note
from rorpost_gateway.audit.signatures import COSIGNATURE, KeyFault, VerifierKey, parse_vkey

AHEAD_SECONDS: Final = 300  # that a witness's clock may be ahead of ours


@dataclass(frozen=True, kw_only=True)
class Cosignature:
    """One line that holds, with its newline; `at` is seconds since the epoch, by the witness's clock."""

    line: bytes
    at: int


def parse_witness_key(text: str) -> VerifierKey:
    """A verifier key of type 0x04. Raises ValueError, whose text says what is wrong."""
    try:
        key = parse_vkey(text)
    except KeyFault as fault:
        raise ValueError(f"is not usable: {fault}") from None
    if key.kind != COSIGNATURE or not key.name.isascii():
        raise ValueError("is not the verifier key of a witness (type 0x04)")
    return key


def find_cosignature(answer: bytes, text: bytes, key: VerifierKey, *, now: float) -> Cosignature | None:
    """The line of `answer` by which `key` cosigns the checkpoint `text`; None where there is none."""
    try:
        note = parse_note(text + b"\n" + answer)
    except NoteFault:
        return None
    for signature in note.signatures:
        if note.text == text and (signature.name, signature.key_id) == (key.name, key.key_id):
            at = key.signed_at(text, signature.octets)
            if at is not None and at <= now + AHEAD_SECONDS:
                return Cosignature(line=signature_line(signature), at=at)
    return None


def signature_line(signature: Signature) -> bytes:
    """As it stands in a note, with its newline (c2sp.org/signed-note)."""
    encoded = base64.b64encode(signature.key_id + signature.octets)
    return MARK + signature.name.encode("utf-8") + b" " + encoded + b"\n"
