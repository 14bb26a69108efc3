"""A session with a server that does everything right, and with one that can do less."""

import asyncio
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from rorpost_gateway.imap.base import (
    SEEN,
    ImapFolderMissing,
    ImapRefused,
    ImapTls,
    ImapTooLarge,
    ImapUnavailable,
    Peer,
)
from rorpost_gateway.imap.sessions import ImapSessions
from tests.peers.authority import Authority
from tests.peers.imap_faults import refuses, says
from tests.peers.imap_simulator import CAPABILITIES, Folder, Simulator, simulating

MESSAGE = b"From: rorpost.vcbrinken@regionostergotland.se\r\nX-Mark: one\r\n\r\nbody\r\n"
PATIENCE_SECONDS = 5


async def test_what_it_knows_of_the_server(imap_simulator: Simulator) -> None:
    async with ImapSessions().open(imap_simulator.account()) as session:
        assert session.capabilities == frozenset(CAPABILITIES.upper().split())
        assert session.peer == Peer(ip="127.0.0.1", tls=None)
        await session.noop()


async def test_it_logs_out(imap_simulator: Simulator) -> None:
    async with ImapSessions().open(imap_simulator.account()):
        pass
    assert imap_simulator.commands[-1] == ("LOGOUT",)


async def test_open_read_only_and_for_changes(imap_simulator: Simulator) -> None:
    imap_simulator.inbox.uid_validity = 77
    imap_simulator.inbox.add(MESSAGE)
    async with ImapSessions().open(imap_simulator.account()) as session:
        examined = await session.examine("inbox")
        selected = await session.select("INBOX")
    assert (examined.read_only, selected.read_only) == (True, False)
    assert (selected.exists, selected.uid_validity, selected.uid_next) == (1, 77, 2)


async def test_after_examine_one_can_search(imap_simulator: Simulator) -> None:
    """aioimaplib's own state would stay at AUTH there."""
    imap_simulator.inbox.add(MESSAGE)
    async with ImapSessions().open(imap_simulator.account()) as session:
        await session.examine("INBOX")
        assert await session.uids() == [1]
        with pytest.raises(ImapRefused):
            await session.move(1, "Rorpost/Collected")
    assert not imap_simulator.asked("MOVE")


async def test_a_folder_that_is_not_there_closes_the_one_before(imap_simulator: Simulator) -> None:
    async with ImapSessions().open(imap_simulator.account()) as session:
        await session.examine("INBOX")
        with pytest.raises(ImapFolderMissing):
            await session.examine("Nowhere")
        with pytest.raises(ImapRefused):
            await session.uids()
        await session.examine("INBOX")


async def test_without_a_folder_nothing_is_asked(imap_simulator: Simulator) -> None:
    async with ImapSessions().open(imap_simulator.account()) as session:
        with pytest.raises(ImapRefused):
            await session.uids()
    assert not imap_simulator.asked("SEARCH")


@pytest.mark.parametrize("capabilities", [CAPABILITIES, "IMAP4rev1"])
async def test_uids_after_one(imap_simulator: Simulator, capabilities: str) -> None:
    imap_simulator.capabilities = capabilities
    for _ in range(5):
        imap_simulator.inbox.add(MESSAGE)
    async with ImapSessions().open(imap_simulator.account()) as session:
        await session.examine("INBOX")
        assert await session.uids() == [1, 2, 3, 4, 5]
        assert await session.uids(after=3) == [4, 5]
        assert not await session.uids(after=5)
        assert not await session.uids(after=2**32 - 1)


async def test_unseen_and_header(imap_simulator: Simulator) -> None:
    imap_simulator.inbox.add(MESSAGE, flags={SEEN})
    imap_simulator.inbox.add(
        MESSAGE.replace(b"one", b'a "b" \\'), arrived_at=datetime(2026, 6, 1, tzinfo=UTC)
    )
    async with ImapSessions().open(imap_simulator.account()) as session:
        await session.examine("INBOX")
        assert await session.unseen() == [2]
        assert await session.find_header("X-Mark", "one") == [1]
        assert await session.find_header("X-Mark", 'a "b" \\') == [2]
        assert await session.find_header("From", "rorpost.", since=date(2026, 5, 7)) == [2]
        assert not await session.find_header("X-Mark", "å")
    assert imap_simulator.commands[-2][:4] == ("SEARCH", "RETURN", "(ALL)", "CHARSET")


@pytest.mark.parametrize("name", ["", "A B", "A)", "A\r\nB", "å"])
async def test_what_is_no_header_field_is_never_sent(imap_simulator: Simulator, name: str) -> None:
    async with ImapSessions().open(imap_simulator.account()) as session:
        await session.examine("INBOX")
        with pytest.raises(ImapRefused):
            await session.find_header(name, "x")
        with pytest.raises(ImapRefused):
            _ = [each async for each in session.summaries([1], fields=[name])]


async def test_three_thousand_summaries_in_batches(imap_simulator: Simulator) -> None:
    for _ in range(3001):
        imap_simulator.inbox.add(MESSAGE)
    async with ImapSessions().open(imap_simulator.account()) as session:
        await session.examine("INBOX")
        uids = await session.uids()
        found = [each async for each in session.summaries(uids, fields=["X-Mark"])]
    assert [each.uid for each in found] == list(range(1, 3002))
    assert {each.header for each in found} == {b"X-Mark: one\r\n\r\n"}
    assert [command[1] for command in imap_simulator.asked("FETCH")][-2:] == ["2801:3000", "3001"]


async def test_a_summary_is_what_the_server_has(imap_simulator: Simulator) -> None:
    arrived = datetime(2026, 3, 29, 3, 30, tzinfo=timezone(timedelta(hours=2)))
    imap_simulator.inbox.add(MESSAGE, flags={SEEN}, arrived_at=arrived)
    async with ImapSessions().open(imap_simulator.account()) as session:
        await session.examine("INBOX")
        (found,) = [each async for each in session.summaries([1, 2, 3])]
    assert (found.seen, found.arrived_at, found.size, found.header) == (True, arrived, len(MESSAGE), b"")


async def test_a_message_of_any_octets(imap_simulator: Simulator) -> None:
    octets = bytes(range(1, 256)) * 4000 + b")\r\nA1 OK {5}\r\n"
    imap_simulator.inbox.add(octets)
    async with ImapSessions().open(imap_simulator.account()) as session:
        await session.examine("INBOX")
        assert await session.fetch(1, most_octets=len(octets)) == octets
        assert await session.fetch(2, most_octets=10) is None
        with pytest.raises(ImapTooLarge):
            await session.fetch(1, most_octets=len(octets) - 1)
        with pytest.raises(ImapTooLarge):
            await session.noop()


@pytest.mark.parametrize("capabilities", [CAPABILITIES, "IMAP4rev1 UIDPLUS"])
async def test_move(imap_simulator: Simulator, capabilities: str) -> None:
    imap_simulator.capabilities = capabilities
    inbox = imap_simulator.inbox
    inbox.add(MESSAGE)
    inbox.add(MESSAGE, flags={"\\Deleted"})  # somebody else's: not ours to expunge
    async with ImapSessions().open(imap_simulator.account()) as session:
        await session.select("INBOX")
        with pytest.raises(ImapRefused) as refused:
            await session.move(1, "Rorpost/Collected")
        assert refused.value.code == "TRYCREATE"
        await session.ensure_folder("Rorpost/Collected")
        await session.move(1, "Rorpost/Collected")
    assert [each.octets for each in imap_simulator.folders["Rorpost/Collected"].messages.values()] == [
        MESSAGE
    ]
    assert list(inbox.messages) == [2]


async def test_without_move_and_uidplus_nothing_is_touched(imap_simulator: Simulator) -> None:
    imap_simulator.capabilities = "IMAP4rev1"
    imap_simulator.inbox.add(MESSAGE)
    imap_simulator.folders["Rorpost/Collected"] = Folder()
    async with ImapSessions().open(imap_simulator.account()) as session:
        await session.select("INBOX")
        with pytest.raises(ImapRefused):
            await session.move(1, "Rorpost/Collected")
    assert not {"COPY", "STORE", "EXPUNGE", "MOVE"} & {command[0] for command in imap_simulator.commands}


async def test_a_copy_that_was_refused_deletes_nothing(imap_simulator: Simulator) -> None:
    imap_simulator.capabilities = "IMAP4rev1 UIDPLUS"
    imap_simulator.inbox.add(MESSAGE)
    imap_simulator.folders["Rorpost/Collected"] = Folder()
    imap_simulator.on("COPY", refuses("[OVERQUOTA] full"))
    async with ImapSessions().open(imap_simulator.account()) as session:
        await session.select("INBOX")
        with pytest.raises(ImapRefused) as refused:
            await session.move(1, "Rorpost/Collected")
    assert refused.value.code == "OVERQUOTA"
    assert not imap_simulator.inbox.messages[1].flags


@pytest.mark.parametrize("capabilities", [CAPABILITIES, "IMAP4rev1", "IMAP4rev1 LITERAL-"])
@pytest.mark.parametrize("octets", [b"", MESSAGE, b"x" * 200_000])
async def test_append(imap_simulator: Simulator, capabilities: str, octets: bytes) -> None:
    imap_simulator.capabilities = capabilities
    arrived = datetime(2026, 10, 25, 2, 30, tzinfo=timezone(timedelta(hours=1)))
    async with ImapSessions().open(imap_simulator.account()) as session:
        assert await session.append("INBOX", octets, flags=[SEEN], arrived_at=arrived) == 1
    stored = imap_simulator.inbox.messages[1]
    assert (stored.octets, stored.flags, stored.arrived_at) == (octets, {SEEN}, arrived)


@pytest.mark.parametrize("code", ["TRYCREATE", "OVERQUOTA", "LIMIT", "TOOBIG"])
@pytest.mark.parametrize("place", ["LITERAL", "APPEND"])
async def test_an_append_that_is_refused(imap_simulator: Simulator, code: str, place: str) -> None:
    """Before the octets are sent, or after; and the session goes on."""
    imap_simulator.capabilities = "IMAP4rev1"
    imap_simulator.on(
        place,
        refuses(f"[{code}] no") if place == "APPEND" else says(b"%s NO [" + code.encode() + b"] no\r\n"),
    )
    async with ImapSessions().open(imap_simulator.account()) as session:
        with pytest.raises(ImapRefused) as refused:
            await session.append("INBOX", MESSAGE)
        await session.noop()
    assert refused.value.code == code


@pytest.mark.parametrize("flag", ["", "a b", "\\Seen)", "\\\\Seen", "a\r\nb", "å"])
async def test_what_is_no_flag_is_never_sent(imap_simulator: Simulator, flag: str) -> None:
    async with ImapSessions().open(imap_simulator.account()) as session:
        with pytest.raises(ImapRefused):
            await session.append("INBOX", MESSAGE, flags=[flag])
    assert not imap_simulator.asked("APPEND")


async def test_a_name_cannot_be_a_command(imap_simulator: Simulator) -> None:
    async with ImapSessions().open(imap_simulator.account()) as session:
        with pytest.raises(ImapFolderMissing):
            await session.examine('x"\r\nA9 DELETE INBOX')
    assert not imap_simulator.asked("DELETE")


async def test_names_as_the_server_has_them(imap_simulator: Simulator) -> None:
    imap_simulator.prefix, imap_simulator.separator = "INBOX.", "."
    async with ImapSessions().open(imap_simulator.account()) as session:
        await session.ensure_folder('Rorpost/å "&"')
        await session.ensure_folder('Rorpost/å "&"')
    assert len(imap_simulator.asked("CREATE")) == 1
    assert 'INBOX.Rorpost.&AOU- "&-"' in imap_simulator.folders


async def test_a_folder_made_by_somebody_else_meanwhile(imap_simulator: Simulator) -> None:
    imap_simulator.on("CREATE", says(b"%s NO it is there\r\n"))
    imap_simulator.on("STATUS", refuses("[NONEXISTENT] no"))
    imap_simulator.folders["Rorpost"] = Folder()
    async with ImapSessions().open(imap_simulator.account()) as session:
        await session.ensure_folder("Rorpost")


async def test_a_folder_that_cannot_be_made(imap_simulator: Simulator) -> None:
    imap_simulator.on("CREATE", refuses("[NOPERM] no"))
    async with ImapSessions().open(imap_simulator.account()) as session:
        with pytest.raises(ImapRefused) as refused:
            await session.ensure_folder("Rorpost")
    assert refused.value.code == "NOPERM"


@pytest.mark.parametrize("sent", [None, "INBOX.Sent"])
async def test_the_folder_for_sent_mail(imap_simulator: Simulator, sent: str | None) -> None:
    imap_simulator.prefix, imap_simulator.separator, imap_simulator.sent = "INBOX.", ".", sent
    imap_simulator.folders |= {"INBOX.Archive": Folder(), "INBOX.Sent": Folder()}
    async with ImapSessions().open(imap_simulator.account()) as session:
        assert await session.sent_folder() == (None if sent is None else "Sent")


async def test_idle_hears_of_a_message_and_of_none(imap_simulator: Simulator) -> None:
    async with ImapSessions().open(imap_simulator.account()) as session:
        await session.select("INBOX")
        assert not await session.idle(most_seconds=0)
        waiting = asyncio.create_task(session.idle(most_seconds=PATIENCE_SECONDS))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(imap_simulator.asked("IDLE")) < 2:
                await asyncio.sleep(0)
        await imap_simulator.arrive(MESSAGE)
        assert await waiting
        assert await session.uids() == [1]


async def test_what_arrives_between_search_and_idle_is_not_slept_over(imap_simulator: Simulator) -> None:
    async with ImapSessions().open(imap_simulator.account()) as session:
        await session.select("INBOX")
        await session.uids()
        await imap_simulator.arrive(MESSAGE)
        await session.noop()
        assert await session.idle(most_seconds=PATIENCE_SECONDS)
    assert not imap_simulator.asked("IDLE")


async def test_a_server_without_idle(imap_simulator: Simulator) -> None:
    imap_simulator.capabilities = "IMAP4rev1"
    async with ImapSessions().open(imap_simulator.account()) as session:
        await session.select("INBOX")
        with pytest.raises(ImapRefused):
            await session.idle(most_seconds=1)


async def test_a_server_that_refuses_idle_is_spoken_with_further(imap_simulator: Simulator) -> None:
    imap_simulator.on("IDLE", refuses("[LIMIT] no"))
    async with ImapSessions().open(imap_simulator.account()) as session:
        await session.select("INBOX")
        with pytest.raises(ImapRefused):
            await session.idle(most_seconds=1)
        await session.noop()


async def test_a_server_that_ends_idle_by_itself(imap_simulator: Simulator) -> None:
    imap_simulator.on("IDLE", says(b"+ idling\r\n%s OK enough\r\n"))
    async with asyncio.timeout(PATIENCE_SECONDS), ImapSessions().open(imap_simulator.account()) as session:
        await session.select("INBOX")
        assert not await session.idle(most_seconds=1000)
        await session.noop()


async def test_given_up_in_the_middle_it_is_of_no_more_use(imap_simulator: Simulator) -> None:
    async with ImapSessions().open(imap_simulator.account()) as session:
        await session.select("INBOX")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await session.idle(most_seconds=PATIENCE_SECONDS)
        with pytest.raises(ImapUnavailable):
            await session.noop()


@pytest.mark.parametrize("tls", [ImapTls.STARTTLS, ImapTls.IMPLICIT])
async def test_over_tls(authority: Authority, tls: ImapTls) -> None:
    async with simulating(authority, tls=tls) as simulator:
        simulator.inbox.add(b"x" * 300_000)
        async with ImapSessions().open(simulator.account()) as session:
            await session.examine("INBOX")
            assert await session.fetch(1, most_octets=300_000) == b"x" * 300_000
            assert (session.peer.tls or "").startswith("TLSv1.")
            assert "X-BEFORE-TLS" not in session.capabilities
