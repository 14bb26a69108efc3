"""The canonical form of a policy (RFC 8785), put together piece by piece.

A piece is one mailbox, one channel, or the rules. Together they are what canonical JSON of the whole
would be; but neither does the whole have to stand in memory a second time, nor does one long call keep
every other thread waiting.
"""

import json
from typing import Any

import rfc8785

from rorpost_gateway.document import Kind, Node, plain

_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":"))


class Pieces:
    """What stood in the files; a part that stood in none is left out of the form."""

    def __init__(self) -> None:
        self._channels: list[bytes] | None = None
        self._mailboxes: dict[str, bytes] | None = None
        self._rules: bytes | None = None

    def begin_mailboxes(self) -> None:
        """There are mailboxes, if only an empty list of them."""
        self._mailboxes = {} if self._mailboxes is None else self._mailboxes

    def mailbox(self, name: str, node: Node) -> None:
        self.begin_mailboxes()
        if self._mailboxes is not None:
            self._mailboxes[name] = canonical(node)

    def begin_channels(self) -> None:
        """There are channels, if only an empty list of them."""
        self._channels = [] if self._channels is None else self._channels

    def channel(self, node: Node) -> None:
        self.begin_channels()
        if self._channels is not None:
            self._channels.append(canonical(node))

    def rules(self, node: Node) -> None:
        self._rules = canonical(node)

    def joined(self) -> bytes:
        """The canonical form of everything."""
        parts = []
        if self._channels is not None:
            parts.append(b'"channels":[' + b",".join(self._channels) + b"]")
        if self._mailboxes is not None:
            named = sorted(self._mailboxes.items(), key=lambda one: one[0].encode("utf-16be"))
            written = b",".join(rfc8785.dumps(name) + b":" + form for name, form in named)
            parts.append(b'"mailboxes":{' + written + b"}")
        if self._rules is not None:
            parts.append(b'"rules":' + self._rules)
        return b"{" + b",".join(parts) + b"}"


def canonical(node: Node) -> bytes:
    """RFC 8785 of one value; dates as ISO text.

    Where there is nothing but text, whole numbers and ASCII keys, Python's own encoder writes the same
    five times as fast.
    """
    try:
        return _ENCODER.encode(_simple(node)).encode("utf-8")
    except _NotSimple:
        return rfc8785.dumps(plain(node))


class _NotSimple(Exception):
    """A number with decimals, or keys whose order differs between UTF-16 and code points."""


def _simple(node: Node) -> Any:  # noqa: ANN401 - whatever JSON may hold
    kind = node.kind
    if kind is Kind.MAPPING:
        entries = node.entries
        if not all(entry.key.isascii() for entry in entries):
            raise _NotSimple
        return {entry.key: _simple(entry.node) for entry in entries}
    if kind is Kind.SEQUENCE:
        return [_simple(element) for element in node.elements]
    if kind is Kind.FLOAT:
        raise _NotSimple
    return node.source if kind is Kind.DATE else node.value
