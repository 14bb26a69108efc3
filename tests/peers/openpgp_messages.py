"""OpenPGP messages of every shape, sound and not, made by the plain `gpg` command or packet by packet.

`gpg --no-literal` encrypts whatever packets it is given, so that anything can be put
under a sound encryption. Signatures that gpg would not make are made here with the
secret part of an ed25519 key. Nothing of this is our own code.
"""

import base64
import hashlib
import subprocess
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESOCB3

from tests.peers.gnupg_home import gpg

_FINGERPRINT_OCTETS = 20
_DIGESTS = {1: hashlib.md5, 2: hashlib.sha1, 8: hashlib.sha256, 10: hashlib.sha512}


def packet(tag: int, body: bytes) -> bytes:
    """New format, a length of five octets."""
    return bytes([0xC0 | tag, 0xFF]) + len(body).to_bytes(4, "big") + body


def literal(payload: bytes, mode: bytes = b"b", name: bytes = b"") -> bytes:
    return packet(11, mode + bytes([len(name)]) + name + bytes(4) + payload)


def one_pass(signature: bytes, signer: str, *, last: int = 1) -> bytes:
    """The one-pass signature that belongs before a signature packet with a body `signature`."""
    kind, algorithm, digest = signature[1:4]
    return packet(4, bytes([3, kind, digest, algorithm]) + bytes.fromhex(signer)[-8:] + bytes([last]))


def armoured(octets: bytes, kind: str = "MESSAGE") -> bytes:
    """Without a checksum, as RFC 9580 has it."""
    text = base64.encodebytes(octets)
    return b"".join(
        (f"-----BEGIN PGP {kind}-----\n\n".encode(), text, f"-----END PGP {kind}-----\n".encode())
    )


def without_armour(block: bytes) -> bytes:
    return subprocess.run(
        ["gpg", "--dearmor"], input=block, capture_output=True, check=True, timeout=60
    ).stdout


def sealed(home: Path, recipient: str, *options: str, payload: bytes, signer: str | None = None) -> bytes:
    """What the plain command makes: encrypted, and signed where there is a signer."""
    sign = ("--sign", "--local-user", f"{signer}!") if signer else ()
    return gpg(home, "--armor", *sign, *options, "--encrypt", "-r", recipient, stdin=payload)


def under_encryption(home: Path, recipient: str, inner: bytes, *options: str) -> bytes:
    """Any packets under a sound encryption."""
    raw = ("--armor", "--no-literal", "--compress-algo", "none")
    return gpg(home, *raw, *options, "--encrypt", "-r", recipient, stdin=inner)


def signature_packet(
    home: Path, signer: str, payload: bytes, *options: str, clock: str | None = None
) -> bytes:
    """A detached signature in binary, by the plain command."""
    return gpg(home, "--local-user", f"{signer}!", *options, "--detach-sign", stdin=payload, clock=clock)


def body(one_packet: bytes) -> bytes:
    """The body of a single short packet in the old format with one or two octets of length."""
    return one_packet[2 if one_packet[0] & 3 == 0 else 3 :]


def split(octets: bytes) -> list[bytes]:
    """The packets of a message that gpg made, each with its header, as `--list-packets` finds them."""
    said = subprocess.run(
        ["gpg", "--batch", "--list-packets", "--list-only"],
        input=octets,
        capture_output=True,
        check=False,
        timeout=60,
    )
    offsets = [
        int(line.split()[1].removeprefix("off="))
        for line in said.stdout.decode().splitlines()
        if line.startswith("# off=")
    ]
    return [octets[begin:end] for begin, end in zip(offsets, [*offsets[1:], len(octets)], strict=True)]


def session_key(home: Path, message: bytes) -> bytes:
    """The key under which a message is encrypted; it is the receiver's home."""
    done = subprocess.run(
        ["gpg", "--batch", "--homedir", str(home), "--show-session-key", "--status-fd", "2", "--decrypt"],
        input=message,
        capture_output=True,
        check=True,
        timeout=60,
    )
    (line,) = (line for line in done.stderr.split(b"\n") if line.startswith(b"[GNUPG:] SESSION_KEY "))
    return bytes.fromhex(line.split(b":")[-1].decode())


def with_ocb(home: Path, message: bytes, inner: bytes) -> bytes:
    """The same session-key packets with GnuPG's AEAD packet (20) over `inner` behind them.

    draft-koch-librepgp, section 5.16: OCB over chunks of 64 octets (chunk octet 0).
    """
    *keys, _ = split(message)
    cipher, head = AESOCB3(session_key(home, message)), bytes([0xC0 | 20, 1, 9, 2, 0])
    start = b"\x5a" * 15
    chunks = [inner[at : at + 64] for at in range(0, len(inner), 64)]
    data = b"".join(
        cipher.encrypt(_nonce(start, number), chunk, head + number.to_bytes(8, "big"))
        for number, chunk in enumerate(chunks)
    )
    total = head + len(chunks).to_bytes(8, "big") + len(inner).to_bytes(8, "big")
    data += cipher.encrypt(_nonce(start, len(chunks)), b"", total)
    return b"".join(keys) + packet(20, head[1:] + start + data)


def _nonce(start: bytes, number: int) -> bytes:
    return start[:7] + (int.from_bytes(start[7:], "big") ^ number).to_bytes(8, "big")


def subpacket(kind: int, content: bytes, *, critical: bool = False) -> bytes:
    return bytes([1 + len(content), kind | (0x80 if critical else 0)]) + content


def signature_body(
    home: Path,
    signer: str,
    payload: bytes,
    *,
    signed_at: int,
    hashed: bytes = b"",
    unhashed: bytes = b"",
    digest: int = 10,
    kind: int = 0,
) -> bytes:
    """The body of a version 4 signature by an unprotected ed25519 primary, with any subpackets.

    RFC 9580, 5.2.4: over the payload, then the signature's own fields and a trailer.
    """
    area = (
        subpacket(2, signed_at.to_bytes(4, "big")) + subpacket(33, b"\x04" + bytes.fromhex(signer)) + hashed
    )
    fields = bytes([4, kind, 22, digest]) + len(area).to_bytes(2, "big") + area
    hashing = _DIGESTS[digest](payload + fields + b"\x04\xff" + len(fields).to_bytes(4, "big"))
    made = _secret_of(home, signer).sign(hashing.digest())
    numbers = _number(made[:32]) + _number(made[32:])
    return fields + len(unhashed).to_bytes(2, "big") + unhashed + hashing.digest()[:2] + numbers


def _number(octets: bytes) -> bytes:
    """A multi-precision integer. RFC 9580, 3.2."""
    value = int.from_bytes(octets, "big")
    return value.bit_length().to_bytes(2, "big") + value.to_bytes((value.bit_length() + 7) // 8, "big")


def _secret_of(home: Path, signer: str) -> Ed25519PrivateKey:
    """The first packet of the exported private key: version, time, algorithm, curve, point, secret number."""
    options = ("--pinentry-mode", "loopback", "--passphrase", "")
    exported = gpg(home, *options, "--export-secret-keys", signer)
    key = body(exported)
    at = 6 + 1 + key[6]
    at += 2 + (int.from_bytes(key[at : at + 2], "big") + 7) // 8
    assert key[at] == 0  # not protected
    bits = int.from_bytes(key[at + 1 : at + 3], "big")
    secret = key[at + 3 : at + 3 + (bits + 7) // 8]
    return Ed25519PrivateKey.from_private_bytes(secret.rjust(32, b"\0"))
