"""Verifying one signature over octets that the gateway itself has in its hands.

gpg is handed a message made here of two packets: the signature, and literal data
of known length with exactly the octets that will be used. So what is verified and
what is used cannot be two things, and gpg has nothing to inflate, nest or choose.

Believed only if gpg ended with 0, saw one signature, called it good, and names the
digest, algorithm and kind that stand in the packet. Keys are never fetched, and
never taken from the signature itself. Whose signature may count is not gpg's to say.

Status lines: doc/DETAILS in GnuPG. RFC 9580, sections 5.2 and 5.9.
"""

from datetime import UTC, datetime

from rorpost_gateway.openpgp.base import Signature
from rorpost_gateway.openpgp.child import Child
from rorpost_gateway.openpgp.known_signers import MOST_OCTETS, KnownSigners
from rorpost_gateway.openpgp.packets import Tag, framed, header_of
from rorpost_gateway.openpgp.process import GnupgFailed, Run
from rorpost_gateway.openpgp.signature import SignaturePacket, check_text, invalid, read_signature

_VERIFY = (
    *("--no-auto-key-retrieve", "--no-auto-key-import", "--no-autostart"),
    *("--trust-model", "always"),  # of keys; the gateway's own index decides
    "--verify",
)
_ONCE = frozenset({"NEWSIG", "GOODSIG", "VALIDSIG"})
_NEVER = frozenset(
    {"BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG", "NO_PUBKEY", "NODATA", "UNEXPECTED"}
    | {"BEGIN_DECRYPTION", "TRUNCATED", "FAILURE", "ERROR"}
)
_READ = frozenset({"NEWSIG", "NODATA"})  # one of which it says of whatever it is given
_V4 = "4"
_LITERAL_HEADER = b"b\0\0\0\0\0"  # binary, no name, no date


def verify(
    child: Child, signed: bytes, signature_body: bytes, known: KnownSigners | None = None
) -> Signature:
    """Verify the body of a signature packet over `signed`; by gpg, or by whom gpg made `known`.

    Raises OpeningRefused (SIGNATURE_INVALID) or GnupgFailed.
    """
    packet = read_signature(signature_body)
    check_text(packet, signed)
    if known is None or len(signed) > MOST_OCTETS:
        return _by_gpg(child, signed, signature_body, packet)
    asked = known.find(signature_body, packet)
    found = asked.verified(signed, signature_body, packet) if asked is not None else None
    if found is not None:
        return found
    signature = _by_gpg(child, signed, signature_body, packet)
    known.learn(signature, instead_of=asked)
    return signature


def _by_gpg(child: Child, signed: bytes, signature_body: bytes, packet: SignaturePacket) -> Signature:
    literal = header_of(Tag.LITERAL, len(_LITERAL_HEADER) + len(signed)) + _LITERAL_HEADER
    run = child.run(_VERIFY, stdin=(framed(Tag.SIGNATURE, signature_body) + literal, signed))
    return _believed(run, packet)


def _believed(run: Run, packet: SignaturePacket) -> Signature:
    keywords = [line.partition(" ")[0] for line in run.status]
    if not _READ.intersection(keywords):
        raise GnupgFailed(
            "gpg did not get to the signature", private=f"gpg ended {run.returncode}; {keywords}"
        )
    if run.returncode or _NEVER.intersection(keywords) or any(keywords.count(word) != 1 for word in _ONCE):
        raise invalid(f"gpg ended {run.returncode}; status {' '.join(keywords)}")
    # fingerprint, date, time, expiry, version, reserved, algorithm, digest, kind, primary's fingerprint
    (fields,) = (line.split()[1:] for line in run.status if line.startswith("VALIDSIG "))
    if len(fields) != 10 or fields[4] != _V4:
        raise invalid("gpg says too little of the signature")
    if (int(fields[6]), int(fields[7]), int(fields[8], 16)) != (packet.algorithm, packet.digest, packet.kind):
        raise invalid("gpg read another signature than we")
    return Signature(
        signer=fields[9].upper(),
        signer_subkey=fields[0].upper(),
        signed_at=datetime.fromtimestamp(int(fields[2]), UTC),
        intended_recipients=packet.intended_recipients,
    )
