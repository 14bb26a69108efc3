"""The flaw: 8-bit latin-1 crashed the filter, or was re-encoded as UTF-8 and still labelled latin-1.

Seen in gpg-mailgate and Zeyple. Here the octets and their label go under the seal untouched.
"""

import pytest

from rorpost_gateway.message import parse_message
from rorpost_gateway.pgpmime import protect, restore
from tests.peers.messages import added, octets_of

TEXT = "Såret läker, nästa besök på torsdag.\r\n"


@pytest.mark.parametrize("charset", ["iso-8859-1", "windows-1252", "utf-8"])
def test_octets_and_label_stay_as_they_are(charset: str) -> None:
    body = TEXT.encode(charset)
    lines = (f"Content-Type: text/plain; charset={charset}", "Content-Transfer-Encoding: 8bit")
    octets = octets_of(*lines, body=body)
    payload = protect(parse_message(octets), added())
    assert payload.endswith(b"\r\n\r\n" + body)
    assert f"Content-Type: text/plain; charset={charset};".encode() in payload
    assert restore(payload).octets == octets


def test_8_bit_without_any_label_gets_none() -> None:
    octets = octets_of("Subject: x", body=TEXT.encode("iso-8859-1"))
    payload = protect(parse_message(octets), added())
    assert b"charset" not in payload
    assert restore(payload).octets == octets
