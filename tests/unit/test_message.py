"""Reading a message: what cannot be read without guessing is refused, the rest is kept octet by octet."""

import pytest

from rorpost_gateway.errors import MessageMalformed
from rorpost_gateway.message import Message, parse_message, without_private_fields
from tests.peers.messages import CORPUS, octets_of

REFUSED = {
    "a bare LF in the body": b"A: b\r\n\r\nx\ny\r\n",
    "a bare CR in the body": b"A: b\r\n\r\nx\ry\r\n",
    "a bare LF in the header": b"A: b\nB: c\r\n\r\n",
    "a bare CR at the very end": b"A: b\r\n\r\nx\r",
    "LF CR instead of CR LF": b"A: b\r\n\r\nx\n\ry\r\n",
    "NUL in the body": b"A: b\r\n\r\n\0\r\n",
    "NUL in the header": b"A: \0\r\n\r\n",
    "a body line over the limit": b"A: b\r\n\r\n" + b"x" * 65_537 + b"\r\n",
    "a last line over the limit, without an end": b"A: b\r\n\r\nx\r\n" + b"x" * 65_537,
    "a header line over the limit": b"A: " + b"x" * 65_600 + b"\r\n\r\n",
    "a header block over 256 KiB": b"A: b\r\n c\r\n" * 40_000 + b"\r\n",
    "2,001 fields": b"A: b\r\n" * 2001 + b"\r\n",
    "a raw latin-1 field": b"Subject: \xe5\r\n\r\n",
    "a raw UTF-8 field": "Subject: å\r\n\r\n".encode(),
    "a raw 8-bit field name": b"S\xc3\xa5: b\r\n\r\n",
    "a control octet in a field": b"A: \x0b\r\n\r\n",
    "ESC in a field": b"Subject: \x1b$B\r\n\r\n",
    "a line that is no field": b"A: b\r\nno field\r\n\r\nx\r\n",
    "a body without a blank line": b"A: b\r\nHello, this is the body.\r\n",
    "an mbox From line": b"From rorpost.a@b.se Wed May  6 08:00:00 2026\r\nA: b\r\n\r\n",
    "a first line that continues nothing": b" A: b\r\n\r\n",
    "a first line of white space": b" \r\nA: b\r\n\r\n",
    "a continuation of white space only": b"A: b\r\n \r\n c\r\n\r\n",
    "a space before the colon": b"A : b\r\n\r\n",
    "an empty field name": b": b\r\n\r\n",
    "an unclosed quote in Content-Type": b'Content-Type: text/plain; charset="utf-8\r\n\r\n',
    "an unclosed comment in Content-Type": b"Content-Type: text/plain (oops\r\n\r\n",
    "a Content-Type without subtype": b"Content-Type: text\r\n\r\n",
    "an empty Content-Type": b"Content-Type:\r\n\r\n",
    "a Content-Type parameter twice": b"Content-Type: multipart/mixed; boundary=a; boundary=b\r\n\r\n",
    "a Content-Type with text after it": b"Content-Type: text/plain; name=two words\r\n\r\n",
    "multipart without a boundary": b"Content-Type: multipart/mixed\r\n\r\n",
    "multipart with an empty boundary": b'Content-Type: multipart/mixed; boundary=""\r\n\r\n',
    "a boundary in pieces (RFC 2231)": b"Content-Type: multipart/mixed; boundary*0=a; boundary*1=b\r\n\r\n",
}
ONCE = (
    "Sender",
    "To",
    "Cc",
    "Reply-To",
    "Date",
    "Subject",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
)


@pytest.mark.parametrize("octets", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_without_guessing_is_refused(octets: bytes) -> None:
    with pytest.raises(MessageMalformed):
        parse_message(octets)


@pytest.mark.parametrize("name", ONCE)
def test_a_field_that_may_stand_once_is_refused_twice(name: str) -> None:
    with pytest.raises(MessageMalformed, match=f"field {name.lower()} twice, line 3"):
        parse_message(octets_of(f"{name}: text/plain", "A: b", f"{name.upper()}: text/plain"))


@pytest.mark.parametrize("name", [name for name in REFUSED if "bare" in name or "LF CR" in name])
def test_a_peer_with_other_line_ends_is_not_talked_to_any_further(name: str) -> None:
    with pytest.raises(MessageMalformed) as refusal:
        parse_message(REFUSED[name])
    assert refusal.value.close


def test_a_refusal_names_field_and_line_and_never_a_value() -> None:
    with pytest.raises(MessageMalformed) as refusal:
        parse_message(b"A: b\r\n c\r\nSubject: secret \xe5\r\n\r\n")
    assert refusal.value.private == "octets other than printable ASCII in field subject, line 3"
    assert "secret" not in refusal.value.public + refusal.value.private
    assert not refusal.value.close


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_fields_blank_line_and_body_are_the_octets(path: object) -> None:
    octets = path.read_bytes()  # type: ignore[attr-defined]
    message = parse_message(octets)
    header = b"".join(field.raw for field in message.fields)
    assert header == octets[: message.header_end]
    assert octets[message.header_end : message.body_offset] in {b"", b"\r\n"}
    assert message.body == octets[message.body_offset :]


def test_limits_are_met_exactly() -> None:
    assert parse_message(b"A: b\r\n\r\n" + b"x" * 65_536 + b"\r\n" + b"y" * 65_536).header_end == 6
    assert len(parse_message(b"A: b\r\n" * 2000).fields) == 2000


def test_a_message_may_be_empty_or_have_no_header() -> None:
    assert parse_message(b"") == Message(fields=(), header_end=0, content_type=None, octets=b"")
    assert parse_message(b"\r\nhej").body == b"hej"


def test_two_authors_are_reported_not_refused() -> None:
    message = parse_message(octets_of("From: a@x.se", "From: b@x.se"))
    assert [field.value for field in message.named("from")] == ["a@x.se", "b@x.se"]


def test_a_value_is_unfolded_and_keeps_its_inner_white_space() -> None:
    (field,) = parse_message(b"X-A:\r\n one\r\n\t two  \r\n").fields
    assert field.value == "one\t two"


def test_private_fields_go_but_for_those_named() -> None:
    lines = (
        "From: a@x.se",
        "X-Rorpost-Verified: yes",
        "x-rorpost-sending-user: anna@x.se",
        "HP-Outer: Subject: x",
    )
    message = parse_message(octets_of(*lines, "Subject: x", body=b"X-Rorpost-A: b\r\n"))
    kept = without_private_fields(message, ["X-Rorpost-Sending-User"])
    assert kept.octets == octets_of(lines[0], lines[2], "Subject: x", body=b"X-Rorpost-A: b\r\n")
    assert kept == parse_message(kept.octets)


def test_a_message_without_private_fields_is_the_same_object() -> None:
    message = parse_message(octets_of("From: a@x.se"))
    assert without_private_fields(message) is message


def test_nothing_of_a_message_shows_in_its_repr() -> None:
    assert "secret" not in repr(parse_message(octets_of("Subject: secret", body=b"secret")))
