"""Replies: what an SMTP client hears for each reason, in Swedish or English.

One line of ASCII, at most 510 octets: reply code, enhanced status, the reason in
brackets (what Outlook shows is the beginning of the line), what to do, and the
telephone number of the receiving unit where there is one.

RFC 5321, section 4.2; RFC 3463 (enhanced status codes).
"""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from rorpost_gateway.decision import Action, Reason
from rorpost_gateway.reply.texts import ROWS

LINE_OCTETS = 510


class Language(StrEnum):
    SV = "sv"
    EN = "en"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One reply line. `close` asks the session to end the connection after it."""

    code: int
    enhanced: str
    text: str
    reason: Reason | None = None
    close: bool = False

    @property
    def positive(self) -> bool:
        return 200 <= self.code < 400

    @property
    def line(self) -> str:
        """Code, enhanced status and text without the line end; ASCII, at most 510 octets."""
        return ascii_line(f"{self.code} {self.enhanced} {self.text}")


_PHONE = {Language.SV: "Tel", Language.EN: "Phone"}
_USE_PGP_MIME = {
    Language.SV: " Använd PGP/MIME, inte OpenPGP inne i texten.",
    Language.EN: " Use PGP/MIME, not OpenPGP inside the text.",
}
_CLOSES = frozenset({Reason.TOO_MANY_CONNECTIONS, Reason.SHUTTING_DOWN})


def reply_for(
    reason: Reason,
    language: Language,
    *,
    queue_id: str = "",
    unit: str = "",
    phone: str | None = None,
    close: bool = False,
    use_pgp_mime: bool = False,
) -> Reply:
    """The reply for a reason. `unit` and `phone` are the receiving unit's.

    `use_pgp_mime` adds what to do for somebody who encrypted, but not the whole message.
    """
    row = ROWS[reason]
    text = (row.sv if language is Language.SV else row.en).format(queue_id=queue_id)
    text = f"[{reason}] {text}{_USE_PGP_MIME[language] if use_pgp_mime else ''}"
    if phone and row.code >= 400:
        room = LINE_OCTETS - len(ascii_line(f"{row.code} {row.enhanced} {text}"))
        text += _telephone(language, unit, phone, room)
    return Reply(
        code=row.code,
        enhanced=row.enhanced,
        text=text,
        reason=reason,
        close=close or reason in _CLOSES,
    )


def _telephone(language: Language, unit: str, phone: str, room: int) -> str:
    """The last words of a refusal, in at most `room` octets: the name gives way, never the number."""
    word, number = _PHONE[language], ascii_line(f": {phone}")
    name = ascii_line(f" {unit}")[: max(0, room - len(f" {word}{number}"))] if unit else ""
    return f" {word}{name}{number}"


def action_of(reason: Reason) -> Action:
    """Whether a reason accepts, rejects for good, or asks to try again later."""
    code = ROWS[reason].code
    return Action.ACCEPT if code < 400 else Action.DEFER if code < 500 else Action.REJECT


def ascii_line(text: str) -> str:
    """`text` as one line of printable ASCII, at most 510 octets (å becomes a)."""
    if text.isascii() and text.isprintable():
        return text[:LINE_OCTETS]
    decomposed = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    line = "".join(c if " " <= c <= "~" else "?" for c in plain)
    return line[:LINE_OCTETS]
