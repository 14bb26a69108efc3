"""What libyaml's complaints mean, in words for people who edit a file now and then. Pure.

libyaml says where it could not go on. That is often one line after the mistake, and its words are
those of YAML's grammar: so the line is looked at again for what is usually wrong there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from rorpost_gateway.document.findings import WORD

LOOKED_AT = 2000  # characters of a line: nobody wrote a longer one by hand
LOOKED_BACK = 200  # lines
Place = tuple[int, int]  # line and column, counted from 1

BLANKS = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"  # look like a blank, and are none to YAML
ODD_BLANK = re.compile(f"[{BLANKS}]")
NO_BLANK = "it looks like a blank, but is none: type an ordinary one (it comes along when text is pasted)"

CURLED_QUOTES = frozenset("\u201c\u201d\u201e\u2018\u2019\u201a")
CURLED = "begins with a quotation mark of a word processor, which is none here"
STRAIGHT = 'write the straight one, "'

_LEFT_BY_GIT = re.compile(r"^(?:<<<<<<<|>>>>>>>|\|\|\|\|\|\|\|)(?: .*)?$|^=======$", re.MULTILINE)
_TAB_BEFORE = re.compile(r" *\t")
_QUOTED = re.compile(r"""'[^']*'|"(?:[^"\\]|\\.)*"|(?:^|[ \t])#.*""")
_OPENING_QUOTE = re.compile(r"""(?:[:,\[{-][ \t]+|[\[{,])["']""")
_KEYLESS_COLON = re.compile(r"^ *(?:- )?[A-Za-z_][\w-]*:[^ \t\[{].*:(?:[ \t]|$)")
_WITHIN_QUOTES = "close it behind the value; within single quotes, a single quote is written twice: 'it''s'"
_LINES = re.compile(r"\r\n|\r|\n")

_ADVICE = {
    "could not find expected ':'": "a key is followed by a colon and a blank: `name: text`",
    "block sequence entries are not allowed in this context": (
        "a list begins on the line below its key, each element with `- `; or stands in brackets: [a, b]"
    ),
    "found unknown escape character": "in double quotes \\ has a meaning of its own; use single quotes",
    "did not find expected alphabetic or numeric character": (
        "a value that begins with * or & is put in quotes; a mailbox is always named in full"
    ),
    "did not find expected comment or line break": "a value that begins with | or > is put in quotes",
    "found unknown directive name": "a value that begins with % is put in quotes",
}


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What is wrong with the grammar of a text, and where. `opened` is where it began, if elsewhere."""

    place: Place
    text: str
    advice: str = ""
    length: int = WORD
    opened: Place | None = None


def diagnose(
    text: str, *, problem: str, place: Place, context: str = "", began: Place | None = None
) -> Diagnosis:
    """Put libyaml's complaint into words. `context` and `began` are what it was reading, and from where."""
    near = [line[:LOOKED_AT] for line in lines_from(text, max(1, place[0] - 1), 2)]
    if place[0] == 1:
        near = ["", *near]
    return (
        _left_by_git(text)
        or _tab(near, place)
        or _odd_blank(near, place)
        or _unclosed(context, problem, place, began)
        or _open_quote(text, problem, place)
        or _indentation(near, context, problem, place, began)
        or _colon(near, problem, place, began)
        or _other(near, problem, place)
    )


def no_blank(character: str) -> str:
    """What to say of a character that only looks like a blank."""
    return f"U+{ord(character):04X} stands where a blank belongs"


def lines_from(text: str, first: int, count: int) -> Iterator[str]:
    """Some lines of a text, the first numbered 1, without splitting all of it."""
    start, number = 0, 1
    for end in islice(_LINES.finditer(text), first + count - 1):
        if number >= first:
            yield text[start : end.start()]
        start, number = end.end(), number + 1
    if first <= number < first + count:
        yield text[start:]


def _line(near: list[str], *, before: bool = False) -> str:
    index = 0 if before else 1
    return near[index] if index < len(near) else ""


def _left_by_git(text: str) -> Diagnosis | None:
    if not (found := _LEFT_BY_GIT.search(text)):
        return None
    return Diagnosis(
        place=(text.count("\n", 0, found.start()) + 1, 1),
        length=len(found[0]),
        text="is a mark that git has left: two changes met here",
        advice="decide what is to stand here, and delete the three lines of marks",
    )


def _tab(near: list[str], place: Place) -> Diagnosis | None:
    if not (found := _TAB_BEFORE.match(_line(near))):
        return None
    return Diagnosis(
        place=(place[0], found.end()),
        length=1,
        text="begins with a tab: lines are indented with blanks only",
        advice="replace the tab by as many blanks as the lines beside this one begin with",
    )


def _odd_blank(near: list[str], place: Place) -> Diagnosis | None:
    for number, line in ((place[0], _line(near)), (place[0] - 1, _line(near, before=True))):
        if found := ODD_BLANK.search(_QUOTED.sub(lambda part: "." * len(part[0]), line)):
            return Diagnosis(
                place=(number, found.start() + 1),
                length=1,
                text=no_blank(found[0]),
                advice=NO_BLANK,
            )
    return None


def _unclosed(context: str, problem: str, place: Place, began: Place | None) -> Diagnosis | None:
    if began is None:
        return None
    if "quoted scalar" in context and "end of stream" in problem:
        return Diagnosis(
            place=began,
            length=1,
            text="opens a quotation mark that is never closed",
            advice=_WITHIN_QUOTES,
        )
    for what, closing in (("flow sequence", "]"), ("flow mapping", "}")):
        if what in context and "expected ','" in problem:
            return Diagnosis(
                place=place,
                text=f"is not YAML: {problem}",
                advice=f"a bracket that is open here must be closed with {closing} first; its elements are"
                " divided by commas",
                opened=began if began[0] != place[0] else None,
            )
    return None


def _open_quote(text: str, problem: str, place: Place) -> Diagnosis | None:
    """A quotation mark some lines above, which another one closed where that was to open a value."""
    if problem != "did not find expected key":
        return None
    first = max(1, place[0] - LOOKED_BACK)
    above = list(lines_from(text, first, place[0] - first))
    for number, line in zip(range(place[0] - 1, first - 1, -1), reversed(above), strict=True):
        if quote := _odd_quote(line[:LOOKED_AT]):
            return Diagnosis(
                place=(number, quote),
                text="opens a quotation mark that the line does not close",
                advice=_WITHIN_QUOTES,
            )
    return None


def _indentation(
    near: list[str], context: str, problem: str, place: Place, began: Place | None
) -> Diagnosis | None:
    line = _line(near)
    if began is None or problem not in ("did not find expected key", "did not find expected '-' indicator"):
        return None
    if line[: place[1] - 1].strip():  # not the line's beginning: something follows a value
        return Diagnosis(
            place=place,
            text=f"is not YAML: {problem}",
            advice="nothing may follow a closing quote or bracket; a value that holds one is put in quotes"
            " as a whole",
        )
    what = "the list" if "collection" in context else "the keys"
    return Diagnosis(
        place=place,
        text="is indented differently from the lines it belongs with",
        advice=f"{what} that this line would go on with began in column {began[1]}, this line in column"
        f" {place[1]}",
        opened=began,
    )


def _odd_quote(line: str) -> int:
    """The column of a quotation mark that opens a value and is not closed on its line; 0 where none is."""
    rest = _QUOTED.sub(lambda part: "." * len(part[0]), line)
    found = _OPENING_QUOTE.search(rest)
    return found.end() if found else 0


def _colon(near: list[str], problem: str, place: Place, began: Place | None) -> Diagnosis | None:
    if problem == "could not find expected ':'" and began is not None:
        return Diagnosis(place=began, text=f"is not YAML: {problem}", advice=_ADVICE[problem])
    if problem != "mapping values are not allowed in this context":
        return None
    line, before = _line(near), _line(near, before=True)
    if line[: place[1] - 1].count(": ") or _KEYLESS_COLON.match(line):
        advice = "a value that holds a colon is put in quotes; a key is followed by a colon and a blank"
    elif before.strip() and len(line) - len(line.lstrip()) > len(before) - len(before.lstrip()):
        above = "is indented too little" if ":" in before else "lacks its colon at the end"
        advice = f"this line is indented too far, or the line above it {above}"
    else:
        advice = "the line above lacks its colon, or a quotation mark"
    return Diagnosis(place=place, length=1, text=f"is not YAML: {problem}", advice=advice)


def _other(near: list[str], problem: str, place: Place) -> Diagnosis:
    character = _line(near)[place[1] - 1 : place[1]]
    advice = _ADVICE.get(problem, "")
    if problem == "found character that cannot start any token" and character:
        advice = f"a value that begins with {character} is put in quotes"
    elif problem == "did not find expected node content":
        advice = "a value is missing here, or a bracket that was opened before is not closed"
    return Diagnosis(place=place, text=f"is not YAML: {problem}", advice=advice)
