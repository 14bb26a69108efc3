"""The words of every reply, a data file a language, and what a text has to keep to.

A text is one line; å becomes a where it is sent. Beside the reason, the code and the telephone
number of the unit with the longest name it has to fit into one reply line.
"""

import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rorpost_gateway.decision import Reason
from rorpost_gateway.reply.codes import STATUSES
from rorpost_gateway.reply.language import Language

LINE_OCTETS: Final = 510  # RFC 5321, 4.5.3.1.5, without the line end
UNIT_OCTETS: Final = 100  # the longest name that a policy may give a mailbox
PHONE_OCTETS: Final = 40  # and the longest telephone number

_QUEUE_ID: Final = "{queue_id}"
_LONGEST_QUEUE_ID: Final = 16
_ACCEPTING: Final = frozenset({Reason.OK, Reason.DUPLICATE})


@dataclass(frozen=True, kw_only=True)
class Texts:
    """Of one language. `telephone` has `{unit}` and `{phone}`, `telephone_alone` only the second."""

    reasons: Mapping[Reason, str]
    telephone: str
    telephone_alone: str
    use_pgp_mime: str


def _read(language: Language) -> Texts:
    data = tomllib.loads(Path(__file__).with_name(f"{language}.toml").read_text(encoding="utf-8"))
    return Texts(reasons={Reason(reason): text for reason, text in data.pop("texts").items()}, **data)


_TEXTS: Final = {language: _read(language) for language in Language}


def texts_in(language: Language) -> Texts:
    """The texts that come with the gateway."""
    return _TEXTS[language]


def without_marks(text: str) -> str:
    """`text` in ASCII: letters without their marks, `?` for what has no such form."""
    if text.isascii() and text.isprintable():
        return text
    decomposed = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    return "".join(c if " " <= c <= "~" else "?" for c in plain)


def room_for(reason: Reason, language: Language) -> int:
    """How many octets a text for this reason may have once it is ASCII."""
    status, texts = STATUSES[reason], texts_in(language)
    taken = len(f"{status.code} {status.enhanced} [{reason}] ")
    if reason in _ACCEPTING:
        return LINE_OCTETS - taken - _LONGEST_QUEUE_ID
    telephone = texts.telephone.format(unit="x" * UNIT_OCTETS, phone="0" * PHONE_OCTETS)
    taken += len(f" {without_marks(telephone)}")
    if reason is Reason.NOT_ENCRYPTED:
        taken += len(f" {without_marks(texts.use_pgp_mime)}")
    return LINE_OCTETS - taken


def fault_of(reason: Reason, language: Language, text: str) -> str | None:
    """What is wrong with a text for this reason, in words; None where it may be used."""
    if not text.strip() or text != text.strip():
        return "must not begin or end with a blank, nor be empty"
    if not text.isprintable():
        return "must be one line, without a tab"
    without = text.replace(_QUEUE_ID, "") if reason in _ACCEPTING else text
    if "{" in without or "}" in without:
        return f"may hold no braces{f' but {_QUEUE_ID}' if reason in _ACCEPTING else ''}"
    if reason in _ACCEPTING and not text.endswith(f"queued as {_QUEUE_ID}"):
        return f"must end with: queued as {_QUEUE_ID}"
    plain = without_marks(text)
    lost = [c for c in text if c != "?" and "?" in without_marks(c)]
    if lost:
        return f"holds {lost[0]!r}, which has no form in ASCII"
    room = room_for(reason, language)
    if len(plain) > room:
        return f"is {len(plain)} characters long; beside the reason and the longest name there is room for {room}"
    return None
