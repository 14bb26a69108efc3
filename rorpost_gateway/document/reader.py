"""From a file, or a text, to nodes; what nobody can read or see is refused before it is parsed."""

import re
from collections.abc import Callable
from pathlib import Path

from rorpost_gateway.decision import Position
from rorpost_gateway.document.builder import Builder
from rorpost_gateway.document.findings import DocumentInvalid, Finding, Findings
from rorpost_gateway.document.node import Node

LARGEST_OCTETS = 64 * 1024 * 1024

_SEARCHED = 256 * 1024  # characters at a time

# Control characters, line ends that editors do not show as such, text that is shown in
# another order than it is read, and noncharacters: a reviewer could not see what is there.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff"
    r"\ufffe\uffff]"
)


def parse_file(
    path: Path,
    *,
    shown_as: str | None = None,
    findings: Findings | None = None,
    progress: Callable[[float], None] | None = None,
) -> Node:
    """Read one YAML document from a file. Raises DocumentInvalid, also where it cannot be read.

    `findings`, `progress`: see `parse_text`.
    """
    name = shown_as or str(path)
    text = _text_of(path, name, quotable=findings is None or findings.quotable)
    return parse_text(text, shown_as=name, findings=findings, progress=progress)


def _text_of(path: Path, name: str, *, quotable: bool) -> str:
    try:
        if path.exists() and not path.is_file():
            raise _fatal(name, (1, 1), "is no ordinary file")
        with path.open("rb") as file:
            octets = file.read(LARGEST_OCTETS + 1)
    except OSError as error:
        raise _fatal(name, (1, 1), f"cannot be read: {error.strerror or 'fault'}") from error
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = octets[: error.start].decode("utf-8", "replace")
        advice = "save the file as UTF-8; the letters å, ä and ö are where it shows"
        raise _fatal(name, _place_after(before), "is not UTF-8", advice=advice, quotable=quotable) from error


def parse_text(
    text: str,
    *,
    shown_as: str,
    findings: Findings | None = None,
    progress: Callable[[float], None] | None = None,
) -> Node:
    """Read one YAML document. Raises DocumentInvalid with every finding up to the first syntax error.

    Where the caller collects `findings`, whatever leaves a readable tree (a key that stands
    twice, a tag) is added there instead, so that the tree can be checked further; only text
    that cannot be read raises. Such a tree must not be used once anything was found. `progress` is told
    from 0 to 1 how much of a large text was read.
    """
    quotable = findings is None or findings.quotable
    if len(text) > LARGEST_OCTETS:
        raise _fatal(shown_as, (1, 1), f"is larger than {LARGEST_OCTETS} octets", quotable=quotable)
    if unseen := _first_unseen(text):
        code = f"U+{ord(unseen[0]):04X}"
        place = _place_after(text[: unseen.start()])
        raise _fatal(
            shown_as,
            place,
            f"holds a character that cannot be seen: {code}",
            advice="delete it: it came along when text was pasted, or somebody hides something",
            quotable=quotable,
        )
    found = Findings(quotable=quotable)
    root = Builder(shown_as, found, _by_lines(text, progress)).build(text)
    if findings is None:
        found.raise_if_any()
    else:
        findings.extend(found)
    return root


def _by_lines(text: str, progress: Callable[[float], None] | None) -> Callable[[int], None] | None:
    if progress is None:
        return None
    lines = text.count("\n") + 1
    return lambda line: progress(line / lines)


def _first_unseen(text: str) -> re.Match[str] | None:
    """Part by part: a search keeps every other thread waiting until it is through."""
    parts = (_UNSEEN.search(text, start, start + _SEARCHED) for start in range(0, len(text), _SEARCHED))
    return next(filter(None, parts), None)


def _place_after(before: str) -> tuple[int, int]:
    """Line and column right after `before`, counted from 1."""
    line = before.count("\n") + before.count("\r") - before.count("\r\n") + 1
    return line, len(before) - max(before.rfind("\n"), before.rfind("\r"))


def _fatal(
    file: str, place: tuple[int, int], text: str, *, advice: str = "", quotable: bool = True
) -> DocumentInvalid:
    position = Position(file=file, line=place[0], column=place[1])
    return DocumentInvalid(
        [Finding(position=position, text=text, length=1, advice=advice, quotable=quotable)]
    )
