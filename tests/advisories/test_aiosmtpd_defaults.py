"""What aiosmtpd does if left alone: the exception's text in a reply, a handler cancelled half way.

The half-close is in `half-close-*.dialog`, the lost connection in tests/unit/smtp/test_listener.py.
"""

import pytest

from rorpost_gateway.smtp.settings import TlsMode
from tests.dialogs.listening import listening
from tests.dialogs.receiver import RoteReceiver
from tests.dialogs.wire import Wire
from tests.peers.authority import Authority


@pytest.mark.parametrize("where", ["message", "recipient", "begin"])
async def test_an_exception_is_swallowed_by_nobody_and_told_to_nobody(
    where: str, authority: Authority
) -> None:
    receiver = RoteReceiver(fail_in={where})
    async with listening(authority, receiver, tls=TlsMode.OFF) as listener:
        wire = await Wire.connect(*listener.addresses[0])
        await wire.reply()
        said = [await wire.ask("EHLO client"), await wire.ask("MAIL FROM:<a@x.se>")]
        said.append(await wire.ask("RCPT TO:<b@x.se>"))
        said.append(await wire.ask("DATA"))
        if said[-1].startswith("354"):
            await wire.send(b"x\r\n.\r\n")
            said += await wire.reply()
        wire.close()
    assert any(line.startswith("451 4.3.0 ") for line in said)
    assert not any("Error" in line or "MARKER" in line or "Traceback" in line for line in said)
    assert not receiver.taken
