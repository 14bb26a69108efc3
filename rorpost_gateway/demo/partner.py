"""A partner that does everything by hand: its messages are made with the plain `gpg` command, in memory.

It holds the Region's keys, so that what it sends is as good as it can be made, but for the one
thing that each scene is about.
"""

import secrets
import subprocess
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from rorpost_gateway.demo.keys import gpg_clock
from rorpost_gateway.demo.scenes import Again, Form, Letter
from rorpost_gateway.errors import GatewayError
from rorpost_gateway.openpgp.process import environment

_GPG = ("gpg", "--batch", "--no-options", "--no-tty", "--quiet", "--trust-model", "always")
_ALONE = ("--no-auto-key-locate", "--disable-dirmngr", "--no-auto-check-trustdb")
_SECONDS = 60


class Partner:
    """`home` is its GnuPG home, `fingerprints` say whose key is which."""

    def __init__(self, home: Path, fingerprints: Mapping[str, str], now: datetime) -> None:
        self._home = home
        self._fingerprints = fingerprints
        self._now = now
        self._first_signed = b""
        self._first_message = b""

    def message(self, letter: Letter, number: int) -> bytes:
        """What the partner brings, with CRLF line ends. Raises GatewayError where gpg fails."""
        if letter.again is Again.SAME:
            return self._first_message
        made = self._made(letter, number)
        self._first_message = self._first_message or made
        return made

    def _made(self, letter: Letter, number: int) -> bytes:
        payload = letter.payload(number=number, now=self._now)
        if letter.form is Form.CLEAR:
            return payload
        block = self._sealed(letter, payload)
        if letter.form is Form.INLINE:
            header = letter.header_outside(number=number, now=self._now, content_type="text/plain")
            return header + b"\r\nSe nedan.\r\n\r\n" + block
        blocks = [block, block] if letter.form is Form.TWO_BLOCKS else [block]
        kind = (
            "mixed" if letter.form is Form.TWO_BLOCKS else 'encrypted; protocol="application/pgp-encrypted"'
        )
        boundary = secrets.token_hex(16)
        header = letter.header_outside(
            number=number, now=self._now, content_type=f'multipart/{kind}; boundary="{boundary}"'
        )
        return header + b"\r\n" + b"".join(_parts(boundary, each) for each in blocks) + _end(boundary)

    def _sealed(self, letter: Letter, payload: bytes) -> bytes:
        if letter.signed_by is None:
            return self._encrypt(letter, payload, "--compress-algo", "none")
        signed = self._first_signed if letter.again else self._sign(letter, payload)
        self._first_signed = self._first_signed or signed
        # Packets that are signed already go under the encryption as they are.
        return self._encrypt(letter, signed, "--no-literal", "--compress-algo", "none")

    def _sign(self, letter: Letter, payload: bytes) -> bytes:
        clock = ("--faked-system-time", gpg_clock(letter.written_at(self._now))) if letter.days_old else ()
        signer = self._fingerprints[letter.signed_by or ""]
        return self._gpg(
            *clock, "--compress-algo", "none", "--local-user", f"{signer}!", "--sign", stdin=payload
        )

    def _encrypt(self, letter: Letter, octets: bytes, *options: str) -> bytes:
        recipient = self._fingerprints[letter.sealed_to]
        block = self._gpg(*options, "--armor", "--recipient", recipient, "--encrypt", stdin=octets)
        return block.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")

    def _gpg(self, *arguments: str, stdin: bytes) -> bytes:
        done = subprocess.run(
            [*_GPG, *_ALONE, "--homedir", str(self._home), *arguments],
            input=stdin,
            capture_output=True,
            env=environment(),
            check=False,
            timeout=_SECONDS,
        )
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise GatewayError("the partner's gpg failed", private=said)
        return done.stdout


def _parts(boundary: str, block: bytes) -> bytes:
    lines = (
        f"--{boundary}",
        "Content-Type: application/pgp-encrypted",
        "",
        "Version: 1",
        "",
        f"--{boundary}",
        'Content-Type: application/octet-stream; name="encrypted.asc"',
        "",
        "",
    )
    return "\r\n".join(lines).encode("ascii") + block + b"\r\n"


def _end(boundary: str) -> bytes:
    return f"--{boundary}--\r\n".encode("ascii")
