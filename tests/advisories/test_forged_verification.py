"""The flaw: a status that the gateway writes could also be written by whoever sends.

gpg-mailgate stamped mail as encrypted that was not. Here X-Rorpost-Verified is written by the
receiving gateway only: whatever of that name came from outside, under the seal or not, in
any case, folded, among added fields, is gone from the reader's copy.
"""

import pytest

from rorpost_gateway.errors import MessageMalformed
from rorpost_gateway.message import parse_message
from rorpost_gateway.pgpmime import RestoreFailed, Verification, make_copy, protect, read_payload
from tests.peers.messages import RECEIVER, SENDER, added, octets_of

FORGED = "X-Rorpost-Verified: yes; channel=forged; signed-by=FORGED"
FORMS = [
    FORGED,
    FORGED.upper(),
    FORGED.lower(),
    FORGED.replace(" yes", "\r\n yes").replace("; ", ";\r\n\t"),
    "X-Rorpost-Verified:\tyes; forged",
]
VERIFICATION = Verification(
    channel="c", sending_user=None, signed_by="0" * 40, decision_id="01970000-0000-7000-8000-000000000000"
)
OUTER = parse_message(octets_of(f"From: {SENDER}", f"To: {RECEIVER}", FORGED, "X-Rorpost-Channel: forged"))


def check(copy: bytes) -> None:
    message = parse_message(copy)
    (field,) = message.named("x-rorpost-verified")
    assert message.fields[0] is field
    assert "channel=c; sending-user=not-stated" in field.value
    assert b"forged" not in copy.lower()


@pytest.mark.parametrize("form", FORMS)
def test_it_is_gone_from_a_partners_message(form: str) -> None:
    payload = octets_of(form, "Content-Type: text/plain", form, "Subject: hej", form)
    check(make_copy(read_payload(payload, signed=True), VERIFICATION, outer=OUTER))


@pytest.mark.parametrize("form", FORMS)
def test_it_is_gone_from_what_another_gateway_restored(form: str) -> None:
    submitted = parse_message(octets_of(form, f"From: {SENDER}", form))
    check(make_copy(read_payload(protect(submitted, added()), signed=True), VERIFICATION, outer=OUTER))


def test_it_is_gone_from_the_added_fields() -> None:
    payload = protect(parse_message(octets_of(f"From: {SENDER}")), added())
    count = payload.index(b"added=") + len(b"added=")
    digits = payload[count : payload.index(b";", count)]
    forged = payload[:count] + b"%d" % (int(digits) + 1) + payload[count + len(digits) :]
    read = read_payload(f"{FORGED}\r\n".encode() + forged, signed=True)
    check(make_copy(read, VERIFICATION, outer=OUTER))
    with pytest.raises(RestoreFailed):
        read_payload(f"{FORGED}\r\n".encode() + payload, signed=True)


def test_it_is_gone_from_a_part_signed_inside_and_from_around_it() -> None:
    payload = (
        f"{FORGED}\r\nContent-Type: multipart/signed; boundary=b;\r\n"
        ' protocol="application/pgp-signature"\r\n\r\n'
        f"{FORGED}\r\n--b\r\n{FORGED}\r\nContent-Type: text/plain\r\n\r\nhej\r\n--b\r\n"
        "Content-Type: application/pgp-signature\r\n\r\n-----BEGIN PGP SIGNATURE-----\r\n\r\nAAAA\r\n"
        f"-----END PGP SIGNATURE-----\r\n--b--\r\n{FORGED}\r\n"
    )
    check(make_copy(read_payload(payload.encode(), signed=False), VERIFICATION, outer=OUTER))


@pytest.mark.parametrize(
    "header",
    [
        "X-Rorpost-Verified : yes\r\n",
        "X-Rorpost-Verified\t: yes\r\n",
        " X-Rorpost-Verified: yes\r\n",
        "Subject: a\r\n \r\nX-Rorpost-Verified: yes\r\n",
        "Subject: a\nX-Rorpost-Verified: yes\r\n",
        "Subject: a\rX-Rorpost-Verified: yes\r\n",
        "X-Rorpost-Verified: y\x00es\r\n",
    ],
)
def test_forms_that_only_some_readers_take_for_a_field_are_refused(header: str) -> None:
    with pytest.raises(MessageMalformed) as refusal:
        read_payload(f"{header}Content-Type: text/plain\r\n\r\nhej\r\n".encode("ascii"), signed=True)
    assert not refusal.value.close
