"""The peer: Debian's Postfix as plain store-and-forward, in folders and on a port of its own.

Its `main.cf` says what Debian's says, and where its folders are and where mail goes; its
`master.cf` is the one Debian ships, on another port and without chroot (which would need a copy
of the system's files). Nothing is tuned: it syncs each message to disk before its 250, and opens
as many connections to the next hop as it does by default (20).
"""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.peers.gateway_world import OURS
from tests.peers.postfix import START_SECONDS, _answers, _stop, free_ports

_DAEMONS = Path("/usr/lib/postfix/sbin")
_SERVICES = Path("/usr/share/postfix/master.cf.dist")
_CHROOT_COLUMN = 4
_STARTS = 3
_MAIN = """\
smtpd_banner = $myhostname ESMTP $mail_name (Debian/GNU)
biff = no
append_dot_mydomain = no
readme_directory = no
compatibility_level = 3.6
queue_directory = {base}/queue
data_directory = {base}/data
daemon_directory = {daemons}
syslog_name = rorpost-bench
maillog_file = {base}/log/postfix.log
maillog_file_prefixes = {base}
myhostname = mx.motala.se
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
relayhost = [127.0.0.1]:{relay_port}
virtual_mailbox_domains = {ours}
virtual_transport = lmtp:[127.0.0.1]:{lmtp_port}
"""


@dataclass(frozen=True, kw_only=True)
class PlainPostfix:
    """Takes mail on `port`; `pid` is its master's."""

    port: int
    pid: int


@contextlib.contextmanager
def plain_postfix(folder: Path, *, relay_port: int, lmtp_port: int) -> Iterator[PlainPostfix]:
    """Mail for our own domain goes to `lmtp_port`, all other to `relay_port`. Needs root.

    Raises RuntimeError where it does not start.
    """
    base = folder / "postfix"
    for name in ("etc", "queue", "data", "log"):
        (base / name).mkdir(mode=0o755, parents=True)
    shutil.chown(base / "data", "postfix")
    main = _MAIN.format(base=base, daemons=_DAEMONS, ours=OURS, relay_port=relay_port, lmtp_port=lmtp_port)
    (base / "etc" / "main.cf").write_text(main, encoding="ascii")
    for _ in range(_STARTS):
        (port,) = free_ports(1)
        (base / "etc" / "master.cf").write_text(_services(port), encoding="ascii")
        process = _start(base)
        try:
            if _answers(process, port):
                yield PlainPostfix(port=port, pid=process.pid)
                return
        finally:
            _stop(process)
    log = base / "log" / "postfix.log"
    raise RuntimeError(f"Postfix did not start: {log.read_text() if log.exists() else 'no log'}")


def _start(base: Path) -> subprocess.Popen[bytes]:
    subprocess.run(["postfix", "-c", str(base / "etc"), "check"], check=True, timeout=START_SECONDS)
    return subprocess.Popen(
        [_DAEMONS / "master", "-c", str(base / "etc"), "-s"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _services(port: int) -> str:
    """Debian's `master.cf`, with another place for its listener and no chroot."""
    lines = []
    for line in _SERVICES.read_text(encoding="ascii").splitlines():
        fields = line.split(None, 7)
        if line[:1].isalpha() and len(fields) == 8:
            if fields[:2] == ["smtp", "inet"]:
                fields[0] = f"127.0.0.1:{port}"
            fields[_CHROOT_COLUMN] = "n"
            lines.append(" ".join(fields))
        elif line[:1].isspace():
            lines.append(line)
    return "\n".join(lines) + "\n"
