"""gpg as a child process: one that ends early is judged by its return code, on either event loop."""

import asyncio
from collections.abc import Callable

import pytest

from rorpost_gateway.event_loop import new_loop
from rorpost_gateway.openpgp.process import _run

AT_ONCE = 4  # so that some have ended before they are written to


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, new_loop])
@pytest.mark.parametrize("octets", [b"", b"x", b"x" * 200_000], ids=len)
def test_a_child_that_ends_without_reading_is_no_fault_of_the_loop(
    loop: Callable[[], asyncio.AbstractEventLoop], octets: bytes
) -> None:
    async def several() -> list[tuple[int, bytes, bytes]]:
        return await asyncio.gather(*(_run(["false"], octets, 20) for _ in range(AT_ONCE)))

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(several()) == [(1, b"", b"")] * AT_ONCE


def test_what_a_child_reads_and_says_is_whole() -> None:
    octets = bytes(range(256)) * 4096
    assert asyncio.run(_run(["cat"], octets, 20)) == (0, octets, b"")
