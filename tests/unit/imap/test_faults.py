"""Whatever a server or the network does, in every state: the right error, soon, and recovery."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from rorpost_gateway.imap.base import (
    ImapError,
    ImapFolderMissing,
    ImapLoginFailed,
    ImapRefused,
    ImapTls,
    ImapTooLarge,
    ImapUnavailable,
    Session,
)
from rorpost_gateway.imap.sessions import ImapSessions
from tests.peers import imap_faults as faults
from tests.peers.authority import Authority
from tests.peers.imap_simulator import GREETING, LITERAL, Fault, Folder, Simulator, simulating

MESSAGE = b"Subject: x\r\n\r\nbody\r\n"
SOON_SECONDS = 5  # far from the 30 of a session that waits for its timeout
SHORT_SECONDS = 0.03

STATES = [
    GREETING,
    "CAPABILITY",
    "LOGIN",
    "NAMESPACE",
    "LIST",
    "STATUS",
    "CREATE",
    "SELECT",
    "SEARCH",
    "FETCH",
    "MOVE",
    "EXAMINE",
    LITERAL,
    "APPEND",
    "IDLE",
    "NOOP",
]


async def everything(session: Session) -> None:
    """Each command once."""
    await session.sent_folder()
    await session.ensure_folder("Rorpost/Collected")
    await session.select("INBOX")
    uids = await session.uids()
    _ = [each async for each in session.summaries(uids, fields=["Subject"])]
    await session.fetch(uids[0], most_octets=1000)
    await session.move(uids[0], "Rorpost/Collected")
    await session.examine("INBOX")
    await session.append("INBOX", MESSAGE)
    await session.idle(most_seconds=0)
    await session.noop()


async def run(
    simulator: Simulator,
    use: Callable[[Session], Awaitable[object]] = everything,
    *,
    timeout_seconds: float = 30,
    uses_after: bool = True,
) -> None:
    simulator.inbox.add(MESSAGE)
    async with (
        asyncio.timeout(SOON_SECONDS),
        ImapSessions(timeout_seconds=timeout_seconds).open(simulator.account()) as session,
    ):
        try:
            await use(session)
        except (ImapUnavailable, ImapTooLarge):
            if uses_after:
                with pytest.raises(ImapError):
                    await session.noop()
            raise


@pytest.fixture
def simulator(imap_simulator: Simulator) -> Simulator:
    imap_simulator.capabilities = imap_simulator.capabilities.replace("LITERAL+ ", "")
    return imap_simulator


async def test_nothing_is_wrong_with_everything(simulator: Simulator) -> None:
    await run(simulator)
    assert set(STATES) - {GREETING, LITERAL} <= {command[0] for command in simulator.commands}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("end", [faults.cut, faults.half_closed, faults.bye], ids=lambda end: end.__name__)
async def test_a_connection_that_ends_is_noticed_at_once(
    simulator: Simulator, state: str, end: Callable[[], Fault]
) -> None:
    simulator.on(state, end())
    with pytest.raises(ImapUnavailable):
        await run(simulator)
    assert simulator.connections == 1


@pytest.mark.parametrize("state", STATES)
async def test_silence_ends(simulator: Simulator, state: str) -> None:
    simulator.on(state, faults.silence())
    with pytest.raises(ImapUnavailable):
        await run(simulator, timeout_seconds=SHORT_SECONDS)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(
    "garbage", [b"\x00\xff\x00\r\n", b"HTTP/1.1 400 Bad Request\r\n", b"* \r\n", b"ZZ9 OK\r\n"]
)
async def test_garbage_ends_it(simulator: Simulator, state: str, garbage: bytes) -> None:
    simulator.on(state, faults.says(garbage))
    with pytest.raises(ImapUnavailable):
        await run(simulator)


@pytest.mark.parametrize("state", STATES)
async def test_a_flood_is_not_kept(simulator: Simulator, state: str) -> None:
    simulator.on(state, faults.flood())
    with pytest.raises(ImapTooLarge):
        await run(simulator)


@pytest.mark.parametrize("state", ["LOGIN", "SEARCH", "FETCH", "IDLE"])
async def test_octets_that_drip_for_ever_are_not_waited_for(simulator: Simulator, state: str) -> None:
    simulator.on(state, faults.drip())
    with pytest.raises(ImapUnavailable):
        await run(simulator, timeout_seconds=SHORT_SECONDS)


@pytest.mark.parametrize("state", ["CAPABILITY", "SELECT", "SEARCH", "FETCH", "NOOP"])
async def test_a_hundred_megabytes_are_refused_when_they_are_announced(
    simulator: Simulator, state: str
) -> None:
    simulator.on(state, faults.huge_literal())
    with pytest.raises(ImapTooLarge):
        await run(simulator)


async def test_a_literal_that_never_ends(simulator: Simulator) -> None:
    simulator.on("FETCH", faults.endless_literal())
    with pytest.raises(ImapUnavailable):
        await run(simulator, lambda session: fetch_first(session), timeout_seconds=SHORT_SECONDS)


async def fetch_first(session: Session) -> None:
    await session.examine("INBOX")
    assert await session.fetch(1, most_octets=100_000) == MESSAGE


@pytest.mark.parametrize(
    "state", ["SELECT", "SEARCH", "FETCH", "MOVE", "APPEND", "NAMESPACE", "NOOP", "STATUS"]
)
@pytest.mark.parametrize("word", [b"NO", b"BAD"])
async def test_a_refusal_is_an_error_of_its_own_and_the_session_goes_on(
    simulator: Simulator, state: str, word: bytes
) -> None:
    simulator.on(state, faults.says(b"%s " + word + b" [SERVERBUG] no\r\n"))
    simulator.inbox.add(MESSAGE)
    async with ImapSessions().open(simulator.account()) as session:
        if state in {"NAMESPACE", "STATUS"}:  # which can be done without
            return await everything(session)
        with pytest.raises(ImapRefused) as refused:
            await everything(session)
        assert refused.value.code == "SERVERBUG"
        await session.noop()
    return None


async def test_a_server_that_lies_about_exists(simulator: Simulator) -> None:
    simulator.on("SELECT", faults.first_says(b"* 4000000000 EXISTS\r\n* 0 EXISTS\r\n"))
    simulator.on("FETCH", faults.first_says(b"* 9999 EXISTS\r\n* 17 EXPUNGE\r\n* 0 EXISTS\r\n"))
    await run(simulator)


@pytest.mark.parametrize(
    "line",
    [
        b"* -1 EXISTS",
        b"* 99999999999999 EXISTS",
        b"* EXISTS",
        b"* OK [UIDVALIDITY 0] zero",
        b"* OK [UIDVALIDITY x] x",
    ],
)
async def test_a_select_that_tells_nonsense(simulator: Simulator, line: bytes) -> None:
    simulator.on("SELECT", faults.says(line + b"\r\n%s OK [READ-WRITE] open\r\n"))
    with pytest.raises(ImapUnavailable):
        await run(simulator)


async def test_a_folder_that_becomes_another_one_while_it_is_open(simulator: Simulator) -> None:
    simulator.on("SEARCH", faults.first_says(b"* OK [UIDVALIDITY 999] the folder was made anew\r\n"))
    with pytest.raises(ImapUnavailable):
        await run(simulator)


async def test_another_uid_validity_at_the_next_look(simulator: Simulator) -> None:
    async with ImapSessions().open(simulator.account()) as session:
        first = await session.examine("INBOX")
        simulator.inbox.uid_validity = 999
        second = await session.examine("INBOX")
        await session.noop()
    assert (first.uid_validity, second.uid_validity) == (1, 999)


async def test_a_folder_that_disappears(simulator: Simulator) -> None:
    def vanish(of: Simulator) -> None:
        del of.folders["INBOX"]

    simulator.on("EXAMINE", faults.changes(vanish))
    with pytest.raises(ImapFolderMissing):
        await run(simulator)


async def test_a_folder_that_cannot_be_opened_for_a_while(simulator: Simulator) -> None:
    simulator.on("SELECT", faults.refuses("[INUSE] later"))
    with pytest.raises(ImapRefused) as refused:
        await run(simulator)
    assert refused.value.code == "INUSE"


async def test_a_read_only_folder_shows(simulator: Simulator) -> None:
    simulator.on("SELECT", faults.says(b"* 0 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n%s OK [READ-ONLY] open\r\n"))
    async with ImapSessions().open(simulator.account()) as session:
        assert (await session.select("INBOX")).read_only


async def test_a_message_that_goes_while_it_is_asked_for(simulator: Simulator) -> None:
    first, second = simulator.inbox.add(MESSAGE), simulator.inbox.add(MESSAGE)
    simulator.on("FETCH", faults.changes(lambda of: of.inbox.messages.__delitem__(first)))
    async with ImapSessions().open(simulator.account()) as session:
        await session.examine("INBOX")
        assert [each.uid async for each in session.summaries([first, second])] == [second]
        simulator.on("FETCH", faults.says(b"* 1 FETCH (UID 1 BODY[] NIL)\r\n%s NO [EXPUNGEISSUED] gone\r\n"))
        assert await session.fetch(first, most_octets=1000) is None
        simulator.on("FETCH", faults.says(b"%s NO [EXPUNGEISSUED] gone\r\n"))
        assert await session.fetch(first, most_octets=1000) is None
        await session.noop()


async def test_what_a_server_says_of_other_messages_is_not_mistaken(simulator: Simulator) -> None:
    simulator.inbox.add(MESSAGE)
    said = b"* 7 FETCH (UID 70 BODY[] {1}\r\nx)\r\n* 1 FETCH (FLAGS (\\Seen))\r\n* 3 EXISTS\r\n"
    simulator.on("FETCH", faults.first_says(said))
    async with ImapSessions().open(simulator.account()) as session:
        await fetch_first(session)


async def test_data_in_several_responses_is_put_together(simulator: Simulator) -> None:
    pieces = (
        b"* 1 FETCH (FLAGS (\\Seen) UID 1)\r\n",
        b'* 1 FETCH (UID 1 INTERNALDATE "06-May-2026 08:00:00 +0200")\r\n',
        b"* 1 FETCH (UID 1 RFC822.SIZE 12)\r\n%s OK done\r\n",
    )
    simulator.on("FETCH", faults.says(*pieces))
    simulator.inbox.add(MESSAGE)
    async with ImapSessions().open(simulator.account()) as session:
        await session.examine("INBOX")
        (found,) = [each async for each in session.summaries([1])]
    assert (found.seen, found.size) == (True, 12)


@pytest.mark.parametrize(
    ("state", "answer"),
    [
        ("FETCH", b"* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n%s OK done\r\n"),
        ("FETCH", b"* 1 FETCH UID 1\r\n%s OK done\r\n"),
        ("FETCH", b"* 1 FETCH (UID 1 FLAGS\r\n%s OK done\r\n"),
        ("FETCH", b"* 1 FETCH (UID 1 BODY[] (a b))\r\n%s OK done\r\n"),
        ("FETCH", b"%s OK done\r\n%s OK done\r\n"),
        ("SEARCH", b"* SEARCH 1 2 x\r\n%s OK done\r\n"),
        ("SEARCH", b"* ESEARCH UID ALL 1:4294967295\r\n%s OK done\r\n"),
        ("SEARCH", b"* ESEARCH UID ALL 1:900000\r\n* ESEARCH UID ALL 2000000:2900000\r\n%s OK done\r\n"),
        ("SEARCH", b"%s MAYBE\r\n"),
        ("SEARCH", b"+ what\r\n+ what\r\n+ what\r\n"),
        ("CAPABILITY", b"* CAPABILITY POP3\r\n%s OK done\r\n"),
        ("NAMESPACE", b'* NAMESPACE (("&A-" "/")) NIL NIL\r\n%s OK done\r\n'),
        ("LIST", b'* LIST (\\Sent) "/" "&A-"\r\n%s OK done\r\n'),
        ("LIST", b"* LIST (\\Sent\r\n%s OK done\r\n"),
    ],
)
async def test_answers_that_cannot_be(simulator: Simulator, state: str, answer: bytes) -> None:
    simulator.on(state, faults.says(answer))
    with pytest.raises(ImapUnavailable):
        await run(simulator)


async def test_a_header_field_without_end_does_not_hide_the_others(simulator: Simulator) -> None:
    """The server is asked for so many octets of them and no more."""
    simulator.inbox.add(b"Subject: " + b"x" * 200_000 + b"\r\n\r\n")
    async with ImapSessions(most_header_octets=500).open(simulator.account()) as session:
        await session.examine("INBOX")
        with pytest.raises(ImapTooLarge):  # this simulator does not cut it
            _ = [each async for each in session.summaries([1], fields=["Subject"])]
    assert simulator.asked("FETCH")[0][2].endswith("BODY.PEEK[HEADER.FIELDS (Subject)]<0.500>)")


@pytest.mark.parametrize("capabilities", ["LITERAL+", ""])
async def test_a_server_that_stops_reading_an_append(simulator: Simulator, capabilities: str) -> None:
    simulator.capabilities += f" {capabilities}"
    simulator.on(LITERAL, lambda connection: stop_reading(simulator, connection))
    with pytest.raises(ImapUnavailable):
        await run(
            simulator,
            lambda session: session.append("INBOX", b"x" * 30_000_000),
            timeout_seconds=SHORT_SECONDS,
        )


async def stop_reading(_: Simulator, connection: object) -> bool:
    connection.reader._transport.pause_reading()  # type: ignore[attr-defined]
    await connection.say("+ go on")  # type: ignore[attr-defined]
    await asyncio.get_running_loop().create_future()
    return True


async def test_what_was_done_and_not_heard_of(simulator: Simulator) -> None:
    simulator.on("APPEND", faults.cut_after_doing())
    with pytest.raises(ImapUnavailable):
        await run(simulator, lambda session: session.append("INBOX", MESSAGE))
    assert len(simulator.inbox.messages) == 2


async def test_cut_while_idle_is_noticed_at_once(simulator: Simulator) -> None:
    async def cut_when_idle(session: Session) -> None:
        await session.select("INBOX")
        waiting = asyncio.create_task(session.idle(most_seconds=1000))
        while not simulator.asked("IDLE"):
            await asyncio.sleep(0)
        for connection in simulator.open_now:
            connection.cut()
        await waiting

    with pytest.raises(ImapUnavailable):
        await run(simulator, cut_when_idle)


@pytest.mark.parametrize("said", ["[ALERT] [INUSE", "\x1b[31m", "[UNAVAILABLE] try later"])
async def test_a_server_that_greets_with_goodbye(simulator: Simulator, said: str) -> None:
    simulator.on(GREETING, faults.says(f"* BYE {said}\r\n".encode()))
    with pytest.raises(ImapUnavailable) as fault:
        await run(simulator)
    assert fault.value.public.isprintable()


async def test_a_server_that_thinks_we_are_somebody_already(simulator: Simulator) -> None:
    simulator.on(GREETING, faults.says(b"* PREAUTH [CAPABILITY IMAP4rev1] hello, root\r\n"))
    with pytest.raises(ImapUnavailable):
        await run(simulator)
    assert not simulator.commands


async def test_the_house_goes_on_after_any_of_it(simulator: Simulator) -> None:
    """A new session of the same sessions works."""
    sessions = ImapSessions()
    simulator.on("LOGIN", faults.cut())
    with pytest.raises(ImapUnavailable):
        async with sessions.open(simulator.account()):
            pass
    async with sessions.open(simulator.account()) as session:
        await session.examine("INBOX")
    assert simulator.connections == 2


async def test_nobody_listens(authority: Authority) -> None:
    async with simulating(authority, tls=ImapTls.OFF) as simulator:
        account = simulator.account()
    with pytest.raises(ImapUnavailable):
        async with ImapSessions().open(account):
            pass


async def test_no_error_repeats_what_a_server_wrote(simulator: Simulator) -> None:
    """It may be the password, or anything else."""
    simulator.folders["x"] = Folder()
    for state in ("LOGIN", "SELECT", "SEARCH"):
        simulator.on(state, faults.says(b"%s NO you said marker-word\r\n"))
    with pytest.raises(ImapLoginFailed) as failed:
        await run(simulator)
    texts = [failed.value.public, failed.value.private]
    async with ImapSessions().open(simulator.account()) as session:
        for use in (session.select("INBOX"), session.examine("INBOX")):
            try:
                await use
            except ImapError as error:
                texts += [error.public, error.private, str(error)]
        with pytest.raises(ImapRefused) as refused:
            await session.uids()
    assert "marker-word" not in " ".join([*texts, refused.value.public, refused.value.private])
