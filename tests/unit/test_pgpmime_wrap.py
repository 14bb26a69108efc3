"""The outer message: what a stranger on the way can read."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from rorpost_gateway.errors import MessageMalformed, SealingFailed
from rorpost_gateway.message import check_structure, parse_message, read_facts
from rorpost_gateway.pgpmime import (
    header_fields_outside,
    new_message_id,
    protect,
    read_outside,
    restore,
    wrap,
)
from tests.peers.messages import HOSTNAME, RECEIVER, SENDER, added, octets_of, outer

BEGIN = b"-----BEGIN PGP MESSAGE-----\r\n"
END = b"-----END PGP MESSAGE-----\r\n"
ARMOURED = BEGIN + b"\r\nhF4DAAAAAAAAAAASAQdA\r\n=abcd\r\n" + END

NOT_SEALED = {
    "nothing": b"",
    "plain text": b"Content-Type: text/plain\r\n\r\nsecret\r\n",
    "text before": b"secret\r\n" + ARMOURED,
    "text after": ARMOURED + b"secret\r\n",
    "text inside": BEGIN + b"\r\nsecret words\r\n" + END,
    "an armour header": BEGIN + b"Comment: secret\r\n\r\nhF4D\r\n" + END,
    "no blank line": BEGIN + b"hF4D\r\n" + END,
    "two messages": ARMOURED + ARMOURED,
    "another kind of block": ARMOURED.replace(b"MESSAGE", b"SIGNED MESSAGE"),
    "bare line feeds": ARMOURED.replace(b"\r\n", b"\n"),
    "a bare line feed inside": ARMOURED.replace(b"hF4D", b"hF\n4D"),
    "no final line end": ARMOURED[:-2],
    "a line over 998 octets": BEGIN + b"\r\n" + b"A" * 999 + b"\r\n" + END,
    "8-bit octets": ARMOURED.replace(b"hF4D", b"h\xe54D"),
    "a cut block": BEGIN + b"\r\nhF4D\r\n",
    "an empty block": BEGIN + b"\r\n" + END,
}


@pytest.mark.parametrize("armoured", NOT_SEALED.values(), ids=NOT_SEALED)
def test_what_is_not_one_armoured_message_is_not_wrapped(armoured: bytes) -> None:
    with pytest.raises(SealingFailed) as failure:
        wrap(armoured, outer())
    assert "secret" not in failure.value.public + failure.value.private


@pytest.mark.parametrize(
    "changes",
    [
        {"author": "a@x.se\r\nBcc: b@x.se"},
        {"author": ""},
        {"author": "Anna <a@x.se>"},
        {"recipient": "a@x.se, b@x.se"},
        {"message_id": "<secret@inside.motala.se>"},
        {"message_id": "<0123456789abcdef0123456789abcdef@motala.se>\r\nX: y"},
        {"message_id": "0123456789abcdef0123456789abcdef@motala.se"},
        {"hostname": "gw\r\nX: y"},
        {"hostname": ""},
        {"queue_id": "a b"},
        {"date": datetime(2026, 5, 6)},
        {"received_at": datetime(2026, 5, 6)},
    ],
)
def test_an_outside_that_says_something_else_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(SealingFailed):
        outer(**changes)


def test_the_outer_message_to_the_letter() -> None:
    octets = wrap(ARMOURED, outer())
    lines = octets.decode("ascii").split("\r\n")
    boundary = lines[9].removeprefix(' boundary="').removesuffix('"')
    assert len(boundary) >= 32
    assert lines == [
        f"Received: by {HOSTNAME} id 4fX2k0ABCDEF;",
        " Wed, 06 May 2026 06:00:01 +0000",
        f"From: {SENDER}",
        f"To: {RECEIVER}",
        "Date: Wed, 06 May 2026 08:00:00 +0200",
        "Subject: [...]",
        "Message-ID: <0123456789abcdef0123456789abcdef@motala.se>",
        "MIME-Version: 1.0",
        'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted";',
        f' boundary="{boundary}"',
        "Content-Transfer-Encoding: 7bit",
        "",
        f"--{boundary}",
        "Content-Type: application/pgp-encrypted",
        "",
        "Version: 1",
        "",
        f"--{boundary}",
        'Content-Type: application/octet-stream; name="encrypted.asc"',
        'Content-Disposition: inline; filename="encrypted.asc"',
        "",
        *ARMOURED.decode("ascii").split("\r\n"),
        f"--{boundary}--",
        "",
    ]


def test_boundaries_differ() -> None:
    assert wrap(ARMOURED, outer()) != wrap(ARMOURED, outer())


def test_the_standard_library_reads_it() -> None:
    message = message_from_bytes(wrap(ARMOURED, outer()), policy=policy.SMTP)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    version, data = message.iter_parts()
    assert message.get_content_type() == "multipart/encrypted"
    assert message.get_param("protocol") == "application/pgp-encrypted"
    assert version.get_content_type() == "application/pgp-encrypted"
    assert version.get_payload(decode=True).strip() == b"Version: 1"
    assert data.get_payload(decode=True) == ARMOURED


def test_we_read_it_ourselves() -> None:
    message = parse_message(wrap(ARMOURED, outer()))
    facts = read_facts(message, hostname=HOSTNAME)
    assert facts.sealed_already
    assert facts.received_here
    assert [part.kind for part in check_structure(message)] == [
        "multipart/encrypted",
        "application/pgp-encrypted",
        "application/octet-stream",
    ]
    last = check_structure(message)[-1]
    assert message.octets[last.body_offset : last.end] == ARMOURED


def test_what_stands_outside_is_what_hp_outer_says() -> None:
    inside = restore(protect(parse_message(octets_of("Subject: secret")), added())).outside
    outside = {field.name: field.value for field in parse_message(wrap(ARMOURED, outer())).fields}
    assert {name: outside[name] for name in inside} == dict(inside)
    assert [name.lower() for name, _ in header_fields_outside(outer())] == list(inside)


def test_the_outer_fields_are_read_back() -> None:
    fields = read_outside(wrap(ARMOURED, outer()))
    assert (fields.author, fields.recipient) == (SENDER, RECEIVER)
    assert fields.date == outer().date
    assert fields.message_id == outer().message_id


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        octets_of("From: a@x.se"),
        octets_of("From: a@x.se, b@x.se", "To: c@x.se", "Date: 6 May 2026 08:00 +0200", "Message-ID: <a@b>"),
        octets_of("From: a@x.se", "To: c@x.se", "Date: today", "Message-ID: <a@b>"),
        octets_of("From: a@x.se", "To: c@x.se", "Date: 6 May 2026 08:00 +0200", "Message-ID: a"),
        octets_of("From: a@x.se", "To: c@x.se", "Date: 6 May 2026 08:00 +0200"),
        octets_of("From: a@x.se", "From: a@x.se", "To: c@x.se"),
    ],
)
def test_outer_fields_that_cannot_be_read_are_refused(octets: bytes) -> None:
    with pytest.raises(MessageMalformed):
        read_outside(octets)


def test_a_message_id_is_128_random_bits_at_the_mailbox_domain() -> None:
    one, two = new_message_id(SENDER), new_message_id(SENDER)
    assert one != two
    assert one.endswith("@motala.se>")
    assert outer(message_id=one, date=datetime.now(UTC)).message_id == one
