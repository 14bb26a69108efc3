"""A real Dovecot over Maildirs, in a folder and on ports of its own: LMTP in, IMAP out.

It runs as an ordinary user: as the one who runs the tests or, where that is root, as
`nobody`. Mailboxes lie as this gateway's own delivery lays them, FOLDER/<address>/,
so that it can also be put over mailboxes that the gateway wrote itself.
"""

import contextlib
import grp
import imaplib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.peers.authority import Authority
from tests.peers.postfix import free_ports

HOME_CARE = "rorpost.hemsjukvarden@motala.se"
DISTRICT = "rorpost.distrikt@motala.se"
SMALL = "rorpost.liten@motala.se"  # full after QUOTA_OCTETS: refused for good
PATIENT = "rorpost.talig@motala.se"  # full after as much: "try again later"
UNKNOWN = "rorpost.okand@motala.se"
MAILBOXES = (HOME_CARE, DISTRICT, SMALL, PATIENT)
QUOTA_OCTETS = 20 * 1024
PASSWORD = "throw-away"
START_SECONDS = 30
STARTS = 3  # another process may take a port between our looking and Dovecot's binding
_PROGRAM = Path("/usr/sbin/dovecot")
_NOBODY = "nobody"
_TRACE = (b"Return-Path:", b"Delivered-To:", b"Received:")

_SETTINGS = """\
protocols = imap lmtp
base_dir = {base}/run
state_dir = {base}/state
instance_name = rorpost-test
log_path = {base}/log/dovecot.log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
first_valid_gid = 1
listen = 127.0.0.1
ssl = yes
ssl_cert = <{base}/etc/server.cert.pem
ssl_key = <{base}/etc/server.key.pem
ssl_min_protocol = TLSv1.2
mail_location = maildir:{mail}/%u
mail_plugins = quota
auth_mechanisms = plain
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {base}/etc/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {base}/etc/users
  default_fields = uid={user} gid={group} home={mail}/%u
}}
plugin {{
  quota = maildir:mailbox
  quota_grace = 0
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {imap}
    ssl = yes
  }}
}}
service lmtp {{
  user = {user}
  unix_listener lmtp {{
    path = {base}/lmtp
    mode = 0666
  }}
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
"""


@dataclass(frozen=True, kw_only=True)
class Dovecot:
    """`socket` and `lmtp_port` take messages, `imap_port` speaks implicit TLS. All on loopback."""

    base: Path
    mail: Path
    socket: Path
    lmtp_port: int
    imap_port: int
    authority: Authority
    process: subprocess.Popen[bytes]

    def files(self, mailbox: str) -> list[bytes]:
        """The messages as they lie in the Maildir: Dovecot's trace fields first, LF line ends."""
        return [path.read_bytes() for path in self.paths(mailbox)]

    def paths(self, mailbox: str) -> list[Path]:
        return sorted(path for name in ("new", "cur") for path in (self.mail / mailbox / name).glob("*"))

    @contextlib.contextmanager
    def login(self, mailbox: str) -> Iterator[imaplib.IMAP4_SSL]:
        """A session with its INBOX open, over verified TLS."""
        with imaplib.IMAP4_SSL(
            "localhost", self.imap_port, ssl_context=self.authority.client_context(), timeout=START_SECONDS
        ) as session:
            session.login(mailbox, PASSWORD)
            session.select("INBOX")
            yield session

    def fetched(self, mailbox: str) -> list[bytes]:
        """The same messages as a mail client fetches them: CRLF line ends."""
        with self.login(mailbox) as session:
            _, (numbers, *_) = session.search(None, "ALL")
            found = [session.fetch(number.decode(), "(BODY.PEEK[])")[1] for number in numbers.split()]
        return [answer[0][1] for answer in found if isinstance(answer[0], tuple)]

    def log(self) -> str:
        file = self.base / "log" / "dovecot.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def own(self, *paths: Path) -> None:
        """Give files of ours to the user that Dovecot runs as."""
        owner = self.base.stat()
        for path in paths:
            os.chown(path, owner.st_uid, owner.st_gid)


def without_trace(octets: bytes) -> bytes:
    """What arrived, with CRLF line ends, less what Dovecot put in front of it."""
    lines = octets.replace(b"\r\n", b"\n").split(b"\n")
    while lines and lines[0].startswith(_TRACE):
        lines.pop(0)
        while lines and lines[0].startswith((b" ", b"\t")):
            lines.pop(0)
    return b"\r\n".join(lines)


@pytest.fixture(scope="session")
def dovecot(authority: Authority) -> Iterator[Dovecot]:
    with dovecot_over(authority) as running:
        yield running


@contextlib.contextmanager
def dovecot_over(
    authority: Authority, *, mail: Path | None = None, mailboxes: Sequence[str] = MAILBOXES
) -> Iterator[Dovecot]:
    """A Dovecot over `mail`, or over an empty folder of its own; stopped by its process id."""
    if not _PROGRAM.exists():
        report = pytest.fail if os.environ.get("CI") else pytest.skip
        report("needs the Debian packages dovecot-core, dovecot-lmtpd and dovecot-imapd")
    # Directly under the temporary folder: a Unix socket's path has at most 107 octets.
    base = Path(tempfile.mkdtemp(prefix="rorpost-dovecot-"))
    try:
        running = _start(base, mail or base / "mail", mailboxes, authority)
        try:
            yield running
        finally:
            _stop(running.process)
    finally:
        shutil.rmtree(base)


def _start(base: Path, mail: Path, mailboxes: Sequence[str], authority: Authority) -> Dovecot:
    user = pwd.getpwnam(_NOBODY) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    _write_files(base, user, mailboxes, authority)
    for _ in range(STARTS):
        lmtp_port, imap_port = free_ports(2)
        settings = _SETTINGS.format(
            base=base,
            mail=mail,
            user=user.pw_name,
            group=grp.getgrgid(user.pw_gid).gr_name,
            lmtp=lmtp_port,
            imap=imap_port,
        )
        (base / "etc" / "dovecot.conf").write_text(settings)
        process = _launch(base, user)
        running = Dovecot(
            base=base,
            mail=mail,
            socket=base / "lmtp",
            lmtp_port=lmtp_port,
            imap_port=imap_port,
            authority=authority,
            process=process,
        )
        if _answers(process, imap_port, lmtp_port):
            return running
        _stop(process)
    pytest.fail(f"Dovecot did not start:\n{running.log()}")


def _launch(base: Path, user: pwd.struct_passwd) -> subprocess.Popen[bytes]:
    as_root = os.geteuid() == 0
    return subprocess.Popen(
        [_PROGRAM, "-F", "-c", base / "etc" / "dovecot.conf"],
        user=user.pw_uid if as_root else None,
        group=user.pw_gid if as_root else None,
        extra_groups=[] if as_root else None,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _write_files(base: Path, user: pwd.struct_passwd, mailboxes: Sequence[str], authority: Authority) -> None:
    for name in ("etc", "run", "state", "log", "mail"):
        (base / name).mkdir(mode=0o700)
    shutil.copy(authority.certificate, base / "etc" / "server.cert.pem")
    shutil.copy(authority.key, base / "etc" / "server.key.pem")
    limit = f"userdb_quota_rule=*:bytes={QUOTA_OCTETS}"
    more = {SMALL: limit, PATIENT: f"{limit} userdb_quota_full_tempfail=yes"}
    lines = [f"{address}:{{PLAIN}}{PASSWORD}::::::{more.get(address, '')}\n" for address in mailboxes]
    (base / "etc" / "users").write_text("".join(lines))
    if os.geteuid() == 0:
        for path in (base, *base.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=START_SECONDS)
    except subprocess.TimeoutExpired:
        # The children live in the session that the master leads.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=START_SECONDS)


def _answers(process: subprocess.Popen[bytes], *ports: int) -> bool:
    """Wait until every port takes a connection; False where the process ended first."""
    deadline = datetime.now(UTC) + timedelta(seconds=START_SECONDS)
    waiting = list(ports)
    while process.poll() is None and datetime.now(UTC) < deadline:
        try:
            socket.create_connection(("127.0.0.1", waiting[0]), timeout=START_SECONDS).close()
        except OSError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.05)
        else:
            waiting.pop(0)
        if not waiting:
            return True
    return False
