"""Replies: what an SMTP client hears for each reason, in Swedish or English.

One line of ASCII, at most 510 octets: reply code, enhanced status, the reason in
brackets (what Outlook shows is the beginning of the line), what to do, and the
telephone number of the receiving unit where there is one.

RFC 5321, section 4.2; RFC 3463 (enhanced status codes).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from rorpost_gateway.decision import Action, Reason
from rorpost_gateway.reply.codes import STATUSES
from rorpost_gateway.reply.language import Language
from rorpost_gateway.reply.texts import LINE_OCTETS, Texts, texts_in, without_marks

NO_OWN_TEXTS: Final[Mapping[Reason, str]] = MappingProxyType({})


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
    own_texts: Mapping[Reason, str] = NO_OWN_TEXTS,
) -> Reply:
    """The reply for a reason. `unit` and `phone` are the receiving unit's.

    `use_pgp_mime` adds what to do for somebody who encrypted, but not the whole message.
    `own_texts` are a site's own, in this language; `texts.fault_of` has found nothing wrong with them.
    """
    status, texts = STATUSES[reason], texts_in(language)
    text = own_texts.get(reason) or texts.reasons[reason]
    text = f"[{reason}] {text.replace('{queue_id}', queue_id)}"
    if use_pgp_mime:
        text += f" {texts.use_pgp_mime}"
    if phone and status.code >= 400:
        room = LINE_OCTETS - len(ascii_line(f"{status.code} {status.enhanced} {text}"))
        text += _telephone(texts, unit, phone, room)
    return Reply(
        code=status.code,
        enhanced=status.enhanced,
        text=text,
        reason=reason,
        close=close or reason in _CLOSES,
    )


def _telephone(texts: Texts, unit: str, phone: str, room: int) -> str:
    """The last words of a refusal, in at most `room` octets: the name gives way, never the number."""
    number, name = ascii_line(phone), ascii_line(unit)
    # Filled in at once: neither a name nor a number is ever read as a template.
    empty = without_marks(texts.telephone.format(unit="", phone=""))
    name = name[: max(0, room - len(empty) - len(number) - 1)]
    template = texts.telephone if name else texts.telephone_alone
    return f" {without_marks(template.format(unit=name, phone=number))}"


def action_of(reason: Reason) -> Action:
    """Whether a reason accepts, rejects for good, or asks to try again later."""
    code = STATUSES[reason].code
    return Action.ACCEPT if code < 400 else Action.DEFER if code < 500 else Action.REJECT


def ascii_line(text: str) -> str:
    """`text` as one line of printable ASCII, at most 510 octets (å becomes a)."""
    return without_marks(text)[:LINE_OCTETS]
