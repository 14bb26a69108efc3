"""Which line of the decision log a message claims to belong to: read from two of its header fields. Pure.

A field that stands twice, or that is not what this gateway writes, claims nothing: the message is
foreign then. RFC 5322, sections 2.2.3 (folding) and 3.6.4 (Message-ID).
"""

import re
from collections.abc import Iterator

from rorpost_gateway.imap.base import Summary
from rorpost_gateway.message.grammar import CFWS
from rorpost_gateway.supervision.base import Place, Trace

FIELDS = ("X-Rorpost-Verified", "Message-ID")
_VERIFIED, _MESSAGE_ID = (name.lower() for name in FIELDS)
_DECISION = re.compile(r"(?:^|;)[ \t]*decision=([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})[ \t]*(?:;|$)")
_ID = re.compile(rf"{CFWS}(<[!-;=?-~]{{1,990}}>){CFWS}")  # as it is read before it is logged
_LINE_END = re.compile(r"\r?\n")


def trace_of(summary: Summary, *, mailbox: str, place: Place) -> Trace:
    """What the message says of itself. Whatever its header holds, this raises nothing."""
    fields = list(_fields(summary.header))
    verified = _only([value for name, value in fields if name == _VERIFIED])
    decision = None if verified is None else _DECISION.search(verified)
    written = _only([value for name, value in fields if name == _MESSAGE_ID])
    message_id = None if written is None else _ID.fullmatch(written)
    return Trace(
        mailbox=mailbox,
        place=place,
        arrived_at=summary.arrived_at,
        decision_id=decision[1] if decision else None,
        message_id=message_id[1] if message_id else None,
    )


def _fields(header: bytes) -> Iterator[tuple[str, str]]:
    """Names in lower case, and values unfolded."""
    name, parts = "", list[str]()
    for line in _LINE_END.split(header.decode("latin-1")):
        if line[:1] in (" ", "\t") and name:
            parts.append(line)
            continue
        if name:
            yield name, "".join(parts).strip()
        name, colon, value = line.partition(":")
        name, parts = (name.rstrip().lower(), [value]) if colon else ("", [])
    if name:
        yield name, "".join(parts).strip()


def _only(values: list[str]) -> str | None:
    return values[0] if len(values) == 1 and values[0] else None
