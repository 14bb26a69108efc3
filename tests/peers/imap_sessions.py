"""The gateway's own IMAP sessions with both real servers, as fixtures.

`imap_server` is each of them in turn, `imap_secret` writes a file with a password, `imap_session` is
logged in to HOME_CARE by STARTTLS, and `imap_folder` is a new one of that mailbox.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from pathlib import Path
from uuid import uuid4

import pytest

from rorpost_gateway.imap.base import Account, ImapTls, Server, Session, Summary
from rorpost_gateway.imap.credentials import PasswordFile
from rorpost_gateway.imap.sessions import ImapSessions
from tests.peers.authority import Authority
from tests.peers.cyrus import cyrus_over
from tests.peers.dovecot import HOME_CARE, PASSWORD, dovecot_over
from tests.peers.imap_server import ImapServer

SERVERS = ("dovecot", "cyrus")
MESSAGE = b"Message-ID: <1@motala.se>\r\nSubject: Hj=?utf-8?q?=C3=A4?=lp\r\nX-Long: a\r\n b\r\n\r\nHej\r\n"


@pytest.fixture(params=SERVERS)
def imap_server(request: pytest.FixtureRequest) -> ImapServer:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, ImapServer)
    return found


def own_server(
    name: str, authority: Authority, *, without_move: bool = False
) -> AbstractContextManager[ImapServer]:
    """One that no other test uses."""
    if name == "dovecot":
        return dovecot_over(authority, without_move=without_move)
    return cyrus_over(authority, without_move=without_move)


@pytest.fixture
def imap_secret(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / uuid4().hex
        path.touch(mode=0o600)
        path.write_text(f"{text}\n")
        return path

    return write


Secret = Callable[[str], Path]


def account(
    server: ImapServer,
    password_file: Path,
    *,
    mailbox: str = HOME_CARE,
    tls: ImapTls = ImapTls.STARTTLS,
) -> Account:
    port = server.imap_port if tls is ImapTls.IMPLICIT else server.starttls_port
    return Account(
        server=Server(host="localhost", port=port, tls=tls, ca=server.authority.ca_file),
        username=mailbox,
        credentials=PasswordFile(password_file),
    )


@pytest.fixture
async def imap_session(imap_server: ImapServer, imap_secret: Secret) -> AsyncIterator[Session]:
    async with ImapSessions().open(account(imap_server, imap_secret(PASSWORD))) as opened:
        yield opened


@pytest.fixture
async def imap_folder(imap_session: Session) -> str:
    """A new one, empty."""
    name = f"t{uuid4().hex}"
    await imap_session.ensure_folder(name)
    return name


async def summaries(session: Session, *fields: str) -> list[Summary]:
    return [each async for each in session.summaries(await session.uids(), fields=fields)]
