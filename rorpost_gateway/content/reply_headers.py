"""Reply headers in running text: the lines From, Sent, To, Subject that Outlook and others put over
what is answered or forwarded.

A block counts where it has an author and says when it was sent, or two more things; a `From:` alone
is prose. Fed line by line, without the marks of quoting.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from rorpost_gateway.content.addresses import addresses_in
from rorpost_gateway.content.labels import LABEL, LABEL_INSIDE, ON_BEHALF, Label

_GOES_ON_AFTER = (",", ";", "<", "[", ":")
_CHARACTERS = 4000  # of a line that are searched for other labels: one long search holds up other threads
_STRAY_LINES = 1  # a folded subject, a line of a client's own


@dataclass(frozen=True, kw_only=True)
class Quoted:
    """Who stands in one reply header; whether its author could be told."""

    addresses: frozenset[str] = field(repr=False)
    author_told: bool


@dataclass(kw_only=True)
class _Block:
    lines: list[tuple[Label, str]] = field(default_factory=list, repr=False)
    blank_lines: int = 0
    stray_lines: int = 0

    def values(self, *labels: Label) -> str:
        return "\n".join(value for label, value in self.lines if label in labels)


class ReplyHeaders:
    """`found` is called with each reply header when it ends."""

    def __init__(self, found: Callable[[Quoted], None]) -> None:
        self._found = found
        self._block = _Block()
        self.announced = False  # a separator stands above: an author is enough

    def line(self, text: str) -> None:
        match = LABEL.match(text)
        if match is not None and match.lastgroup is not None:
            self._labelled(Label[match.lastgroup], text[match.end() :])
        elif self._block.lines:
            self._other(text)

    def end(self) -> None:
        """The block, if one is open, ends here."""
        block, self._block = self._block, _Block()
        labels = {label for label, _ in block.lines}
        if Label.AUTHOR not in labels:
            return
        if self.announced or Label.SENT in labels or len(labels) > 2:
            self.announced = False
            self._found(_read(block))

    def _labelled(self, label: Label, rest: str) -> None:
        if label is Label.AUTHOR and self._block.values(Label.AUTHOR):
            self.end()
        position, block = 0, self._block
        block.blank_lines = 0
        # Where a client has lost the line ends, the other labels stand in the same line.
        for inside in LABEL_INSIDE.finditer(rest, 0, _CHARACTERS) if label is Label.AUTHOR else ():
            block.lines.append((label, rest[position : inside.start()]))
            named = LABEL.match(inside[0])
            label = Label[named.lastgroup] if named and named.lastgroup else Label.OTHER
            position = inside.end()
        block.lines.append((label, rest[position:] or " "))

    def _other(self, text: str) -> None:
        block = self._block
        label, value = block.lines[-1]
        if not text:
            block.blank_lines += 1
            if block.blank_lines > 1:
                self.end()
        elif _goes_on(label, value, text) and not block.blank_lines:
            block.lines.append((label, text))
        elif block.stray_lines < _STRAY_LINES and label is not Label.RECIPIENT:
            block.stray_lines += 1
        else:
            self.end()


def _goes_on(label: Label, value: str, text: str) -> bool:
    """Whether a line without a label belongs to the list of addresses before it."""
    if label not in {Label.AUTHOR, Label.RECIPIENT}:
        return False
    return not value.strip() or value.rstrip().endswith(_GOES_ON_AFTER) or text.startswith(("<", "[", "("))


def _read(block: _Block) -> Quoted:
    authors = author_addresses(block.values(Label.AUTHOR))
    recipients = addresses_in(block.values(Label.RECIPIENT))
    return Quoted(addresses=authors | recipients, author_told=bool(authors))


def author_addresses(value: str) -> frozenset[str]:
    """The author: where one wrote on behalf of another, that other, whose mailbox it is."""
    behalf = ON_BEHALF.search(value, 0, _CHARACTERS)
    return addresses_in(value[behalf.end() :] if behalf else value)
