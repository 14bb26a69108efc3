"""LMTP: LHLO, one answer for the one recipient, over TCP and over a Unix socket. Refusals first."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import aiosmtplib
import pytest

from rorpost_gateway.smtp_client.base import (
    Deferred,
    Failed,
    MailProtocol,
    Outgoing,
    Relayed,
    Route,
    TlsMode,
)
from rorpost_gateway.smtp_client.connection import SmtpClient
from rorpost_gateway.smtp_client.probe import probe
from rorpost_gateway.smtp_client.timeouts import Timeouts
from tests.peers.authority import Authority
from tests.peers.sink import Script, Sink, StartSink

BOUND_SECONDS = 20
OUTGOING = Outgoing(
    reverse_path="",
    recipient="rorpost.hemsjukvarden@motala.se",
    octets="Subject: Räksmörgås\r\n\r\n.dot\r\nslut\r\n".encode("latin-1"),
)


def lmtp(sink: Sink, **more: object) -> Route:
    route = Route(
        host="127.0.0.1",
        port=sink.port,
        hostname="gw.motala.se",
        tls=TlsMode.OFF,
        protocol=MailProtocol.LMTP,
    )
    return replace(route, **more)  # type: ignore[arg-type]


@pytest.fixture
async def client() -> AsyncIterator[SmtpClient]:
    client = SmtpClient(timeouts=Timeouts(attempt_seconds=BOUND_SECONDS))
    yield client
    await client.close()


@pytest.fixture
def socket() -> Iterator[Path]:
    """In a short folder: a Unix socket's path has at most 107 octets."""
    with tempfile.TemporaryDirectory(prefix="rorpost-lmtp-") as folder:
        yield Path(folder) / "s"


# --- the store refuses


@pytest.mark.parametrize("code", [421, 500, 550])
@pytest.mark.parametrize("step", ["greeting", "LHLO"])
async def test_a_refused_session_is_deferred_whatever_the_code(
    start_sink: StartSink, client: SmtpClient, step: str, code: int
) -> None:
    sink = await start_sink(Script(answers={step: b"%d 5.1.1 go away\r\n" % code}))
    outcome = await client.send(lmtp(sink), OUTGOING)
    assert isinstance(outcome, Deferred)
    assert f"refused {'the greeting' if step == 'greeting' else step}" in outcome.reply
    assert "EHLO" not in sink.verbs
    assert sink.octets_of_messages == 0


@pytest.mark.parametrize(
    ("step", "reply", "kind"),
    [
        ("RCPT", "550 5.1.1 no such user", Failed),
        ("RCPT", "451 4.3.0 Temporary internal error", Deferred),
        ("RCPT", "452 4.2.2 Mailbox full", Deferred),
        ("RCPT", "552 5.2.2 Mailbox full", Failed),
        ("message", "552 5.2.2 Mailbox full", Failed),
        ("message", "452 4.2.2 Mailbox full", Deferred),
        ("message", "451 4.2.0 Internal error", Deferred),
        ("message", "554 5.6.0 no", Failed),
    ],
)
async def test_a_refusal_follows_the_code(
    start_sink: StartSink, client: SmtpClient, step: str, reply: str, kind: type
) -> None:
    sink = await start_sink(Script(answers={step: reply.encode() + b"\r\n"}))
    outcome = await client.send(lmtp(sink), OUTGOING)
    assert isinstance(outcome, kind)
    assert outcome.reply == reply
    assert outcome.next_hop == f"127.0.0.1:{sink.port}"


@pytest.mark.parametrize("step", ["greeting", "LHLO", "MAIL", "RCPT", "DATA", "message"])
async def test_a_cut_is_deferred(start_sink: StartSink, client: SmtpClient, step: str) -> None:
    sink = await start_sink(Script(cut_at=step))
    outcome = await client.send(lmtp(sink), OUTGOING)
    assert isinstance(outcome, Deferred)
    assert "closed the connection" in outcome.reply


@pytest.mark.parametrize("step", ["LHLO", "RCPT", "message"])
@pytest.mark.parametrize("nonsense", [b"hello\r\n", b"\xff\xff\xff \r\n", b"25\r\n", b"\r\n"])
async def test_nonsense_is_never_an_acceptance_of_the_message(
    start_sink: StartSink, client: SmtpClient, step: str, nonsense: bytes
) -> None:
    sink = await start_sink(Script(answers={step: nonsense}))
    outcome = await client.send(lmtp(sink), OUTGOING)
    assert isinstance(outcome, Deferred)


async def test_a_server_that_speaks_smtp_only_is_deferred(start_sink: StartSink, client: SmtpClient) -> None:
    sink = await start_sink(Script(answers={"LHLO": b"502 5.5.1 not here\r\n"}))
    outcome = await client.send(lmtp(sink), OUTGOING)
    assert isinstance(outcome, Deferred)
    assert sink.verbs[:1] == ["LHLO"]
    assert "MAIL" not in sink.verbs


async def test_an_eight_bit_message_is_not_re_encoded(start_sink: StartSink, client: SmtpClient) -> None:
    sink = await start_sink(Script(extensions=("PIPELINING",)))
    outcome = await client.send(lmtp(sink), OUTGOING)
    assert outcome == Failed(
        reply=f"5.6.3 127.0.0.1:{sink.port} does not take 8-bit messages", next_hop=f"127.0.0.1:{sink.port}"
    )
    assert sink.octets_of_messages == 0


# --- one answer for one recipient


async def test_the_first_of_too_many_answers_counts_and_the_connection_is_left(
    start_sink: StartSink, client: SmtpClient
) -> None:
    """Its next answer would be taken for the next message's."""
    sink = await start_sink(
        Script(answers={"message": b"250 2.0.0 saved\r\n550 5.1.1 and whose is this?\r\n"})
    )
    first = await client.send(lmtp(sink), OUTGOING)
    second = await client.send(lmtp(sink), OUTGOING)
    assert [first, second] == [
        Relayed(reply="250 2.0.0 saved", next_hop=first.next_hop, notify_taken=True)
    ] * 2
    assert [connection.verbs.count("DATA") for connection in sink.connections] == [1, 1]


async def test_the_private_name_that_is_used_is_there() -> None:
    """By it a connection that was answered unasked is known before it is handed over (`opening`)."""
    assert aiosmtplib.protocol.SMTPProtocol()._buffer == b""


async def test_an_acceptance_behind_a_refusal_is_none(start_sink: StartSink, client: SmtpClient) -> None:
    sink = await start_sink(Script(answers={"message": b"552 5.2.2 full\r\n250 2.0.0 saved\r\n"}))
    outcome = await client.send(lmtp(sink), OUTGOING)
    assert isinstance(outcome, Failed)
    assert outcome.reply == "552 5.2.2 full"


async def test_an_answer_of_several_lines_is_one_answer(start_sink: StartSink, client: SmtpClient) -> None:
    sink = await start_sink(Script(answers={"message": b"250-2.0.0 saved\r\n250 2.0.0 in INBOX\r\n"}))
    for _ in range(2):
        outcome = await client.send(lmtp(sink), OUTGOING)
        assert isinstance(outcome, Relayed)
        assert outcome.reply == "250 2.0.0 saved 2.0.0 in INBOX"
    assert len(sink.connections) == 1


# --- all is well


async def test_over_tcp_with_starttls(
    start_sink: StartSink, client: SmtpClient, authority: Authority
) -> None:
    sink = await start_sink(Script(tls=authority.server_context()))
    outcome = await client.send(lmtp(sink, tls=TlsMode.VERIFY, ca=authority.ca_file), OUTGOING)
    assert isinstance(outcome, Relayed)
    (connection,) = sink.connections
    assert connection.encrypted
    assert connection.verbs == ["LHLO", "STARTTLS", "LHLO", "MAIL", "RCPT", "DATA"]
    assert connection.lines[3] == f"MAIL FROM:<> SIZE={len(OUTGOING.octets)} BODY=8BITMIME RET=HDRS"
    assert connection.messages == [OUTGOING.octets]


async def test_a_certificate_that_is_not_trusted_gets_nothing(
    start_sink: StartSink, client: SmtpClient, authority: Authority, stranger: Authority
) -> None:
    sink = await start_sink(Script(tls=stranger.server_context()))
    outcome = await client.send(lmtp(sink, tls=TlsMode.VERIFY, ca=authority.ca_file), OUTGOING)
    assert isinstance(outcome, Deferred)
    assert outcome.reply.startswith("4.7.5 ")
    assert sink.verbs == ["LHLO", "STARTTLS"]


async def test_over_a_unix_socket(start_sink: StartSink, client: SmtpClient, socket: Path) -> None:
    sink = await start_sink(Script(socket=str(socket)))
    route = lmtp(sink, socket=socket)
    for _ in range(2):
        outcome = await client.send(route, OUTGOING)
        assert isinstance(outcome, Relayed)
        assert outcome.next_hop == f"localhost:{socket}"
    assert sink.messages == [OUTGOING.octets] * 2
    assert len(sink.connections) == 1
    assert await probe(route, timeout_seconds=BOUND_SECONDS) is None


async def test_a_socket_that_is_not_there_is_deferred(client: SmtpClient, socket: Path) -> None:
    route = Route(
        host="localhost",
        port=24,
        hostname="gw.motala.se",
        tls=TlsMode.OFF,
        socket=socket,
        protocol=MailProtocol.LMTP,
    )
    outcome = await client.send(route, OUTGOING)
    assert outcome == Deferred(
        reply=f"4.4.1 there is no socket localhost:{socket}", next_hop=f"localhost:{socket}"
    )
    socket.touch()
    refused = await client.send(route, OUTGOING)
    assert isinstance(refused, Deferred)
    assert refused.reply.startswith("4.4.1 ")
    assert await probe(route, timeout_seconds=BOUND_SECONDS) == refused.reply


def test_there_is_no_tls_over_a_unix_socket(socket: Path) -> None:
    with pytest.raises(ValueError, match="Unix socket"):
        Route(host="localhost", port=24, hostname="gw.motala.se", socket=socket)
