"""The flaw: a signed part was moved elsewhere in the message, and something else was shown as signed.

"Johnny, you are fired", 2019. Here a detached signature counts only where multipart/signed
is the payload as a whole, with exactly a signed part and a signature; and what is delivered
is that part alone: its fields, its body, nothing around it.
"""

import pytest

from rorpost_gateway.errors import MessageMalformed
from rorpost_gateway.message import parse_message
from rorpost_gateway.pgpmime import Verification, make_copy, read_payload
from tests.peers.partners import names, shape

SIGNED = shape("inside", "signed_inside_protected")
VERIFICATION = Verification(
    channel="c", sending_user=None, signed_by="0" * 40, decision_id="01970000-0000-7000-8000-000000000000"
)
BEFORE = (
    b"Content-Type: multipart/mixed; boundary=w\r\n\r\n--w\r\nContent-Type: text/html\r\n\r\n"
    b"<b>Ring 0900-123.</b>\r\n--w\r\n"
)


@pytest.mark.parametrize(
    "payload",
    [
        BEFORE + SIGNED + b"\r\n--w--\r\n",
        b"Content-Type: message/rfc822\r\n\r\n" + SIGNED,
        SIGNED.replace(b"multipart/signed;", b"multipart/mixed;"),
        SIGNED.replace(b"multipart/signed;", b"multipart/alternative;"),
        SIGNED.replace(b"application/pgp-signature", b"application/pkcs7-signature"),
    ],
)
def test_a_signed_part_elsewhere_is_nothing_to_verify(payload: bytes) -> None:
    assert read_payload(payload, signed=False).signed_inside is None


@pytest.mark.parametrize(
    "name", [name for name in names("hostile_inside") if name.startswith(("signed_", "signature_"))]
)
def test_a_signed_part_with_anything_else_is_refused(name: str) -> None:
    with pytest.raises(MessageMalformed):
        read_payload(shape("hostile_inside", name), signed=False)


def test_the_signed_part_alone_counts_and_is_delivered() -> None:
    read = read_payload(SIGNED, signed=False)
    assert read.signed_inside
    assert read.facts.authors == ("rorpost.hemsjukvarden@motala.se",)
    assert read.facts.subject == "Hemtagning"
    copy = make_copy(read, VERIFICATION)
    assert copy.endswith(read.signed_inside.signed)
    assert b"obody signed this" not in copy
    assert parse_message(copy).named("subject")[0].value == "Hemtagning"
