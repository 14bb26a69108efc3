"""The reminder, read back with Python's own email package."""

import email
import email.policy
from datetime import UTC, date, datetime
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import pytest

from rorpost_gateway.reminding.base import Ending
from rorpost_gateway.reminding.letter import build_reminder
from rorpost_gateway.reply import Language

AT = datetime(2026, 12, 1, 7, tzinfo=UTC)
MANAGER = "eva.ek@motala.se"


def ending(
    user: str, last: date, *, name: str | None = "Anna Berg", mailbox: str = "hemsjukvarden"
) -> Ending:
    return Ending(
        mailbox=f"rorpost.{mailbox}@motala.se",
        mailbox_name="Hemsjukvården, Motala\r\nBcc: x@y.se",
        user=f"{user}@motala.se",
        name=name,
        valid_from=date(2026, 1, 1),
        valid_until=last,
        recipient=MANAGER,
    )


ROWS = (
    ending("bo.lind", date(2026, 12, 2), name=None),
    ending("anna.berg", date(2026, 12, 31)),
    ending("anna.berg", date(2026, 12, 1), mailbox="bistand"),
)


def build(rows: tuple[Ending, ...] = ROWS, language: Language = Language.SV) -> bytes:
    return build_reminder(
        rows,
        recipient=MANAGER,
        sender="rorpost.vakt@motala.se",
        now=AT,
        zone=ZoneInfo("Europe/Stockholm"),
        language=language,
    )


def parsed(octets: bytes) -> EmailMessage:
    message = email.message_from_bytes(octets, policy=email.policy.SMTP)
    assert not message.defects
    return message


@pytest.mark.parametrize(("language", "begins"), [(Language.SV, "De här"), (Language.EN, "These persons")])
def test_it_is_sound_automatic_and_in_both_languages(language: Language, begins: str) -> None:
    message = parsed(build(language=language))
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["To"] == MANAGER
    assert message["Bcc"] is None
    assert ("Behörigheter" in str(message["Subject"]).title()) is (language is Language.SV)
    text = message.get_content()
    assert text.startswith(begins)
    assert "sista dagen är i dag" in text
    assert "today is the last day" in text


def test_who_and_until_when_by_mailbox() -> None:
    lines = parsed(build()).get_content().replace("\r\n", "\n").split("\n\n")
    assert lines[1].splitlines() == [
        "Hemsjukvården, Motala Bcc: x@y.se <rorpost.bistand@motala.se>",
        "2026-12-01  Anna Berg <anna.berg@motala.se> (sista dagen är i dag)",
    ]
    assert lines[2].splitlines() == [
        "Hemsjukvården, Motala Bcc: x@y.se <rorpost.hemsjukvarden@motala.se>",
        "2026-12-02  bo.lind@motala.se (1 dag kvar)",
        "2026-12-31  Anna Berg <anna.berg@motala.se> (30 dagar kvar)",
    ]


def test_sent_again_it_is_the_same_message() -> None:
    assert build() == build(ROWS[::-1])
    assert parsed(build())["Message-ID"] != parsed(build(ROWS[:1]))["Message-ID"]
