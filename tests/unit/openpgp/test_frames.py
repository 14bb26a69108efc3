"""What the sealing child and its parent say to each other: every fault ends the talk."""

import socket
import threading
from collections.abc import Iterator

import pytest

from rorpost_gateway.openpgp.frames import Kind, PeerGone, bound_time, receive, send


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


Pair = tuple[socket.socket, socket.socket]


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x02", id="half a head"),
        pytest.param(b"\x02\x01", id="no length"),
        pytest.param(b"\x02\x01" + (9).to_bytes(8, "big") + b"short", id="a field cut short"),
        pytest.param(b"\x07\x00", id="an unknown kind"),
        pytest.param(b"\x02\x01" + b"\xff" * 8, id="a field that cannot be"),
    ],
)
def test_what_is_no_frame(pair: Pair, octets: bytes) -> None:
    one, other = pair
    one.sendall(octets)
    one.shutdown(socket.SHUT_WR)
    with pytest.raises(PeerGone):
        receive(other)


def test_a_peer_that_is_gone_cannot_be_told_anything(pair: Pair) -> None:
    one, other = pair
    other.close()
    with pytest.raises(PeerGone):
        send(one, Kind.SEAL, b"x")


def test_a_peer_that_does_not_answer(pair: Pair) -> None:
    one, _ = pair
    bound_time(one, 0.01)
    with pytest.raises(PeerGone, match="too long"):
        receive(one)


def test_a_peer_that_does_not_read(pair: Pair) -> None:
    one, _ = pair
    bound_time(one, 0.01)
    with pytest.raises(PeerGone, match="too long"):
        send(one, Kind.SEAL, b"x" * 10_000_000)


@pytest.mark.parametrize("fields", [(), (b"",), (b"", b"one", b""), (b"head", b"x" * 5_000_000, b"tail")])
def test_frames_arrive_as_they_were_sent(pair: Pair, fields: tuple[bytes, ...]) -> None:
    one, other = pair
    for end in pair:
        bound_time(end, 10)
    sending = threading.Thread(target=lambda: [send(one, Kind.SEALED, *fields), send(one, Kind.REFUSED)])
    sending.start()
    assert receive(other) == (Kind.SEALED, list(fields))
    assert receive(other) == (Kind.REFUSED, [])
    sending.join(10)


def test_what_a_signal_cut_short_is_read_to_its_end(pair: Pair) -> None:
    """The kernel gives what it has to a reader that is interrupted; a real signal cannot be timed."""

    class Interrupted(socket.socket):
        def recv(self, octets: int, flags: int = 0) -> bytes:
            return super().recv(max(1, octets // 2), flags)

    one, other = pair
    send(one, Kind.SEALED, b"digest", b"x" * 1000)
    with Interrupted(fileno=other.detach()) as reader:
        assert receive(reader) == (Kind.SEALED, [b"digest", b"x" * 1000])
