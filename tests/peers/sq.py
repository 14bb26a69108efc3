"""OpenPGP by others than GnuPG: Debian's `sq` command, and pysequoia in a bounded child.

Both take their keys from files in a folder that the caller gives, with mode 0700.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

# Reads secret key, signer's certificate and message from the files named; writes the payload.
_OPEN = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
from pysequoia import Cert, Tsk, decrypt
key, signer, message = sys.argv[1:]
cert = Cert.from_file(signer)
opened = decrypt(open(message, "rb").read(), Tsk.from_file(key).decryptor(), store=lambda ids: [cert])
if [sig.certificate for sig in opened.valid_sigs] != [cert.fingerprint]:
    sys.exit("not exactly one valid signature")
sys.stdout.buffer.write(opened.bytes)
"""


@dataclass(frozen=True, kw_only=True)
class KeyFiles:
    """Armoured keys in files: the sender's and the receiver's, each with a public and a secret form."""

    folder: Path
    sender_secret: Path
    sender_public: Path
    receiver_secret: Path
    receiver_public: Path


def seal_with_sq(files: KeyFiles, payload: bytes, compression: str) -> bytes:
    """`compression` is `none`, or `pad`: compressed, then padded. Raises RuntimeError."""
    keys = ("--recipient-cert", str(files.receiver_public), "--signer-key", str(files.sender_secret))
    return _run(["sq", "encrypt", "--compression", compression, *keys], payload)


def open_with_sq(files: KeyFiles, armoured: bytes) -> bytes:
    """The payload, signed by the sender. Raises RuntimeError where sq does not end 0."""
    key, signer = str(files.receiver_secret), str(files.sender_public)
    return _run(["sq", "decrypt", "--recipient-key", key, "--signer-cert", signer, "-n", "1"], armoured)


def open_with_pysequoia(files: KeyFiles, armoured: bytes) -> bytes:
    """The payload, signed by the sender; in a child with bounds on memory and time. Raises RuntimeError."""
    message = files.folder / "message.asc"
    message.write_bytes(armoured)
    names = [str(path) for path in (files.receiver_secret, files.sender_public, message)]
    return _run([sys.executable, "-c", _OPEN, *names], b"")


def _run(command: list[str], stdin: bytes) -> bytes:
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace")
        raise RuntimeError(f"{command[0]} ended {done.returncode}: {said}")
    return done.stdout
