"""What goes over the wire when all is well, and how connections are used again."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.envelope import Notify
from rorpost_gateway.smtp_client.base import Failed, Outgoing, Relayed, Route, Routes, TlsMode
from rorpost_gateway.smtp_client.connection import Reuse, SmtpClient
from rorpost_gateway.smtp_client.transaction import stuffed, xtext
from tests.peers.authority import Authority
from tests.peers.sink import Script, Sink, StartSink

OUTGOING = Outgoing(
    reverse_path="rorpost.hemsjukvarden@motala.se",
    recipient="rorpost.vcbrinken@regionostergotland.se",
    octets=b"Subject: [...]\r\n\r\n.dot\r\n..dots\r\n.\r\nend\r\n",
    envid="0123abcd",
    notify=frozenset({Notify.DELAY, Notify.FAILURE}),
    original_recipient="rfc822;vc+2Bbrinken@regionostergotland.se",
)


def clear(sink: Sink, **more: object) -> Route:
    route = Route(host="127.0.0.1", port=sink.port, hostname="gw.motala.se", tls=TlsMode.OFF)
    return replace(route, **more)  # type: ignore[arg-type]


@pytest.fixture
async def client() -> AsyncIterator[SmtpClient]:
    client = SmtpClient()
    yield client
    await client.close()


async def test_octets_arrive_as_they_are(start_sink: StartSink, client: SmtpClient) -> None:
    sink = await start_sink(Script())
    outcome = await client.send(clear(sink), OUTGOING)
    assert outcome == Relayed(
        reply="250 2.0.0 Ok: queued as 1A2B3C", next_hop=f"127.0.0.1:{sink.port}", notify_taken=True
    )
    assert sink.messages == [OUTGOING.octets]


async def test_a_large_message_arrives_as_it_is(
    start_sink: StartSink, client: SmtpClient, authority: Authority
) -> None:
    sink = await start_sink(Script(tls=authority.server_context()))
    octets = (b"." + b"x" * 75 + b"\r\n") * 40_000
    route = clear(sink, host="localhost", tls=TlsMode.VERIFY, ca=authority.ca_file)
    assert isinstance(await client.send(route, replace(OUTGOING, octets=octets)), Relayed)
    assert sink.messages == [octets]
    assert sink.connections[-1].encrypted


async def test_the_envelope_says_what_the_extensions_allow(start_sink: StartSink, client: SmtpClient) -> None:
    sink = await start_sink(Script())
    await client.send(clear(sink), OUTGOING)
    assert sink.connections[0].lines[1:3] == [
        f"MAIL FROM:<rorpost.hemsjukvarden@motala.se> SIZE={len(OUTGOING.octets)} RET=HDRS ENVID=0123abcd",
        (
            "RCPT TO:<rorpost.vcbrinken@regionostergotland.se>"
            " NOTIFY=FAILURE,DELAY ORCPT=rfc822;vc+2Bbrinken@regionostergotland.se"
        ),
    ]


async def test_without_dsn_nothing_of_it_is_said_and_nothing_is_taken_over(
    start_sink: StartSink, client: SmtpClient
) -> None:
    sink = await start_sink(Script(extensions=()))
    outcome = await client.send(clear(sink), OUTGOING)
    assert isinstance(outcome, Relayed)
    assert not outcome.notify_taken
    assert sink.connections[0].lines[1:3] == [
        "MAIL FROM:<rorpost.hemsjukvarden@motala.se>",
        "RCPT TO:<rorpost.vcbrinken@regionostergotland.se>",
    ]


@pytest.mark.parametrize("original", ["rfc822;a b", "rfc822;a\r\nDATA", "rfc822;a=b", "nothing", "rfc822;å"])
async def test_an_original_recipient_that_is_no_xtext_is_left_out(
    start_sink: StartSink, client: SmtpClient, original: str
) -> None:
    sink = await start_sink(Script())
    assert isinstance(await client.send(clear(sink), replace(OUTGOING, original_recipient=original)), Relayed)
    assert not any("ORCPT" in line for line in sink.connections[0].lines)
    assert sink.messages == [OUTGOING.octets]


async def test_the_null_path_stays_null(start_sink: StartSink, client: SmtpClient) -> None:
    """The null sender lost, the From field used as envelope sender (Zeyple)."""
    sink = await start_sink(Script(extensions=()))
    octets = b"From: somebody@else.example\r\n\r\nx\r\n"
    await client.send(clear(sink), replace(OUTGOING, reverse_path="", octets=octets))
    assert "MAIL FROM:<>" in sink.connections[0].lines
    assert not any("else.example" in line for line in sink.connections[0].lines)


async def test_twenty_messages_take_one_connection(start_sink: StartSink, client: SmtpClient) -> None:
    sink = await start_sink(Script())
    for _ in range(20):
        assert isinstance(await client.send(clear(sink), OUTGOING), Relayed)
    assert len(sink.connections) == 1
    assert len(sink.messages) == 20


async def test_no_more_connections_than_the_route_allows(start_sink: StartSink, client: SmtpClient) -> None:
    sink = await start_sink(Script())
    route = clear(sink, connections=3)
    outcomes = await asyncio.gather(*(client.send(route, OUTGOING) for _ in range(12)))
    assert all(isinstance(outcome, Relayed) for outcome in outcomes)
    assert len(sink.connections) == 3


async def test_a_connection_is_left_after_its_share_of_messages(start_sink: StartSink) -> None:
    sink = await start_sink(Script())
    client = SmtpClient(reuse=Reuse(messages=2))
    for _ in range(5):
        await client.send(clear(sink), OUTGOING)
    await client.close()
    assert [len(connection.messages) for connection in sink.connections] == [2, 2, 1]
    assert all(connection.verbs[-1] == "QUIT" for connection in sink.connections)


async def test_an_idle_connection_is_left(start_sink: StartSink) -> None:
    sink = await start_sink(Script())
    client = SmtpClient(reuse=Reuse(idle_seconds=0.01))
    await client.send(clear(sink), OUTGOING)
    async with asyncio.timeout(5):
        await sink.connections[0].closed.wait()
    assert sink.connections[0].verbs[-1] == "QUIT"
    await client.close()


async def test_a_rested_connection_is_asked_whether_it_lives(start_sink: StartSink) -> None:
    sink = await start_sink(Script())
    client = SmtpClient(reuse=Reuse(probe_after_seconds=0))
    await client.send(clear(sink), OUTGOING)
    await client.send(clear(sink), OUTGOING)
    await client.close()
    assert sink.connections[0].verbs == [
        *("EHLO", "MAIL", "RCPT", "DATA"),
        *("RSET", "MAIL", "RCPT", "DATA"),
        "QUIT",
    ]


@pytest.mark.parametrize("probe_after_seconds", [0, 3600])
async def test_a_connection_that_died_meanwhile_is_replaced_unseen(
    start_sink: StartSink, probe_after_seconds: float
) -> None:
    script = Script()
    sink = await start_sink(script)
    client = SmtpClient(reuse=Reuse(probe_after_seconds=probe_after_seconds))
    await client.send(clear(sink), OUTGOING)
    script.answers |= {"RSET": b"421 4.4.2 idle too long\r\n", "MAIL": b"421 4.4.2 idle too long\r\n"}
    sink.recovers = True
    assert isinstance(await client.send(clear(sink), OUTGOING), Relayed)
    await client.close()
    assert [len(connection.messages) for connection in sink.connections] == [1, 1]


async def test_a_refused_transaction_is_reset_and_the_connection_used_again(
    start_sink: StartSink, client: SmtpClient
) -> None:
    script = Script(answers={"RCPT": b"550 5.1.1 no\r\n"})
    sink = await start_sink(script)
    assert isinstance(await client.send(clear(sink), OUTGOING), Failed)
    script.answers.clear()
    assert isinstance(await client.send(clear(sink), OUTGOING), Relayed)
    assert sink.verbs == ["EHLO", "MAIL", "RCPT", "DATA", "RSET", "MAIL", "RCPT", "DATA"]
    assert len(sink.connections) == 1


async def test_a_cancelled_attempt_leaves_no_connection_in_the_pool(start_sink: StartSink) -> None:
    script = Script(silent_at="RCPT")
    sink = await start_sink(script)
    client = SmtpClient()
    attempt = asyncio.create_task(client.send(clear(sink), OUTGOING))
    async with asyncio.timeout(5):
        while not (sink.connections and "RCPT" in sink.connections[0].verbs):
            await asyncio.sleep(0)
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    script.silent_at = None
    assert isinstance(await client.send(clear(sink), OUTGOING), Relayed)
    await client.close()
    assert len(sink.connections) == 2


async def test_no_logger_tells_anything_of_the_message(
    start_sink: StartSink, client: SmtpClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        logging.getLogger(name).setLevel(logging.DEBUG)
    sink = await start_sink(Script())
    await client.send(clear(sink), replace(OUTGOING, octets=b"CANARY-4711\r\n"))
    assert "CANARY" not in caplog.text


def test_outgoing_never_shows_its_octets() -> None:
    assert "dots" not in repr(OUTGOING)


def test_routes_go_by_domain_then_default() -> None:
    default = Route(host="d", port=25, hostname="gw")
    region = Route(host="::1", port=2525, hostname="gw")
    routes = Routes(default=default, by_domain={"regionostergotland.se": region})
    assert routes.for_recipient("rorpost.a@RegionOstergotland.se") is region
    assert routes.for_recipient("rorpost.a@else.se") is default
    assert Routes(default=None, by_domain={}).for_recipient("a@b.se") is None
    assert region.next_hop == "[::1]:2525"


@given(st.lists(st.sampled_from([b".", b"..", b".x", b"x", b"", b"x."]), min_size=1))
def test_dot_stuffing_can_be_undone(lines: list[bytes]) -> None:
    octets = b"".join(line + b"\r\n" for line in lines)
    wire = b"".join(stuffed(octets, block_octets=1024))
    assert wire.endswith(b"\r\n.\r\n") or wire == b".\r\n"
    received = wire.split(b"\r\n")[:-2]
    assert b"." not in received
    assert [line.removeprefix(b".") if line.startswith(b".") else line for line in received] == lines


@pytest.mark.parametrize(("plain", "encoded"), [("a+b=c d", "a+2Bb+3Dc+20d"), ("å\n", "+C3+A5+0A"), ("", "")])
def test_xtext(plain: str, encoded: str) -> None:
    assert xtext(plain) == encoded
