"""The flaw: a header line that could not be read was told to the operator by its name.

Where the blank line before the body is missing, the name is the beginning of a line of the
body: `19811218-9876: ...` is a field name by its grammar, and stood in the operator's log.
"""

import pytest

from rorpost_gateway.errors import MessageMalformed
from rorpost_gateway.message import parse_message
from tests.peers.submitting import make_message
from tests.peers.whole_gateway import MakeGateway

NAMES = ("19811218-9876", "Anna-Berg-diagnos", "X-Rorpost-Sending-User", "a" * 300)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ["\xe5", "\x01", "x\r\n \xe5"])
def test_no_name_of_the_clients_own_is_told(name: str, value: str) -> None:
    with pytest.raises(MessageMalformed) as refusal:
        parse_message(f"From: a@b.se\r\n{name}: {value}\r\n\r\nhej\r\n".encode("latin-1"))
    told = refusal.value.private + refusal.value.public
    assert name.lower()[:20] not in told.lower()
    assert ", line " in told


def test_the_operators_log_has_none_of_it(whole_gateway: MakeGateway) -> None:
    gateway = whole_gateway()
    gateway.start()
    octets = make_message(body="").replace(b"\r\n\r\n", "\r\n19811218-9876:Anna är sjuk\r\n".encode())
    assert gateway.submit(octets).reason == "message-malformed"
    gateway.running.wait_for_event("message-malformed")
    assert gateway.stop() == 0
    assert not [line for line in gateway.operator_lines if "9876" in line]
    assert gateway.holds(b"9876") == []
