"""What the rules get to know of a message."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from rorpost_gateway.errors import MessageMalformed
from rorpost_gateway.facts import MessageFacts
from rorpost_gateway.message import parse_message, read_facts
from rorpost_gateway.message.date_time import format_date, read_date
from rorpost_gateway.message.encoded_words import decode_words, encode_words
from rorpost_gateway.message.grammar import Unreadable
from tests.peers.messages import HOSTNAME, octets_of


def facts_of(*lines: str, body: bytes = b"hej\r\n") -> MessageFacts:
    return read_facts(parse_message(octets_of(*lines, body=body)), hostname=HOSTNAME)


@pytest.mark.parametrize(
    "line",
    [
        "From: a@x.se <b@x.se>",
        "To: a@x.se b@x.se",
        "Cc: <a@x.se",
        "Reply-To: nobody in particular",
        "Disposition-Notification-To: a@x.se)b@y.se",
        "Date:",
        "Date: yesterday",
        "Date: 2026-05-06T08:00:00Z",
        "Date: Wed, 31 Feb 2026 08:00:00 +0200",
        "Date: Wed, 06 May 2026 08:00:00 +9900",
        "Date: Wed, 06 May 2026 08:00:00 +0260",
        "Date: Wed, 06 May 26 08:00:00 +0200",
        "Date: Wed, 06 May 2026 08:00:00 +0200 secret",
        "Date: Wed, 06 May 2026 08:00:00",
    ],
)
def test_an_unreadable_address_list_or_date_is_malformed(line: str) -> None:
    with pytest.raises(MessageMalformed) as refusal:
        facts_of("A: b", line)
    name, _, value = line.partition(":")
    assert refusal.value.private.startswith(f"field {name.lower()}: ")
    assert refusal.value.private.endswith(", line 2")
    assert not value or value not in refusal.value.private


def test_a_bare_message_has_no_facts() -> None:
    assert facts_of() == MessageFacts(authors=())


def test_addresses() -> None:
    facts = facts_of(
        "From: Anna <A@x.se>, b@x.se",
        "Sender: Eva <eva@x.se>",
        "To: undisclosed-recipients:;",
        "Cc: c@x.se, (d) D <d@x.se>",
        "Reply-To: e@x.se",
        "Disposition-Notification-To: f@x.se",
        "Return-Receipt-To: <g@x.se>",
        "X-Confirm-Reading-To: h@x.se",
        "Read-Receipt-To: i@x.se",
    )
    assert facts.authors == ("a@x.se", "b@x.se")
    assert facts.sender == ("eva@x.se",)
    assert facts.to == ()
    assert facts.cc == ("c@x.se", "d@x.se")
    assert facts.reply_to == ("e@x.se",)
    assert sorted(facts.receipts_to) == ["f@x.se", "g@x.se", "h@x.se", "i@x.se"]


def test_every_from_field_counts() -> None:
    assert facts_of("From: a@x.se", "From: b@x.se").authors == ("a@x.se", "b@x.se")


@pytest.mark.parametrize("line", ["Bcc:", "bcc: a@x.se", "Resent-Bcc: a@x.se", "Bcc: not ( an address"])
def test_bcc_counts_whatever_it_holds(line: str) -> None:
    assert facts_of(line).bcc_present


def test_every_field_is_listed_unfolded() -> None:
    facts = facts_of("X-A: one\r\n two", "x-a: three", "X-B:")
    assert facts.fields == {"x-a": ("one two", "three"), "x-b": ("",)}


@pytest.mark.parametrize(
    ("line", "message_id"),
    [
        ("Message-ID: <a@b>", "<a@b>"),
        ("Message-ID:\r\n <a@b> (c)", "<a@b>"),
        ("Message-ID: <!&!AAA=@outlook.com>", "<!&!AAA=@outlook.com>"),
        ("Message-ID: a@b", None),
        ("Message-ID: <a b>", None),
        ("Message-ID: <a@b> <c@d>", None),
        ("Message-ID:", None),
        ("Message-ID: <" + "a" * 991 + ">", None),
    ],
)
def test_message_id(line: str, message_id: str | None) -> None:
    assert facts_of(line).message_id == message_id


@pytest.mark.parametrize(
    ("line", "urgent"),
    [
        ("Importance: high", True),
        ("IMPORTANCE: HIGH", True),
        ("Importance:\r\n (really) High (yes)", True),
        ("Importance: normal", False),
        ("Importance: highland", False),
        ("X-Priority: 1", True),
        ("X-Priority: 1 (Highest)", True),
        ("X-Priority: (x) 2", True),
        ("X-Priority: 01", True),
        ("X-Priority: Highest", True),
        ("X-Priority: 3 (Normal)", False),
        ("X-Priority: 10", False),
        ("X-Priority:", False),
        ("Priority: Urgent", True),
        ("Priority: non-urgent", False),
        ("Priority: normal", False),
        ("X-MSMail-Priority: High", True),
        ("X-MSMail-Priority: Normal", False),
        ("X-MSMail-Priority: Highest", True),
        # What is secret or flagged for later need not be urgent.
        ("Sensitivity: Company-Confidential", False),
        ("X-Message-Flag: Uppfoljning", False),
        ("Flags: urgent", False),
    ],
)
def test_urgent(line: str, urgent: bool) -> None:
    assert facts_of(line).urgent is urgent


@pytest.mark.parametrize(
    "lines",
    [
        ("Importance: high", "X-Priority: 1"),
        ("X-Priority: 1 (Highest)", "Priority: urgent", "Importance: high"),
        ("X-Priority: 2 (High)",),
        ("Importance: High", "X-Priority: 1"),
        ("X-Priority: 1 (Highest)", "X-MSMail-Priority: High", "Importance: High", "X-MimeOLE: Produced By"),
    ],
    ids=["Outlook", "Thunderbird", "Thunderbird, high", "Apple Mail", "older Outlook"],
)
def test_as_mail_clients_write_it(lines: tuple[str, ...]) -> None:
    assert facts_of(*lines).urgent


def test_one_urgent_field_among_calm_ones_is_enough() -> None:
    assert facts_of("X-Priority: 3", "X-Priority: 1", "Importance: low").urgent


@pytest.mark.parametrize(
    ("line", "here"),
    [
        (f"Received: from a (b [192.0.2.1]) by {HOSTNAME} with ESMTP; Wed, 06 May 2026 08:00:00 +0200", True),
        (f"Received: by\r\n\t{HOSTNAME.upper()}; x", True),
        (f"Received: by (a) {HOSTNAME} id 1; x", True),
        (f"Received: from {HOSTNAME} by mx.example.se; x", False),
        (f"Received: from a (by {HOSTNAME} ) by mx.example.se; x", False),
        (f"Received: by {HOSTNAME}.example.se; x", False),
        (f"Received: by x{HOSTNAME}; x", False),
    ],
)
def test_received_here(line: str, here: bool) -> None:
    facts = facts_of("Received: by other.example.se; x", line)
    assert facts.received_here is here
    assert facts.received_count == 2


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (
            "Wed, 06 May 2026 08:00:01 +0200",
            datetime(2026, 5, 6, 8, 0, 1, tzinfo=timezone(timedelta(hours=2))),
        ),
        (
            "6 may 2026 08:00 -0330",
            datetime(2026, 5, 6, 8, 0, tzinfo=timezone(-timedelta(hours=3, minutes=30))),
        ),
        ("Wed,6 May 2026 06:00:60 GMT (leap)", datetime(2026, 5, 6, 6, 0, 59, tzinfo=UTC)),
        ("Wed(a) , (b) 6 May 2026 06 : 00 : 00 -0000", datetime(2026, 5, 6, 6, 0, tzinfo=UTC)),
        ("Wed, 06 May 2026 06:00:00 EST", datetime(2026, 5, 6, 6, 0, tzinfo=timezone(timedelta(hours=-5)))),
    ],
)
def test_dates_keep_their_offset(value: str, moment: datetime) -> None:
    assert read_date(value) == moment
    assert read_date(value).utcoffset() == moment.utcoffset()
    assert read_date(format_date(moment)) == moment


def test_a_date_is_never_written_without_its_offset() -> None:
    with pytest.raises(ValueError, match="offset"):
        format_date(datetime(2026, 5, 6))
    with pytest.raises(Unreadable):
        read_date("")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "plain"),
        ("=?utf-8?Q?F=C3=B6rband?=", "Förband"),
        ("=?ISO-8859-1?q?F=F6r_band?=", "För band"),
        ("=?windows-1252?B?k2GU?=", "“a”"),
        ("a =?utf-8?B?w6U=?= b", "a å b"),
        ("=?utf-8?Q?191212?= =?utf-8?Q?12-1212?=", "19121212-1212"),
        ("=?utf-8?Q?1912?= \t=?iso-8859-1?B?MTIxMg==?=", "19121212"),
        ("=?utf-8?Q?=C3?= =?UTF-8?Q?=A5?=", "å"),
        ("=?utf-8?B?w6?= =?utf-8?B?U?=", None),
        ("=?utf-8*sv?Q?=C3=A5?=", "å"),
        ("x=?utf-8?Q?1212?=y", "x1212y"),
        ("=?utf-8?Q?1912 1212?=", "1912 1212"),
        ("=?no-such-charset?Q?19121212-1212=E5?=", "19121212-1212å"),
        ("=?idna?Q?xn--a?=", "xn--a"),
        ("=?zlib?B?eJw=?=", "x\x9c"),
        ("=?utf-16?B?/w==?=", "\ufffd"),
        ("=?utf-7?Q?1+AC0-2?=", "1-2"),
        ("=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
        ("=?utf-8?Q?abc", "=?utf-8?Q?abc"),
        ("=?utf-8?Q?=ZZ?=", "=ZZ"),
        ("=?utf-8?B?!!!?=", ""),
    ],
)
def test_a_subject_is_decoded_as_a_reader_might_show_it(value: str, shown: str | None) -> None:
    assert facts_of(f"Subject: {value}").subject == decode_words(value)
    if shown is not None:
        assert decode_words(value) == shown


@pytest.mark.parametrize(
    "text", ["plain-name", "två ord", "=?utf-8?Q?a?=", "", " x", "å" * 500, "a\r\nBcc: x"]
)
def test_encoded_text_is_one_field_and_decodes_to_itself(text: str) -> None:
    line = f"X-A: {encode_words(text)}\r\n"
    (field,) = parse_message(line.encode("ascii")).fields
    assert decode_words(field.value) == text
    assert max(len(part) for part in line.split("\r\n")) <= 998


ARMOUR = b"-----BEGIN PGP MESSAGE-----\r\n\r\nhF4D\r\n=abcd\r\n-----END PGP MESSAGE-----\r\n"
VERSION = b"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
DATA = b"--b\r\nContent-Type: application/octet-stream; name=encrypted.asc\r\n\r\n" + ARMOUR
MIXED = "Content-Type: multipart/mixed; boundary=b"


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ("Content-Type: text/plain", b"look:\r\n" + ARMOUR),
        ("Content-Type: text/plain", ARMOUR + b"and more\r\n"),
        ("Content-Type: text/plain", ARMOUR + ARMOUR),
        ("Content-Type: text/plain", ARMOUR.replace(b"hF4D", b"plain text, really")),
        ("Content-Type: text/plain", b"> " + ARMOUR),
        ("Content-Type: text/html", ARMOUR),
        ("Content-Type: multipart/signed; boundary=b", b"--b\r\n\r\n" + ARMOUR + b"--b--\r\n"),
        ("Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m", b"MIIB\r\n"),
        ("Content-Type: application/pkcs7-signature", b"MIIB\r\n"),
        (MIXED, VERSION + DATA + b"--b\r\n\r\nclear text\r\n--b--\r\n"),
        (MIXED, b"--b\r\n\r\nclear text\r\n" + VERSION + DATA + b"--b--\r\n"),
        (MIXED, VERSION + DATA.replace(b"-----BEGIN", b"clear text -----BEGIN") + b"--b--\r\n"),
        (MIXED, b"--b\r\n\r\nhello\r\n--b\r\n\r\n" + ARMOUR + b"--b--\r\n"),
    ],
)
def test_not_sealed(line: str, body: bytes) -> None:
    assert not facts_of(line, body=body).sealed_already


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ("Content-Type: multipart/encrypted; protocol=x/y; boundary=b", b"--b--\r\n"),
        ("Content-Type: application/pgp-encrypted", b"Version: 1\r\n"),
        ("Content-Type: application/pkcs7-mime; smime-type=enveloped-data", b"MIIB\r\n"),
        ("Content-Type: application/pkcs7-mime; smime-type=authEnveloped-data", b"MIIB\r\n"),
        ('Content-Type: application/x-pkcs7-mime; name="smime.p7m"', b"MIIB\r\n"),
        ("Content-Type: text/plain; charset=utf-8", b"\r\n" + ARMOUR + b"\r\n"),
        ("Subject: no content type", ARMOUR),
        (MIXED, VERSION + DATA + b"--b--\r\n"),
        (MIXED, b"--b\r\nContent-Type: text/plain\r\n\r\n\r\n" + VERSION + DATA + b"--b--\r\n"),
        (MIXED, b"--b\r\nContent-Type: multipart/encrypted; boundary=c\r\n\r\n--c--\r\n--b--\r\n"),
    ],
)
def test_sealed(line: str, body: bytes) -> None:
    assert facts_of(line, body=body).sealed_already
