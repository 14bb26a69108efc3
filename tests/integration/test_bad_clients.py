"""Bad clients against the real daemon: bad commands, floods, garbage, slowness, and who just goes away."""

import select
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from tests.peers import gateway_world as world
from tests.peers.bare_client import PATIENCE_SECONDS, BareClient, Since
from tests.peers.submitting import make_message, submit
from tests.peers.whole_gateway import WholeGateway

MANY = 10_000
BATCH = 250

COMMANDS = {
    "8-bit": b"MAIL FROM:<rorpost.hemsjukv\xe5rden@motala.se>",
    "8-bit verb": b"M\xc5IL FROM:<a@motala.se>",
    "NUL": b"MAIL FROM:<a\0@motala.se>",
    "a line end in an address": b'MAIL FROM:<"a\\\x0bb"@motala.se>',
    "parameters with control characters": b"MAIL FROM:<a@motala.se> SIZE=1\x01",
    "SMTPUTF8": b"MAIL FROM:<a@motala.se> SMTPUTF8",
    "a size that is none": b"MAIL FROM:<a@motala.se> SIZE=-1",
    "a size beyond numbers": b"MAIL FROM:<a@motala.se> SIZE=" + b"9" * 400,
    "a long verb": b"X" * 2000,
    "nothing": b"",
    "spaces": b"    ",
    "a long address": b"MAIL FROM:<" + b"a" * 1500 + b"@motala.se>",
}


@pytest.mark.parametrize("what", COMMANDS)
def test_bad_commands(enduring: WholeGateway, what: str) -> None:
    since = Since(enduring)
    with BareClient(enduring) as client:
        reply = client.ask(COMMANDS[what])
        assert reply[:1] == b"5", reply
        assert reply.isascii()
        assert client.ask(b"NOOP").startswith(b"250 ")
        client.to_data()
        client.send(make_message(body=what) + b".\r\n")
        assert client.reply().startswith(b"250 ")
    enduring.wait_until_empty()
    assert since.reasons == ["ok"]


@pytest.mark.parametrize("end", [b"\n", b"\r"])
def test_injection_by_a_bare_line_end_in_a_command(enduring: WholeGateway, end: bytes) -> None:
    since = Since(enduring)
    with BareClient(enduring) as client:
        client.send(f"MAIL FROM:<{world.HOME_CARE}>".encode() + end + b"RCPT TO:<x@example.org>\r\n")
        assert client.reply().startswith(b"500 5.5.2 ")
        assert client.reply() == b""
    assert not since.decisions


def test_a_command_line_without_end(enduring: WholeGateway) -> None:
    with BareClient(enduring) as client:
        before = memory_kilobytes(enduring)
        for _ in range(20):
            client.send(b"x" * 1_000_000)
        client.send(b"\r\n")
        assert client.reply().startswith(b"500 5.5.2 ")
        assert memory_kilobytes(enduring) - before < 10_000
        assert client.ask(b"NOOP").startswith(b"250 ")


def memory_kilobytes(enduring: WholeGateway) -> int:
    status = Path(f"/proc/{enduring.running.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def test_101_recipients(enduring: WholeGateway) -> None:
    since = Since(enduring)
    with enduring.connect() as client:
        heard = client.envelope(world.HOME_CARE, (world.BRINKEN,))
        replies = [client.rcpt(world.BRINKEN) for _ in range(100)]
        assert [code for code, _ in replies] == [250] * 99 + [452]
        assert replies[-1][1].startswith(b"4.5.3 [too-many-recipients] ")
        client.begin_data()
        client.send_message_octets(make_message(body="hundra"))
        heard = client.answer()
        assert heard.accepted
    enduring.wait_until_empty()
    assert len(since.arrivals) == 1
    assert since.reasons.count("ok") == 1


def test_10_000_recipients(enduring: WholeGateway) -> None:
    """Most of them are not even looked at, and cost no line each."""
    since = Since(enduring)
    with BareClient(enduring) as client:
        assert client.ask(f"MAIL FROM:<{world.HOME_CARE}>".encode()).startswith(b"250 ")
        replies = []
        for start in range(0, MANY, BATCH):  # one thread: a TLS connection is not for two
            batch = range(start, start + BATCH)
            client.send(b"".join(b"RCPT TO:<rorpost.vc%d@example.org>\r\n" % number for number in batch))
            replies += [client.reply() for _ in batch]
        assert {reply[:9] for reply in replies} == {b"550 5.1.1", b"452 4.5.3"}
        assert sum(reply.startswith(b"550 ") for reply in replies) == 200
        assert client.ask(b"DATA").startswith(b"554 ")
    assert since.reasons.count("recipient-not-a-mailbox") == 200
    assert len(since.decisions) <= 201
    assert not enduring.queue_rows()


def test_garbage_instead_of_tls(enduring: WholeGateway) -> None:
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\0" * 500, b"\x16\x03\x01\xff\xff" + b"\xff" * 70_000):
        with BareClient(enduring, tls=False, login=False) as client:
            assert client.ask(b"STARTTLS").startswith(b"220 ")
            with suppress(OSError):
                client.send(garbage)
                assert not client.reply().startswith(b"250")


def test_an_old_tls(enduring: WholeGateway) -> None:
    context = enduring.authority.client_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with BareClient(enduring, tls=False, login=False) as client:
        assert client.ask(b"STARTTLS").startswith(b"220 ")
        with pytest.raises((ssl.SSLError, OSError)):
            context.wrap_socket(client.socket, server_hostname="localhost")


def test_gone_within_the_message(enduring: WholeGateway) -> None:
    since = Since(enduring)
    for leave in (close_softly, reset):
        with BareClient(enduring) as client:
            client.to_data()
            client.send(make_message(body="halv")[:-2])
            leave(client.socket)
    assert enduring.submit(body="hel").accepted
    enduring.wait_until_empty()
    assert since.reasons == ["ok"]
    assert len(since.arrivals) == 1


@pytest.mark.parametrize("how", ["softly", "by a half-close", "by a reset"])
def test_gone_after_the_final_dot(enduring: WholeGateway, how: str) -> None:
    """Whoever sent it all may go: it is finished; and where nobody heard, the same again is a duplicate."""
    since = Since(enduring)
    octets = make_message(body=f"gick {how}", message_id=f"<{how.replace(' ', '.')}@klient>")
    with BareClient(enduring) as client:
        client.to_data()
        client.send(octets + b".\r\n")
        {"softly": close_softly, "by a half-close": half_close, "by a reset": reset}[how](client.socket)
    # After a reset the octets may be gone with the connection; then the client still has its message.
    again = enduring.submit(octets)
    assert again.reason in ({"ok", "duplicate"} if how == "by a reset" else {"duplicate"})
    enduring.wait_until_empty()
    assert len(since.arrivals) == 1


def close_softly(connection: socket.socket) -> None:
    with suppress(OSError):
        assert isinstance(connection, ssl.SSLSocket)
        connection.settimeout(PATIENCE_SECONDS)
        connection.close()


def half_close(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_WR)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def half_a_message(client: BareClient) -> None:
    client.to_data()
    client.send(b"Subject: Hej\r\n")


SLOW: dict[str, Callable[[BareClient], None]] = {
    "silence": lambda client: None,
    "half a command": lambda client: client.send(b"MAIL FR"),
    "half a message": half_a_message,
}


@pytest.mark.parametrize("what", SLOW)
def test_slowness_is_ended(impatient: WholeGateway, what: str) -> None:
    """The wrapper made the daemon impatient: two seconds in the place of minutes."""
    since = Since(impatient)
    with BareClient(impatient) as client:
        SLOW[what](client)
        assert client.reply().startswith(b"421 4.4.2 ")
        assert client.reply() == b""
    assert not since.decisions


def test_a_command_by_single_octets_is_ended(impatient: WholeGateway) -> None:
    """Each octet comes in time, the line does not."""
    with BareClient(impatient) as client:
        for _ in range(600):
            client.send(b"x")
            readable, _, _ = select.select([client.socket], [], [], 0.1)
            if readable:
                break
        assert client.reply().startswith(b"421 4.4.2 ")


def test_a_handshake_that_never_comes_is_ended(impatient: WholeGateway) -> None:
    with BareClient(impatient, tls=False, login=False) as client:
        assert client.ask(b"STARTTLS").startswith(b"220 ")
        assert client.reply() == b""


def test_1_000_connections_in_a_row(enduring: WholeGateway) -> None:
    before = open_files(enduring)
    for number in range(1000):
        with closing(socket.create_connection(enduring.submission, timeout=PATIENCE_SECONDS)) as client:
            if number % 2:
                assert client.recv(3) in {b"220", b"421"}
            if number % 3 == 0:
                reset(client)
    enduring.until(lambda: open_files(enduring) <= before + 2, what="the connections to be forgotten")


def open_files(enduring: WholeGateway) -> int:
    return len(list(Path(f"/proc/{enduring.running.process.pid}/fd").iterdir()))


def test_more_connections_than_a_client_may_have(enduring: WholeGateway) -> None:
    with ExitStack() as crowd:
        heard = []
        for _ in range(120):
            client = crowd.enter_context(
                closing(socket.create_connection(enduring.submission, timeout=PATIENCE_SECONDS))
            )
            with suppress(ConnectionResetError):
                heard.append(client.recv(10))
        assert heard.count(b"220 gw.mot") <= 50
        assert any(each.startswith(b"421 4.7.0") for each in heard)
    enduring.until(lambda: enduring.submit(body="efter trangseln").accepted, what="room again")


def test_a_hundred_refusals_on_one_connection(enduring: WholeGateway) -> None:
    since = Since(enduring)
    octets = make_message(Importance="high")
    with enduring.connect() as client:
        for _ in range(100):
            assert submit(client, octets).reason == "urgent"
    assert since.reasons == ["urgent"] * 100
