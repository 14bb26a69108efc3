"""Nodes from libyaml's events, in one pass. PyYAML is imported here only.

Events rather than composed nodes: a tenth of the time and a third of the memory of
composing and walking, and no recursion that deep nesting could drive into the ground.
Invariant: what is returned is bounded in size and depth and holds only the kinds of
`node.Kind`; everything else is a finding.

YAML 1.2, section 10.3 (core schema), of which this is the unsurprising part.
"""

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import yaml

from rorpost_gateway.decision import Position
from rorpost_gateway.document.findings import KEPT, WORD, Aside, DocumentInvalid, Findings, shown
from rorpost_gateway.document.node import Entry, Kind, Node, Scalar
from rorpost_gateway.document.scalars import Unreadable, odd_blank, resolve
from rorpost_gateway.document.syntax import (
    CURLED,
    CURLED_QUOTES,
    NO_BLANK,
    STRAIGHT,
    Place,
    diagnose,
    no_blank,
)

DEEPEST = 50
REMEMBERED = 20_000  # values without quotes: addresses, dates and words come again and again
MOST_VALUES = 4_000_000  # a policy of 100,000 channels has a third of that

Progress = Callable[[int], None]  # called with the line that was come to, now and then

_new_node = tuple.__new__
_ONE_IN = 0x4000  # a power of two: after so many values it is told how far it has come


class _Open:
    """A mapping or sequence whose end has not come yet. `seen` has the place of each key in `entries`."""

    __slots__ = ("column", "entries", "key", "line", "nodes", "seen")

    def __init__(self, event: yaml.Event, *, mapping: bool) -> None:
        self.line, self.column = _place(event)
        self.entries: list[Entry] | None = [] if mapping else None
        self.nodes: list[Node] = []
        self.key: Node | None = None
        self.seen: dict[str, int] = {}


class Builder:
    """Builds the nodes of one text. What stops the reading raises `findings`, empty at first, as well."""

    def __init__(self, file: str, findings: Findings, progress: Progress | None = None) -> None:
        self._file = file
        self._progress = progress
        self._findings = findings
        self._open: list[_Open] = []
        self._root: Node | None = None
        self._documents = 0
        self._room = MOST_VALUES
        self._line = 0  # the last one met: equal numbers need not be kept many times over
        self._known: dict[str, tuple[Kind, Scalar, str]] = {}
        self._keys: dict[str, str] = {}

    def build(self, text: str) -> Node:
        """The root. Raises DocumentInvalid at what cannot be read, with all that was found before it."""
        for event in self._events(text):
            if type(event) is yaml.ScalarEvent:
                self._take(self._scalar(event))
            elif isinstance(event, yaml.CollectionEndEvent):
                self._end()
            elif isinstance(event, yaml.CollectionStartEvent):
                self._begin(event)
            elif isinstance(event, yaml.AliasEvent):
                self._refuse(
                    event,
                    "aliases (*name) are not used here: write the value out",
                    length=1 + len(event.anchor or ""),
                    advice="if it is text that begins with *, put it in quotes",
                )
                self._take(self._node(event, Kind.NULL, None))
            elif isinstance(event, yaml.DocumentStartEvent):
                self._begin_document(event)
        return self._root or Node(Kind.NULL, None, self._file, 1, 1)

    def _events(self, text: str) -> Iterator[yaml.Event]:
        try:
            yield from iter(yaml.CSafeLoader(text).get_event, None)
        except yaml.MarkedYAMLError as error:
            self._stop_at_fault(error, text)
        except yaml.YAMLError:
            self._stop((1, 1), "is not YAML")

    def _stop_at_fault(self, error: yaml.MarkedYAMLError, text: str) -> NoReturn:
        place, began = _place_of(error.problem_mark), _place_of(error.context_mark)
        found = diagnose(
            text,
            problem=error.problem or error.context or "fault",
            place=place or began or (1, 1),
            context=error.context or "",
            began=began,
        )
        asides = () if found.opened is None else (Aside(self._position(found.opened), "it began here"),)
        self._stop(found.place, found.text, length=found.length, advice=found.advice, asides=asides)

    def _stop(
        self, place: Place, text: str, *, length: int = WORD, advice: str = "", asides: tuple[Aside, ...] = ()
    ) -> NoReturn:
        """Nothing after this can be read: raise it together with what was found before."""
        self._findings.add(self._position(place), text, length=length, advice=advice, asides=asides)
        self._findings.raise_if_any()
        raise DocumentInvalid([])  # never reached: one was added

    def _refuse(self, event: yaml.Event, text: str, *, length: int = WORD, advice: str = "") -> None:
        self._findings.add(self._position(_place(event)), text, length=length, advice=advice)
        if len(self._findings) >= KEPT:
            self._stop(_place(event), "so much is wrong up to here that the rest was not read")

    def _position(self, place: Place) -> Position:
        return Position(file=self._file, line=place[0], column=place[1])

    def _begin_document(self, event: yaml.DocumentStartEvent) -> None:
        self._documents += 1
        if self._documents > 1:
            self._stop(_place(event), "a second document (---): one file holds one")
        if event.version or event.tags:
            self._refuse(event, "directives (%YAML, %TAG) are not used here")

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        self._refuse_decoration(event)
        if len(self._open) >= DEEPEST:
            self._stop(_place(event), f"is nested deeper than {DEEPEST} levels", length=1)
        self._open.append(_Open(event, mapping=isinstance(event, yaml.MappingStartEvent)))

    def _end(self) -> None:
        done = self._open.pop()
        if done.entries is None:
            node = Node(Kind.SEQUENCE, tuple(done.nodes), self._file, done.line, done.column)
        else:
            node = Node(Kind.MAPPING, tuple(done.entries), self._file, done.line, done.column)
        self._take(node)

    def _take(self, node: Node) -> None:
        """Put a finished node where it belongs: root, element, key or value."""
        self._room -= 1
        if not self._room & (_ONE_IN - 1):
            self._come_far(node)
        if not self._open:
            self._root = node
            return
        around = self._open[-1]
        if around.entries is None:
            around.nodes.append(node)
        elif around.key is None:
            around.key = node
        else:
            self._enter(around, around.entries, around.key, node)
            around.key = None

    def _come_far(self, node: Node) -> None:
        if not self._room:
            self._stop((node.line, node.column), f"holds more than {MOST_VALUES} values")
        if self._progress is not None:
            self._progress(node.line)

    def _enter(self, around: _Open, entries: list[Entry], key: Node, node: Node) -> None:
        if key.kind is not Kind.TEXT:
            self._refuse_key(key, f"a key must be text, not a {key.kind}; put it in quotes")
        elif key.source == "<<" and not key.quoted:
            self._refuse_key(key, "merge keys (<<) are not used here: write the keys out")
        elif (place := around.seen.setdefault(key.source, len(entries))) < len(entries):
            first = entries[place]
            text = f"key {shown(key.source)} stands twice (first on line {first.line})"
            self._refuse_key(key, text, (Aside(first.position, "first here"),))
        else:
            name = self._keys.setdefault(key.source, key.source)
            entries.append(Entry(name, key.line, key.column, node))

    def _refuse_key(self, key: Node, text: str, asides: tuple[Aside, ...] = ()) -> None:
        self._findings.add(key.position, text, length=key.length, asides=asides)
        if len(self._findings) >= KEPT:
            self._stop((key.line, key.column), "so much is wrong up to here that the rest was not read")

    def _scalar(self, event: yaml.ScalarEvent) -> Node:
        if event.anchor or event.tag:
            self._refuse_decoration(event)
        source: str = event.value
        if event.style:
            return self._node(event, Kind.TEXT, source, source, quoted=True)
        return self._node(event, *(self._known.get(source) or self._meaning(event, source)))

    def _meaning(self, event: yaml.ScalarEvent, source: str) -> tuple[Kind, Scalar, str]:
        """What a value without quotes is. Remembered, where nothing was found: for speed and for room."""
        try:
            kind, value = resolve(source)
        except Unreadable as error:
            self._refuse(event, error.text, length=len(source), advice=error.advice)
            return error.kind, error.placeholder, source
        if source[:1] in CURLED_QUOTES:
            plain_text = source.strip("".join(CURLED_QUOTES))
            self._findings.add(
                self._position(_place(event)),
                CURLED,
                length=len(source),
                meant=f'"{plain_text}"',
                advice=STRAIGHT,
            )
            return kind, value, source
        if not source.isascii() and (blank := odd_blank(source)):
            line, column = _place(event)
            place = self._position((line, column + source.index(blank)))
            self._findings.add(place, no_blank(blank), length=1, advice=NO_BLANK)
            return kind, value, source
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[source] = kind, value, source
        return kind, value, source

    def _refuse_decoration(self, event: yaml.NodeEvent) -> None:
        if event.anchor:
            self._refuse(
                event,
                "anchors (&name) are not used here: write the value out",
                length=1 + len(event.anchor),
                advice="if it is text that begins with &, put it in quotes",
            )
        if event.tag:  # type: ignore[attr-defined]
            self._refuse(
                event,
                "tags (!name) are not used here",
                advice="if it is text that begins with !, put it in quotes",
            )

    def _node(
        self, event: yaml.Event, kind: Kind, value: Scalar, source: str = "", *, quoted: bool = False
    ) -> Node:
        mark: Any = event.start_mark
        line = mark.line + 1
        if line == self._line:
            line = self._line
        else:
            self._line = line
        # As Node(...) does, without its detour over keywords: this is done a million times.
        return _new_node(Node, (kind, value, self._file, line, mark.column + 1, source, quoted))


def _place(event: yaml.Event) -> Place:
    """Where an event begins, counted from 1."""
    mark: Any = event.start_mark  # libyaml always sets it
    return mark.line + 1, mark.column + 1


def _place_of(mark: Any) -> Place | None:  # noqa: ANN401 - either of yaml's two kinds of mark
    return None if mark is None else (mark.line + 1, mark.column + 1)
