"""The words that mail clients write over what they quote: labels, separators, attributions. Data.

Swedish and English, and the neighbours' languages, whose mail comes this way too.
"""

import re
from enum import Enum, auto


class Label(Enum):
    AUTHOR = auto()
    SENT = auto()
    RECIPIENT = auto()
    SUBJECT = auto()
    OTHER = auto()


# A letter that an older mail system has mangled still counts.
_A_RING = r"(?:å|a|aa|Ã¥|\ufffd|\?|=E5)"
_A_DOTS = r"(?:ä|a|Ã¤|Ã„|\ufffd|\?|=C4|=E4)"
_WRITTEN = {
    Label.AUTHOR: (
        rf"fr{_A_RING}n",
        "from",
        "fra",
        "von",
        rf"l{_A_DOTS}hett{_A_DOTS}j{_A_DOTS}",
        "avs[aä]ndare",
    ),
    Label.SENT: (
        *("skickat", "skickad", "datum", "sent", "date", "sendt", "dato", "gesendet"),
        *(rf"l{_A_DOTS}hetetty", rf"p{_A_DOTS}iv{_A_DOTS}(?:m{_A_DOTS}{_A_DOTS}r{_A_DOTS}|ys)"),
    ),
    Label.RECIPIENT: (
        *("till", "to", "til", "an", "vastaanottajat?", "mottagare"),
        *("kopia(?: till)?", "kopi", "kopio", "cc", "bcc", "hemlig kopia", "dold kopia"),
        *("svara? till", "reply-to", "reply to"),
    ),
    Label.SUBJECT: (rf"{_A_DOTS}mne", "subject", "emne", "betreff", "aihe", rf"{_A_DOTS}rende"),
    Label.OTHER: (
        *("prioritet", "importance", "priority", "viktighet", "sensitivity"),
        *("bilagor", "bifogade filer", "attachments?", "organi[sz]ation"),
    ),
}
_NAMED = "|".join(f"(?P<{label.name}>{'|'.join(words)})" for label, words in _WRITTEN.items())
_ANY = "|".join(word for words in _WRITTEN.values() for word in words)

# Bold as some clients write it in plain text: *Från:* Anna
LABEL = re.compile(rf"[*_]{{0,2}}(?:{_NAMED})[*_]{{0,2}}[ ]{{0,3}}:[*_]{{0,2}}(?!/)", re.IGNORECASE)
LABEL_INSIDE = re.compile(rf"(?<=[ \t*])[*_]{{0,2}}(?:{_ANY})[*_]{{0,2}} ?:[*_]{{0,2}}(?= )", re.IGNORECASE)

_SEPARATED = (
    r"(?:ursprungligt meddelande|ursprungligt mail|original-?meddelande|original ?message"
    r"|original ?appointment|ursprunglig (?:avtalad tid|m[oö]tesf[oö]rfr[aå]gan)"
    r"|vidarebefordrat (?:meddelande|brev|mejl|mail)|b[oö]rjan p[aå] vidarebefordrat (?:meddelande|brev)"
    r"|(?:begin )?forwarded message|videresendt (?:melding|meddelelse)|oprindelig meddelelse"
    r"|opprinnelig melding|urspr[uü]ngliche nachricht|weitergeleitete nachricht"
    r"|alkuper[aä]inen viesti|v[aä]litetty viesti)"
)
SEPARATOR = re.compile(rf"[-_=* ]{{0,80}}{_SEPARATED}[-_=*: ]{{0,80}}", re.IGNORECASE)
_VERBS = ("skrev", "wrote", "schrieb", "kirjoitti", "skreiv")
WROTE = re.compile(rf"\b(?:{'|'.join(_VERBS)})\b", re.IGNORECASE)
_QUOTING_LINE = re.compile(
    rf"\n[ \t|*_=-]{{0,90}}(?:>|{_SEPARATED}|(?:{'|'.join(_WRITTEN[Label.AUTHOR])})[ *_]{{0,5}}:)",
    re.IGNORECASE,
)


def quotes_perhaps(text: str) -> bool:
    """Whether some line looks like the beginning of a quote; a text without one quotes nothing."""
    lower = text.lower()
    return any(verb in lower for verb in _VERBS) or _QUOTING_LINE.search("\n" + text) is not None


# How an attribution begins: On, Den, Am, or the day itself.
ATTRIBUTION_BEGINS = re.compile(
    r"(?:on|den|vid|p[aå]|am|le|i|ons?|tis|tors?|fre|l[oö]r|s[oö]n|m[aå]n)\b|[0-9]{1,4}[ ./-]", re.IGNORECASE
)
# Who wrote on behalf of whom, as Outlook puts it: the address after it is the mailbox's.
ON_BEHALF = re.compile(
    r"[\s>\])]\s{0,3}(?:on behalf of|f[oö]r(?: r[aä]kning)?|p[aå] uppdrag av|im auftrag von"
    r"|p[aå] vegne av)\s",
    re.IGNORECASE,
)
