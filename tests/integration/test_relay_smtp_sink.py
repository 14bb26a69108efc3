"""The client against `smtp-sink`, Postfix's own test server, which refuses where it is told to."""

from collections.abc import AsyncIterator

import pytest

from rorpost_gateway.smtp_client.base import Deferred, Failed, Outgoing, Relayed, Route, TlsMode
from rorpost_gateway.smtp_client.connection import SmtpClient
from tests.peers.postfix import StartSmtpSink

OUTGOING = Outgoing(
    reverse_path="rorpost.hemsjukvarden@motala.se",
    recipient="rorpost.vcbrinken@regionostergotland.se",
    octets=b"Subject: [...]\r\n\r\nsealed\r\n",
)


@pytest.fixture
async def client() -> AsyncIterator[SmtpClient]:
    client = SmtpClient()
    yield client
    await client.close()


def route(port: int) -> Route:
    return Route(host="127.0.0.1", port=port, hostname="gw.motala.se", tls=TlsMode.OFF)


@pytest.mark.parametrize(
    ("flag", "kind"), [("-f", Failed), ("-r", Deferred), ("-Q", Deferred), ("-q", Deferred)]
)
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "."])
async def test_a_refusal_at_each_step(
    start_smtp_sink: StartSmtpSink, client: SmtpClient, flag: str, step: str, kind: type
) -> None:
    outcome = await client.send(route(start_smtp_sink(flag, step)), OUTGOING)
    assert isinstance(outcome, kind)
    assert outcome.reply.isascii()


@pytest.mark.parametrize("flag", ["-f", "-r", "-q", "-Q"])
@pytest.mark.parametrize("step", ["CONNECT", "EHLO"])
async def test_a_refused_session_is_never_permanent(
    start_smtp_sink: StartSmtpSink, client: SmtpClient, flag: str, step: str
) -> None:
    assert isinstance(await client.send(route(start_smtp_sink(flag, step)), OUTGOING), Deferred)


async def test_a_550_before_the_message_ends_is_heard(
    start_smtp_sink: StartSmtpSink, client: SmtpClient
) -> None:
    outcome = await client.send(route(start_smtp_sink("-A", "0")), OUTGOING)
    assert not isinstance(outcome, Relayed)


async def test_without_a_fault_it_is_relayed(start_smtp_sink: StartSmtpSink, client: SmtpClient) -> None:
    outcome = await client.send(route(start_smtp_sink()), OUTGOING)
    assert isinstance(outcome, Relayed)
    assert outcome.notify_taken
