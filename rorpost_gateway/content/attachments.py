"""What is attached to a message, by what is found in it.

Every part that is not plainly the message's own text is an attachment, whatever it says that it is;
archives, messages and documents are looked into, and what is found in them comes after them, one
deeper. Invariant: what could not be looked into in whole, within its bounds, has `inspected` False.
"""

import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from rorpost_gateway.content.bounds import Bounds
from rorpost_gateway.content.embedded import EMBEDDED
from rorpost_gateway.content.entries import Budget, BudgetSpent, Closed, Contents, Entry, Reader
from rorpost_gateway.content.file_names import all_extensions, endings, is_disguised, text_kind
from rorpost_gateway.content.kinds import (
    CLOSED,
    COMPOUND,
    GZIP,
    MESSAGE,
    PDF,
    RTF,
    TAR,
    TEXT,
    TNEF,
    UNKNOWN,
    ZIP,
    Octets,
    canonical,
    is_nearly_text,
    kind_of,
)
from rorpost_gateway.content.names import file_names_of, holds_identity_number, names_of
from rorpost_gateway.content.office import read_compound
from rorpost_gateway.content.searches import holds_objects, is_encrypted_pdf, uuencoded
from rorpost_gateway.content.tars import read_gzip, read_tar
from rorpost_gateway.content.tnef import read_tnef
from rorpost_gateway.content.transfer import decoded
from rorpost_gateway.content.zips import has_directory, read_zip
from rorpost_gateway.errors import MessageMalformed, MessageTooComplex
from rorpost_gateway.facts import Attachment
from rorpost_gateway.message import Message, Part, check_structure, parse_message
from rorpost_gateway.message.line_ends import with_crlf
from rorpost_gateway.message.transfer_encoding import UNENCODED

_READERS: Final[Mapping[str, Reader]] = {
    ZIP: read_zip,
    GZIP: read_gzip,
    TAR: read_tar,
    TNEF: read_tnef,
    COMPOUND: read_compound,
}
_OWN_TEXT: Final = frozenset(
    (TEXT, "text/html", "text/enriched", "text/richtext", "text/rfc822-headers", "text/x-amp-html")
)
_WIDE_CHARSET = re.compile(r"utf-?(?:16|32)|ucs-?[24]", re.IGNORECASE)
_ATTACHED = re.compile(rb"^content-disposition[ \t]*+:\s*+attachment", re.IGNORECASE | re.MULTILINE)
# What a hostile file can do to code that trusts its numbers. Anything else is a fault of ours.
_BROKEN: Final = (
    Closed,
    struct.error,
    IndexError,
    OverflowError,
    UnicodeError,
    MessageMalformed,
    MessageTooComplex,
)


def read_attachments(message: Message, parts: Sequence[Part], bounds: Bounds) -> tuple[Attachment, ...]:
    """Every attachment, and what is in it as far as it can be looked into. Pure, bounded.

    `parts` are those of `check_structure`. A container comes before what lies in it.
    """
    search = _Search(bounds)
    search.message(message, parts, 0)
    return tuple(search.found)


class _Search:
    """One search through one message; whatever is found counts against one budget."""

    def __init__(self, bounds: Bounds) -> None:
        self.found: list[Attachment] = []
        self._bounds = bounds
        self._budget = Budget(bounds)

    def message(self, message: Message, parts: Sequence[Part], depth: int) -> None:
        """What is attached to a message that lies `depth` deep."""
        around: list[Part] = []  # the embedded messages that a part lies in
        shut: Part | None = None  # one that is too deep to be looked into
        for part in parts:
            while around and part.depth <= around[-1].depth:
                around.pop()
            if shut is not None and part.depth > shut.depth:
                continue
            shut = None
            own_depth = depth + len(around)
            if part.content_type is not None and part.content_type.is_multipart and _is_open(part):
                continue
            if part.kind in EMBEDDED and _is_open(part):
                if part.depth > 0:
                    self._embedded_message(message, part, own_depth)
                if own_depth >= self._bounds.depth:
                    shut = part
                elif part.depth > 0:
                    around.append(part)
                continue
            self._leaf(message, part, own_depth)

    def _embedded_message(self, message: Message, part: Part, depth: int) -> None:
        """One that the structure itself shows; its parts come on their own."""
        attachment = _attachment(
            _entry(message, part, None), MESSAGE, depth=depth, octets=part.end - part.body_offset
        )
        self.found.append(replace(attachment, inspected=depth < self._bounds.depth))

    def _leaf(self, message: Message, part: Part, depth: int) -> None:
        try:
            octets = (
                decoded(message.octets, part.body_offset, part.end, part.encoding) if part.readable else None
            )
        except Closed:
            octets = None
        entry = _entry(message, part, octets)
        if octets is not None and _is_own_text(message, part, octets, entry.names):
            self._uuencoded(octets, depth)
            return
        shut = _shut(entry, depth, size=part.end - part.body_offset)
        if octets is None or part.kind.startswith("multipart/"):
            self.found.append(shut)
            return
        try:
            self.file(entry, depth, names=names_of(message, part))
        except BudgetSpent:
            self.found.append(shut)

    def _uuencoded(self, octets: Octets, depth: int) -> None:
        try:
            for entry in uuencoded(octets, self._budget):
                self.file(entry, depth)
        except BudgetSpent:
            self.found.append(_shut(Entry(octets=None), depth, size=len(octets)))

    def file(self, entry: Entry, depth: int, *, names: Sequence[str] = ()) -> None:
        """One file, and what lies in it. `names` are further ones that a person might be shown.

        Raises BudgetSpent, and leaves nothing then.
        """
        if depth:
            self._budget.take_entry()
        octets = entry.octets
        if octets is None:
            self.found.append(_shut(entry, depth, size=entry.size_octets))
            return
        kind = entry.kind or _kind(entry, octets)
        place = len(self.found)
        attachment = _attachment(entry, kind, depth=depth, octets=len(octets), more_names=names)
        self.found.append(attachment)
        if entry.kind is None:
            kind, inspected = self._inside(kind, entry, octets, depth)
            disguised = is_disguised(kind, entry.names, entry.declared)
            self.found[place] = replace(attachment, kind=kind, inspected=inspected, disguised=disguised)

    def _inside(self, kind: str, entry: Entry, octets: Octets, depth: int) -> tuple[str, bool]:
        """Look into a file: what it turns out to be, and whether all of it could be seen."""
        if kind in CLOSED or entry.declared in CLOSED - {UNKNOWN}:
            self._tail(octets, depth)
            return kind, False
        if kind == PDF:
            return kind, self._tail(octets, depth) and not is_encrypted_pdf(octets)
        if kind == RTF:
            return kind, self._tail(octets, depth) and not holds_objects(octets)
        if kind == MESSAGE:
            return kind, self._attached_message(octets, depth)
        reader = _READERS.get(kind)
        if reader is None:
            return kind, self._tail(octets, depth)
        if depth >= self._bounds.depth:
            return kind, False
        try:
            contents = reader(octets, self._budget)
            kind = contents.kind
            self._each(contents, entry, depth)
        except _BROKEN:
            return kind, False
        return kind, True

    def _each(self, contents: Contents, entry: Entry, depth: int) -> None:
        for inner in contents.entries:
            if contents.kind == GZIP and not inner.names:
                self.file(replace(inner, names=tuple(map(_without_gz, entry.names))), depth + 1)
            else:
                self.file(inner, depth + 1)

    def _tail(self, octets: Octets, depth: int) -> bool:
        """A zip archive may follow upon anything else, and some programs open it as one."""
        if not has_directory(octets):
            return True
        if depth >= self._bounds.depth:
            return False
        try:
            for inner in read_zip(octets, self._budget).entries:
                self.file(inner, depth + 1)
        except _BROKEN:
            return False
        return True

    def _attached_message(self, octets: Octets, depth: int) -> bool:
        """A message that is attached as a file, or encoded against RFC 2046, section 5.2.1."""
        if depth >= self._bounds.depth:
            return False
        try:
            inner = parse_message(with_crlf(bytes(octets)))
            self.message(inner, check_structure(inner), depth + 1)
        except _BROKEN:
            return False
        return True


def _kind(entry: Entry, octets: Octets) -> str:
    kind = text_kind(kind_of(octets), endings(entry.names))
    return MESSAGE if kind == TEXT and entry.declared in EMBEDDED else kind


def _entry(message: Message, part: Part, octets: Octets | None) -> Entry:
    return Entry(names=file_names_of(message, part), octets=octets, declared=canonical(part.kind))


def _attachment(
    entry: Entry, kind: str, *, depth: int, octets: int, more_names: Sequence[str] = ()
) -> Attachment:
    return Attachment(
        kind=kind,
        declared=entry.declared,
        extensions=all_extensions(entry.names),
        endings=endings(entry.names),
        octets=octets,
        depth=depth,
        identity_number_in_name=any(map(holds_identity_number, (*entry.names, *more_names))),
        disguised=is_disguised(kind, entry.names, entry.declared),
    )


def _shut(entry: Entry, depth: int, *, size: int) -> Attachment:
    """What nobody can look into."""
    return replace(_attachment(entry, UNKNOWN, depth=depth, octets=size), inspected=False)


def _is_open(part: Part) -> bool:
    """Whether the walk over the structure goes on into this part."""
    return part.readable and part.encoding in UNENCODED


def _is_own_text(message: Message, part: Part, octets: Octets, names: Sequence[str]) -> bool:
    """Whether this is what a reader sees as the text of the message."""
    if names or part.kind not in _OWN_TEXT or _ATTACHED.search(_header(message, part)):
        return False
    charset = part.content_type.parameters.get("charset", "") if part.content_type else ""
    kind = kind_of(octets)
    if kind == UNKNOWN:
        return bool(_WIDE_CHARSET.match(charset)) or is_nearly_text(octets)
    return kind in _READ_AS_TEXT


_READ_AS_TEXT: Final = frozenset((TEXT, "text/html", "application/xml", "text/x-shellscript", MESSAGE))


def _header(message: Message, part: Part) -> bytes:
    return message.octets[part.start : part.body_offset]


def _without_gz(name: str) -> str:
    lower = name.lower()
    if lower.endswith(".tgz"):
        return name[:-4] + ".tar"
    return name[:-3] if lower.endswith(".gz") else name
