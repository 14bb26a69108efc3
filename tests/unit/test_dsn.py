"""DSNs, read back with Python's own email package and compared with golden files."""

import email
import email.policy
import os
import quopri
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.dsn import Happened, Recipient, Reported, build_dsn, status_of, wanted
from rorpost_gateway.envelope import Notify
from rorpost_gateway.reply import Language

GOLDEN = Path(__file__).parent.parent / "golden" / "dsn"
STOCKHOLM = ZoneInfo("Europe/Stockholm")
RECEIVED = 1_778_047_200.0  # 2026-05-06 08:00 in Stockholm
MARKER = b"CANARY-4711"
OUTER = (
    b"Received: from outlook.inside by gw.motala.se\r\n"
    b"From: <rorpost.hemsjukvarden@motala.se>\r\n"
    b"To: <rorpost.vcbrinken@regionostergotland.se>\r\n"
    b"Date: Wed, 06 May 2026 08:00:00 +0200\r\n"
    b"Message-ID: <0123456789abcdef@gw.motala.se>\r\n"
    b"Subject: [...]\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: multipart/encrypted;\r\n boundary=abc\r\n"
    b"\r\n" + MARKER + b"\r\n"
)
REPORTED = Reported(
    queue_id="4F2A9C",
    sender="rorpost.hemsjukvarden@motala.se",
    received_at=RECEIVED,
    message_id="<inner.1@outlook.motala.se>",
    envid="QQ+2B314159",
    outer=OUTER,
)
BRINKEN = Recipient(
    address="rorpost.vcbrinken@regionostergotland.se",
    unit="Vårdcentralen Brinken",
    phone="010-103 00 00",
    original_recipient="rfc822;rorpost.vcbrinken@regionostergotland.se",
    reply="550 5.1.1 <rorpost.vcbrinken@regionostergotland.se>: Recipient address rejected: User unknown",
    next_hop="mx.regionostergotland.se:25",
    last_attempt_at=RECEIVED + 5,
)
EXPIRED_CERTIFICATE = replace(
    BRINKEN, reply="4.7.5 TLS to mx.regionostergotland.se:25: its certificate has expired"
)
CASES: dict[str, tuple[Happened, Recipient]] = {
    "unknown-recipient": (Happened.FAILED, BRINKEN),
    "gave-up-on-an-expired-certificate": (Happened.EXPIRED, EXPIRED_CERTIFICATE),
    "delayed-by-an-expired-certificate": (Happened.DELAYED, EXPIRED_CERTIFICATE),
    "held": (Happened.HELD, replace(BRINKEN, reply=None, next_hop=None, last_attempt_at=None)),
    "relayed": (Happened.RELAYED, replace(BRINKEN, reply="250 2.0.0 Ok: queued as 1A2B")),
    "no-phone-no-reply": (Happened.FAILED, replace(BRINKEN, unit=None, phone=None, reply=None)),
}


def build(
    happened: Happened,
    *recipients: Recipient,
    reported: Reported = REPORTED,
    language: Language = Language.SV,
) -> bytes:
    return build_dsn(
        happened=happened,
        reported=reported,
        recipients=recipients,
        hostname="gw.motala.se",
        now=RECEIVED + 6,
        zone=STOCKHOLM,
        language=language,
        retry_until=RECEIVED + 172_800 if happened is Happened.DELAYED else None,
    )


def parse(octets: bytes) -> EmailMessage:
    message = email.message_from_bytes(octets, policy=email.policy.SMTP)
    assert not message.defects
    return message


def text_of(octets: bytes) -> str:
    return next(parse(octets).iter_parts()).get_content()


def status_fields(octets: bytes) -> list[EmailMessage]:
    return list(parse(octets).iter_parts())[1].get_payload()


@pytest.mark.parametrize("case", CASES)
def test_golden(case: str) -> None:
    octets = build(CASES[case][0], CASES[case][1])
    file = GOLDEN / f"{case}.eml"
    if os.environ.get("RORPOST_WRITE_GOLDEN"):
        file.write_bytes(octets)
    assert octets == file.read_bytes()


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("case", CASES)
def test_every_kind_is_a_sound_report_without_content(case: str, language: Language) -> None:
    happened, recipient = CASES[case]
    octets = build(happened, recipient, language=language)
    message = parse(octets)
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    assert [part.get_content_type() for part in message.iter_parts()] == [
        "text/plain",
        "message/delivery-status",
        "text/rfc822-headers",
    ]
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["In-Reply-To"] == message["References"] == "<inner.1@outlook.motala.se>"
    assert octets.count(b"\n") == octets.count(b"\r\n") == octets.count(b"\r")
    assert all(len(line) <= 998 for line in octets.split(b"\r\n"))
    assert octets.isascii()
    assert MARKER not in octets
    assert b"Received" not in octets
    assert b"Traceback" not in octets


def test_a_subject_that_is_not_the_outer_one_never_gets_in() -> None:
    leaking = replace(REPORTED, outer=OUTER.replace(b"[...]", b"Fru Svensson i rum 4"))
    assert b"Svensson" not in build(Happened.FAILED, BRINKEN, reported=leaking)


def test_a_malformed_message_id_cannot_inject_a_field() -> None:
    hostile = replace(REPORTED, message_id="<a@b>\r\nBcc: x@y.se")
    message = parse(build(Happened.FAILED, BRINKEN, reported=hostile))
    assert message["Bcc"] is None
    assert message["References"] is None


@pytest.mark.parametrize("hostile", ["QQ+0D+0ABcc: x@y.se", "+00", "å"])
def test_an_envid_that_decodes_to_more_than_a_line_is_left_out(hostile: str) -> None:
    octets = build(Happened.FAILED, BRINKEN, reported=replace(REPORTED, envid=hostile))
    assert b"Original-Envelope-Id" not in octets
    assert b"Bcc" not in octets


def test_who_is_to_be_phoned_stands_in_the_text_swedish_first() -> None:
    text = text_of(build(Happened.FAILED, BRINKEN))
    assert text.index("Telefon: 010-103 00 00") < text.index("Phone: 010-103 00 00")
    assert "Könummer: 4F2A9C" in text
    assert "Skickat: 2026-05-06 08:00" in text


def test_english_first_where_that_is_the_language() -> None:
    octets = build(Happened.FAILED, BRINKEN, language=Language.EN)
    assert text_of(octets).startswith("Your message was not delivered")
    assert parse(octets)["Subject"] == "Not delivered: rörpost to Vårdcentralen Brinken"


def test_the_subject_says_what_happened_to_which_unit() -> None:
    assert (
        parse(build(Happened.FAILED, BRINKEN))["Subject"]
        == "Kom inte fram: rörpost till Vårdcentralen Brinken"
    )


def test_an_expired_certificate_is_not_reported_as_an_unknown_recipient() -> None:
    octets = build(Happened.EXPIRED, EXPIRED_CERTIFICATE)
    text, fields = text_of(octets), status_fields(octets)[1]
    assert "En säker anslutning till mottagarens server gick inte att upprätta" in text
    assert "känner inte till adressen" not in text
    assert fields["Diagnostic-Code"].startswith("X-Rorpost; 4.7.5 TLS to")
    assert fields["Remote-MTA"] is None
    assert fields["Status"] == "4.4.7"


def test_the_status_part_says_it_all() -> None:
    per_message, fields = status_fields(build(Happened.FAILED, BRINKEN))
    assert per_message["Original-Envelope-Id"] == "QQ+314159"
    assert per_message["Reporting-MTA"] == "dns; gw.motala.se"
    assert per_message["Arrival-Date"] == "Wed, 06 May 2026 08:00:00 +0200"
    assert fields["Original-Recipient"] == "rfc822; rorpost.vcbrinken@regionostergotland.se"
    assert fields["Final-Recipient"] == "rfc822; rorpost.vcbrinken@regionostergotland.se"
    assert (fields["Action"], fields["Status"]) == ("failed", "5.1.1")
    assert fields["Remote-MTA"] == "dns; mx.regionostergotland.se"
    assert fields["Diagnostic-Code"].startswith("smtp; 550 5.1.1")
    assert fields["Last-Attempt-Date"] == "Wed, 06 May 2026 08:00:05 +0200"
    assert fields["Will-Retry-Until"] is None


def test_a_delay_says_until_when_it_is_tried() -> None:
    fields = status_fields(build(Happened.DELAYED, EXPIRED_CERTIFICATE))[1]
    assert (fields["Action"], fields["Status"]) == ("delayed", "4.7.5")
    assert fields["Will-Retry-Until"] == "Fri, 08 May 2026 08:00:00 +0200"


def test_only_the_recipients_it_happened_to_are_named() -> None:
    octets = build(Happened.FAILED, BRINKEN, replace(BRINKEN, address="rorpost.b@c.se", unit="B"))
    assert [f["Final-Recipient"] for f in status_fields(octets)[1:]] == [
        "rfc822; rorpost.vcbrinken@regionostergotland.se",
        "rfc822; rorpost.b@c.se",
    ]


def test_the_same_notice_twice_is_the_same_octets() -> None:
    assert build(Happened.FAILED, BRINKEN) == build(Happened.FAILED, BRINKEN)


@pytest.mark.parametrize(
    ("happened", "reply", "status"),
    [
        (Happened.FAILED, "550 User unknown", "5.0.0"),
        (Happened.FAILED, "550-5.1.1 User unknown", "5.1.1"),
        (Happened.FAILED, "550 5.1.1.1 no", "5.0.0"),
        (Happened.FAILED, None, "5.0.0"),
        (Happened.DELAYED, "530 5.7.0 Must issue STARTTLS", "4.7.0"),
        (Happened.DELAYED, "4.4.1 mx:25 refused the connection", "4.4.1"),
        (Happened.EXPIRED, "550 5.1.1 no", "4.4.7"),
        (Happened.RELAYED, "250 ok", "2.0.0"),
    ],
)
def test_the_class_of_the_status_follows_the_action(
    happened: Happened, reply: str | None, status: str
) -> None:
    assert status_of(happened, reply) == status


@pytest.mark.parametrize(
    ("notify", "told_of"),
    [
        (None, {Happened.FAILED, Happened.EXPIRED, Happened.DELAYED, Happened.HELD}),
        ({Notify.NEVER}, set()),
        ({Notify.FAILURE}, {Happened.FAILED, Happened.EXPIRED, Happened.HELD}),
        ({Notify.DELAY}, {Happened.DELAYED, Happened.HELD}),
        ({Notify.SUCCESS}, {Happened.RELAYED}),
        (
            {Notify.SUCCESS, Notify.FAILURE},
            {Happened.RELAYED, Happened.FAILED, Happened.EXPIRED, Happened.HELD},
        ),
    ],
)
def test_notify_is_honoured(notify: set[Notify] | None, told_of: set[Happened]) -> None:
    assert {h for h in Happened if wanted(notify, h)} == told_of


@given(reply=st.text(max_size=600), unit=st.text(max_size=80), original=st.text(max_size=80))
def test_nothing_a_peer_says_breaks_the_report(reply: str, unit: str, original: str) -> None:
    octets = build(Happened.FAILED, replace(BRINKEN, reply=reply, unit=unit, original_recipient=original))
    assert octets.isascii()
    assert octets.count(b"\n") == octets.count(b"\r\n") == octets.count(b"\r")
    message = parse(octets)
    assert len(list(message.iter_parts())) == 3
    assert set(message.keys()) == {
        *("Date", "From", "To", "Message-ID", "In-Reply-To", "References", "Subject"),
        *("Auto-Submitted", "MIME-Version", "Content-Type"),
    }


def test_the_text_is_quoted_printable_with_short_lines() -> None:
    body = build(Happened.FAILED, BRINKEN).split(b"\r\n\r\n", 2)[2]
    encoded = body.split(b"\r\n--=_rorpost_")[0]
    assert all(len(line) <= 76 for line in encoded.split(b"\r\n"))
    assert "brevlåda" not in encoded.decode("ascii")
    assert quopri.decodestring(encoded).decode("utf-8").startswith("Ditt meddelande kom inte fram.")
