"""The flaw: a body that quotes a PGP block counted as already encrypted, and left in clear.

Seen in gpg-mailgate. Here such a message is sealed like any other; and a body that is an
armoured message as a whole does not pass unsealed either: it is refused.
"""

import pytest

from rorpost_gateway.errors import SealingFailed
from rorpost_gateway.message import parse_message, read_facts
from rorpost_gateway.pgpmime import protect, restore, wrap
from tests.peers.messages import HOSTNAME, added, octets_of, outer

BLOCK = b"-----BEGIN PGP MESSAGE-----\r\n\r\nhF4DAAAAAAAA\r\n=abcd\r\n-----END PGP MESSAGE-----\r\n"


@pytest.mark.parametrize(
    "body",
    [
        b"Anna wrote:\r\n\r\n" + BLOCK,
        BLOCK + b"The patient is well.\r\n",
        b"> " + BLOCK.replace(b"\r\n", b"\r\n> "),
        b"The patient is well. -----BEGIN PGP MESSAGE-----\r\n",
        BLOCK + b"The patient is well.\r\n" + BLOCK,
    ],
)
def test_a_quoted_block_does_not_count(body: bytes) -> None:
    octets = octets_of("Content-Type: text/plain", body=body)
    message = parse_message(octets)
    assert not read_facts(message, hostname=HOSTNAME).sealed_already
    assert restore(protect(message, added())).octets == octets
    with pytest.raises(SealingFailed):
        wrap(octets, outer())
    with pytest.raises(SealingFailed):
        wrap(body, outer())


def test_only_a_whole_armoured_body_does() -> None:
    message = parse_message(octets_of("Content-Type: text/plain", body=BLOCK))
    assert read_facts(message, hostname=HOSTNAME).sealed_already
