"""MAIL, RCPT and DATA in one piece: what a refusal among them comes to. RFC 2920, section 3.1."""

from collections.abc import AsyncIterator

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
from tests.peers.sink import EXTENSIONS, Script, Sink, StartSink

OUTGOING = Outgoing(
    reverse_path="rorpost.hemsjukvarden@motala.se",
    recipient="rorpost.vcbrinken@regionostergotland.se",
    octets=b"Subject: [...]\r\n\r\nMARKER sealed\r\n",
)


def route(sink: Sink, protocol: MailProtocol = MailProtocol.SMTP) -> Route:
    return Route(
        host="127.0.0.1", port=sink.port, hostname="gw.motala.se", tls=TlsMode.OFF, protocol=protocol
    )


@pytest.fixture
async def client() -> AsyncIterator[SmtpClient]:
    client = SmtpClient()
    yield client
    await client.close()


async def twice(client: SmtpClient, sink: Sink, protocol: MailProtocol = MailProtocol.SMTP) -> str:
    """A refused attempt and one that is not, on the same route; the refusal's reply."""
    refused = await client.send(route(sink, protocol), OUTGOING)
    assert isinstance(refused, Failed | Deferred)
    sink.script.answers.clear()
    assert isinstance(await client.send(route(sink, protocol), OUTGOING), Relayed)
    return refused.reply


async def test_a_refused_recipient_and_a_354_get_a_single_dot_and_never_the_message(
    start_sink: StartSink, client: SmtpClient
) -> None:
    sink = await start_sink(Script(answers={"RCPT": b"550 5.1.1 no\r\n"}))
    assert await twice(client, sink) == "550 5.1.1 no"
    assert sink.verbs == ["EHLO", "MAIL", "RCPT", "DATA", "RSET", "MAIL", "RCPT", "DATA"]
    assert sink.messages == [b"", OUTGOING.octets]


async def test_an_accepted_recipient_without_a_sender_gets_not_even_a_dot(
    start_sink: StartSink, client: SmtpClient
) -> None:
    """It would have become an empty message."""
    sink = await start_sink(Script(answers={"MAIL": b"450 4.7.1 later\r\n"}))
    assert await twice(client, sink) == "450 4.7.1 later"
    assert [connection.messages for connection in sink.connections] == [[], [OUTGOING.octets]]


async def test_a_store_without_recipients_answers_nothing_and_is_left(
    start_sink: StartSink, client: SmtpClient
) -> None:
    """RFC 2033, section 4.2: as many answers as recipients."""
    sink = await start_sink(Script(answers={"RCPT": b"550 5.1.1 no\r\n"}))
    assert await twice(client, sink, MailProtocol.LMTP) == "550 5.1.1 no"
    assert [connection.messages for connection in sink.connections] == [[], [OUTGOING.octets]]


@pytest.mark.parametrize("step", ["MAIL", "RCPT"])
async def test_when_all_of_it_is_refused_the_connection_is_used_again(
    start_sink: StartSink, client: SmtpClient, step: str
) -> None:
    answers = {"MAIL": b"250 ok\r\n", "RCPT": b"550 5.1.1 no\r\n", "DATA": b"503 5.5.1 no recipients\r\n"}
    sink = await start_sink(Script(answers=answers | {step: b"550 5.7.1 because\r\n"}))
    assert await twice(client, sink) == "550 5.7.1 because"
    assert sink.verbs == ["EHLO", "MAIL", "RCPT", "DATA", "RSET", "MAIL", "RCPT", "DATA"]
    assert sink.messages == [OUTGOING.octets]


@pytest.mark.parametrize("then", ["cut", "hello\r\n", "421 4.3.2 closing\r\n"])
async def test_what_goes_wrong_behind_a_refusal_does_not_change_it(
    start_sink: StartSink, client: SmtpClient, then: str
) -> None:
    script = Script(answers={"RCPT": b"550 5.1.1 no\r\n", "DATA": then.encode()})
    if then == "cut":
        script.cut_at = "DATA"
    sink = await start_sink(script)
    refused = await client.send(route(sink), OUTGOING)
    assert refused == Failed(reply="550 5.1.1 no", next_hop=f"127.0.0.1:{sink.port}")
    script.cut_at = None
    script.answers.clear()
    assert isinstance(await client.send(route(sink), OUTGOING), Relayed)
    assert len(sink.connections) == 2


async def test_who_says_goodbye_at_the_recipient_is_not_waited_for(
    start_sink: StartSink, client: SmtpClient
) -> None:
    sink = await start_sink(Script(answers={"RCPT": b"421 4.3.2 closing\r\n"}, silent_at="DATA"))
    refused = await client.send(route(sink), OUTGOING)
    assert refused == Deferred(reply="421 4.3.2 closing", next_hop=f"127.0.0.1:{sink.port}")


async def test_a_late_refusal_of_another_message_is_not_taken_for_this_ones(
    start_sink: StartSink, client: SmtpClient
) -> None:
    """Then every answer comes one command late, and DATA gets one that it never has."""
    sink = await start_sink(Script(answers={"MAIL": b"554 5.7.1 the last one\r\n250 2.1.0 ok\r\n"}))
    first = await client.send(route(sink), OUTGOING)
    assert isinstance(first, Deferred)
    assert "the last one" not in first.reply
    sink.script.answers.clear()
    assert isinstance(await client.send(route(sink), OUTGOING), Relayed)
    assert [connection.messages for connection in sink.connections] == [[], [OUTGOING.octets]]


async def test_without_the_extension_one_thing_is_asked_at_a_time(
    start_sink: StartSink, client: SmtpClient
) -> None:
    sink = await start_sink(Script(extensions=(), answers={"RCPT": b"550 5.1.1 no\r\n"}))
    assert await twice(client, sink) == "550 5.1.1 no"
    assert sink.verbs == ["EHLO", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA"]
    assert sink.messages == [OUTGOING.octets]


@pytest.mark.parametrize("extensions", [EXTENSIONS, ()])
async def test_an_acceptance_before_the_message_is_none_and_its_connection_is_left(
    start_sink: StartSink, client: SmtpClient, extensions: tuple[str, ...]
) -> None:
    """The real answer would be taken for that to the next message."""
    script = Script(answers={"DATA": b"354 go\r\n250 2.0.0 taken already\r\n"}, extensions=extensions)
    sink = await start_sink(script)
    early = await client.send(route(sink), OUTGOING)
    assert isinstance(early, Deferred)
    assert "taken already" not in early.reply
    assert sink.messages == []
    sink.script.answers.clear()
    assert isinstance(await client.send(route(sink), OUTGOING), Relayed)
    assert len(sink.connections) == 2


async def test_a_refusal_before_the_message_counts_and_the_message_is_not_sent(
    start_sink: StartSink, client: SmtpClient
) -> None:
    sink = await start_sink(Script(answers={"DATA": b"354 go\r\n554 5.7.1 never\r\n"}))
    early = await client.send(route(sink), OUTGOING)
    assert early == Failed(reply="554 5.7.1 never", next_hop=f"127.0.0.1:{sink.port}")
    assert sink.octets_of_messages == 0
