"""Dot-stuffing block by block is dot-stuffing of the whole, wherever the blocks divide it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.smtp_client.transaction import stuffed


def whole(octets: bytes) -> bytes:
    lines = octets.split(b"\r\n")[:-1]
    return b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines) + b".\r\n"


@pytest.mark.parametrize("block", range(1, 12))
def test_a_dot_at_every_edge(block: int) -> None:
    octets = b".\r\n..\r\n.a\r\na.\r\n\r\n.\r\n"
    assert b"".join(stuffed(octets, block_octets=block)) == whole(octets)


@given(lines=st.lists(st.text("a. ", max_size=4), min_size=1, max_size=12), block=st.integers(1, 20))
def test_any_message(lines: list[str], block: int) -> None:
    octets = "".join(f"{line}\r\n" for line in lines).encode()
    blocks = list(stuffed(octets, block_octets=block))
    assert b"".join(blocks) == whole(octets)
    assert len(blocks) == -(-len(octets) // block)
