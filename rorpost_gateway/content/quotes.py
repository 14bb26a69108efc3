"""What a message quotes of earlier correspondence, by the reply headers that stand over it.

Plain text and HTML, forwarded messages as parts and as files. Conservative: an author who is not
named by an address is only suspected, and so is what lies beyond the bounds. Nothing of the text is
kept. Linear within the bounds, whatever comes.
"""

import struct
from collections.abc import Sequence

from rorpost_gateway.content.bounds import Bounds
from rorpost_gateway.content.embedded import EMBEDDED, quoted_by_header
from rorpost_gateway.content.entries import Budget, Closed
from rorpost_gateway.content.kinds import COMPOUND, MESSAGE, TNEF
from rorpost_gateway.content.names import names_of
from rorpost_gateway.content.outlook_files import SAVED_MARK, read_saved
from rorpost_gateway.content.running_text import QuoteReader
from rorpost_gateway.content.text_parts import decode_leniently, form_of, read_text
from rorpost_gateway.content.transfer import decoded
from rorpost_gateway.errors import MessageMalformed, MessageTooComplex
from rorpost_gateway.facts import Quotes
from rorpost_gateway.message import Message, Part, check_structure, parse_message
from rorpost_gateway.message.line_ends import with_crlf
from rorpost_gateway.message.transfer_encoding import UNENCODED

_MAIL_FILES = (".eml", ".mht", ".mhtml")
_ENCODINGS = frozenset({*UNENCODED, "base64", "quoted-printable"})


def read_quotes(message: Message, parts: Sequence[Part], bounds: Bounds) -> Quotes:
    """Every quote of the message. `parts` are all of its parts, parents first. Pure, bounded."""
    search = _Search(bounds)
    search.message(message, parts, depth=0)
    return Quotes(quoted=tuple(search.reader.quoted), suspected=search.reader.suspected)


class _Search:
    """One search through one message; it counts what must stay bounded."""

    def __init__(self, bounds: Bounds) -> None:
        self.reader = QuoteReader()
        self._bounds = bounds
        self._octets_left = bounds.text_octets
        self._budget = Budget(bounds)

    def message(self, message: Message, parts: Sequence[Part], *, depth: int) -> None:
        for part, following in zip(parts, (*parts[1:], None), strict=True):
            if not part.readable or part.encoding not in _ENCODINGS:
                self.reader.suspected += 1
            if part.content_type is not None and part.content_type.is_multipart:
                # Parts in a transfer encoding, which RFC 2045, 6.4 forbids, are none for most readers.
                # Where there are no parts, some show what stands there.
                if part.encoding not in UNENCODED or following is None or following.depth <= part.depth:
                    self.reader.suspected += 1
            elif part.kind in EMBEDDED and part.encoding in UNENCODED:
                # The text in it is a part of its own.
                self.reader.add(quoted_by_header(message.octets[part.body_offset : part.end]))
            else:
                self._leaf(message, part, depth=depth)

    def _leaf(self, message: Message, part: Part, *, depth: int) -> None:
        names = names_of(message, part)
        form = form_of(message, part, names)
        if part.kind in EMBEDDED or form.found == MESSAGE or _ends_with(names, _MAIL_FILES):
            self._file(message, part, depth=depth + 1)
        elif form.found == COMPOUND:
            self._saved(message, part, names)
        elif form.found == TNEF:
            self.reader.suspected += 1  # its text is Outlook's own, and compressed
        if form.as_text:
            self._text(message, part, html=False)
        if form.as_html:
            self._text(message, part, html=True)

    def _text(self, message: Message, part: Part, *, html: bool) -> None:
        most = min(self._bounds.part_text_octets, self._octets_left)
        read = read_text(message, part, most_octets=most, html=html)
        self._octets_left -= min(most, part.end - part.body_offset)
        self.reader.read(read.text)
        if not read.whole:
            self.reader.suspected += 1

    def _saved(self, message: Message, part: Part, names: Sequence[str]) -> None:
        """A message as Outlook saves it, among the documents that are files of the same form."""
        try:
            octets = decoded(message.octets, part.body_offset, part.end, part.encoding)
            if SAVED_MARK not in octets and not _ends_with(names, (".msg",)):
                return
            for saved in read_saved(octets, self._budget, most_octets=self._bounds.part_text_octets):
                self.reader.add(saved.quoted)
                self.reader.suspected += not saved.texts
                for text in saved.texts:
                    self.reader.read(text)
        except (Closed, struct.error, IndexError):
            self.reader.suspected += 1

    def _file(self, message: Message, part: Part, *, depth: int) -> None:
        """A message in a transfer encoding, or as a file."""
        size = part.end - part.body_offset
        if depth > self._bounds.depth or size > self._octets_left:
            self.reader.suspected += 1
            return
        self._octets_left -= size
        octets = decode_leniently(message.octets[part.body_offset : part.end], part.encoding)
        self.reader.add(quoted_by_header(octets))
        try:
            inside = parse_message(with_crlf(octets))
            parts = check_structure(inside)
        except (MessageMalformed, MessageTooComplex):
            self.reader.suspected += 1
            return
        self.message(inside, parts, depth=depth)


def _ends_with(names: Sequence[str], extensions: tuple[str, ...]) -> bool:
    return any(name.lower().rstrip(" .").endswith(extensions) for name in names)
