"""Which entries an auditor asks for: "who sent what to whom, when, and under which rule".

A search believes what it reads; whether the log holds is the verifier's question.
What it gives out are the very octets of the log, so that each line can be proved
afterwards, and of those only lines that are entries as the verifier knows them.

The octets are looked through before any JSON is parsed. No entry can hide behind
how it is written: a line with an escape in it, where the same text can be written
in many ways, is always parsed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rorpost_gateway.audit.blocks import LINE_OCTETS, Block, blocks, lines
from rorpost_gateway.audit.folder import SUFFIX, day_files
from rorpost_gateway.audit.line import LineFault, parse_line

CUT_OCTETS = 254  # longer values that a client chose stand cut in the log

_TIME_AT = b'","time":"'


@dataclass(frozen=True, kw_only=True)
class Criteria:
    """What all entries that are found have in common; None: anything.

    Addresses, logins and message ids are compared without regard to case. `user`
    is the declared user or the login. `queue_id` may be QUEUE_ID/recipient.
    `since` is included, `until` is not; both know their time zone.
    """

    sender: str | None = None
    recipient: str | None = None
    user: str | None = None
    reason: str | None = None
    event: str | None = None
    channel: str | None = None
    queue_id: str | None = None
    message_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """An entry and where it stands; `octets` is its line without the newline."""

    path: Path
    offset: int
    octets: bytes
    entry: dict[str, Any]


class Search:
    """One search. `skipped` counts, after it, the lines looked at that are no entries.

    Torn writes are such lines in a log that holds; anything else is for the verifier.
    """

    def __init__(self, criteria: Criteria) -> None:
        self._wanted = _wanted(criteria)
        self._needles = sorted(_needles(self._wanted), key=len, reverse=True)
        self._since = None if criteria.since is None else timestamp(criteria.since)
        self._until = None if criteria.until is None else timestamp(criteria.until)
        self.skipped = 0

    def run(self, folder: Path) -> Iterator[Found]:
        """What is found, oldest first. Raises Broken where the folder or a file cannot be read, OSError."""
        for path in day_files(folder):
            # A file holds no time after its own day, but, after a clock was put back, some before it.
            if self._since is not None and path.name.removesuffix(SUFFIX) < self._since[:10]:
                continue
            for block in blocks(path):
                yield from self._block(path, block)

    def _block(self, path: Path, block: Block) -> Iterator[Found]:
        candidates = _with(self._needles[0], block) if self._needles else lines(block)
        for offset, line in candidates:
            if not self._may_be(line):
                continue
            try:
                entry = parse_line(line) if len(line) < LINE_OCTETS else None
            except LineFault:
                entry = None
            if entry is None:
                self.skipped += 1
            elif self._is(entry):
                yield Found(path=path, offset=offset, octets=line, entry=entry)

    def _may_be(self, line: bytes) -> bool:
        if b"\\" in line:
            return True
        if self._since is not None or self._until is not None:
            # The first such place: none of the two fields before it can hold a quotation mark.
            at = line.find(_TIME_AT, 0, 160) + len(_TIME_AT)
            if at >= len(_TIME_AT) and not self._in_time(line[at : at + 24].decode("latin-1")):
                return False
        if len(self._needles) > 1:
            lowered = line.lower()
            return all(needle in lowered for needle in self._needles[1:])
        return True

    def _in_time(self, time: str) -> bool:
        return (self._since is None or self._since <= time) and (self._until is None or time < self._until)

    def _is(self, entry: dict[str, Any]) -> bool:
        if not self._in_time(entry["time"]):
            return False
        return all(
            any(_plain(name, entry.get(name)) == value for name in names) for names, value in self._wanted
        )


def timestamp(time: datetime) -> str:
    """A time as the log writes it: RFC 3339, UTC, milliseconds. Such texts sort as their times do."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def kinds(criteria: Criteria) -> list[str]:
    """Which filters are used, never their values; as the command line calls them."""
    options = {"since": "from", "until": "to"}
    used = [field.name for field in fields(criteria) if getattr(criteria, field.name) is not None]
    return [options.get(name, name.replace("_", "-")) for name in used]


def _wanted(criteria: Criteria) -> list[tuple[tuple[str, ...], str]]:
    """Fields of an entry, of which one must be what is wanted."""
    queue_id, _, copy_of = (criteria.queue_id or "").partition("/")
    wanted = [
        (("reverse_path",), criteria.sender),
        (("recipient",), criteria.recipient),
        (("declared_user", "login"), criteria.user),
        (("reason",), criteria.reason),
        (("event",), criteria.event),
        (("channel",), criteria.channel),
        (("queue_id",), queue_id or None),
        (("recipient",), copy_of or None),
        (("message_id",), None if criteria.message_id is None else f"<{criteria.message_id.strip('<>')}>"),
    ]
    return [(names, _plain(names[0], _cut(value)) or "") for names, value in wanted if value is not None]


def _cut(value: str) -> str:
    return value.encode("utf-8", "replace")[:CUT_OCTETS].decode("utf-8", "ignore")


def _needles(wanted: list[tuple[tuple[str, ...], str]]) -> list[bytes]:
    """What the lower-case octets of a line hold if it is one of those and has no escape; ASCII only."""
    return [
        (value if "message_id" in names else f'"{value}"').encode("ascii")
        for names, value in wanted
        if value and value.isascii()
    ]


def _with(needle: bytes, block: Block) -> Iterator[tuple[int, bytes]]:
    """The lines of a block that hold `needle` in any case, or an escape; in order, each once."""
    octets = block.octets
    lowered = octets.lower()
    hit, escape = lowered.find(needle), octets.find(b"\\")
    while hit >= 0 or escape >= 0:
        at = min(place for place in (hit, escape) if place >= 0)
        start = octets.rfind(b"\n", 0, at) + 1
        end = octets.index(b"\n", at)
        yield block.offset + start, octets[start:end]
        if 0 <= hit < end:
            hit = lowered.find(needle, end)
        if 0 <= escape < end:
            escape = octets.find(b"\\", end)


def _plain(name: str, value: object) -> str | None:
    """A value as it is compared; message ids and the null path may be asked for with brackets or without."""
    if not isinstance(value, str):
        return None
    return value.lower().strip("<>") if name in ("message_id", "reverse_path") else value.lower()
