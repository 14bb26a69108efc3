"""The mail that reminds a manager of authorisations that end. Pure.

Invariants: it names mailboxes, persons, days and nothing else, and what it says comes from the policy; the
same authorisations make the same Message-ID on the same day, so that one sent again is known as the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import groupby

from rorpost_gateway.dsn.automatic import automatic_message, message_id_of, one_line, with_address
from rorpost_gateway.dsn.text import BETWEEN_LANGUAGES
from rorpost_gateway.reminding.base import Ending
from rorpost_gateway.reply import Language


@dataclass(frozen=True, kw_only=True)
class _Words:
    subject: str
    opening: str
    person: str
    last_day: str
    one_left: str
    left: str
    advice: str
    closing: str


_SV = _Words(
    subject="Rörposten: behörigheter som snart går ut",
    opening="De här personerna kan inte längre skicka rörpost från brevlådan efter den dag som står först.",
    person="{day}  {person} ({left})",
    last_day="sista dagen är i dag",
    one_left="1 dag kvar",
    left="{days} dagar kvar",
    advice="Ska någon av dem fortsätta: be IT om en ny behörighet, i god tid före den dagen. "
    "Ska någon sluta tidigare: säg till IT nu. Annars behöver du inte göra något.",
    closing="Det här är ett automatiskt besked som inte går att svara på.",
)

_EN = _Words(
    subject="Rörpost: authorisations that will end soon",
    opening="These persons can no longer send rörpost from the mailbox after the day that stands first.",
    person="{day}  {person} ({left})",
    last_day="today is the last day",
    one_left="1 day left",
    left="{days} days left",
    advice="If one of them is to go on, ask IT for a new authorisation well before that day. "
    "If one of them is to stop earlier, tell IT now. Otherwise you need not do anything.",
    closing="This is an automatic notice that cannot be answered.",
)


def build_reminder(
    endings: Sequence[Ending],
    *,
    recipient: str,
    sender: str,
    now: datetime,
    zone: tzinfo,
    language: Language,
) -> bytes:
    """The whole message, CRLF line ends; both languages, the configured one first. `now` is aware."""
    order = (_SV, _EN) if language is Language.SV else (_EN, _SV)
    rows = sorted(endings, key=lambda one: (one.mailbox, one.valid_until, one.user))
    day = now.astimezone(zone).date()
    about = "\n".join([f"{day}", recipient, *(f"{one.mailbox} {one.user} {one.valid_until}" for one in rows)])
    return automatic_message(
        sender=sender,
        recipient=recipient,
        subject=order[0].subject,
        message_id=message_id_of("reminder", about, sender=sender),
        text=BETWEEN_LANGUAGES.join(_text(words, rows, now, zone) for words in order),
        now=now,
        zone=zone,
    )


def _text(words: _Words, rows: Sequence[Ending], now: datetime, zone: tzinfo) -> str:
    blocks = [words.opening]
    for mailbox, group in groupby(rows, key=lambda one: one.mailbox):
        of_mailbox = list(group)
        heading = with_address(of_mailbox[0].mailbox_name, mailbox)
        blocks.append("\n".join([heading, *(_person(words, one, now, zone) for one in of_mailbox)]))
    return "\n\n".join([*blocks, words.advice, words.closing]) + "\n"


def _person(words: _Words, ending: Ending, now: datetime, zone: tzinfo) -> str:
    days = ending.days_left(now.astimezone(zone).date())
    left = words.last_day if days == 0 else words.one_left if days == 1 else words.left.format(days=days)
    person = f"{one_line(ending.name)} <{ending.user}>" if ending.name else ending.user
    return words.person.format(day=ending.valid_until, person=person, left=left)
