"""The client in a process beside the daemon's: the same outcomes, and what its death means."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from rorpost_gateway.beside.process import Beside
from rorpost_gateway.smtp_client import beside
from rorpost_gateway.smtp_client.base import (
    Deferred,
    Failed,
    MailProtocol,
    Outgoing,
    Relayed,
    Route,
    TlsMode,
)
from rorpost_gateway.smtp_client.beside import ClientBeside
from rorpost_gateway.smtp_client.connection import SmtpClient
from tests.peers.sink import Script, StartSink
from tests.unit.smtp_client.test_transactions import OUTGOING, clear

BOUND_SECONDS = 20


@pytest.fixture
async def process() -> AsyncIterator[Beside]:
    made = Beside(beside.__name__)
    yield made
    await made.close()


@pytest.fixture
async def client(process: Beside) -> AsyncIterator[ClientBeside]:
    made = ClientBeside(SmtpClient(), process)
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (Script(), Relayed),
        (Script(answers={"RCPT": b"550 5.1.1 no such mailbox\r\n"}), Failed),
        (Script(answers={"MAIL": b"451 4.3.0 not now\r\n"}), Deferred),
        (Script(cut_at="message"), Deferred),
    ],
)
async def test_the_outcome_is_the_clients_own(
    start_sink: StartSink, client: ClientBeside, script: Script, kind: type
) -> None:
    sink = await start_sink(script)
    async with asyncio.timeout(BOUND_SECONDS):
        outcome = await client.send(clear(sink), OUTGOING)
    assert type(outcome) is kind
    here = SmtpClient()
    async with asyncio.timeout(BOUND_SECONDS):
        assert outcome == await here.send(clear(sink), OUTGOING)
        await here.close()
    assert sink.connections[0].lines[:2] == sink.connections[-1].lines[:2]
    assert sink.connections[0].messages == sink.connections[-1].messages


async def test_the_process_dies_in_the_middle_of_an_attempt(
    start_sink: StartSink, client: ClientBeside, process: Beside
) -> None:
    sink = await start_sink(Script(silent_at="message"))
    async with asyncio.timeout(BOUND_SECONDS):
        sending = asyncio.create_task(client.send(clear(sink), OUTGOING))
        while not sink.octets_of_messages:
            await asyncio.sleep(0)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        outcome = await sending
    assert isinstance(outcome, Deferred)
    assert outcome.reply.startswith("4.4.2 ")
    sink.script.silent_at = None
    async with asyncio.timeout(BOUND_SECONDS):
        assert isinstance(await client.send(clear(sink), OUTGOING), Relayed)


async def test_a_large_message_is_sent_from_here(
    start_sink: StartSink, client: ClientBeside, process: Beside
) -> None:
    sink = await start_sink(Script())
    octets = b"x" * 70 + b"\r\n"
    large = replace(OUTGOING, octets=octets * (beside.LARGE_OCTETS // len(octets) + 1))
    async with asyncio.timeout(BOUND_SECONDS):
        assert isinstance(await client.send(clear(sink), large), Relayed)
    assert process.pid is None
    assert sink.messages == [large.octets]


async def test_connections_are_kept_there_and_taken_leave_of(
    start_sink: StartSink, client: ClientBeside
) -> None:
    sink = await start_sink(Script())
    async with asyncio.timeout(BOUND_SECONDS):
        for _ in range(3):
            assert isinstance(await client.send(clear(sink), OUTGOING), Relayed)
        await client.close()
        await sink.connections[0].closed.wait()
    assert len(sink.connections) == 1
    assert sink.verbs[-1] == "QUIT"


ROUTES = [
    Route(host="mx", port=25, hostname="gw"),
    Route(
        host="mx",
        port=25,
        hostname="gw",
        tls=TlsMode.ENCRYPT,
        ca=Path("/etc/ca.pem"),
        username="u",
        password="på",
        max_size_octets=7,
        connections=2,
    ),
    Route(
        host="", port=0, hostname="gw", tls=TlsMode.OFF, socket=Path("/run/lmtp"), protocol=MailProtocol.LMTP
    ),
]


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_arrives_as_it_is(route: Route) -> None:
    assert beside._route(beside._route_head(route)) == route


@pytest.mark.parametrize(
    "outgoing", [OUTGOING, Outgoing(reverse_path="", recipient="a@b.se", octets=OUTGOING.octets)]
)
def test_what_is_to_be_sent_arrives_as_it_is(outgoing: Outgoing) -> None:
    assert beside._outgoing(beside._outgoing_head(outgoing), outgoing.octets) == outgoing
