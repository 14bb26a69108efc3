"""Finding Swedish personal identity numbers in a text. personnummer is imported here only.

A candidate is a date and four digits in one of the ways people write them; whether it
is a number (day, month, check digit) is the library's word. Personal identity numbers
and coordination numbers (day plus 60) count. Invariants: the text is looked through in
linear time; nothing of it is kept, returned or put into an error.

Folkbokföringslagen (1991:481), sections 18 and 18 a; SKV 704 and SKV 707.
"""

import re
import unicodedata

from personnummer import personnummer

_LAST = r"[ ]{0,2}(?P<sign>[-+]?)[ ]{0,2}(?P<last>[0-9]{4})"
# Not the beginning of a longer number: 2026-01-01 - 2026-12-31 is a span of dates.
_END = r"(?![-.:]?[0-9])"
_BEGIN = r"(?<![0-9])"
_CENTURY = r"(?P<century>18|19|20)"
_DAY = r"(?:0[1-9]|[1-8][0-9]|9[01])"

# 19811218-9876, 811218 9876, 19 811218-9876
_TOGETHER = re.compile(
    rf"(?={_BEGIN}(?:{_CENTURY} ?)?(?P<date>[0-9]{{2}}(?:0[1-9]|1[0-2]){_DAY}){_LAST}{_END})"
)
# 1981-12-18-9876, 81 12 18 9876: the same sign between the parts of the date
_APART = re.compile(
    rf"(?={_BEGIN}{_CENTURY}?(?P<yy>[0-9]{{2}})(?P<between>[-./ ])(?P<mm>0[1-9]|1[0-2])(?P=between)"
    rf"(?P<dd>{_DAY})(?P<gap>[-+./ ]?){_LAST}{_END})"
)
# 8 1 1 2 1 8 - 9 8 7 6
_SPELLED = re.compile(
    rf"{_BEGIN}(?<![0-9] )(?P<date>(?:[0-9] ){{5}}(?:[0-9] [0-9] )?[0-9]) ?(?P<sign>[-+]?) ?"
    rf"(?P<last>(?:[0-9] ){{3}}[0-9])(?! ?[0-9])"
)
# Most subjects: what is left as it is by `_plain`.
_ORDINARY = re.compile(r"[ -~ÅÄÖåäöÉéÜü]*+")
_ENOUGH_DIGITS = re.compile(r"(?:[^0-9]*+[0-9]){10}")
_TIME_OF_DAY = re.compile(r"(?:[01][0-9]|2[0-3])[0-5][0-9]")


def contains_identity_number(text: str) -> bool:
    """Whether some valid identity or coordination number stands in `text`, in any usual writing."""
    plain = text if _ORDINARY.fullmatch(text) else re.sub(r"\s", " ", _plain(text))
    if not _ENOUGH_DIGITS.match(plain):
        return False
    return (
        any(map(_is_number_together, _TOGETHER.finditer(plain)))
        or any(map(_is_number_apart, _APART.finditer(plain)))
        or any(map(_is_number_spelled, _SPELLED.finditer(plain)))
    )


def _is_number_together(match: re.Match[str]) -> bool:
    return _valid(match["century"] or "", match["date"], match["sign"], match["last"])


def _is_number_apart(match: re.Match[str]) -> bool:
    # "2026-11-22 0930" is when a meeting begins, and one such time in ten has the right check digit.
    only_blanks = not match["sign"] and not match["gap"].strip()
    if match["between"] != " " and only_blanks and _TIME_OF_DAY.fullmatch(match["last"]):
        return False
    date = match["yy"] + match["mm"] + match["dd"]
    return _valid(match["century"] or "", date, match["sign"] or match["gap"], match["last"])


def _is_number_spelled(match: re.Match[str]) -> bool:
    return _valid("", match["date"].replace(" ", ""), match["sign"], match["last"].replace(" ", ""))


def _valid(century: str, date: str, sign: str, last: str) -> bool:
    return bool(personnummer.valid(f"{century}{date}{'+' if sign == '+' else '-'}{last}"))


def _plain(text: str) -> str:
    """Digits, dashes and blanks of every script as ASCII; what cannot be seen is left out."""
    return "".join(map(_plain_character, unicodedata.normalize("NFKC", text)))


def _plain_character(character: str) -> str:
    if " " <= character <= "~" or character.isspace():
        return character
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Pd" or character == "\N{MINUS SIGN}":
        return "-"
    if category in {"Zs", "Zl", "Zp"}:
        return " "
    return "" if category in {"Cc", "Cf", "Mn", "Me"} else character
