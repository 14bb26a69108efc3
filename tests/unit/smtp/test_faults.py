"""An exception anywhere: 451 to the peer, type and stack to the operator, its text to nobody."""

import asyncio
import logging

import pytest
import structlog

from rorpost_gateway.decision import Reason
from rorpost_gateway.smtp.fault import describe_fault
from rorpost_gateway.smtp.settings import TlsMode
from tests.dialogs.listening import listening
from tests.dialogs.receiver import RoteReceiver
from tests.dialogs.wire import Wire
from tests.peers.authority import Authority

MARKER = "MARKER-OF-AN-INNER-SECRET"
TO_THE_END = {
    "begin": [],
    "authenticate": [],
    "recipient": ["MAIL FROM:<a@x.se>"],
    "message": ["MAIL FROM:<a@x.se>", "RCPT TO:<b@x.se>"],
}


@pytest.mark.parametrize(
    ("where", "command"),
    [
        ("begin", "MAIL FROM:<a@x.se>"),
        ("recipient", "RCPT TO:<b@x.se>"),
        ("message", "DATA"),
        ("authenticate", "AUTH PLAIN AGFubmEAeA=="),
    ],
)
async def test_a_fault_is_told_to_the_operator_only(where: str, command: str, authority: Authority) -> None:
    receiver = RoteReceiver(fail_in={where})
    with structlog.testing.capture_logs() as lines:
        async with listening(authority, receiver, tls=TlsMode.OFF) as listener:
            wire = await Wire.connect(*listener.addresses[0])
            await wire.reply()
            for earlier in ["EHLO client", *TO_THE_END[where]]:
                assert (await wire.ask(earlier)).startswith("250")
            answer = await wire.ask(command)
            if answer.startswith("354"):
                await wire.send(b"x\r\n.\r\n")
                answer = (await wire.reply())[0]
            assert answer.startswith("451 4.3.0 [gateway-fault]")
            assert receiver.refused == [Reason.GATEWAY_FAULT]
            assert (await wire.ask("NOOP")) == "250 2.0.0 OK"
            wire.close()
    faults = [line for line in lines if line["event"] == "session-fault"]
    assert [fault["error"] for fault in faults] == ["RuntimeError"]
    assert "dialogs/receiver.py" in faults[0]["where"]
    assert MARKER not in str(lines)
    assert receiver.aborted == (where == "recipient")


async def test_a_fault_in_telling_of_a_fault_is_still_451(authority: Authority) -> None:
    receiver = RoteReceiver(fail_in={"begin", "refusal"})
    async with listening(authority, receiver, tls=TlsMode.OFF) as listener:
        wire = await Wire.connect(*listener.addresses[0])
        await wire.reply()
        await wire.ask("EHLO client")
        assert await wire.ask("MAIL FROM:<a@x.se>") == "451 4.3.0 Temporary fault"
        wire.close()


async def test_a_fault_before_the_greeting_is_421(authority: Authority) -> None:
    receiver = RoteReceiver(fail_in={"connected"})
    async with listening(authority, receiver, tls=TlsMode.OFF) as listener:
        wire = await Wire.connect(*listener.addresses[0])
        assert await wire.reply() == ["421 4.3.0 Temporary fault, closing"]
        assert await wire.expect_closed() == b""
        wire.close()


async def test_a_fault_while_giving_up_does_not_keep_the_connection(authority: Authority) -> None:
    receiver = RoteReceiver(fail_in={"abort"})
    async with listening(authority, receiver, tls=TlsMode.OFF) as listener:
        wire = await Wire.connect(*listener.addresses[0])
        await wire.reply()
        await wire.ask("EHLO client")
        await wire.ask("MAIL FROM:<a@x.se>")
        wire.half_close()
        assert await wire.expect_closed() == b""
        wire.close()


async def test_an_error_of_the_receivers_own_connections_is_a_fault_and_not_a_lost_client(
    authority: Authority,
) -> None:
    class Unreachable(RoteReceiver):
        async def begin(self, *_: object) -> object:  # type: ignore[override]
            raise ConnectionResetError

    async with listening(authority, Unreachable(), tls=TlsMode.OFF) as listener:
        wire = await Wire.connect(*listener.addresses[0])
        await wire.reply()
        await wire.ask("EHLO client")
        assert (await wire.ask("MAIL FROM:<a@x.se>")).startswith("451 4.3.0")
        assert (await wire.ask("NOOP")) == "250 2.0.0 OK"
        wire.close()


def test_the_text_of_an_exception_is_never_described() -> None:
    try:
        try:
            raise ValueError(MARKER)  # noqa: TRY301
        except ValueError as inner:
            raise RuntimeError(MARKER) from inner
    except RuntimeError as error:
        described = describe_fault(error)
    assert MARKER not in str(described)
    assert (described["error"], described["cause"]) == ("RuntimeError", "ValueError")


async def test_no_logger_at_debug_sees_content_or_password(
    authority: Authority, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    for name in list(logging.root.manager.loggerDict):
        logging.getLogger(name).setLevel(logging.DEBUG)
    receiver = RoteReceiver(fail_in={"message"})
    secret = "AFNFQ1JFVE1BUktFUgBTRUNSRVRNQVJLRVI="  # \0SECRETMARKER\0SECRETMARKER
    try:
        with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as lines:
            async with listening(authority, receiver) as listener:
                wire = await Wire.connect(*listener.addresses[0])
                await wire.reply()
                await wire.ask("EHLO client")
                await wire.ask("STARTTLS")
                await wire.start_tls(authority.client_context())
                await wire.ask("EHLO client")
                await wire.ask(f"AUTH PLAIN {secret}")
                await wire.ask("MAIL FROM:<a@x.se>")
                await wire.ask("RCPT TO:<b@x.se>")
                await wire.ask("DATA")
                await wire.send(b"Subject: SECRETMARKER\r\n\r\nSECRETMARKER\r\n.\r\n")
                assert (await wire.reply())[0].startswith("451")
                wire.reset()
    finally:
        loop.set_debug(False)
    written = "".join(capfd.readouterr()) + caplog.text + str(lines)
    for marker in ("SECRETMARKER", secret[:20], MARKER):
        assert marker not in written


async def test_the_peer_goes_away_during_the_handshake(authority: Authority) -> None:
    async with listening(authority, RoteReceiver(), tls=TlsMode.IMPLICIT) as listener:
        for leave in ("reset", "half_close"):
            wire = await Wire.connect(*listener.addresses[0])
            await wire.send(b"EHLO this is not TLS\r\n" if leave == "half_close" else b"\x16")
            getattr(wire, leave)()
            if leave == "half_close":
                await wire.expect_closed()
                wire.close()
