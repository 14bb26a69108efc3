"""One suite over two real servers, Dovecot and Cyrus: logins, folders, waiting, cuts. The refusals first."""

import asyncio
import contextlib
from collections.abc import Awaitable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from rorpost_gateway.imap.base import (
    Account,
    ImapError,
    ImapFolderMissing,
    ImapLoginFailed,
    ImapRefused,
    ImapTls,
    ImapTooLarge,
    ImapUnavailable,
    Session,
)
from rorpost_gateway.imap.credentials import TokenFile
from rorpost_gateway.imap.sessions import ImapSessions
from tests.peers.authority import Authority
from tests.peers.cut_line import cut_line
from tests.peers.cyrus import cyrus_over
from tests.peers.dovecot import (
    DISTRICT,
    HOME_CARE,
    PASSWORD,
    PATIENT,
    SMALL,
    WATCH,
    WATCH_PASSWORD,
    Dovecot,
)
from tests.peers.imap_server import ImapServer
from tests.peers.imap_sessions import MESSAGE, SERVERS, Secret, account, own_server

BOUND_SECONDS = 10  # of what must happen at once; a session's own patience is 30 s


async def refused(work: Awaitable[object]) -> ImapRefused:
    with pytest.raises(ImapRefused) as caught:
        await work
    return caught.value


# --- logins, and TLS


@pytest.mark.parametrize("tls", ImapTls)
async def test_a_wrong_password_is_a_failed_login_that_tells_no_secret(
    server: ImapServer, secret: Secret, tls: ImapTls
) -> None:
    with pytest.raises(ImapLoginFailed) as caught:
        await _open(account(server, secret("wrong-secret"), tls=tls))
    assert "wrong-secret" not in f"{caught.value.public} {caught.value.private} {caught.value!r}"


async def test_a_password_that_cannot_be_read_is_a_failed_login(server: ImapServer, tmp_path: Path) -> None:
    with pytest.raises(ImapLoginFailed):
        await _open(account(server, tmp_path / "missing"))


@pytest.mark.parametrize("tls", [ImapTls.STARTTLS, ImapTls.IMPLICIT])
async def test_an_authority_that_is_not_ours_is_not_spoken_with(
    server: ImapServer, secret: Secret, stranger: Authority, tls: ImapTls
) -> None:
    given = account(server, secret(PASSWORD), tls=tls)
    with pytest.raises(ImapUnavailable):
        await _open(replace(given, server=replace(given.server, ca=stranger.ca_file)))


@pytest.mark.parametrize("tls", [ImapTls.STARTTLS, ImapTls.IMPLICIT])
@pytest.mark.parametrize("name", SERVERS)
async def test_a_certificate_for_another_name_is_not_spoken_with(
    authority: Authority, secret: Secret, tls: ImapTls, name: str
) -> None:
    certificate, key = authority.issue("imap.motala.se")
    misnamed = replace(authority, certificate=certificate, key=key)
    with own_server(name, misnamed) as other, pytest.raises(ImapUnavailable):
        await _open(account(other, secret(PASSWORD), tls=tls))


@pytest.mark.parametrize("tls", ImapTls)
async def test_every_way_in_ends_logged_in(server: ImapServer, secret: Secret, tls: ImapTls) -> None:
    async with ImapSessions().open(account(server, secret(PASSWORD), tls=tls)) as session:
        assert {"IMAP4REV1", "IDLE", "MOVE", "UIDPLUS"} <= session.capabilities
        assert (session.peer.tls is None) == (tls is ImapTls.OFF)
        assert session.peer.ip == "127.0.0.1"
        assert (await session.examine("INBOX")).uid_validity > 0


async def test_a_master_opens_anybodys_mailbox_and_no_other_password_does(
    dovecot: Dovecot, secret: Secret
) -> None:
    master = f"{DISTRICT}*{WATCH}"
    with pytest.raises(ImapLoginFailed):
        await _open(account(dovecot, secret(PASSWORD), mailbox=master))
    dovecot.deposit(DISTRICT, MESSAGE, folder="Master")
    async with ImapSessions().open(account(dovecot, secret(WATCH_PASSWORD), mailbox=master)) as session:
        assert (await session.examine("Master")).exists == 1


async def test_a_token_logs_in_and_one_that_has_expired_does_not(dovecot: Dovecot, secret: Secret) -> None:
    now = datetime.now(UTC)
    good, old = dovecot.token(HOME_CARE), dovecot.token(HOME_CARE, expires_at=now - timedelta(minutes=5))
    given = account(dovecot, secret(""))
    for token in (old, dovecot.token(DISTRICT)):
        with pytest.raises(ImapLoginFailed) as caught:
            await _open(replace(given, credentials=TokenFile(secret(token))))
        assert token not in f"{caught.value.public} {caught.value.private} {caught.value!r}"
    async with ImapSessions().open(replace(given, credentials=TokenFile(secret(good)))) as session:
        assert (await session.examine("INBOX")).uid_validity > 0


async def _open(given: Account) -> None:
    async with asyncio.timeout(BOUND_SECONDS), ImapSessions().open(given):
        pass


# --- what a server refuses


async def test_a_folder_that_is_not_there(session: Session, folder: str) -> None:
    for opened in (session.examine, session.select):
        with pytest.raises(ImapFolderMissing):
            await opened(f"{folder}/nowhere")
    assert (await refused(session.append(f"{folder}/nowhere", MESSAGE))).code == "TRYCREATE"
    await session.append(folder, MESSAGE)
    await session.select(folder)
    [uid] = await session.uids()
    assert (await refused(session.move(uid, f"{folder}/nowhere"))).code == "TRYCREATE"
    assert await session.fetch(uid, most_octets=1000) == MESSAGE


async def test_a_mailbox_over_quota(server: ImapServer, secret: Secret) -> None:
    large = MESSAGE + b"0123456789\r\n" * 2000
    async with ImapSessions().open(account(server, secret(PASSWORD), mailbox=SMALL)) as session:
        caught = await refused(session.append("INBOX", large))
        # Cyrus 3.6 says so in words only.
        assert caught.code == {"dovecot": "OVERQUOTA", "cyrus": ""}[server.name]
        assert await session.append("INBOX", MESSAGE) is not None
    assert server.fetched(SMALL) == [MESSAGE]


async def test_nothing_moves_out_of_a_folder_opened_read_only(session: Session, folder: str) -> None:
    await session.append(folder, MESSAGE)
    await session.examine(folder)
    [uid] = await session.uids()
    await refused(session.move(uid, "INBOX"))
    assert await session.uids() == [uid]


async def test_more_octets_than_asked_for_are_not_read(
    server: ImapServer, session: Session, folder: str
) -> None:
    await session.append(folder, MESSAGE + b"x" * 100_000)
    await session.examine(folder)
    [uid] = await session.uids()
    with pytest.raises(ImapTooLarge):
        await session.fetch(uid, most_octets=99_999)
    with pytest.raises(ImapError):  # the rest of it is still on the line
        await session.noop()
    assert len(server.fetched(HOME_CARE, folder)) == 1


# --- folders


NAMES = {
    "A & B": "A &- B",
    "Bedömning å ä": "Bed&APY-mning &AOU- &AOQ-",
    "&AOU-": "&-AOU-",
    "日本": "&ZeVnLA-",
    "med  blank": "med  blank",
    "it's {3} (a) [b]": "it's {3} (a) [b]",
    'sa "hej"': 'sa "hej"',
    r"bak\streck": r"bak\streck",
    "stjärna*": "stj&AOQ-rna*",
    "procent%": "procent%",
}
# Cyrus has no folders whose names hold these.
NOT_AT_CYRUS = frozenset('"\\%{}()[]')


@pytest.mark.parametrize("name", NAMES)
async def test_a_folder_of_any_name(server: ImapServer, session: Session, folder: str, name: str) -> None:
    given = f"{folder}/{name}"
    if server.name == "cyrus" and NOT_AT_CYRUS & set(name):
        await refused(session.ensure_folder(given))
        with pytest.raises(ImapFolderMissing):
            await session.examine(given)
        return
    for _ in range(2):  # it may be there already
        await session.ensure_folder(given)
    await session.append(given, MESSAGE)
    assert (await session.examine(given)).exists == 1
    await session.select(folder)
    await session.append(folder, MESSAGE)
    [uid] = await session.uids()
    await session.move(uid, given)
    assert (await session.examine(given)).exists == 2
    separator = {"dovecot": ".", "cyrus": "/"}[server.name]
    assert f"{folder}{separator}{NAMES[name]}" in _listed(server, folder)


def _listed(server: ImapServer, folder: str) -> list[str]:
    """As the names stand on the wire, less quoting."""
    with server.login(HOME_CARE) as plain:
        _, lines = plain.list('""', f'"{folder}*"')
    found = []
    for line in lines:
        octets = line[1] if isinstance(line, tuple) else line
        assert isinstance(octets, bytes)
        text = octets.decode("ascii")
        quoted = text.endswith('"') and not isinstance(line, tuple)
        name = text.partition('" "' if quoted else '" ')[2] if not isinstance(line, tuple) else text
        found.append(name.removesuffix('"').replace('\\"', '"').replace("\\\\", "\\") if quoted else name)
    return found


async def test_the_folder_for_sent_mail_is_found_by_its_use(server: ImapServer, secret: Secret) -> None:
    async with ImapSessions().open(account(server, secret(PASSWORD), mailbox=PATIENT)) as session:
        assert await session.sent_folder() is None
        with server.login(PATIENT) as plain:
            plain.create({"dovecot": "Sent", "cyrus": r"Skickat (USE (\Sent))"}[server.name])
        assert await session.sent_folder() == {"dovecot": "Sent", "cyrus": "Skickat"}[server.name]


async def test_folders_under_a_prefix_are_found_by_their_own_names(
    authority: Authority, secret: Secret
) -> None:
    with cyrus_over(authority, personal_prefix=True) as cyrus:
        async with ImapSessions().open(account(cyrus, secret(PASSWORD))) as session:
            await session.append("INBOX", MESSAGE)
            await session.ensure_folder("Rorpost/Collected")
            await session.select("INBOX")
            await session.move(1, "Rorpost/Collected")
            assert (await session.examine("INBOX/Rorpost/Collected")).exists == 1
        assert cyrus.fetched(HOME_CARE, "INBOX/Rorpost/Collected") == [MESSAGE]


# --- waiting


async def test_waiting_ends_when_something_comes_and_not_before(
    server: ImapServer, session: Session, secret: Secret, folder: str
) -> None:
    await session.select(folder)
    assert await session.idle(most_seconds=0.1) is False
    async with ImapSessions().open(account(server, secret(PASSWORD))) as other:
        async with asyncio.timeout(BOUND_SECONDS):
            waiting = asyncio.ensure_future(session.idle(most_seconds=60))
            uid = await other.append(folder, MESSAGE)
            assert await waiting is True
            assert await session.uids() == [uid]
            # What arrived between two waits ends the second at once.
            await other.append(folder, MESSAGE)
            await session.noop()
            assert await session.idle(most_seconds=60) is True
            waiting = asyncio.ensure_future(session.idle(most_seconds=60))
            await other.select(folder)
            await other.move(uid or 0, "INBOX")
            assert await waiting is True
            assert len(await session.uids()) == 1


# --- cut connections


@contextlib.contextmanager
def _at_once() -> Iterator[None]:
    """Within a third of a session's own patience."""
    began = asyncio.get_running_loop().time()
    yield
    assert asyncio.get_running_loop().time() - began < BOUND_SECONDS


@pytest.mark.parametrize("tls", ImapTls)
async def test_a_line_cut_while_waiting_shows_at_once(
    server: ImapServer, secret: Secret, tls: ImapTls
) -> None:
    given = account(server, secret(PASSWORD), tls=tls)
    async with cut_line(given.server.port) as line:
        through = replace(given, server=replace(given.server, port=line.port))
        with _at_once():
            async with ImapSessions().open(through) as session:
                await session.select("INBOX")
                waiting = asyncio.ensure_future(session.idle(most_seconds=600))
                if tls is ImapTls.OFF:  # elsewhere nobody sees what is said: it may be cut a little earlier
                    await line.heard(b"\n+ ")
                line.cut()
                with pytest.raises(ImapUnavailable):
                    await waiting
                with pytest.raises(ImapUnavailable):
                    await session.noop()


async def test_a_line_cut_in_a_message_shows_at_once(server: ImapServer, secret: Secret) -> None:
    large = MESSAGE + b"0123456789abcdef\r\n" * 200_000
    given = account(server, secret(PASSWORD))
    async with cut_line(given.server.port) as line:
        through = replace(given, server=replace(given.server, port=line.port))
        with _at_once():
            async with ImapSessions().open(through) as session:
                folder = f"t{uuid4().hex}"
                await session.ensure_folder(folder)
                uid = await session.append(folder, large)
                await session.select(folder)
                line.cut_after(octets=1_000_000)
                with pytest.raises(ImapUnavailable):
                    await session.fetch(uid or 0, most_octets=len(large))
                with pytest.raises(ImapUnavailable):
                    await session.uids()
    assert server.fetched(HOME_CARE, folder) == [large]
    assert not any(server.flags(HOME_CARE, folder).values())


@pytest.mark.parametrize("name", SERVERS)
async def test_a_server_that_stops_shows_at_once(authority: Authority, secret: Secret, name: str) -> None:
    with contextlib.ExitStack() as running:
        server = running.enter_context(own_server(name, authority))
        with _at_once():
            async with ImapSessions().open(account(server, secret(PASSWORD))) as session:
                await session.select("INBOX")
                waiting = asyncio.ensure_future(session.idle(most_seconds=600))
                await asyncio.to_thread(running.close)
                with pytest.raises(ImapUnavailable):
                    await waiting
            with pytest.raises(ImapUnavailable):
                await _open(account(server, secret(PASSWORD)))
