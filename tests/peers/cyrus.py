"""A real Cyrus IMAP server, in a folder and on ports of its own: the second opinion beside Dovecot.

`.ci/cyrus` unpacks it into build/cyrus, since Debian's packages of the two exclude each other. It runs as
an ordinary user; what is needed of it is copied, because that user may have no way into this tree.
"""

import contextlib
import imaplib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.peers.authority import Authority
from tests.peers.dovecot_settings import PATIENT, QUOTA_OCTETS, SMALL
from tests.peers.imap_server import ANSWER_SECONDS, PASSWORD, ImapServer
from tests.peers.postfix import free_ports
from tests.peers.saslauthd import saslauthd
from tests.peers.unprivileged import answers, launch, ordinary_user, own_all, stop

MAILBOXES = ("rorpost.hemsjukvarden@motala.se", "rorpost.distrikt@motala.se", SMALL, PATIENT)
STARTS = 3  # another process may take a port between our looking and its binding
_UNPACKED = Path(__file__).parents[2] / "build" / "cyrus"
_ADMIN = "cyrus"
_KIBIBYTE = 1024

_SETTINGS = """\
configdirectory: {base}/state
proc_path: {base}/run/proc
mboxname_lockpath: {base}/run/lock
idlesocket: {base}/run/idle
lmtpsocket: {base}/run/lmtp
notifysocket: {base}/run/notify
defaultpartition: default
partition-default: {base}/mail
servername: localhost
cyrus_user: {user}
admins: cyrus
virtdomains: userid
defaultdomain: localhost
unixhierarchysep: yes
allowplaintext: yes
failedloginpause: 0
sasl_pwcheck_method: saslauthd
munge8bit: no
sasl_mech_list: PLAIN
sasl_saslauthd_path: {base}/run/mux
tls_server_cert: {base}/etc/server.cert.pem
tls_server_key: {base}/etc/server.key.pem
"""

_SERVICES = """\
START {{
  recover cmd="{bin}/ctl_cyrusdb -C {base}/etc/imapd.conf -r"
}}
SERVICES {{
  imap cmd="{bin}/imapd -C {base}/etc/imapd.conf" listen="127.0.0.1:{starttls}"
  imaps cmd="{bin}/imapd -s -C {base}/etc/imapd.conf" listen="127.0.0.1:{imap}"
}}
DAEMON {{
  idled cmd="{bin}/idled -C {base}/etc/imapd.conf"
}}
"""


@dataclass(frozen=True, kw_only=True)
class Cyrus(ImapServer):
    process: subprocess.Popen[bytes]


@pytest.fixture(scope="session")
def cyrus(authority: Authority) -> Iterator[Cyrus]:
    with cyrus_over(authority) as running:
        yield running


@contextlib.contextmanager
def cyrus_over(
    authority: Authority,
    *,
    mailboxes: Sequence[str] = MAILBOXES,
    quotas: Mapping[str, int] | None = None,
    personal_prefix: bool = False,
    without_move: bool = False,
) -> Iterator[Cyrus]:
    """A Cyrus with empty mailboxes; stopped by its process id.

    `quotas`: octets that a mailbox may hold, in whole KiB. With `personal_prefix` a mailbox's folders
    stand under INBOX (RFC 2342: the personal namespace is `INBOX/`), as older servers have it, and
    with `without_move` it does not offer MOVE.
    """
    if not _UNPACKED.exists():
        report = pytest.fail if os.environ.get("CI") else pytest.skip
        report("needs Debian's Cyrus, which .ci/cyrus unpacks")
    # Directly under the temporary folder: a Unix socket's path has at most 107 octets.
    base = Path(tempfile.mkdtemp(prefix="rorpost-cyrus-"))
    try:
        _write_files(
            base,
            authority,
            altnamespace="no" if personal_prefix else "yes",
            suppress_capabilities="MOVE XMOVE" if without_move else "",
        )
        with saslauthd(base / "run", PASSWORD):
            running = _start(base, authority)
            try:
                _create(running, mailboxes, {SMALL: QUOTA_OCTETS, PATIENT: QUOTA_OCTETS, **(quotas or {})})
                yield running
            finally:
                stop(running.process)
    finally:
        shutil.rmtree(base)


def _write_files(base: Path, authority: Authority, **more: str) -> None:
    for name in ("etc", "run", "state", "mail", "state/socket"):
        (base / name).mkdir(mode=0o700)
    shutil.copytree(_UNPACKED, base / "cyrus", symlinks=True)
    shutil.copy(authority.certificate, base / "etc" / "server.cert.pem")
    shutil.copy(authority.key, base / "etc" / "server.key.pem")
    settings = _SETTINGS.format(base=base, user=ordinary_user().pw_name)
    lines = [f"{key}: {value}\n" for key, value in more.items() if value]
    (base / "etc" / "imapd.conf").write_text(settings + "".join(lines))
    own_all(base)


def _start(base: Path, authority: Authority) -> Cyrus:
    environment = {
        "PATH": "/usr/bin:/bin",
        "LD_LIBRARY_PATH": str(base / "cyrus" / "lib"),
        "CYRUS_USER": ordinary_user().pw_name,
    }
    programs, etc = base / "cyrus" / "bin", base / "etc"
    files = ("-C", etc / "imapd.conf", "-M", etc / "cyrus.conf", "-p", base / "run" / "master.pid")
    for _ in range(STARTS):
        imap_port, starttls_port = free_ports(2)
        services = _SERVICES.format(base=base, bin=programs, imap=imap_port, starttls=starttls_port)
        (etc / "cyrus.conf").write_text(services)
        process = launch((programs / "master", *files), environment=environment)
        if answers(process, imap_port, starttls_port) and _greets(starttls_port):
            return Cyrus(
                name="cyrus",
                imap_port=imap_port,
                starttls_port=starttls_port,
                authority=authority,
                process=process,
            )
        stop(process)
    pytest.fail("Cyrus did not start")


def _greets(port: int) -> bool:
    """Whether it is Cyrus that answers: where a port is taken, it goes on without."""
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS) as connection:
        return b"Cyrus" in connection.recv(_KIBIBYTE)


def _create(server: Cyrus, mailboxes: Sequence[str], quotas: Mapping[str, int]) -> None:
    with imaplib.IMAP4("127.0.0.1", server.starttls_port, timeout=ANSWER_SECONDS) as admin:
        admin.login(_ADMIN, PASSWORD)
        for address in mailboxes:
            status, answer = admin.create(f'"user/{address}"')
            assert status == "OK", answer
            if address in quotas:
                limit = f"(STORAGE {quotas[address] // _KIBIBYTE})"
                status, answer = admin.setquota(f'"user/{address}"', limit)
                assert status == "OK", answer
