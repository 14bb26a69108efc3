"""Frames, cut anywhere; and what is no frame."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.beside.frames import FRAME_OCTETS, HEAD_OCTETS, FrameInvalid, Frames, frame

HEADS = st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=20), max_size=4)


@given(st.lists(st.tuples(HEADS, st.binary(max_size=300)), max_size=5), st.integers(1, 50))
def test_frames_arrive_as_they_were_sent_however_they_are_cut(
    sent: list[tuple[dict[str, object], bytes]], step: int
) -> None:
    wire = b"".join(part for head, octets in sent for part in frame(head, octets))
    frames = Frames()
    pieces = [wire[at : at + step] for at in range(0, len(wire), step)]
    assert [each for piece in pieces for each in frames.feed(piece)] == sent


@pytest.mark.parametrize(
    "wire",
    [
        struct.pack("!II", HEAD_OCTETS + 1, 0),
        struct.pack("!II", 2, FRAME_OCTETS + 1),
        struct.pack("!II", 2, 0) + b"[]",
        struct.pack("!II", 1, 0) + b"{",
        struct.pack("!II", 60_000, 0) + b"[" * 60_000,
        struct.pack("!II", 2, 0) + b"\xff\xff",
    ],
)
def test_what_is_no_frame_is_refused(wire: bytes) -> None:
    with pytest.raises(FrameInvalid):
        list(Frames().feed(wire))


def test_a_head_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(FrameInvalid):
        frame({"text": "x" * HEAD_OCTETS})
    assert json.loads(frame({"text": "å"})[0][8:]) == {"text": "å"}
