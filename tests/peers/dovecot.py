"""A real Dovecot over Maildirs, in a folder and on ports of its own: LMTP in, IMAP out.

Its IMAP takes a mailbox's own password, a master user's (`{mailbox}*vakt`), and XOAUTH2 tokens.

It runs as an ordinary user: as the one who runs the tests or, where that is root, as
`nobody`. Mailboxes lie as this gateway's own delivery lays them, FOLDER/<address>/,
so that it can also be put over mailboxes that the gateway wrote itself.
"""

import base64
import contextlib
import grp
import hmac
import json
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.peers.authority import Authority
from tests.peers.dovecot_settings import (
    PATIENT,
    QUOTA_OCTETS,
    SMALL,
    TOKEN_ISSUER,
    WATCH,
    WATCH_PASSWORD,
    Place,
    write_users,
)
from tests.peers.imap_server import PASSWORD, ImapServer
from tests.peers.postfix import free_ports
from tests.peers.unprivileged import answers, kill, launch, ordinary_user, own_all

__all__ = [
    "DISTRICT",
    "HOME_CARE",
    "MAILBOXES",
    "PASSWORD",
    "PATIENT",
    "QUOTA_OCTETS",
    "SMALL",
    "UNKNOWN",
    "WATCH",
    "WATCH_PASSWORD",
    "Dovecot",
    "dovecot",
    "dovecot_over",
    "require_dovecot",
    "without_trace",
]

HOME_CARE = "rorpost.hemsjukvarden@motala.se"
DISTRICT = "rorpost.distrikt@motala.se"
UNKNOWN = "rorpost.okand@motala.se"
MAILBOXES = (HOME_CARE, DISTRICT, SMALL, PATIENT)
STARTS = 3  # another process may take a port between our looking and Dovecot's binding
_PROGRAM = Path("/usr/sbin/dovecot")
_TOKEN_KEY = b"throw-away key of 32 octets here"
_OLD = "IMAP4rev1 LITERAL+ SASL-IR IDLE NAMESPACE UIDPLUS"
_MOST_LINKS = 30_000  # to one file: ext4 takes 65,000
_TRACE = (b"Return-Path:", b"Delivered-To:", b"Received:")


@dataclass(frozen=True, kw_only=True)
class Dovecot(ImapServer):
    """`socket` and `lmtp_port` take messages."""

    base: Path
    mail: Path
    socket: Path
    lmtp_port: int
    process: subprocess.Popen[bytes]

    def files(self, mailbox: str) -> list[bytes]:
        """The messages as they lie in the Maildir: Dovecot's trace fields first, LF line ends."""
        return [path.read_bytes() for path in self.paths(mailbox)]

    def paths(self, mailbox: str) -> list[Path]:
        return sorted(path for name in ("new", "cur") for path in (self.mail / mailbox / name).glob("*"))

    def deposit(
        self,
        mailbox: str,
        octets: bytes,
        *,
        count: int = 1,
        folder: str = "",
        seen: bool = False,
        arrived_at: datetime | None = None,
    ) -> None:
        """Put the same message there `count` times, past the server and for next to nothing (hard links).

        `folder` as Dovecot names it in a Maildir ("Sent", "Rorpost.Collected"); empty is the INBOX.
        Line ends are made LF. `arrived_at` (aware) becomes INTERNALDATE: to the second.
        """
        place = self.mail / mailbox / (f".{folder}" if folder else "")
        for name in ("tmp", "new", "cur"):
            (place / name).mkdir(parents=True, exist_ok=True)
        self.own(self.mail / mailbox, place, *(place / name for name in ("tmp", "new", "cur")))
        content = octets.replace(b"\r\n", b"\n")
        sent = len(content) + content.count(b"\n")
        size = f"S={len(content)},W={sent}"
        for begin in range(0, count, _MOST_LINKS):
            stem = f"{time.time_ns()}.{uuid.uuid4().hex}"
            first = place / "tmp" / stem
            first.write_bytes(content)
            self.own(first)
            if arrived_at is not None:
                os.utime(first, (arrived_at.timestamp(), arrived_at.timestamp()))
            for number in range(begin, min(count, begin + _MOST_LINKS)):
                os.link(first, place / "cur" / f"{stem}-{number},{size}:2,{'S' if seen else ''}")
            first.unlink()

    def token(self, mailbox: str, *, expires_at: datetime | None = None) -> str:
        """An access token for XOAUTH2 (a JWT, RFC 7519), good for an hour where nothing else is said."""
        now = datetime.now(UTC)
        until = expires_at or now + timedelta(hours=1)
        claims = {"iss": TOKEN_ISSUER, "sub": mailbox, "iat": int(now.timestamp()) - 1}
        parts = ({"alg": "HS256", "typ": "JWT"}, {**claims, "exp": int(until.timestamp())})
        signed = b".".join(_base64url(json.dumps(part).encode()) for part in parts)
        return (signed + b"." + _base64url(hmac.digest(_TOKEN_KEY, signed, "sha256"))).decode()

    def log(self) -> str:
        file = self.base / "log" / "dovecot.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def own(self, *paths: Path) -> None:
        """Give files of ours to the user that Dovecot runs as."""
        owner = self.base.stat()
        for path in paths:
            os.chown(path, owner.st_uid, owner.st_gid)


def _base64url(octets: bytes) -> bytes:
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def without_trace(octets: bytes) -> bytes:
    """What arrived, with CRLF line ends, less what Dovecot put in front of it."""
    lines = octets.replace(b"\r\n", b"\n").split(b"\n")
    while lines and lines[0].startswith(_TRACE):
        lines.pop(0)
        while lines and lines[0].startswith((b" ", b"\t")):
            lines.pop(0)
    return b"\r\n".join(lines)


def require_dovecot() -> None:
    """Skip where it is not installed; in continuous integration that is a failure."""
    if not _PROGRAM.exists():
        report = pytest.fail if os.environ.get("CI") else pytest.skip
        report("needs the Debian packages dovecot-core, dovecot-lmtpd and dovecot-imapd")


@pytest.fixture(scope="session")
def dovecot(authority: Authority) -> Iterator[Dovecot]:
    with dovecot_over(authority) as running:
        yield running


@contextlib.contextmanager
def dovecot_over(
    authority: Authority,
    *,
    mail: Path | None = None,
    mailboxes: Sequence[str] = MAILBOXES,
    quotas: Mapping[str, int] | None = None,
    without_move: bool = False,
) -> Iterator[Dovecot]:
    """A Dovecot over `mail`, or over an empty folder of its own; stopped by its process id.

    `quotas`: octets that a mailbox may hold, where they are limited (OVERQUOTA over that).
    With `without_move` it offers little more than UIDPLUS, as older servers do.
    """
    require_dovecot()
    # Directly under the temporary folder: a Unix socket's path has at most 107 octets.
    base = Path(tempfile.mkdtemp(prefix="rorpost-dovecot-"))
    try:
        _write_files(base, mailboxes, quotas or {}, authority)
        running = _start(base, mail or base / "mail", authority, capability=_OLD if without_move else "")
        try:
            yield running
        finally:
            kill(running.process)
    finally:
        shutil.rmtree(base)


def _start(base: Path, mail: Path, authority: Authority, *, capability: str) -> Dovecot:
    user = ordinary_user()
    for _ in range(STARTS):
        lmtp_port, imap_port, starttls_port = free_ports(3)
        place = Place(
            base=base,
            mail=mail,
            user=user.pw_name,
            group=grp.getgrgid(user.pw_gid).gr_name,
            lmtp_port=lmtp_port,
            imap_port=imap_port,
            starttls_port=starttls_port,
            capability=capability,
        )
        (base / "etc" / "dovecot.conf").write_text(place.settings())
        process = launch([_PROGRAM, "-F", "-c", base / "etc" / "dovecot.conf"])
        running = Dovecot(
            name="dovecot",
            base=base,
            mail=mail,
            socket=base / "lmtp",
            lmtp_port=lmtp_port,
            imap_port=imap_port,
            starttls_port=starttls_port,
            authority=authority,
            process=process,
        )
        if answers(process, imap_port, lmtp_port, starttls_port):
            return running
        kill(process)
    pytest.fail(f"Dovecot did not start:\n{running.log()}")


def _write_files(
    base: Path,
    mailboxes: Sequence[str],
    quotas: Mapping[str, int],
    authority: Authority,
) -> None:
    for name in ("etc", "run", "state", "log", "mail"):
        (base / name).mkdir(mode=0o700)
    shutil.copy(authority.certificate, base / "etc" / "server.cert.pem")
    shutil.copy(authority.key, base / "etc" / "server.key.pem")
    write_users(base / "etc", mailboxes, quotas, base64.b64encode(_TOKEN_KEY).decode())
    own_all(base)
