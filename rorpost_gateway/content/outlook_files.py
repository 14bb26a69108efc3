"""Messages as Outlook saves them and attaches them (.msg): whom they are from and to, and their text.

Those that are attached to one are messages like it. [MS-OXMSG], sections 2.1 and 2.2; the properties
are those of [MS-OXPROPS].
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from rorpost_gateway.content.addresses import addresses_in
from rorpost_gateway.content.compound import CompoundFile, Node
from rorpost_gateway.content.embedded import quoted_by_header
from rorpost_gateway.content.entries import Budget
from rorpost_gateway.content.html import text_of_html
from rorpost_gateway.content.kinds import Octets
from rorpost_gateway.content.reply_headers import Quoted
from rorpost_gateway.content.visible import visible

SAVED_MARK = "__properties_version1.0".encode("utf-16-le")
_PROPERTY = "__substg1.0_"
_ATTACHED_MESSAGE = f"{_PROPERTY}3701000D"
_RECIPIENT = "__recip_version1.0_"
_WIDE, _NARROW, _BINARY = "001F", "001E", "0102"
_ON_BEHALF, _SENDERS = ("5D02", "0065"), ("5D01", "0C1F")
_ADDRESSES = ("39FE", "3003")
_HEADER, _BODY, _HTML = "007D", "1000", "1013"
_ADDRESS_OCTETS = 2048


@dataclass(frozen=True, kw_only=True)
class Saved:
    """One message. `texts` are what a reader sees; none where it cannot be read."""

    quoted: Quoted
    texts: tuple[str, ...] = field(repr=False)


def read_saved(octets: Octets, budget: Budget, *, most_octets: int) -> Iterator[Saved]:
    """Each message in the file. Raises Closed, and struct.error where the file is broken."""
    file = CompoundFile(octets, budget)
    streams: dict[tuple[str, ...], dict[str, Node]] = {(): {}}
    for node in file.nodes:
        if node.is_stream and node.name.startswith(_PROPERTY):
            streams.setdefault(node.path[:-1], {})[node.name[len(_PROPERTY) :].upper()] = node
    for path, own in streams.items():
        if path and path[-1].upper() != _ATTACHED_MESSAGE.upper():
            continue
        recipients = [
            of_one
            for folder, of_one in streams.items()
            if folder[:-1] == path and folder and folder[-1].startswith(_RECIPIENT)
        ]
        yield _saved(file, own, recipients, most_octets)


def _saved(file: CompoundFile, own: dict[str, Node], recipients: list[dict[str, Node]], most: int) -> Saved:
    authors = _addresses(file, own, _ON_BEHALF) or _addresses(file, own, _SENDERS)
    stated = quoted_by_header(_text(file, own, _HEADER, most).encode("utf-8", "replace"))
    others = frozenset().union(*(_addresses(file, each, _ADDRESSES) for each in recipients))
    html = own.get(_HTML + _BINARY)
    texts = (
        _text(file, own, _BODY, most),
        text_of_html(file.read(html, most).decode("utf-8", "replace")) if html else "",
    )
    return Saved(
        quoted=Quoted(
            addresses=authors | others | stated.addresses, author_told=bool(authors) or stated.author_told
        ),
        texts=tuple(visible(text.replace("\r\n", "\n").replace("\r", "\n")) for text in texts if text),
    )


def _addresses(file: CompoundFile, own: dict[str, Node], tags: tuple[str, ...]) -> frozenset[str]:
    return frozenset().union(*(addresses_in(visible(_text(file, own, tag, _ADDRESS_OCTETS))) for tag in tags))


def _text(file: CompoundFile, own: dict[str, Node], tag: str, most: int) -> str:
    if tag + _WIDE in own:
        octets = file.read(own[tag + _WIDE], most)
        return octets[: len(octets) & ~1].decode("utf-16-le", "replace").rstrip("\0")
    if tag + _NARROW in own:
        return file.read(own[tag + _NARROW], most).decode("windows-1252", "replace").rstrip("\0")
    return ""
