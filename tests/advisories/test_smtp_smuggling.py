"""SMTP smuggling (2023): a bare line end taken for the end of data lets a second message ride in the first.

Several servers; aiosmtpd before 1.4.5, and 1.4.6 still takes bodies with bare LF. The dialogue
`smuggling.dialog` plays the known tricks; here every line-end mixture around the dot is tried.
"""

from itertools import product

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.smtp.data import read_message
from rorpost_gateway.smtp.incoming import Ended, Incoming
from rorpost_gateway.smtp.limits import Budget
from rorpost_gateway.smtp.pace import DataPace
from rorpost_gateway.smtp.settings import ListenerSettings

ENDS = (b"\r\n", b"\n", b"\r", b"\r\r\n", b"\n\r", b"\x00\r\n", b"\x85", b"")
PACE = DataPace(ListenerSettings(listen=(), hostname="gw"), lambda: 0.0)


async def read(stream: bytes) -> bytes | Reason:
    incoming = Incoming()
    incoming.feed(stream)
    incoming.feed_end()
    share = Budget(10_000).share(copies=1)
    return await read_message(incoming, limit_octets=10_000, share=share, timeout_seconds=1, pace=PACE)


@pytest.mark.parametrize(("before", "after"), list(product(ENDS, ENDS)))
async def test_only_the_real_end_ends_the_data(before: bytes, after: bytes) -> None:
    stream = b"x" + before + b"." + after + b"MAIL FROM:<evil@x.se>"
    if before.endswith(b"\r\n") and after == b"\r\n":
        assert await read(stream) == b"x" + before
        return
    with pytest.raises(Ended):
        await read(stream)


async def test_bare_line_ends_reach_the_parser_untouched() -> None:
    """It refuses them; nothing is repaired on the way, as repairing is what makes smuggling work."""
    octets = b"a\nb\rc\n.\r\n.d\n\r\n"
    stuffed = b"a\nb\rc\n.\r\n..d\n\r\n"
    assert await read(stuffed + b".\r\n") == octets
