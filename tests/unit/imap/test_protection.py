"""TLS, or nothing: STARTTLS first, verified, and nothing that was said in the clear counts after it."""

import asyncio
import os
import ssl
from pathlib import Path

import pytest

from rorpost_gateway.imap.base import Account, ImapTls, ImapUnavailable, Server
from rorpost_gateway.imap.connecting import Authorities
from rorpost_gateway.imap.sessions import ImapSessions
from tests.peers.authority import Authority
from tests.peers.imap_faults import cut, first_says, refuses, says, silence
from tests.peers.imap_simulator import GREETING, Given, Simulator, simulating

PATIENCE_SECONDS = 5
BOTH = [ImapTls.STARTTLS, ImapTls.IMPLICIT]


async def refused(simulator: Simulator, *, server: Server | None = None, timeout_seconds: float = 30) -> str:
    """What the error says; no command but STARTTLS was heard in the clear."""
    account = simulator.account()
    if server is not None:
        account = Account(server=server, username=account.username, credentials=account.credentials)
    with pytest.raises(ImapUnavailable) as fault:
        async with ImapSessions(timeout_seconds=timeout_seconds).open(account):
            pass
    assert {command[0] for command in simulator.commands} <= {"STARTTLS"}
    async with asyncio.timeout(PATIENCE_SECONDS):
        while simulator.open_now:
            await asyncio.sleep(0)
    return fault.value.public


def with_(simulator: Simulator, *, ca: Path) -> Server:
    return Server(host=simulator.host, port=simulator.port, tls=simulator.tls, ca=ca)


async def test_starttls_is_the_first_thing_said(authority: Authority) -> None:
    async with simulating(authority) as simulator:
        async with ImapSessions().open(simulator.account()):
            pass
        assert [command[0] for command in simulator.commands][:3] == ["STARTTLS", "CAPABILITY", "LOGIN"]


@pytest.mark.parametrize("tls", BOTH)
async def test_an_authority_that_is_not_ours(authority: Authority, stranger: Authority, tls: ImapTls) -> None:
    async with simulating(authority, tls=tls) as simulator:
        text = await refused(simulator, server=with_(simulator, ca=stranger.ca_file))
    assert "TLS: unable to get local issuer certificate" in text or "self-signed" in text


@pytest.mark.parametrize("tls", BOTH)
async def test_a_name_that_the_certificate_does_not_have(authority: Authority, tls: ImapTls) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("imap.other.se"))
    async with simulating(authority, tls=tls, context=context) as simulator:
        assert "Hostname mismatch" in await refused(simulator)


@pytest.mark.parametrize("tls", BOTH)
async def test_no_authority_given_is_the_systems(authority: Authority, tls: ImapTls) -> None:
    async with simulating(authority, tls=tls) as simulator:
        server = Server(host=simulator.host, port=simulator.port, tls=tls)
        assert "TLS: " in await refused(simulator, server=server)


async def test_a_server_that_does_not_take_starttls_is_left(authority: Authority) -> None:
    async with simulating(authority) as simulator:
        simulator.on("STARTTLS", refuses("not now"))
        await refused(simulator)


async def test_a_server_without_starttls_is_left(authority: Authority) -> None:
    async with simulating(authority, tls=ImapTls.OFF) as simulator:
        simulator.tls = ImapTls.STARTTLS
        await refused(simulator)


@pytest.mark.parametrize(
    "injected",
    [
        b"%s OK begin\r\n* CAPABILITY IMAP4rev1\r\n",
        b"%s OK begin\r\n* BYE\r\n",
        b"%s OK begin\r\nA",
        b"%s OK begin\r\n%s OK begin\r\n",
    ],
)
async def test_what_comes_behind_the_answer_to_starttls_ends_it(
    authority: Authority, injected: bytes
) -> None:
    """Somebody in the middle could put it there, to be heard as if it came under TLS (2011, 2021)."""
    async with simulating(authority) as simulator:
        simulator.on("STARTTLS", says(injected), first_says(b""))
        await refused(simulator)


async def test_what_was_said_in_the_clear_is_forgotten(authority: Authority) -> None:
    async with simulating(authority) as simulator:
        simulator.on(GREETING, says(b"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hello\r\n"))
        simulator.on("STARTTLS", first_says(b"* CAPABILITY IMAP4rev1 X-INJECTED\r\n* 5 EXISTS\r\n"))
        async with ImapSessions().open(simulator.account()) as session:
            assert "X-INJECTED" not in session.capabilities
        assert simulator.asked("LOGIN")


async def test_logged_in_before_tls_is_no_way_round_it(authority: Authority) -> None:
    async with simulating(authority) as simulator:
        simulator.on(GREETING, says(b"* PREAUTH [CAPABILITY IMAP4rev1] hello\r\n"))
        await refused(simulator)


@pytest.mark.parametrize("fault", [cut, silence])
async def test_a_handshake_that_comes_to_nothing(authority: Authority, fault: type) -> None:
    async with simulating(authority) as simulator:

        async def begin(connection: object) -> bool:
            await connection.ok("begin")  # type: ignore[attr-defined]
            return bool(await fault()(connection))

        simulator.on("STARTTLS", begin)
        await refused(simulator, timeout_seconds=0.1)


async def test_tls_is_not_spoken_to_a_server_that_has_none(imap_simulator: Simulator) -> None:
    server = Server(host="localhost", port=imap_simulator.port, tls=ImapTls.IMPLICIT, ca=imap_simulator.ca)
    await refused(imap_simulator, server=server)


async def test_in_the_clear_to_loopback_only(
    imap_simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address that was really connected to counts, not the name."""
    monkeypatch.setattr("rorpost_gateway.imap.connecting._is_loopback", lambda _: False)
    assert "loopback" in await refused(imap_simulator)


@pytest.mark.parametrize(
    "octets", [None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
async def test_a_file_of_authorities_that_cannot_be_used(
    authority: Authority, tmp_path: Path, octets: bytes | None
) -> None:
    file = tmp_path / "ca.pem"
    if octets is not None:
        file.write_bytes(octets)
    async with simulating(authority) as simulator:
        assert "authorities" in await refused(simulator, server=with_(simulator, ca=file))
        assert not simulator.connections


async def test_a_host_that_is_not_there() -> None:
    account = Account(server=Server(host="nowhere.invalid", port=1), username="u", credentials=Given())
    with pytest.raises(ImapUnavailable, match="no such host"):
        async with ImapSessions().open(account):
            pass


async def test_the_secret_is_asked_for_before_anything_is_connected(authority: Authority) -> None:
    class Unreadable(Given):
        async def token(self) -> str | None:
            raise ImapUnavailable("no token")

    async with simulating(authority) as simulator:
        with pytest.raises(ImapUnavailable, match="no token"):
            async with ImapSessions().open(simulator.account(Unreadable())):
                pass
        assert not simulator.connections


async def test_a_context_is_made_once_a_file_and_anew_when_it_changes(
    authority: Authority, tmp_path: Path
) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(authority.ca_file.read_bytes())
    server = Server(host="localhost", port=1, ca=file)
    authorities = Authorities()
    first = await authorities.context(server)
    assert await authorities.context(server) is first
    os.utime(file, ns=(1, 1))
    second = await authorities.context(server)
    assert second is not first
    assert second is not None
    assert second.minimum_version == ssl.TLSVersion.TLSv1_2
    assert second.check_hostname
    assert second.verify_mode is ssl.CERT_REQUIRED
