"""Notices, read back with Python's own email package and compared with golden files."""

import email
import email.policy
import os
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.reply import Language
from rorpost_gateway.supervision.deadlines import Deadline
from rorpost_gateway.supervision.notices import Kind, Unread, build_notice

GOLDEN = Path(__file__).parents[2] / "golden" / "supervision"
STOCKHOLM = ZoneInfo("Europe/Stockholm")
ON_DUTY, MANAGER = "vakt.hemtjanst@motala.se", "eva.ek@motala.se"
UNREAD = Unread(
    mailbox="rorpost.hemsjukvarden@motala.se",
    name="Hemsjukvården, Motala kommun",
    phone="0141-22 50 00",
    deadline=Deadline(
        mailbox="rorpost.hemsjukvarden@motala.se",
        at=datetime(2026, 3, 29, 6, tzinfo=UTC),
        local="2026-03-29T08:00:00+02:00",
    ),
    unread=3,
)
ESCALATED = replace(UNREAD, told=(ON_DUTY,), unread=4)
BARE = replace(UNREAD, name=UNREAD.mailbox, phone=None, unread=1)
AT, LATER = datetime(2026, 3, 29, 6, 0, 3, tzinfo=UTC), datetime(2026, 3, 29, 7, 0, 5, tzinfo=UTC)
CASES: dict[str, tuple[Kind, Unread, str, datetime]] = {
    "missed": (Kind.MISSED, UNREAD, ON_DUTY, AT),
    "still-unread": (Kind.STILL_UNREAD, ESCALATED, MANAGER, LATER),
    "missed-no-name-no-phone": (Kind.MISSED, BARE, MANAGER, AT),
}


def build(
    kind: Kind = Kind.MISSED,
    unread: Unread = UNREAD,
    recipient: str = ON_DUTY,
    now: datetime = AT,
    language: Language = Language.SV,
) -> bytes:
    return build_notice(
        kind,
        unread,
        recipient=recipient,
        sender="rorpost.vakt@motala.se",
        now=now,
        zone=STOCKHOLM,
        language=language,
    )


def parse(octets: bytes) -> EmailMessage:
    message = email.message_from_bytes(octets, policy=email.policy.SMTP)
    assert not message.defects
    return message


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("case", CASES)
def test_golden(case: str, language: Language) -> None:
    octets = build(*CASES[case], language=language)
    file = GOLDEN / f"{case}-{language}.eml"
    if os.environ.get("RORPOST_WRITE_GOLDEN"):
        file.write_bytes(octets)
    assert octets == file.read_bytes()


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("case", CASES)
def test_every_notice_is_sound_and_automatic(case: str, language: Language) -> None:
    octets = build(*CASES[case], language=language)
    message = parse(octets)
    assert octets.isascii()
    assert octets.count(b"\n") == octets.count(b"\r\n") == octets.count(b"\r")
    assert all(len(line) <= 78 for line in octets.split(b"\r\n"))
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["From"].addresses[0].addr_spec == "rorpost.vakt@motala.se"
    assert message["To"].addresses[0].addr_spec == CASES[case][2]
    assert message.keys() == [
        "Date", "From", "To", "Message-ID", "Subject", "Auto-Submitted", "MIME-Version", "Content-Type",
        "Content-Transfer-Encoding",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("language", "subject", "first"),
    [
        (Language.SV, "Rörposten är inte läst: Hemsjukvården, Motala kommun", "Rörpostbrevlådan skulle"),
        (Language.EN, "The rörpost has not been read: Hemsjukvården, Motala kommun", "The rörpost mailbox"),
    ],
)
def test_the_configured_language_comes_first_and_the_other_after(
    language: Language, subject: str, first: str
) -> None:
    message = parse(build(language=language))
    text = message.get_content()
    assert message["Subject"] == subject
    assert text.startswith(first)
    assert "Rörpostbrevlådan skulle" in text
    assert "The rörpost mailbox" in text


def test_deadline_and_time_are_those_of_the_clock_on_the_wall() -> None:
    text = parse(build(*CASES["still-unread"])).get_content()
    assert "läst senast 2026-03-29 08:00" in text
    assert "inte läst 2026-03-29 09:00" in text
    assert "to be read by 2026-03-29 08:00" in text


def test_the_manager_hears_who_was_told_before() -> None:
    assert f"Har redan fått besked: {ON_DUTY}" in parse(build(*CASES["still-unread"])).get_content()
    assert "Har redan" not in parse(build()).get_content()


def test_the_same_notice_has_the_same_name_and_another_one_another() -> None:
    def name(octets: bytes) -> str:
        return str(parse(octets)["Message-ID"])

    other_deadline = replace(
        UNREAD, deadline=replace(UNREAD.deadline, at=datetime(2026, 3, 29, 11, tzinfo=UTC))
    )
    names = {
        name(build()),
        name(build(kind=Kind.STILL_UNREAD)),
        name(build(recipient=MANAGER)),
        name(build(unread=other_deadline)),
        name(build(unread=replace(UNREAD, mailbox="rorpost.rehab@motala.se"))),
    }
    assert len(names) == 5
    assert name(build(now=LATER, unread=replace(UNREAD, unread=9))) in names


@pytest.mark.parametrize("name", ["A\r\nBcc: x@y.se", "A\nB", "A\x00B\x85C\u2028D", "  \n "])
def test_a_name_cannot_write_a_field_or_a_line(name: str) -> None:
    message = parse(build(unread=replace(UNREAD, name=name)))
    assert message["Bcc"] is None
    assert len(message.keys()) == 9
    (line,) = (line for line in message.get_content().splitlines() if line.startswith("Brevlåda:"))
    assert line.endswith(f" <{UNREAD.mailbox}>")


@given(st.text(max_size=100))
def test_any_name_makes_a_sound_message(name: str) -> None:
    octets = build(unread=replace(UNREAD, name=name))
    message = parse(octets)
    assert octets.isascii()
    assert len(message.keys()) == 9
    assert all(len(line) <= 78 for line in octets.split(b"\r\n"))
