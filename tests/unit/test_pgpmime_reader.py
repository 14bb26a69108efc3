"""The reader's copy: what must not get into it first, then what it holds to the letter."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from rorpost_gateway.message import parse_message, read_facts
from rorpost_gateway.message.address_list import read_addresses
from rorpost_gateway.message.encoded_words import decode_words
from rorpost_gateway.pgpmime import (
    CopyFailed,
    Protected,
    Verification,
    Verified,
    author_name,
    facts_as_delivered,
    make_copy,
    protect,
    read_payload,
    verified_status,
)
from tests.peers.messages import CORPUS, HOSTNAME, RECEIVER, SENDER, USER, added, octets_of
from tests.peers.partners import arrived, names, shape

SIGNED_BY = "0123456789ABCDEF0123456789ABCDEF01234567"
DECISION = "01970000-0000-7000-8000-000000000000"
SIGNED_AT = datetime(2026, 5, 6, 6, 0, 3, tzinfo=UTC)
NAME = "Anna Berg, Hemsjukvården"
PLAIN = octets_of(f"From: {SENDER}", f"To: {RECEIVER}", "Subject: hej")


def verification(**changes: str | None) -> Verification:
    values = {
        "channel": "hemsjukvarden-brinken",
        "sending_user": USER,
        "signed_by": SIGNED_BY,
        "decision_id": DECISION,
    }
    return Verification(**(values | changes))  # type: ignore[arg-type]


VERIFIED = (
    b"X-Rorpost-Verified: yes; channel=hemsjukvarden-brinken;\r\n"
    b" sending-user=anna.berg@motala.se;\r\n"
    b" signed-by=0123456789ABCDEF0123456789ABCDEF01234567;\r\n"
    b" decision=01970000-0000-7000-8000-000000000000\r\n"
)
PARTLY = VERIFIED.replace(b"yes", b"partly")


def ours(octets: bytes) -> Protected:
    return read_payload(protect(parse_message(octets), added()), signed=True)


def copy_of(octets: bytes, *, show: str | None = None) -> bytes:
    return make_copy(ours(octets), verification(), show=show)


FORGED = [
    "X-Rorpost-Verified: yes; channel=forged",
    "x-rorpost-verified: yes",
    "X-RORPOST-VERIFIED:yes; channel=forged",
    "X-Rorpost-Verified:\r\n yes;\r\n channel=forged",
    "X-Rorpost-Verified:",
]


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_verification_is_taken_out(forged: str) -> None:
    for lines in ((forged, "Subject: hej"), ("Subject: hej", forged), (forged, "Subject: hej", forged)):
        copy = copy_of(octets_of(*lines))
        assert copy == VERIFIED + b"Subject: hej\r\n\r\nhej\r\n"
        partner = read_payload(octets_of("Content-Type: text/plain", *lines), signed=True)
        assert make_copy(partner, verification()).lower().count(b"x-rorpost-verified") == 1


def test_a_forged_verification_at_the_very_end_is_taken_out() -> None:
    octets = b"Subject: hej\r\nX-Rorpost-Verified: yes; channel=forged"
    assert copy_of(octets) == VERIFIED + b"Subject: hej\r\n"


@pytest.mark.parametrize(
    "changes",
    [
        {"channel": ""},
        {"sending_user": "anna"},
        {"sending_user": "a@x.se\r\nFrom: b@x.se"},
        {"signed_by": SIGNED_BY.lower()},
        {"signed_by": SIGNED_BY + "; decision=x"},
        {"decision_id": ""},
        {"decision_id": f"{DECISION}\r\nBcc: a@x.se"},
        {"decision_id": f"{DECISION}\n"},
    ],
)
def test_values_that_say_something_else_are_refused(changes: dict[str, str]) -> None:
    with pytest.raises(CopyFailed):
        verification(**changes)


@pytest.mark.parametrize(
    "channel", ["a; sending-user=b@x.se", "a\r\nFrom: b@x.se", "bistånd", "a b", "%41", "\ud800", "😀" * 100]
)
def test_a_channel_is_one_word_of_ascii(channel: str) -> None:
    copy = make_copy(ours(PLAIN), verification(channel=channel))
    first = parse_message(copy).fields[0].value.split("; ")
    assert [each.partition("=")[0] for each in first] == [
        "yes",
        "channel",
        "sending-user",
        "signed-by",
        "decision",
    ]
    assert max(map(len, copy.split(b"\r\n"))) < 998
    assert first[2] == f"sending-user={USER}"


def test_a_quoted_sending_user_adds_nothing() -> None:
    copy = make_copy(ours(PLAIN), verification(sending_user='"a; signed-by=b"@x.se'))
    assert b"sending-user=%22a%3B%20signed-by%3Db%22@x.se;" in copy
    assert b"sending-user=not-stated;" in make_copy(ours(PLAIN), verification(sending_user=None))


@pytest.mark.parametrize(
    "name",
    [
        'Anna" <a@x.se>, "',
        "Anna\r\nBcc: a@x.se",
        "Anna\r\n\r\n<script>",
        "Anna <a@x.se>",
        "a@x.se",
        "Anna, Berg; (c)",
        "\\",
        '"',
        "Anna\\",
        "=?utf-8?Q?=0D=0ABcc:_a@x.se?=",
        "Anna \u202e<es.x@a>",
        "Anna\u2028Bcc: a@x.se",
        "Anna\x00\x1b[2J",
        "Anna \ud800",
        "Å" * 5000,
        "A" * 5000,
        NAME,
    ],
)
def test_a_name_adds_no_address_and_no_field(name: str) -> None:
    copy = copy_of(PLAIN, show=name)
    message = parse_message(copy)
    assert [field.name for field in message.fields] == ["x-rorpost-verified", "from", "to", "subject"]
    assert read_addresses(message.named("from")[0].value) == (SENDER,)
    assert message.body == b"hej\r\n"
    shown = decode_words(message.named("from")[0].value)
    assert not any(ord(each) < 32 or each in "\u202e\u2028" for each in shown)


@pytest.mark.parametrize("name", ["", " ", "\r\n", "\u200b\u202e"])
def test_a_name_of_nothing_visible_is_refused(name: str) -> None:
    with pytest.raises(CopyFailed):
        copy_of(PLAIN, show=name)


@pytest.mark.parametrize(
    "lines", [(f"From: {SENDER}, a@x.se",), (f"From: {SENDER}", "From: a@x.se"), ("From: <",)]
)
def test_a_name_is_put_on_exactly_one_author(lines: tuple[str, ...]) -> None:
    restored = ours(PLAIN)
    entity = parse_message(octets_of(*lines))
    twisted = Protected(
        entity=entity,
        facts=restored.facts,
        scheme=restored.scheme,
        outside={},
        covered=b"",
        restored=restored.restored,
    )
    with pytest.raises(CopyFailed):
        make_copy(twisted, verification(), show=NAME)


def test_our_own_message_to_the_letter() -> None:
    octets = octets_of(
        f"from: old name <{SENDER.upper()}>", f"To: {RECEIVER}", "Subject: hej", body=b"\xe5\r\n"
    )
    assert copy_of(octets) == VERIFIED + octets
    assert copy_of(octets, show=NAME) == (
        VERIFIED
        + b"from: =?utf-8?B?QW5uYSBCZXJnLCBIZW1zanVrdsOlcmRlbg==?=\r\n <rorpost.hemsjukvarden@motala.se>\r\n"
        + b"To: rorpost.vcbrinken@regionostergotland.se\r\nSubject: hej\r\n\r\n\xe5\r\n"
    )
    assert b'From: "Anna Berg, Hemsjukvarden"\r\n <ror' in copy_of(PLAIN, show="Anna Berg, Hemsjukvarden")


def test_the_name_is_the_person_and_the_unit() -> None:
    assert author_name("Anna Berg", "Hemsjukvården, Motala kommun") == NAME
    assert author_name(" Anna Berg ", "Hemsjukvården") == NAME


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_nothing_but_verification_and_from_differs_from_what_was_submitted(path: Path) -> None:
    octets = path.read_bytes()
    message = parse_message(octets)
    plain = copy_of(octets)
    without = b"".join(field.raw for field in message.fields if field.name != "x-rorpost-verified")
    assert plain == VERIFIED + without + octets[message.header_end :]
    shown = copy_of(octets, show=NAME)
    before, after = parse_message(plain), parse_message(shown)
    for one, other in zip(before.fields, after.fields, strict=True):
        assert one.name == other.name
        assert one.name == "from" or one.raw == other.raw
    assert before.octets[before.header_end :] == after.octets[after.header_end :]


def test_a_partners_entity_gets_what_it_lacks_before_it() -> None:
    entity = shape("inside", "mutt_unprotected").replace(b"\n", b"\r\n")
    read = read_payload(shape("inside", "mutt_unprotected"), signed=True)
    assert verified_status(read) is Verified.PARTLY
    copy = make_copy(read, verification(), outer=arrived("outside", "mutt"), signed_at=SIGNED_AT, show="Anna")
    assert copy == (
        PARTLY
        + b"Date: Wed, 06 May 2026 08:00:00 +0200\r\n"
        + b'From: "Anna"\r\n <rorpost.hemsjukvarden@motala.se>\r\n'
        + b"To: rorpost.vcbrinken@regionostergotland.se\r\nSubject: [...]\r\n"
        + b"Message-ID: <0123456789abcdef0123456789abcdef@motala.se>\r\nMIME-Version: 1.0\r\n"
        + entity
    )


def test_nothing_comes_from_outside_where_it_is_not_allowed() -> None:
    read = read_payload(shape("inside", "mutt_unprotected"), signed=True)
    copy = make_copy(read, verification())
    assert copy == PARTLY + b"MIME-Version: 1.0\r\n" + read.entity.octets


def test_nothing_comes_from_outside_where_fields_were_protected() -> None:
    read = read_payload(shape("inside", "thunderbird_protected"), signed=True)
    assert verified_status(read) is Verified.YES
    copy = make_copy(read, verification(), outer=arrived("outside", "thunderbird"), signed_at=SIGNED_AT)
    first = VERIFIED + b"Date: Wed, 06 May 2026 06:00:03 +0000\r\nMIME-Version: 1.0\r\n"
    assert copy == first + read.entity.octets


def test_what_is_said_inside_is_not_said_again() -> None:
    read = read_payload(
        octets_of("Cc: rorpost.vcbrinken@regionostergotland.se", "Subject: inside"), signed=True
    )
    outer = parse_message(octets_of(f"From: {SENDER}", f"To: {RECEIVER}", "Cc: a@x.se", "Subject: outside"))
    copy = make_copy(read, verification(), outer=outer, signed_at=SIGNED_AT)
    assert [field.name for field in parse_message(copy).fields] == [
        "x-rorpost-verified",
        "from",
        "date",
        "mime-version",
        "cc",
        "subject",
    ]
    assert b"outside" not in copy
    assert b"a@x.se" not in copy


def test_of_a_message_signed_inside_only_what_was_signed_is_delivered() -> None:
    read = read_payload(shape("inside", "signed_inside_protected"), signed=False)
    copy = make_copy(read, verification(), outer=arrived("outside", "mutt"), signed_at=SIGNED_AT)
    assert read.signed_inside
    assert copy == VERIFIED + read.signed_inside.signed
    assert b"obody signed this" not in copy
    assert b"SIGNATURE" not in copy


def test_an_entity_without_header_or_without_body_becomes_a_message() -> None:
    for payload in (b"\r\nhej\r\n", b"Subject: hej\r\n", b"Subject: hej", b""):
        read = read_payload(payload, signed=True)
        copy = make_copy(read, verification(), outer=arrived("outside", "mutt"), signed_at=SIGNED_AT)
        message = parse_message(copy)
        assert message.body == read.entity.body
        assert message.named("from")[0].value == SENDER


@pytest.mark.parametrize("name", names("inside"))
def test_the_rules_look_at_what_the_reader_gets(name: str) -> None:
    """The sending user, the importance and the like outside are in neither."""
    outer = parse_message(
        octets_of(
            f"From: {SENDER}",
            f"To: {RECEIVER}",
            "Cc: a@x.se",
            "Subject: outside",
            "Date: Wed, 06 May 2026 08:00:00 +0200",
            "Message-ID: <outside@motala.se>",
            "Importance: high",
            "Reply-To: a@x.se",
            "Sender: a@x.se",
            "X-Rorpost-Sending-User: a@x.se",
        )
    )
    read = read_payload(shape("inside", name), signed=True)
    facts = facts_as_delivered(read, read_facts(outer, hostname=HOSTNAME))
    delivered = read_facts(parse_message(make_copy(read, verification(), outer=outer)), hostname=HOSTNAME)
    ours_only = {"x-rorpost-verified", "mime-version"}
    assert {each: values for each, values in delivered.fields.items() if each not in ours_only} == {
        each: values for each, values in facts.fields.items() if each not in ours_only
    }
    for part in ("authors", "to", "cc", "date", "subject", "message_id", "sender", "reply_to", "urgent"):
        assert getattr(facts, part) == getattr(delivered, part)
