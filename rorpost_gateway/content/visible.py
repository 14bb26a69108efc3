"""Text as a reader sees it: what cannot be seen is left out, what looks like ASCII is ASCII.

Linear: one pass by a table. Unicode's own normalisation is not used on what somebody sent, because
it takes quadratic time on long runs of combining marks.
"""

import re
import unicodedata
from functools import cache

_ORDINARY = re.compile(r"[\t\n\r -~\u00a1-\u00ac\u00ae-\u00ff]*+")
# Where characters stand that look like ASCII, are blanks, or cannot be seen.
_BLOCKS = (
    *(range(0xA0, 0x250), range(0x600, 0x606), range(0x1100, 0x1200), range(0x17B4, 0x1810)),
    *(range(0x2000, 0x2200), range(0x2460, 0x24EB), range(0x3000, 0x3004), range(0x3164, 0x3165)),
    *(range(0xFE00, 0xFE70), range(0xFEFF, 0xFFE0), range(0xFFF9, 0xFFFC), range(0x1D400, 0x1D800)),
    range(0xE0000, 0xE01F0),
)
_FILLERS = {0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0}  # letters and marks without a shape
_COMPOSED = (
    ("a\u030a", "å"),
    ("a\u0308", "ä"),
    ("o\u0308", "ö"),
    ("A\u030a", "Å"),
    ("A\u0308", "Ä"),
    ("O\u0308", "Ö"),
)


def visible(text: str) -> str:
    """`text` without zero-width, control and direction characters; blanks and look-alikes as ASCII."""
    if _ORDINARY.fullmatch(text):
        return text
    plain = text.translate(_table())
    for apart, together in _COMPOSED:
        plain = plain.replace(apart, together)
    return plain


@cache
def _table() -> dict[int, str | None]:
    table: dict[int, str | None] = {each: None for each in range(0x20) if chr(each) not in "\t\n\r"}
    table[0x7F] = table[0xAD] = None
    for block in _BLOCKS:
        for point in block:
            shown = _shown(point)
            if shown != chr(point):
                table[point] = shown
    return table | dict.fromkeys(_FILLERS)


def _shown(point: int) -> str | None:
    character = chr(point)
    category = unicodedata.category(character)
    if category in {"Cf", "Cc"} or 0xFE00 <= point <= 0xFE0F or point >= 0xE0000:
        return None
    if category in {"Zl", "Zp"}:
        return "\n"
    if category == "Zs":
        return " "
    plain = unicodedata.normalize("NFKC", character)
    return plain if plain.isascii() else character
