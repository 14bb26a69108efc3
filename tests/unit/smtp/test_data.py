"""The end of data, dot-stuffing and bounds, however the octets are cut into chunks."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.decision import Reason
from rorpost_gateway.smtp.data import DotDecoder, read_message
from rorpost_gateway.smtp.incoming import Ended, IdleTooLong, Incoming
from rorpost_gateway.smtp.limits import Budget
from rorpost_gateway.smtp.pace import DataPace, TooSlow
from rorpost_gateway.smtp.settings import ListenerSettings

SETTINGS = ListenerSettings(listen=(), hostname="gw", data_grace_seconds=300, data_octets_per_second=1000)
UNHURRIED = DataPace(SETTINGS, lambda: 0.0)


def decode(stream: bytes, cuts: list[int]) -> tuple[bytes, bytes | None]:
    decoder, content, rest = DotDecoder(), b"", None
    edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    for start, end in pairwise(edges):
        if rest is not None:
            rest += stream[start:end]
            continue
        octets, rest = decoder.feed(stream[start:end])
        content += octets
    return content, rest


def stuff(message: bytes) -> bytes:
    """As RFC 5321, 4.5.2 has the client do it: line by line."""
    lines = message.split(b"\r\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines) + b".\r\n"


@pytest.mark.parametrize(
    "no_end",
    [
        b"x\n.\r\n",
        b"x\r.\r\n",
        b"x\n.\n",
        b"x\r\n.\n",
        b"x\r\n.\r",
        b"\n.\r\n",
        b"x\r\n.\r\r\n",
        b"x\r\n.x\r\n",
        b"x\r\n..\r\n",
    ],
)
def test_only_crlf_dot_crlf_ends_the_data(no_end: bytes) -> None:
    assert decode(no_end, [])[1] is None
    assert decode(no_end, list(range(len(no_end))))[1] is None


@given(
    lines=st.lists(st.text(alphabet=".ab\r\n\0\xff", max_size=6), max_size=8),
    cuts=st.lists(st.integers(0, 200), max_size=20),
    after=st.sampled_from([b"", b"NOOP\r\n", b".\r\n", b"\r\n.\r\n"]),
)
def test_any_message_comes_back_octet_for_octet_however_it_is_cut(
    lines: list[str], cuts: list[int], after: bytes
) -> None:
    message = "".join(line + "\r\n" for line in lines).encode("latin-1")
    assert decode(stuff(message) + after, cuts) == (message, after)


async def read(stream: bytes, *, limit: int = 100, capacity: int = 1000, copies: int = 1) -> bytes | Reason:
    incoming, budget = Incoming(), Budget(capacity)
    incoming.feed(stream)
    share = budget.share(copies=copies)
    try:
        return await read_message(
            incoming, limit_octets=limit, share=share, timeout_seconds=1, pace=UNHURRIED
        )
    finally:
        share.give_back()
        assert budget.used_octets == 0


async def test_a_message_over_the_limit_is_read_past() -> None:
    assert await read(b"x" * 101 + b"\r\n.\r\n") is Reason.MESSAGE_TOO_LARGE
    assert await read(b"x" * 99 + b"\r\n.\r\n") is Reason.MESSAGE_TOO_LARGE
    assert await read(b"x" * 98 + b"\r\n.\r\n") == b"x" * 98 + b"\r\n"


async def test_dots_that_stuffing_added_do_not_count() -> None:
    assert await read(b"..\r\n" * 33 + b".\r\n", limit=99) == b".\r\n" * 33


async def test_what_could_never_fit_is_too_large_and_not_to_be_tried_again() -> None:
    assert await read(b"x" * 60 + b"\r\n.\r\n", capacity=100, copies=2) is Reason.MESSAGE_TOO_LARGE


async def test_what_does_not_fit_now_is_to_be_tried_again() -> None:
    incoming, budget = Incoming(), Budget(100)
    other, share = budget.share(copies=1), budget.share(copies=2)
    assert other.take(30)
    incoming.feed(b"x" * 40 + b"\r\n.\r\nRSET\r\n")
    outcome = await read_message(incoming, limit_octets=100, share=share, timeout_seconds=1, pace=UNHURRIED)
    assert outcome is Reason.GATEWAY_FULL
    assert budget.used_octets == 30
    assert await incoming.line(limit_octets=100, timeout_seconds=1) == b"RSET\r\n"


async def test_a_message_that_never_ends_is_no_message() -> None:
    incoming = Incoming()
    incoming.feed(b"x\r\n.")
    incoming.feed_end()
    with pytest.raises(Ended):
        await read_message(
            incoming, limit_octets=100, share=Budget(100).share(copies=1), timeout_seconds=1, pace=UNHURRIED
        )


async def test_silence_within_data_ends_it() -> None:
    incoming = Incoming()
    incoming.feed(b"x\r\n")
    with pytest.raises(IdleTooLong):
        await read_message(
            incoming,
            limit_octets=100,
            share=Budget(100).share(copies=1),
            timeout_seconds=0.01,
            pace=UNHURRIED,
        )


async def test_one_octet_at_a_time_uses_no_more_memory_than_the_message() -> None:
    incoming = Incoming()
    reading = asyncio.create_task(
        read_message(
            incoming, limit_octets=100, share=Budget(100).share(copies=1), timeout_seconds=1, pace=UNHURRIED
        )
    )
    for octet in b"..a\r\n.\r\n":
        incoming.feed(bytes([octet]))
        await asyncio.sleep(0)
    assert await reading == b".a\r\n"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_message_that_trickles_in_for_ever_is_not_waited_for() -> None:
    incoming, clock, budget = Incoming(), Clock(), Budget(2_000_000)
    pace, share = DataPace(SETTINGS, clock), budget.share(copies=1)
    reading = asyncio.create_task(
        read_message(incoming, limit_octets=2_000_000, share=share, timeout_seconds=180, pace=pace)
    )
    for at in range(0, 300, 10):  # within the first five minutes the pace is the client's own affair
        clock.now = at
        incoming.feed(b"x")
        await asyncio.sleep(0)
        assert not reading.done()
    clock.now = 300.1
    incoming.feed(b"x")
    with pytest.raises(TooSlow):
        await reading


async def test_who_keeps_the_pace_may_take_its_time() -> None:
    incoming, clock = Incoming(), Clock()
    pace, share = DataPace(SETTINGS, clock), Budget(2_000_000).share(copies=1)
    reading = asyncio.create_task(
        read_message(incoming, limit_octets=2_000_000, share=share, timeout_seconds=180, pace=pace)
    )
    for minute in range(20):
        clock.now = minute * 60
        incoming.feed(b"x" * 60_000)
        await asyncio.sleep(0)
    incoming.feed(b"\r\n.\r\n")
    assert len(bytes(await reading)) == 1_200_002


async def test_a_message_that_is_read_past_must_keep_the_pace_too() -> None:
    incoming, clock = Incoming(), Clock()
    reading = asyncio.create_task(
        read_message(
            incoming,
            limit_octets=10,
            share=Budget(1000).share(copies=1),
            timeout_seconds=180,
            pace=DataPace(SETTINGS, clock),
        )
    )
    incoming.feed(b"x" * 100)
    await asyncio.sleep(0)
    clock.now = 300.2
    incoming.feed(b"x")
    with pytest.raises(TooSlow):
        await reading
