"""A real Dovecot for one organisation's mailboxes, where it is installed: LMTP in, IMAP over TLS out.

It runs unprivileged, as whoever runs the demo or, where that is root, as `nobody`; so it has a
folder of its own directly under the temporary one (a Unix socket's path is at most 107 octets).
"""

import asyncio
import grp
import os
import pwd
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rorpost_gateway.demo import names
from rorpost_gateway.demo.world import House
from rorpost_gateway.errors import GatewayError

_PROGRAM: Final = Path("/usr/sbin/dovecot")
_LMTP: Final = Path("/usr/lib/dovecot/lmtp")
_NOBODY: Final = "nobody"
_START_SECONDS, _STOP_SECONDS, _LOOK_AGAIN_SECONDS = 15, 15, 0.05
_SETTINGS: Final = """\
protocols = imap lmtp
base_dir = {base}/run
state_dir = {base}/state
instance_name = rorpost-demo-{name}
log_path = {base}/dovecot.log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
first_valid_gid = 1
listen = 127.0.0.1
ssl = required
ssl_cert = <{base}/server.pem
ssl_key = <{base}/server.pem
ssl_min_protocol = TLSv1.2
mail_location = maildir:{base}/mail/%u
auth_mechanisms = plain login
auth_master_user_separator = *
passdb {{
  driver = passwd-file
  master = yes
  result_success = continue
  args = scheme=PLAIN username_format=%u {base}/masters
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {base}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {base}/users
  default_fields = uid={user} gid={group} home={base}/mail/%u
}}
namespace inbox {{
  inbox = yes
  mailbox Sent {{
    auto = subscribe
    special_use = \\Sent
  }}
  mailbox Trash {{
    auto = subscribe
    special_use = \\Trash
  }}
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
    port = {port}
    ssl = yes
  }}
}}
service lmtp {{
  user = {user}
  unix_listener lmtp {{
    path = {base}/lmtp
    mode = 0600
  }}
}}
"""


class NotStarted(GatewayError):
    """Dovecot did not come up; the private text is the last of what it said."""


@dataclass(frozen=True, kw_only=True)
class MailStore:
    """`imap_port` speaks TLS from the first octet, on 127.0.0.1; `lmtp_socket` takes opened mail."""

    base: Path
    imap_port: int
    lmtp_socket: Path


def is_installed() -> bool:
    """Whether Debian's dovecot-imapd and dovecot-lmtpd are there."""
    return _PROGRAM.exists() and _LMTP.exists()


@asynccontextmanager
async def mail_store(house: House, imap_port: int) -> AsyncIterator[MailStore]:
    """Run a Dovecot with a mailbox for every login and function mailbox. Raises NotStarted."""
    base = Path(tempfile.mkdtemp(prefix="rpd", dir="/tmp"))
    try:
        process = await _start(base, house, imap_port)
        try:
            store = MailStore(base=base, imap_port=imap_port, lmtp_socket=base / "lmtp")
            await _answers(process, store)
            yield store
        finally:
            await _stop(process)
    finally:
        shutil.rmtree(base, ignore_errors=True)


async def _start(base: Path, house: House, imap_port: int) -> asyncio.subprocess.Process:
    as_root = os.geteuid() == 0
    user = pwd.getpwnam(_NOBODY) if as_root else pwd.getpwuid(os.geteuid())
    _write_files(base, house, user, imap_port)
    if as_root:
        _give(base, user)
    return await asyncio.create_subprocess_exec(
        *(str(_PROGRAM), "-F", "-c", str(base / "dovecot.conf")),
        user=user.pw_uid if as_root else None,
        group=user.pw_gid if as_root else None,
        extra_groups=[] if as_root else None,
        cwd="/",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )


def _write_files(base: Path, house: House, user: pwd.struct_passwd, imap_port: int) -> None:
    for name in ("run", "state", "mail"):
        (base / name).mkdir(mode=0o700)
    settings = _SETTINGS.format(
        base=base,
        name=house.organisation.folder,
        user=user.pw_name,
        group=grp.getgrgid(user.pw_gid).gr_name,
        port=imap_port,
    )
    lines = [f"{address}:{{PLAIN}}{names.PASSWORD}::::::\n" for address in names.stored(house.organisation)]
    for name, text in (
        ("dovecot.conf", settings),
        ("users", "".join(lines)),
        ("masters", f"{names.WATCH}:{{PLAIN}}{names.WATCH_PASSWORD}\n"),
        ("server.pem", house.certificate.read_text(encoding="ascii")),
    ):
        (base / name).touch(mode=0o600)
        (base / name).write_text(text, encoding="utf-8")


def _give(base: Path, user: pwd.struct_passwd) -> None:
    for path in (base, *base.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid)


async def _answers(process: asyncio.subprocess.Process, store: MailStore) -> None:
    """Wait until both ports of it take a connection."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_START_SECONDS):
            while process.returncode is None:
                try:
                    for _, writer in (
                        await asyncio.open_connection("127.0.0.1", store.imap_port),
                        await asyncio.open_unix_connection(store.lmtp_socket),
                    ):
                        writer.close()
                except OSError:
                    await asyncio.sleep(_LOOK_AGAIN_SECONDS)
                else:
                    return
    log = store.base / "dovecot.log"
    raise NotStarted(
        "Dovecot did not start", private=log.read_text(errors="replace")[-500:] if log.exists() else ""
    )


async def _stop(process: asyncio.subprocess.Process) -> None:
    """SIGTERM; its children live in the session that it leads, and end with it."""
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
