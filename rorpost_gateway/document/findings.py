"""Findings: what is wrong with a file, and where, collected so that one look shows all.

Invariant: a file that is wrong throughout costs no more than KEPT findings, and no more than
COMPARED names that are looked at for what was probably meant.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from rorpost_gateway.decision import Position
from rorpost_gateway.document.nearest import nearest
from rorpost_gateway.errors import ConfigurationInvalid

LISTED = 200  # findings in one text; a file that is wrong throughout needs no more
KEPT = 10_000
COMPARED = 200_000
SHOWN_CHARACTERS = 60

WORD = 0  # a length: the word that begins there, to be found by whoever shows the line
REST = -1  # a length: what is between the brackets that open there, or else the rest of the line


class Aside(NamedTuple):
    """Another place that a finding is about, such as where a name stood first."""

    position: Position
    text: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong; its str is `file:line:column: text`, with what was probably meant.

    `length` counts the characters from `position` on that are wrong (or is WORD or REST), `meant`
    is what could stand in their place, and `advice` says in a sentence what was expected.
    """

    position: Position
    text: str
    length: int = WORD
    meant: str = ""
    advice: str = ""
    asides: tuple[Aside, ...] = ()
    quotable: bool = True  # whether the line may be shown; a file of logins is not

    def __str__(self) -> str:
        return f"{self.position}: {self.headline}"

    @property
    def headline(self) -> str:
        return f"{self.text}; did you mean {shown(self.meant)}?" if self.meant else self.text


class DocumentInvalid(ConfigurationInvalid):
    """A file that must not be used. `public` lists the findings, one a line, in file order.

    `dropped` is how many more there were than were kept.
    """

    def __init__(self, findings: Iterable[Finding], *, dropped: int = 0) -> None:
        self.findings = tuple(sorted(dict.fromkeys(findings), key=_place))
        self.dropped = dropped
        lines = [str(finding) for finding in self.findings[:LISTED]]
        if self.count > LISTED:
            lines.append(f"... and {self.count - LISTED} more")
        super().__init__("\n".join(lines))

    @property
    def count(self) -> int:
        return len(self.findings) + self.dropped


class Findings:
    """A growing list of findings, shared by all who read one set of files.

    `quotable`: whether the lines of these files may be shown to whoever reads the findings.
    """

    def __init__(self, *, quotable: bool = True) -> None:
        self.quotable = quotable
        self._found: list[Finding] = []
        self._dropped = 0
        self._compared = 0

    def add(
        self,
        position: Position,
        text: str,
        *,
        length: int = WORD,
        meant: str = "",
        advice: str = "",
        asides: tuple[Aside, ...] = (),
    ) -> None:
        """Add a finding; see `Finding` for the arguments."""
        if len(self._found) >= KEPT:
            self._dropped += 1
            return
        self._found.append(
            Finding(
                position=position,
                text=printable(text),
                length=length,
                meant=printable(meant),
                advice=printable(advice),
                asides=asides,
                quotable=self.quotable,
            )
        )

    def extend(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            if len(self._found) >= KEPT:
                self._dropped += 1
            else:
                self._found.append(finding)

    def take(self, error: DocumentInvalid) -> None:
        """Everything that another reader found."""
        self.extend(error.findings)
        self._dropped += error.dropped

    def nearest(self, word: str, words: Collection[str]) -> str:
        """The one of `words` that `word` was probably meant to be; empty where none is close.

        Nothing is compared any more once much was: nobody reads thousands of guesses.
        """
        if self._compared + len(words) > COMPARED:
            return ""
        self._compared += len(words)
        return nearest(word, words)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found) + self._dropped

    def raise_if_any(self) -> None:
        """Raises DocumentInvalid with everything found so far."""
        if self._found:
            raise DocumentInvalid(self._found, dropped=self._dropped)


def shown(text: str) -> str:
    """`text` from a file as it may stand in a finding: quoted, printable, not too long."""
    clipped = text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."
    return f"'{printable(clipped)}'"


def printable(text: str) -> str:
    """The same with codes for what a terminal would obey or not show: a file must not write on the screen."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def _place(finding: Finding) -> tuple[str, int, int]:
    return finding.position.file, finding.position.line, finding.position.column
