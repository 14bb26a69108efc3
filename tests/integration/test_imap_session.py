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
    imap_server: ImapServer, imap_secret: Secret, tls: ImapTls
) -> None:
    with pytest.raises(ImapLoginFailed) as caught:
        await _open(account(imap_server, imap_secret("wrong-secret"), tls=tls))
    assert "wrong-secret" not in f"{caught.value.public} {caught.value.private} {caught.value!r}"


async def test_a_password_that_cannot_be_read_is_a_failed_login(
    imap_server: ImapServer, tmp_path: Path
) -> None:
    with pytest.raises(ImapLoginFailed):
        await _open(account(imap_server, tmp_path / "missing"))


@pytest.mark.parametrize("tls", [ImapTls.STARTTLS, ImapTls.IMPLICIT])
async def test_an_authority_that_is_not_ours_is_not_spoken_with(
    imap_server: ImapServer, imap_secret: Secret, stranger: Authority, tls: ImapTls
) -> None:
    given = account(imap_server, imap_secret(PASSWORD), tls=tls)
    with pytest.raises(ImapUnavailable):
        await _open(replace(given, server=replace(given.server, ca=stranger.ca_file)))


@pytest.mark.parametrize("tls", [ImapTls.STARTTLS, ImapTls.IMPLICIT])
@pytest.mark.parametrize("name", SERVERS)
async def test_a_certificate_for_another_name_is_not_spoken_with(
    authority: Authority, imap_secret: Secret, tls: ImapTls, name: str
) -> None:
    certificate, key = authority.issue("imap.motala.se")
    misnamed = replace(authority, certificate=certificate, key=key)
    with own_server(name, misnamed) as other, pytest.raises(ImapUnavailable):
        await _open(account(other, imap_secret(PASSWORD), tls=tls))


@pytest.mark.parametrize("tls", ImapTls)
async def test_every_way_in_ends_logged_in(
    imap_server: ImapServer, imap_secret: Secret, tls: ImapTls
) -> None:
    async with ImapSessions().open(account(imap_server, imap_secret(PASSWORD), tls=tls)) as session:
        assert {"IMAP4REV1", "IDLE", "MOVE", "UIDPLUS"} <= session.capabilities
        assert (session.peer.tls is None) == (tls is ImapTls.OFF)
        assert session.peer.ip == "127.0.0.1"
        assert (await session.examine("INBOX")).uid_validity > 0


async def test_a_master_opens_anybodys_mailbox_and_no_other_password_does(
    dovecot: Dovecot, imap_secret: Secret
) -> None:
    master = f"{DISTRICT}*{WATCH}"
    with pytest.raises(ImapLoginFailed):
        await _open(account(dovecot, imap_secret(PASSWORD), mailbox=master))
    dovecot.deposit(DISTRICT, MESSAGE, folder="Master")
    async with ImapSessions().open(account(dovecot, imap_secret(WATCH_PASSWORD), mailbox=master)) as session:
        assert (await session.examine("Master")).exists == 1


async def test_a_token_logs_in_and_one_that_has_expired_does_not(
    dovecot: Dovecot, imap_secret: Secret
) -> None:
    now = datetime.now(UTC)
    good, old = dovecot.token(HOME_CARE), dovecot.token(HOME_CARE, expires_at=now - timedelta(minutes=5))
    given = account(dovecot, imap_secret(""))
    for token in (old, dovecot.token(DISTRICT)):
        with pytest.raises(ImapLoginFailed) as caught:
            await _open(replace(given, credentials=TokenFile(imap_secret(token))))
        assert token not in f"{caught.value.public} {caught.value.private} {caught.value!r}"
    async with ImapSessions().open(replace(given, credentials=TokenFile(imap_secret(good)))) as session:
        assert (await session.examine("INBOX")).uid_validity > 0


async def _open(given: Account) -> None:
    async with asyncio.timeout(BOUND_SECONDS), ImapSessions().open(given):
        pass


# --- what a server refuses


async def test_a_folder_that_is_not_there(imap_session: Session, imap_folder: str) -> None:
    for opened in (imap_session.examine, imap_session.select):
        with pytest.raises(ImapFolderMissing):
            await opened(f"{imap_folder}/nowhere")
    assert (await refused(imap_session.append(f"{imap_folder}/nowhere", MESSAGE))).code == "TRYCREATE"
    await imap_session.append(imap_folder, MESSAGE)
    await imap_session.select(imap_folder)
    [uid] = await imap_session.uids()
    assert (await refused(imap_session.move(uid, f"{imap_folder}/nowhere"))).code == "TRYCREATE"
    assert await imap_session.fetch(uid, most_octets=1000) == MESSAGE


async def test_a_mailbox_over_quota(imap_server: ImapServer, imap_secret: Secret) -> None:
    large = MESSAGE + b"0123456789\r\n" * 2000
    async with ImapSessions().open(account(imap_server, imap_secret(PASSWORD), mailbox=SMALL)) as session:
        caught = await refused(session.append("INBOX", large))
        # Cyrus 3.6 says so in words only.
        assert caught.code == {"dovecot": "OVERQUOTA", "cyrus": ""}[imap_server.name]
        assert await session.append("INBOX", MESSAGE) is not None
    assert imap_server.fetched(SMALL) == [MESSAGE]


async def test_nothing_moves_out_of_a_folder_opened_read_only(
    imap_session: Session, imap_folder: str
) -> None:
    await imap_session.append(imap_folder, MESSAGE)
    await imap_session.examine(imap_folder)
    [uid] = await imap_session.uids()
    await refused(imap_session.move(uid, "INBOX"))
    assert await imap_session.uids() == [uid]


async def test_more_octets_than_asked_for_are_not_read(
    imap_server: ImapServer, imap_session: Session, imap_folder: str
) -> None:
    await imap_session.append(imap_folder, MESSAGE + b"x" * 100_000)
    await imap_session.examine(imap_folder)
    [uid] = await imap_session.uids()
    with pytest.raises(ImapTooLarge):
        await imap_session.fetch(uid, most_octets=99_999)
    with pytest.raises(ImapError):  # the rest of it is still on the line
        await imap_session.noop()
    assert len(imap_server.fetched(HOME_CARE, imap_folder)) == 1


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
async def test_a_folder_of_any_name(
    imap_server: ImapServer, imap_session: Session, imap_folder: str, name: str
) -> None:
    given = f"{imap_folder}/{name}"
    if imap_server.name == "cyrus" and NOT_AT_CYRUS & set(name):
        await refused(imap_session.ensure_folder(given))
        with pytest.raises(ImapFolderMissing):
            await imap_session.examine(given)
        return
    for _ in range(2):  # it may be there already
        await imap_session.ensure_folder(given)
    await imap_session.append(given, MESSAGE)
    assert (await imap_session.examine(given)).exists == 1
    await imap_session.select(imap_folder)
    await imap_session.append(imap_folder, MESSAGE)
    [uid] = await imap_session.uids()
    await imap_session.move(uid, given)
    assert (await imap_session.examine(given)).exists == 2
    separator = {"dovecot": ".", "cyrus": "/"}[imap_server.name]
    assert f"{imap_folder}{separator}{NAMES[name]}" in _listed(imap_server, imap_folder)


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


async def test_the_folder_for_sent_mail_is_found_by_its_use(
    imap_server: ImapServer, imap_secret: Secret
) -> None:
    async with ImapSessions().open(account(imap_server, imap_secret(PASSWORD), mailbox=PATIENT)) as session:
        assert await session.sent_folder() is None
        with imap_server.login(PATIENT) as plain:
            plain.create({"dovecot": "Sent", "cyrus": r"Skickat (USE (\Sent))"}[imap_server.name])
        assert await session.sent_folder() == {"dovecot": "Sent", "cyrus": "Skickat"}[imap_server.name]


async def test_folders_under_a_prefix_are_found_by_their_own_names(
    authority: Authority, imap_secret: Secret
) -> None:
    with cyrus_over(authority, personal_prefix=True) as cyrus:
        async with ImapSessions().open(account(cyrus, imap_secret(PASSWORD))) as session:
            await session.append("INBOX", MESSAGE)
            await session.ensure_folder("Rorpost/Collected")
            await session.select("INBOX")
            await session.move(1, "Rorpost/Collected")
            assert (await session.examine("INBOX/Rorpost/Collected")).exists == 1
        assert cyrus.fetched(HOME_CARE, "INBOX/Rorpost/Collected") == [MESSAGE]


# --- waiting


async def test_waiting_ends_when_something_comes_and_not_before(
    imap_server: ImapServer, imap_session: Session, imap_secret: Secret, imap_folder: str
) -> None:
    await imap_session.select(imap_folder)
    assert await imap_session.idle(most_seconds=0.1) is False
    async with ImapSessions().open(account(imap_server, imap_secret(PASSWORD))) as other:
        async with asyncio.timeout(BOUND_SECONDS):
            waiting = asyncio.ensure_future(imap_session.idle(most_seconds=60))
            uid = await other.append(imap_folder, MESSAGE)
            assert await waiting is True
            assert await imap_session.uids() == [uid]
            # What arrived between two waits ends the second at once.
            await other.append(imap_folder, MESSAGE)
            await imap_session.noop()
            assert await imap_session.idle(most_seconds=60) is True
            waiting = asyncio.ensure_future(imap_session.idle(most_seconds=60))
            await other.select(imap_folder)
            await other.move(uid or 0, "INBOX")
            assert await waiting is True
            assert len(await imap_session.uids()) == 1


# --- cut connections


@contextlib.contextmanager
def _at_once() -> Iterator[None]:
    """Within a third of a session's own patience."""
    began = asyncio.get_running_loop().time()
    yield
    assert asyncio.get_running_loop().time() - began < BOUND_SECONDS


@pytest.mark.parametrize("tls", ImapTls)
async def test_a_line_cut_while_waiting_shows_at_once(
    imap_server: ImapServer, imap_secret: Secret, tls: ImapTls
) -> None:
    given = account(imap_server, imap_secret(PASSWORD), tls=tls)
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


async def test_a_line_cut_in_a_message_shows_at_once(imap_server: ImapServer, imap_secret: Secret) -> None:
    large = MESSAGE + b"0123456789abcdef\r\n" * 200_000
    given = account(imap_server, imap_secret(PASSWORD))
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
    assert imap_server.fetched(HOME_CARE, folder) == [large]
    assert not any(imap_server.flags(HOME_CARE, folder).values())


@pytest.mark.parametrize("name", SERVERS)
async def test_a_server_that_stops_shows_at_once(
    authority: Authority, imap_secret: Secret, name: str
) -> None:
    with contextlib.ExitStack() as running:
        server = running.enter_context(own_server(name, authority))
        with _at_once():
            async with ImapSessions().open(account(server, imap_secret(PASSWORD))) as session:
                await session.select("INBOX")
                waiting = asyncio.ensure_future(session.idle(most_seconds=600))
                await asyncio.to_thread(running.close)
                with pytest.raises(ImapUnavailable):
                    await waiting
            with pytest.raises(ImapUnavailable):
                await _open(account(server, imap_secret(PASSWORD)))
