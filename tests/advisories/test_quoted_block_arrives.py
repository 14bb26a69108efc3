"""The flaw: a body that quotes a PGP block counted as encrypted.

Seen in gpg-mailgate, there on the way out. On the way in such a message is not sealed either,
and is refused; so is an inline block, whose reader could not tell it from the text around.
"""

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.message import parse_message
from rorpost_gateway.pgpmime import NotSealed, find_sealed
from tests.peers.messages import octets_of
from tests.peers.partners import ARMOUR, arrived

QUOTED = b"> " + ARMOUR.replace(b"\r\n", b"\r\n> ")


@pytest.mark.parametrize("kind", ["text/plain", "text/html", "text/plain; name=encrypted.txt"])
@pytest.mark.parametrize(
    ("body", "advised"),
    [
        (QUOTED, False),
        (b"Anna skrev:\r\n" + QUOTED, False),
        (b"The patient is well. -----BEGIN PGP MESSAGE-----\r\n", False),
        (ARMOUR, True),
        (ARMOUR + b"The patient is well.\r\n", True),
        (b"The patient is well.\r\n" + ARMOUR, True),
    ],
)
def test_it_is_refused_with_advice_where_there_is_one_to_give(
    kind: str, body: bytes, *, advised: bool
) -> None:
    for octets in (
        octets_of(f"Content-Type: {kind}", body=body),
        octets_of(
            "Content-Type: multipart/mixed; boundary=b",
            body=b"--b\r\nContent-Type: " + kind.encode() + b"\r\n\r\n" + body + b"--b--\r\n",
        ),
    ):
        with pytest.raises(NotSealed) as refusal:
            find_sealed(parse_message(octets))
        assert refusal.value.reason is Reason.NOT_ENCRYPTED
        assert refusal.value.use_pgp_mime == advised


def test_a_quoted_block_in_a_footer_does_not_stand_in_the_way() -> None:
    octets = arrived("outside", "list_footer").octets
    start, end = octets.index(b"base64\r\n\r\n"), octets.rindex(b"\r\n--m--")
    message = parse_message(octets[:start] + b"7bit\r\n\r\n" + QUOTED + octets[end:])
    assert find_sealed(message).armoured == ARMOUR
