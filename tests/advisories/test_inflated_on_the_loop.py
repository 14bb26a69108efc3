"""The flaw: 70 kB of mail that nobody had signed made every other session wait for half a second.

Compressed, 52 MB fit into them; what is read on the event loop was chosen by the size on the wire.
"""

import threading
import zlib

import pytest

from rorpost_gateway.inbound import opened
from rorpost_gateway.openpgp.base import Opened
from rorpost_gateway.pgpmime.protected import Protected
from tests.peers.inbound_house import InboundHouse
from tests.peers.openpgp_messages import literal, packet, under_encryption

SMALL, LARGE = 1_000, 900_000


@pytest.mark.parametrize(("octets", "on_the_loop"), [(SMALL, True), (LARGE, False)])
async def test_large_is_what_is_inside(
    way_in: InboundHouse, monkeypatch: pytest.MonkeyPatch, octets: int, *, on_the_loop: bool
) -> None:
    threads = []
    read = opened._read

    def noted(what: Opened) -> Protected:
        threads.append(threading.current_thread())
        return read(what)

    monkeypatch.setattr(opened, "_read", noted)
    payload = b"Content-Type: text/plain\r\n\r\n" + b"\r\n" * (octets // 2)
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    compressed = packet(8, b"\x01" + compressor.compress(literal(payload)) + compressor.flush())
    keys = way_in.keys
    block = under_encryption(keys.receiver_home, keys.sender, compressed).replace(b"\n", b"\r\n")
    message = way_in.partner.outer(block)
    assert len(message) < 10_000
    assert (await way_in.receive(message)).reason == "signature-missing"
    assert [thread is threading.main_thread() for thread in threads] == [on_the_loop]
