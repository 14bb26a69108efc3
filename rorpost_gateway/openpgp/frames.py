"""What the sealing child and its parent say to each other, over one stream socket.

A frame is a kind, a count and as many lengths, then the fields themselves, each read
into one piece of memory of its own. Both ends are this program: what does not fit is
a fault, never a thing to be lenient about.
"""

import socket
import struct
from enum import IntEnum

_HEAD = struct.Struct("!BB")
_LONGEST_FIELD = 1 << 32


class Kind(IntEnum):
    """`KEYS`, `SEAL` go to the child; `SEALED`, `REFUSED` come back, one for each `SEAL`."""

    KEYS = 1  # public keys, secret keys, passphrase
    SEAL = 2  # four fingerprints with a space between; the payload
    SEALED = 3  # digest of the packets; armoured message
    REFUSED = 4  # why, for the log


class PeerGone(Exception):
    """The other end is closed, took too long, or speaks something else."""


def send(connection: socket.socket, kind: Kind, *fields: bytes) -> None:
    """Send one frame. Raises PeerGone."""
    head = _HEAD.pack(kind, len(fields)) + b"".join(len(field).to_bytes(8, "big") for field in fields)
    pieces = [memoryview(octets) for octets in (head, *fields)]
    try:
        sent = connection.sendmsg(pieces)
        for piece in pieces:
            if sent < len(piece):
                connection.sendall(piece[sent:])
            sent = max(0, sent - len(piece))
    except OSError as error:
        raise _gone(error) from error


def receive(connection: socket.socket) -> tuple[Kind, list[bytes]]:
    """Receive one frame. Raises PeerGone."""
    kind, count = _HEAD.unpack(_exactly(connection, _HEAD.size))
    lengths = _exactly(connection, 8 * count)
    fields = [int.from_bytes(lengths[at : at + 8], "big") for at in range(0, 8 * count, 8)]
    try:
        return Kind(kind), [_exactly(connection, length) for length in fields]
    except ValueError as error:
        raise PeerGone("no frame") from error


def bound_time(connection: socket.socket, seconds: float) -> None:
    """Have both directions give up after this time without progress, as the kernel counts it.

    A timeout of Python's own would make every large field arrive in small pieces.
    """
    whole, fraction = divmod(seconds, 1)
    value = struct.pack("@ll", int(whole), int(fraction * 1_000_000))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, value)


def _exactly(connection: socket.socket, octets: int) -> bytes:
    if octets > _LONGEST_FIELD:
        raise PeerGone("no frame")
    if not octets:
        return b""
    pieces = [_some(connection, octets)]
    # As a rule that was all. A signal, or a process that was stopped for a while, cuts it short.
    while (missing := octets - sum(map(len, pieces))) > 0:
        pieces.append(_some(connection, missing))
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _some(connection: socket.socket, octets: int) -> bytes:
    try:
        got = connection.recv(octets, socket.MSG_WAITALL)
    except OSError as error:
        raise _gone(error) from error
    if not got:
        raise PeerGone("closed")
    return got


def _gone(error: OSError) -> PeerGone:
    return PeerGone("took too long" if isinstance(error, BlockingIOError) else type(error).__name__)
