"""The flaw: decrypted parts were joined to the HTML around them, which sent them away (EFAIL, 2018).

Seen in many clients. Here nothing that stands outside the sealed block is ever used: an
image begun before it and ended behind it does not come near what was inside, neither around
the block nor around a part that was signed inside.
"""

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.message import check_structure, parse_message
from rorpost_gateway.pgpmime import NotSealed, Verification, find_sealed, make_copy, read_payload
from tests.peers.messages import octets_of
from tests.peers.partners import ARMOUR, arrived, shape

VERIFICATION = Verification(
    channel="c", sending_user=None, signed_by="0" * 40, decision_id="01970000-0000-7000-8000-000000000000"
)


@pytest.mark.parametrize("inside", ["mutt_unprotected", "rfc_9788_cipher", "body_only"])
def test_nothing_around_the_block_reaches_the_reader(inside: str) -> None:
    outer = arrived("hostile_outside", "efail_html_around")
    found = find_sealed(outer)
    assert found.armoured == ARMOUR
    assert found.outside_texts == 2
    read = read_payload(shape("inside", inside), signed=True)
    copy = make_copy(read, VERIFICATION, outer=outer)
    assert b"http://x.se" not in copy
    parts = check_structure(parse_message(copy))
    assert [part.kind for part in parts] == [part.kind for part in check_structure(read.entity)]


def test_nothing_around_a_part_signed_inside_reaches_the_reader() -> None:
    inside = shape("inside", "signed_inside_protected")
    inside = inside.replace(b"Nobody signed this either.", b'<img src="http://x.se/')
    copy = make_copy(read_payload(inside, signed=False), VERIFICATION)
    assert b"http://x.se" not in copy
    assert b"intruder" not in copy


def test_a_part_of_another_kind_beside_the_block_is_refused() -> None:
    with pytest.raises(NotSealed) as refusal:
        find_sealed(arrived("hostile_outside", "an_image_beside"))
    assert refusal.value.reason is Reason.NOT_ENCRYPTED


def test_a_block_in_the_middle_of_html_is_no_sealed_message() -> None:
    body = b'<img src="http://x.se/\r\n' + ARMOUR + b'">\r\n'
    with pytest.raises(NotSealed) as refusal:
        find_sealed(parse_message(octets_of("Content-Type: text/html", body=body)))
    assert refusal.value.reason is Reason.NOT_ENCRYPTED
