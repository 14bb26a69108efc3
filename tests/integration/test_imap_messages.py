"""One suite over two real servers, Dovecot and Cyrus: messages read, found, moved and put there.

What a session did is looked at with the standard library's client, over a connection of its own.
"""

import imaplib
from datetime import UTC, datetime, timedelta, timezone

import pytest

from rorpost_gateway.imap.base import (
    SEEN,
    Session,
)
from rorpost_gateway.imap.sessions import ImapSessions
from tests.peers.authority import Authority
from tests.peers.dovecot import (
    DISTRICT,
    HOME_CARE,
    PASSWORD,
    Dovecot,
)
from tests.peers.imap_server import ImapServer
from tests.peers.imap_sessions import MESSAGE, SERVERS, Secret, account, own_server, summaries

MANY = 4096


# --- reading changes nothing


@pytest.mark.parametrize("opened", ["examine", "select"])
async def test_reading_changes_no_flag(
    imap_server: ImapServer, imap_session: Session, imap_folder: str, opened: str
) -> None:
    for flags in ((), (SEEN,), ("\\Flagged", "\\Answered")):
        await imap_session.append(imap_folder, MESSAGE, flags=flags)
    before = imap_server.flags(HOME_CARE, imap_folder)
    selected = await (imap_session.examine if opened == "examine" else imap_session.select)(imap_folder)
    assert (selected.exists, selected.read_only) == (3, opened == "examine")
    assert [each.seen for each in await summaries(imap_session, "Subject")] == [False, True, False]
    for uid in await imap_session.uids():
        assert await imap_session.fetch(uid, most_octets=10_000) == MESSAGE
    assert await imap_session.find_header("Message-ID", "<1@motala.se>") == await imap_session.uids()
    assert imap_server.flags(HOME_CARE, imap_folder) == before
    assert sorted(map(len, before.values())) == [0, 1, 2]


async def test_what_a_message_is_without_its_content(imap_session: Session, imap_folder: str) -> None:
    arrived = datetime(2026, 10, 25, 2, 30, 15, tzinfo=timezone(timedelta(hours=2)))
    uid = await imap_session.append(imap_folder, MESSAGE, flags=(SEEN,), arrived_at=arrived)
    await imap_session.examine(imap_folder)
    [found] = await summaries(imap_session, "Message-ID", "X-Long", "X-Missing")
    assert (found.uid, found.seen, found.size, found.arrived_at) == (uid, True, len(MESSAGE), arrived)
    lines = {line for line in found.header.split(b"\r\n") if line}
    assert lines == {b"Message-ID: <1@motala.se>", b"X-Long: a", b" b"}
    [bare] = await summaries(imap_session)
    assert bare.header == b""


@pytest.mark.parametrize(
    "octets",
    [
        b"Subject: a\r\n\r\n",
        b"Subject: a\r\n\r\nno line end",
        b"Subject: a\r\n\r\n" + b"x" * 65_536 + b"\r\n",
        b"Subject: a\r\n\r\n" + bytes(range(1, 10)) + bytes(range(14, 256)) + b"\r\n",
        b"Subject: a\r\n\r\n)\r\n* 1 EXPUNGE\r\nA1 OK {5}\r\n~{7}\r\n",
        b"Subject: a\r\n\r\n" + b"0123456789abcdef\r\n" * 200_000,
    ],
    ids=["no-body", "no-line-end", "long-line", "octets", "like-a-server", "3.6-MB"],
)
async def test_octets_come_back_as_they_went(imap_session: Session, imap_folder: str, octets: bytes) -> None:
    uid = await imap_session.append(imap_folder, octets)
    await imap_session.examine(imap_folder)
    assert uid is not None
    assert await imap_session.fetch(uid, most_octets=len(octets)) == octets


# --- which messages


async def test_only_what_came_after_a_uid(imap_session: Session, imap_folder: str) -> None:
    await imap_session.examine(imap_folder)
    assert await imap_session.uids() == []
    assert await summaries(imap_session) == []
    known = [await imap_session.append(imap_folder, MESSAGE) for _ in range(3)]
    await imap_session.noop()
    assert await imap_session.uids() == known
    assert await imap_session.uids(after=known[0] or 0) == known[1:]
    # `n:*` names the last message even where its UID is lower.
    assert await imap_session.uids(after=known[-1] or 0) == []


async def test_a_message_that_has_gone_is_left_out(
    imap_server: ImapServer, imap_session: Session, imap_folder: str
) -> None:
    for _ in range(3):
        await imap_session.append(imap_folder, MESSAGE)
    await imap_session.examine(imap_folder)
    first, gone, last = await imap_session.uids()
    with imap_server.login(HOME_CARE) as plain:
        plain.select(imap_folder)
        plain.uid("STORE", str(gone), "+FLAGS", "(\\Deleted)")
        plain.expunge()
    await imap_session.noop()
    asked = [first, gone, last, last + 1000]
    assert [each.uid async for each in imap_session.summaries(asked)] == [first, last]
    assert await imap_session.fetch(gone, most_octets=1000) is None


async def test_a_header_field_is_found_whatever_it_holds(imap_session: Session, imap_folder: str) -> None:
    for text in ('with "quotes" and \\', "for a@b; id=1234"):
        await imap_session.append(
            imap_folder, b"Received: by gw.motala.se " + text.encode() + b"\r\n" + MESSAGE
        )
    await imap_session.examine(imap_folder)
    first, second = await imap_session.uids()
    assert await imap_session.find_header("Received", "id=1234") == [second]
    assert await imap_session.find_header("Received", 'with "quotes" and \\') == [first]
    assert await imap_session.find_header("Received", "id=12345") == []
    assert await imap_session.find_header("Subject", "id=1234") == []


async def test_thousands_of_messages(
    imap_server: ImapServer, imap_session: Session, imap_folder: str
) -> None:
    await imap_session.append(imap_folder, MESSAGE, arrived_at=datetime(2026, 3, 29, 1, tzinfo=UTC))
    with imap_server.login(HOME_CARE) as plain:
        plain.select(imap_folder)
        for _ in range(MANY.bit_length() - 1):
            assert plain.copy("1:*", imap_folder)[0] == "OK"
    assert (await imap_session.examine(imap_folder)).exists == MANY
    uids = await imap_session.uids()
    assert len(uids) == MANY
    assert uids == sorted(uids)
    found = await summaries(imap_session, "Message-ID")
    assert [each.uid for each in found] == uids
    assert {each.header.strip() for each in found} == {b"Message-ID: <1@motala.se>"}
    assert await imap_session.find_header("Message-ID", "1@motala.se") == uids
    assert await imap_session.unseen() == uids


async def test_a_hundred_thousand_messages(dovecot: Dovecot, imap_secret: Secret) -> None:
    dovecot.deposit(DISTRICT, MESSAGE, count=100_000, folder="Many", arrived_at=datetime.now(UTC))
    async with ImapSessions().open(account(dovecot, imap_secret(PASSWORD), mailbox=DISTRICT)) as session:
        assert (await session.examine("Many")).exists == 100_000
        uids = await session.uids()
        assert len(uids) == 100_000
        assert await session.uids(after=uids[-2]) == uids[-1:]
        assert len([each async for each in session.summaries(uids[-500:])]) == 500


# --- moving, and putting there


@pytest.mark.parametrize("without_move", [False, True], ids=["by-move", "by-copy-and-uid-expunge"])
@pytest.mark.parametrize("name", SERVERS)
async def test_a_move_takes_this_message_and_no_other(
    authority: Authority, imap_secret: Secret, name: str, without_move: bool
) -> None:
    arrived = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    with own_server(name, authority, without_move=without_move) as server:
        async with ImapSessions().open(account(server, imap_secret(PASSWORD))) as session:
            assert ("MOVE" in session.capabilities) is not without_move
            deleted = await session.append("INBOX", MESSAGE, flags=("\\Deleted",))
            uid = await session.append("INBOX", MESSAGE, flags=("\\Flagged",), arrived_at=arrived)
            assert uid is not None
            await session.ensure_folder("Rorpost/Collected")
            await session.select("INBOX")
            await session.move(uid, "Rorpost/Collected")
            assert await session.uids() == [deleted]
            await session.examine("Rorpost/Collected")
            [found] = await summaries(session)
            assert found.arrived_at == arrived
            assert {"\\Flagged"} == found.flags - {"\\Recent"}
            assert await session.fetch(found.uid, most_octets=1000) == MESSAGE


async def test_a_message_put_there_has_flags_and_date(
    imap_server: ImapServer, imap_session: Session, imap_folder: str
) -> None:
    arrived = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))
    uid = await imap_session.append(imap_folder, MESSAGE, flags=(SEEN, "\\Draft"), arrived_at=arrived)
    assert imap_server.flags(HOME_CARE, imap_folder) == {uid: {SEEN, "\\Draft"}}
    with imap_server.login(HOME_CARE) as plain:
        plain.select(imap_folder, readonly=True)
        _, [answer] = plain.fetch("1", "(INTERNALDATE)")
    assert isinstance(answer, bytes)
    local = imaplib.Internaldate2tuple(answer)
    assert local is not None
    assert datetime(*local[:6]).astimezone() == arrived
    assert imap_server.fetched(HOME_CARE, imap_folder) == [MESSAGE]
