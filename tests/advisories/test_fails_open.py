"""pgp-milter, openpgpkey-milter: an encryption error, and the message went on in clear.

gpgmailencrypt: an exception was swallowed, and the client still heard 250.
"""

import pytest

from tests.peers.faulty import start_faulty
from tests.peers.submitting import make_message
from tests.peers.whole_gateway import MakeGateway

WORD = "KROPPSORDET"


@pytest.mark.parametrize("part", ["protect", "seal", "wrap"])
def test_what_cannot_be_sealed_does_not_leave(whole_gateway: MakeGateway, part: str) -> None:
    gateway = whole_gateway()
    faulty = start_faulty(gateway)
    faulty.fail(part)
    heard = faulty.submit(make_message(body=WORD))
    assert (heard.code, heard.reason) == (451, "gateway-fault")
    assert not gateway.queue_rows()
    assert not gateway.lines_of("decision", action="accept")
    faulty.heal()
    assert faulty.submit(make_message(body=WORD)).reason == "ok"
    gateway.wait_until_relayed(1)
    assert WORD.encode() not in gateway.next_hop.octets
    assert not gateway.holds(WORD.encode())
    assert len(gateway.next_hop.arrivals) == 1
