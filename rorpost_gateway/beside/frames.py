"""What goes over the socket between two of our own processes: frames.

A frame is the length of its head and of its octets (two unsigned 32-bit numbers,
network order), the head (a JSON object in UTF-8), and the octets as they are. Both
ends are this package; even so nothing that is read is ever run, as pickle would.
"""

import json
import struct
from collections.abc import Callable, Iterator
from typing import Any

HEAD_OCTETS = 64 * 1024
FRAME_OCTETS = 256 * 1024 * 1024
FAULT = "fault"  # in the head of an answer: the question could not be dealt with
_LENGTHS = struct.Struct("!II")

Head = dict[str, Any]
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class FrameInvalid(Exception):
    """The other end does not speak frames: its process is not to be used any more."""


def frame(head: Head, octets: bytes = b"") -> tuple[bytes, bytes]:
    """The two parts to write one after the other; `octets` is not copied. Raises FrameInvalid."""
    encoded = _encode(head).encode()
    if len(encoded) > HEAD_OCTETS or len(octets) > FRAME_OCTETS:
        raise FrameInvalid("a frame that is too long")
    return _LENGTHS.pack(len(encoded), len(octets)) + encoded, octets


class Frames:
    """Cuts what arrives into frames; holds no more than one unfinished frame."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, octets: bytes) -> Iterator[tuple[Head, bytes]]:
        """The frames that are complete now. Raises FrameInvalid."""
        self._buffer += octets
        while (found := self._next()) is not None:
            yield found

    def _next(self) -> tuple[Head, bytes] | None:
        if len(self._buffer) < _LENGTHS.size:
            return None
        head_octets, body_octets = _LENGTHS.unpack_from(self._buffer)
        if head_octets > HEAD_OCTETS or body_octets > FRAME_OCTETS:
            raise FrameInvalid("a frame that is too long")
        body_at = _LENGTHS.size + head_octets
        end = body_at + body_octets
        if len(self._buffer) < end:
            return None
        with memoryview(self._buffer) as view:
            head, body = _head(bytes(view[_LENGTHS.size : body_at])), bytes(view[body_at:end])
        del self._buffer[:end]
        return head, body


def _head(octets: bytes) -> Head:
    try:
        head = json.loads(octets)
    except (ValueError, RecursionError):
        raise FrameInvalid("the head of a frame is not JSON") from None
    if not isinstance(head, dict):
        raise FrameInvalid("the head of a frame is no object")
    return head


Received = Callable[[Head, bytes], None]
