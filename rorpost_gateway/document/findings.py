"""Findings: what is wrong with a file, and where, collected so that one look shows all."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rorpost_gateway.decision import Position
from rorpost_gateway.errors import ConfigurationInvalid

LISTED = 200  # findings in one text; a file that is wrong throughout needs no more
SHOWN_CHARACTERS = 60


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong; its str is `file:line:column: text`."""

    position: Position
    text: str

    def __str__(self) -> str:
        return f"{self.position}: {self.text}"


class DocumentInvalid(ConfigurationInvalid):
    """A file that must not be used. `public` lists the findings, one a line, in file order."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(sorted(dict.fromkeys(findings), key=_place))
        lines = [str(finding) for finding in self.findings[:LISTED]]
        if len(self.findings) > LISTED:
            lines.append(f"... and {len(self.findings) - LISTED} more")
        super().__init__("\n".join(lines))


class Findings:
    """A growing list of findings, shared by all who read one set of files."""

    def __init__(self) -> None:
        self._found: list[Finding] = []

    def add(self, position: Position, text: str) -> None:
        self._found.append(Finding(position=position, text=text))

    def extend(self, findings: Iterable[Finding]) -> None:
        self._found.extend(findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def raise_if_any(self) -> None:
        """Raises DocumentInvalid with everything found so far."""
        if self._found:
            raise DocumentInvalid(self._found)


def shown(text: str) -> str:
    """`text` from a file as it may stand in a finding: quoted, printable, not too long."""
    clipped = text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."
    return "'" + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in clipped) + "'"


def _place(finding: Finding) -> tuple[str, int, int]:
    return finding.position.file, finding.position.line, finding.position.column
