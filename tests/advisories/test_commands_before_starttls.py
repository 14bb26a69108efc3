"""Commands sent in clear text before STARTTLS answered after it (2011, 2021; aiosmtpd before 1.4.6)."""

import ssl

import pytest

from tests.dialogs.listening import listening
from tests.dialogs.receiver import RoteReceiver
from tests.dialogs.wire import Closed, Wire
from tests.peers.authority import Authority

INJECTED = b"RSET\r\nMAIL FROM:<evil@x.se>\r\nRCPT TO:<b@x.se>\r\n"


async def test_in_the_same_packet_they_are_forgotten(authority: Authority) -> None:
    async with listening(authority, RoteReceiver()) as listener:
        wire = await Wire.connect(*listener.addresses[0])
        await wire.reply()
        await wire.ask("EHLO client")
        await wire.send(b"STARTTLS\r\n" + INJECTED)
        assert (await wire.reply())[0].startswith("220 ")
        await wire.start_tls(authority.client_context())
        assert await wire.ask("NOOP") == "250 2.0.0 OK"
        assert (await wire.ask("RCPT TO:<c@x.se>")).startswith("503 ")
        wire.close()


async def test_after_the_220_they_break_the_handshake(authority: Authority) -> None:
    receiver = RoteReceiver()
    async with listening(authority, receiver) as listener:
        wire = await Wire.connect(*listener.addresses[0])
        await wire.reply()
        await wire.ask("EHLO client")
        await wire.ask("STARTTLS")
        await wire.send(INJECTED)
        with pytest.raises((ssl.SSLError, Closed)):
            await wire.start_tls(authority.client_context())
        wire.close()
    assert receiver.aborted == 0
