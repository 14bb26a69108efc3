"""Findings as a person sees them: place and text, the line with the place underlined, what to do.

The first line of each is `file:line:column: text`, never folded, for those who look for it by
script; whatever is below it is indented. Colour only on a terminal. The files are read again for
their lines: what cannot be read now, and a file whose lines are nobody's business, shows none.
"""

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from rich.console import Console
from rich.text import Text

from rorpost_gateway.cli.excerpt import excerpt
from rorpost_gateway.decision import Position
from rorpost_gateway.document import WORD, DocumentInvalid, Finding
from rorpost_gateway.document.findings import LISTED

WIDTH = 100  # where nothing says how wide it is
_LONGEST_LINE = 20_000  # characters; a longer one was not written by hand, and is not shown
_WIDEST = 160  # wider text is no easier to read

Lines = Mapping[str, Mapping[int, str]]


def show_findings(error: DocumentInvalid) -> None:
    """Write all of them to standard error."""
    console = Console(stderr=True, highlight=False)
    width = min(console.width, _WIDEST) if console.is_terminal else WIDTH
    console.print(render(error, width=width), soft_wrap=True, end="")


def render(error: DocumentInvalid, *, width: int) -> Text:
    """All findings, `width` cells wide but for their first lines; the count of several stands at the end."""
    listed = error.findings[:LISTED]
    lines = _lines_of(listed)
    text = Text("\n").join(_finding(finding, lines, width) for finding in listed)
    if error.count > len(listed):
        text.append(f"\n... and {error.count - len(listed)} more\n")
    if error.count == 1:
        return text
    files = len({finding.position.file for finding in error.findings})
    return text.append(f"\n{_count(error.count, 'error')} in {_count(files, 'file')}\n", "bold")


def _finding(finding: Finding, lines: Lines, width: int) -> Text:
    text = Text.assemble((f"{near_place(finding.position)}: ", "bold"), (finding.headline, "bold red"), "\n")
    if finding.quotable:
        for row in _quoted(finding.position, finding.length, finding.meant, lines, width):
            text.append_text(row)
    for number, line in enumerate(textwrap.wrap(finding.advice, width - 8, break_on_hyphens=False)):
        text.append_text(Text.assemble("        " if number else "      = ", (line, "cyan"), "\n"))
    for aside in finding.asides:
        text.append(f"      {aside.text}: {near_place(aside.position)}\n")
        if finding.quotable:
            for row in _quoted(aside.position, min(finding.length, WORD), "", lines, width, style="yellow"):
                text.append_text(row)
    return text


def near_place(position: Position) -> str:
    """`file:line:column`, the file as it is called from here."""
    file = Path(position.file)
    try:
        near = file.relative_to(Path.cwd()) if file.is_absolute() else file
    except (OSError, ValueError):
        near = file
    return f"{near}:{position.line}:{position.column}"


def _quoted(
    position: Position, length: int, meant: str, lines: Lines, width: int, *, style: str = "red"
) -> Iterator[Text]:
    """The line, its underline, and what was probably meant below it."""
    number, line = _line_at(position, lines.get(position.file, {}))
    if line is None:
        return
    column = position.column if number == position.line else len(line) + 1
    gutter = f"{number:>5} | "
    part = excerpt(line, column=column, length=length, room=width - len(gutter))
    below = " " * 5 + " | " + " " * part.indent
    yield Text.assemble((gutter, "dim"), part.text, "\n")
    yield Text.assemble((below[:8], "dim"), below[8:], ("^" + "~" * (part.width - 1), f"bold {style}"), "\n")
    if meant and len(below) + len(meant) <= width:
        yield Text.assemble((below[:8], "dim"), below[8:], (meant, "green"), "\n")


def _line_at(position: Position, lines: Mapping[int, str]) -> tuple[int, str | None]:
    """The line itself; where it lies behind the end of the file, the last one with anything on it."""
    line = lines.get(position.line)
    if line is not None and (line.strip() or position.line + 1 in lines):
        return position.line, line
    for number in sorted((each for each in lines if each <= position.line), reverse=True):
        if lines[number].strip():
            return number, lines[number]
    return position.line, None


def _lines_of(findings: Iterable[Finding]) -> Lines:
    """The lines that findings point to, and those around them, of every file that can be read."""
    wanted: dict[str, set[int]] = {}
    for finding in findings:
        if not finding.quotable:
            continue
        for position in (finding.position, *(aside.position for aside in finding.asides)):
            around = range(position.line - 2, position.line + 2)
            wanted.setdefault(position.file, set()).update(around)
    return {file: _read_lines(Path(file), numbers) for file, numbers in wanted.items()}


def _read_lines(file: Path, numbers: set[int]) -> dict[int, str]:
    """These lines, and the last before them with anything on it, where they lie behind the end."""
    lines: dict[int, str] = {}
    written: dict[int, str] = {}
    last = max(numbers)
    try:
        if not file.is_file():
            return {}
        with file.open(encoding="utf-8-sig", errors="replace") as opened:
            for number, line in enumerate(opened, 1):
                if line.strip() and len(line) <= _LONGEST_LINE:
                    written = {number: line.rstrip("\n")}
                if number in numbers and len(line) <= _LONGEST_LINE:
                    lines[number] = line.rstrip("\n")
                if number >= last:
                    break
    except OSError:
        return {}
    return written | lines


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
