"""A real Postfix as the next hop, in folders and on ports of its own.

One master a test session, several listeners: one as a partner would run it, and one
for each way in which a partner's TLS can be wrong. It delivers into Maildirs, so
that a test reads what arrived. `smtp-sink`, from the same package, refuses at a step.
"""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from tests.peers.authority import Authority

BRINKEN = "rorpost.vcbrinken@regionostergotland.se"
LYCKORNA = "rorpost.vclyckorna@regionostergotland.se"
HOME_CARE = "rorpost.hemsjukvarden@motala.se"  # where Postfix's own DSNs go
UNKNOWN = "rorpost.okand@regionostergotland.se"
START_SECONDS = 30
ARRIVAL_SECONDS = 20
MOMENT_SECONDS = 0.02
STARTS = 3  # another process may take a port between our looking and Postfix's binding
LISTENERS = ("sound", "expired", "wrong_name", "self_signed", "clear", "small")
_NOBODY = 65534
_DAEMONS = Path("/usr/lib/postfix/sbin")

_MAIN = """\
compatibility_level = 3.6
queue_directory = {base}/queue
data_directory = {base}/data
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
syslog_name = rorpost-test
maillog_file = {base}/log/postfix.log
maillog_file_prefixes = {base}
myhostname = mx.regionostergotland.se
myorigin = $myhostname
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_peername_lookup = no
disable_dns_lookups = yes
default_transport = error:nothing leaves this Postfix
relay_transport = error:nothing leaves this Postfix
alias_maps =
alias_database =
local_recipient_maps =
smtpd_relay_restrictions = reject_unauth_destination
message_size_limit = 54525952
virtual_mailbox_limit = 0
mailbox_size_limit = 0
virtual_mailbox_domains = regionostergotland.se, motala.se
virtual_mailbox_maps = texthash:{base}/etc/mailboxes
virtual_mailbox_base = {base}/mail
virtual_uid_maps = static:{nobody}
virtual_gid_maps = static:{nobody}
smtpd_tls_security_level = may
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
tls_random_source = dev:/dev/urandom
"""

_SERVICES = """\
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True, kw_only=True)
class Postfix:
    """`ports` by the names in LISTENERS."""

    ports: dict[str, int]
    base: Path
    process: subprocess.Popen[bytes]

    def arrived(self, mailbox: str, containing: bytes = b"") -> list[bytes]:
        """The messages in a mailbox, with Postfix's trace fields and LF line ends."""
        files = sorted((self.base / "mail" / mailbox / "new").glob("*"))
        return [octets for octets in (file.read_bytes() for file in files) if containing in octets]

    async def arrival(self, mailbox: str, containing: bytes, *, count: int = 1) -> list[bytes]:
        """Wait until that many messages that contain the octets are there."""
        async with asyncio.timeout(ARRIVAL_SECONDS):
            while len(found := self.arrived(mailbox, containing)) < count:
                await self._still_runs()
        return found

    def log(self) -> str:
        file = self.base / "log" / "postfix.log"
        return file.read_text() if file.exists() else ""

    async def logged(self, *words: str) -> str:
        """Wait for a log line that has all the words."""
        async with asyncio.timeout(ARRIVAL_SECONDS):
            while True:
                for line in self.log().splitlines():
                    if all(word in line for word in words):
                        return line
                await self._still_runs()

    async def _still_runs(self) -> None:
        """Give Postfix a moment; fail at once where it has ended."""
        try:
            code = await asyncio.to_thread(self.process.wait, MOMENT_SECONDS)
        except subprocess.TimeoutExpired:
            return
        pytest.fail(f"Postfix ended with {code}:\n{self.log()}")


def without_trace(octets: bytes) -> bytes:
    """What arrived, with CRLF line ends, less what Postfix put in front of it."""
    lines = octets.replace(b"\n", b"\r\n").split(b"\r\n")
    names = (b"Return-Path:", b"X-Original-To:", b"Delivered-To:", b"Received:")
    while lines and lines[0].startswith(names):
        lines.pop(0)
        while lines and lines[0].startswith((b" ", b"\t")):
            lines.pop(0)
    return b"\r\n".join(lines)


def free_ports(count: int) -> list[int]:
    """Ports that were free together a moment ago."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def needs_root() -> None:
    """Skip, or fail in CI, where Postfix's master cannot be started."""
    missing = [] if os.geteuid() == 0 else ["root"]
    missing += [] if (_DAEMONS / "master").exists() else ["the Debian package postfix"]
    if missing:
        report = pytest.fail if os.environ.get("CI") else pytest.skip
        report(f"needs {' and '.join(missing)}")


@pytest.fixture(scope="session")
def postfix(authority: Authority) -> Iterator[Postfix]:
    needs_root()
    base = Path(tempfile.mkdtemp(prefix="rorpost-postfix-"))
    base.chmod(0o755)  # Postfix's processes have users of their own
    try:
        running = _start(base, authority)
        try:
            yield running
        finally:
            _stop(running.process)
    finally:
        shutil.rmtree(base)


def _start(base: Path, authority: Authority) -> Postfix:
    _write_files(base, authority)
    for _ in range(STARTS):
        ports = dict(zip(LISTENERS, free_ports(len(LISTENERS)), strict=True))
        (base / "etc" / "master.cf").write_text(_listeners(base, ports) + _SERVICES)
        subprocess.run(["postfix", "-c", str(base / "etc"), "check"], check=True, timeout=START_SECONDS)
        process = subprocess.Popen(
            [_DAEMONS / "master", "-c", str(base / "etc"), "-s"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        if _answers(process, ports["sound"]):
            return Postfix(ports=ports, base=base, process=process)
        _stop(process)
    log = base / "log" / "postfix.log"
    pytest.fail(f"Postfix did not start:\n{log.read_text() if log.exists() else ''}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=START_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=START_SECONDS)


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait for the greeting; False where the process ended first."""
    deadline = datetime.now(UTC) + timedelta(seconds=START_SECONDS)
    while process.poll() is None and datetime.now(UTC) < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=START_SECONDS) as connection:
                if connection.recv(4) == b"220 ":
                    connection.sendall(b"QUIT\r\n")
                    return True
        except OSError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.05)
    return False


def _write_files(base: Path, authority: Authority) -> None:
    for name in ("etc", "queue", "data", "log", "mail"):
        (base / name).mkdir(mode=0o755)
    shutil.chown(base / "data", "postfix")
    os.chown(base / "mail", _NOBODY, _NOBODY)
    etc = base / "etc"
    (etc / "main.cf").write_text(_MAIN.format(base=base, daemons=_DAEMONS, nobody=_NOBODY))
    (etc / "mailboxes").write_text("".join(f"{a} {a}/\n" for a in (BRINKEN, LYCKORNA, HOME_CARE)))
    now = datetime.now(UTC)
    _keep(etc, "sound", authority.ca.issue_cert("localhost", "127.0.0.1"))
    past = authority.ca.issue_cert(
        "localhost", not_before=now - timedelta(days=9), not_after=now - timedelta(days=2)
    )
    _keep(etc, "expired", past)
    _keep(etc, "wrong_name", authority.ca.issue_cert("mx.example.org"))
    itself = trustme.CA()
    _write_secret(etc / "self_signed.pem", itself.private_key_pem.bytes() + itself.cert_pem.bytes())


def _keep(folder: Path, name: str, leaf: trustme.LeafCert) -> None:
    _write_secret(folder / f"{name}.pem", leaf.private_key_and_cert_chain_pem.bytes())


def _write_secret(file: Path, octets: bytes) -> None:
    file.touch(mode=0o600)
    file.write_bytes(octets)


def _listeners(base: Path, ports: dict[str, int]) -> str:
    """`clear` offers no STARTTLS, `small` takes 10,000 octets; the others go by their certificate."""
    text = ""
    for name, port in ports.items():
        certificate = name if (base / "etc" / f"{name}.pem").exists() else "sound"
        text += (
            f"127.0.0.1:{port} inet n - n - - smtpd\n"
            f"  -o syslog_name=rorpost-test/{name}\n"
            f"  -o smtpd_tls_chain_files={base}/etc/{certificate}.pem\n"
        )
        text += "  -o smtpd_tls_security_level=none\n" if name == "clear" else ""
        text += "  -o message_size_limit=10000\n" if name == "small" else ""
    return text


StartSmtpSink = Callable[..., int]


@pytest.fixture
def start_smtp_sink() -> Iterator[StartSmtpSink]:
    """Start `smtp-sink` with the flags given; returns its port on loopback. Needs no root."""
    program = shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        report = pytest.fail if os.environ.get("CI") else pytest.skip
        report("needs the Debian package postfix")
    started: list[subprocess.Popen[bytes]] = []

    def start(*flags: str) -> int:
        as_user = ["-u", "nobody"] if os.geteuid() == 0 else []
        for _ in range(STARTS):
            (port,) = free_ports(1)
            process = subprocess.Popen(
                [program, *as_user, *flags, f"127.0.0.1:{port}", "16"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            started.append(process)
            if _listens(process, port):
                return port
        pytest.fail("smtp-sink did not start")

    yield start
    for process in started:
        _stop(process)


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until a connection is taken, whatever is said on it."""
    deadline = datetime.now(UTC) + timedelta(seconds=START_SECONDS)
    while process.poll() is None and datetime.now(UTC) < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=START_SECONDS).close()
        except OSError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.05)
        else:
            return True
    return False
