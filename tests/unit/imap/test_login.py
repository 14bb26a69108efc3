"""Logging in: what is sent in which way, what is never sent, and what a refusal means."""

import logging
from base64 import b64decode

import pytest

from rorpost_gateway.imap.base import Account, ImapLoginFailed, ImapTls, ImapUnavailable, Server
from rorpost_gateway.imap.sessions import ImapSessions
from tests.peers.authority import Authority
from tests.peers.imap_faults import refuses, says
from tests.peers.imap_simulator import PASSWORD, TOKEN, USERNAME, Given, Simulator, simulating

HARD = ['with "quotes"', "back\\slash", "lösenord", "two\r\nlines", ""]
PLAIN_ONLY = "IMAP4rev1 LOGINDISABLED AUTH=PLAIN"


class Kept(Given):
    """Credentials that keep a token."""

    forgotten = 0

    def forget(self) -> None:
        self.forgotten += 1


async def log_in(simulator: Simulator, given: Given | None = None, *, username: str = USERNAME) -> None:
    async with ImapSessions().open(simulator.account(given, username=username)):
        pass


def sent_to_authenticate(simulator: Simulator) -> tuple[str, bytes]:
    ((_, mechanism, *response),) = simulator.asked("AUTHENTICATE")
    return mechanism, b64decode(response[0]) if response else b""


async def test_by_password(imap_simulator: Simulator) -> None:
    await log_in(imap_simulator)
    assert imap_simulator.asked("LOGIN") == [("LOGIN", f'"{USERNAME}"', f'"{PASSWORD}"')]


@pytest.mark.parametrize("password", HARD)
async def test_what_hurts_in_a_string_goes_by_plain(imap_simulator: Simulator, password: str) -> None:
    await log_in(imap_simulator, Given(password=password))
    assert sent_to_authenticate(imap_simulator) == ("PLAIN", f"\0{USERNAME}\0{password}".encode())
    assert not imap_simulator.asked("LOGIN")


@pytest.mark.parametrize("capabilities", ["IMAP4rev1", "IMAP4rev1 LITERAL+", "IMAP4rev1 LITERAL-"])
@pytest.mark.parametrize("password", HARD)
async def test_or_as_a_literal(imap_simulator: Simulator, password: str, capabilities: str) -> None:
    imap_simulator.capabilities = capabilities
    imap_simulator.on("LOGIN", says(b"%s OK welcome\r\n"))
    await log_in(imap_simulator, Given(password=password))
    assert imap_simulator.asked("LOGIN") == [("LOGIN", USERNAME, password)]


async def test_where_login_is_disabled_it_is_not_tried(imap_simulator: Simulator) -> None:
    imap_simulator.capabilities = PLAIN_ONLY
    await log_in(imap_simulator)
    assert sent_to_authenticate(imap_simulator)[0] == "PLAIN"
    imap_simulator.capabilities = "IMAP4rev1 LOGINDISABLED"
    with pytest.raises(ImapLoginFailed):
        await log_in(imap_simulator)
    assert not imap_simulator.asked("LOGIN")


@pytest.mark.parametrize("capabilities", ["IMAP4rev1 AUTH=XOAUTH2", "IMAP4rev1 AUTH=XOAUTH2 SASL-IR"])
async def test_by_token(imap_simulator: Simulator, capabilities: str) -> None:
    imap_simulator.capabilities = capabilities
    await log_in(imap_simulator, Given(token=TOKEN))
    (asked,) = imap_simulator.asked("AUTHENTICATE")
    assert asked[1] == "XOAUTH2"
    assert len(asked) == (3 if "SASL-IR" in capabilities else 2)
    if len(asked) == 3:
        said = f"user={USERNAME}\x01auth=Bearer {TOKEN}\x01\x01"
        assert sent_to_authenticate(imap_simulator)[1].decode() == said


async def test_a_refused_token_is_answered_with_an_empty_line_and_forgotten(
    imap_simulator: Simulator,
) -> None:
    """The error comes as an invitation; the answer comes after an empty line."""
    heard: list[bytes] = []

    async def refuse(connection: object) -> bool:
        await connection.say("+ eyJzdGF0dXMiOiI0MDAifQ==")  # type: ignore[attr-defined]
        heard.append(await connection.line())  # type: ignore[attr-defined]
        await connection.no("[AUTHENTICATIONFAILED] no")  # type: ignore[attr-defined]
        return True

    imap_simulator.on("AUTHENTICATE", refuse)
    credentials = Kept(token=TOKEN)
    with pytest.raises(ImapLoginFailed):
        await log_in(imap_simulator, credentials)
    assert heard == [b""]
    assert credentials.forgotten == 1


async def test_a_server_that_asks_and_asks(imap_simulator: Simulator) -> None:
    imap_simulator.on("AUTHENTICATE", says(b"+ a\r\n", b"+ b\r\n"))
    with pytest.raises(ImapUnavailable):
        await log_in(imap_simulator, Given(token=TOKEN))


async def test_a_token_goes_to_no_server_without_xoauth2(imap_simulator: Simulator) -> None:
    imap_simulator.capabilities = "IMAP4rev1 AUTH=PLAIN"
    with pytest.raises(ImapLoginFailed):
        await log_in(imap_simulator, Given(token=TOKEN))
    assert not imap_simulator.asked("AUTHENTICATE")


@pytest.mark.parametrize("username", ["a\x01auth=Bearer other\x01", "a\x00b"])
async def test_a_user_name_cannot_be_more_than_one(imap_simulator: Simulator, username: str) -> None:
    imap_simulator.capabilities = "IMAP4rev1 AUTH=XOAUTH2 AUTH=PLAIN SASL-IR"
    given = Given(token=TOKEN) if "\x01" in username else Given()
    with pytest.raises(ImapLoginFailed):
        await log_in(imap_simulator, given, username=username)
    assert not {"LOGIN", "AUTHENTICATE"} & {command[0] for command in imap_simulator.commands}


async def test_there_is_neither_password_nor_token(imap_simulator: Simulator) -> None:
    with pytest.raises(ImapLoginFailed):
        await log_in(imap_simulator, Given(password=None))


@pytest.mark.parametrize("code", ["", "[AUTHENTICATIONFAILED] ", "[EXPIRED] ", "[PRIVACYREQUIRED] "])
async def test_a_refused_login(imap_simulator: Simulator, code: str) -> None:
    imap_simulator.on("LOGIN", refuses(f"{code}no"))
    with pytest.raises(ImapLoginFailed) as failed:
        await log_in(imap_simulator)
    assert code.strip("[] ") in failed.value.public


@pytest.mark.parametrize("code", ["UNAVAILABLE", "INUSE", "LIMIT"])
async def test_no_login_for_the_moment_is_no_wrong_password(imap_simulator: Simulator, code: str) -> None:
    imap_simulator.on("LOGIN", refuses(f"[{code}] later"))
    with pytest.raises(ImapUnavailable):
        await log_in(imap_simulator)


async def test_capabilities_are_read_anew_after_the_login(imap_simulator: Simulator) -> None:
    imap_simulator.on("LOGIN", says(b"%s OK [CAPABILITY IMAP4rev1 X-AFTER] welcome\r\n"))
    async with ImapSessions().open(imap_simulator.account()) as session:
        assert session.capabilities == {"IMAP4REV1", "X-AFTER"}
    assert len(imap_simulator.asked("CAPABILITY")) == 0  # the greeting told, and the login
    await log_in(imap_simulator)
    assert len(imap_simulator.asked("CAPABILITY")) == 1


async def test_no_log_at_any_level_holds_a_secret_or_a_message(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    """aioimaplib writes every line of a message, and the token in base64, at DEBUG."""
    marker = "marker-word"
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        caplog.set_level(logging.DEBUG, logger=name)
    async with simulating(authority, tls=ImapTls.STARTTLS) as simulator:
        simulator.capabilities += " AUTH=XOAUTH2"
        for given in (Given(token=marker), Given(password=f"{marker} å")):
            async with ImapSessions().open(simulator.account(given, username=marker)) as session:
                await session.append("INBOX", b"Subject: marker-word\r\n\r\nmarker-word\r\n")
                await session.select("INBOX")
                _ = [each async for each in session.summaries([1], fields=["Subject"])]
                await session.fetch(1, most_octets=1000)
                await session.find_header("Subject", marker)
                await session.idle(most_seconds=0)
        simulator.on("LOGIN", says(b"%s NO marker-word\r\n"))
        with pytest.raises(ImapLoginFailed):
            await log_in(simulator, Given(password=marker))
    assert marker not in caplog.text
    assert not [record for record in caplog.records if record.name.startswith("aioimaplib")]


def test_an_account_does_not_show_its_secret() -> None:
    account = Account(
        server=Server(host="a", port=1), username="u", credentials=Given(password="marker-word")
    )
    assert "marker-word" not in repr(account)
    assert "credentials" not in repr(account)
