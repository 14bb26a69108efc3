"""The flaw: a mail server's words were written down as they came, and they quoted the message.

A content filter in front of a mailbox says which words it minds. It has seen the message opened; the
decision log is a public record, and a notice goes out in clear text.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rorpost_gateway.delivery.base import DeferredDelivery, Delivered, FailedDelivery
from rorpost_gateway.delivery.smtp import SmtpDelivery
from rorpost_gateway.smtp_client.base import Route, TlsMode
from rorpost_gateway.smtp_client.connection import SmtpClient
from tests.peers.messages import RECEIVER, SENDER
from tests.peers.sink import Script, StartSink

OPENED = b"Subject: x\r\n\r\nhej\r\n"


@pytest.fixture
async def client() -> AsyncIterator[SmtpClient]:
    it = SmtpClient()
    yield it
    await it.close()


async def outcome_of(
    client: SmtpClient, start_sink: StartSink, said: str
) -> Delivered | DeferredDelivery | FailedDelivery:
    sink = await start_sink(Script(answers={"message": said.encode() + b"\r\n"}))
    route = Route(host="127.0.0.1", port=sink.port, hostname="gw.motala.se", tls=TlsMode.OFF)
    return await SmtpDelivery(client, route).deliver(SENDER, OPENED, reverse_path=RECEIVER, unique="u1")


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ('550 5.7.1 "diabetes" is not wanted', "550 5.7.1 "),
        ("550 diabetes", "550 "),
        ("550 5.7.1.2 diabetes", "550 "),
        ("451 4.7.1 diabetes?", "451 4.7.1 "),
    ],
)
async def test_only_the_codes_are_kept(
    client: SmtpClient, start_sink: StartSink, said: str, kept: str
) -> None:
    outcome = await outcome_of(client, start_sink, said)
    assert not isinstance(outcome, Delivered)
    assert outcome.reply == f"{kept}the mailbox did not take the message"
    assert "diabetes" not in repr(outcome) + outcome.private


async def test_where_it_was_taken_its_number_there_is_kept(client: SmtpClient, start_sink: StartSink) -> None:
    outcome = await outcome_of(client, start_sink, "250 2.0.0 queued as 4711")
    assert isinstance(outcome, Delivered)
    assert outcome.reply == "250 2.0.0 queued as 4711"


async def test_what_the_gateway_found_is_told(client: SmtpClient, tmp_path: Path) -> None:
    route = Route(
        host="127.0.0.1", port=1, hostname="gw.motala.se", tls=TlsMode.VERIFY, ca=tmp_path / "none.pem"
    )
    outcome = await SmtpDelivery(client, route).deliver(SENDER, OPENED, reverse_path=RECEIVER, unique="u1")
    assert isinstance(outcome, DeferredDelivery)
    assert outcome.reply.startswith("4.")
    assert not outcome.reply.endswith("the mailbox did not take the message")
