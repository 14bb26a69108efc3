"""When a person last sent as a mailbox, as the log tells it: the newest message that was accepted.

Like a search it believes what it reads; whether the log holds is the verifier's question. The newest
day is read first, and nothing older than what is asked for: a year of log costs what its newest days do
where everybody is found there.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rorpost_gateway.audit.blocks import LINE_OCTETS, Block, blocks, lines
from rorpost_gateway.audit.folder import SUFFIX, day_files
from rorpost_gateway.audit.line import LineFault, parse_line
from rorpost_gateway.audit.search import timestamp

MailboxAndUser = tuple[str, str]  # lower case
FEW = 32  # persons to look for, one after the other

# Of a line without an escape; in one that has any, the same text can be written in many ways.
_USE = re.compile(
    rb'"event":"decision".*?"action":"accept".*?"reverse_path":"([^"]*)".*?"declared_user":"([^"]*)"'
)


@dataclass(frozen=True, kw_only=True)
class Uses:
    """`last` is RFC 3339, UTC, by mailbox and person; who is not in it has not sent since then."""

    last: dict[MailboxAndUser, str]


def last_used(folder: Path, wanted: Collection[MailboxAndUser], *, since: datetime) -> Uses:
    """The newest message of each since a moment (aware).

    Raises Broken where the folder or a file cannot be read, OSError.
    """
    missing, found, oldest = set(wanted), dict[MailboxAndUser, str](), timestamp(since)
    for path in reversed(day_files(folder)):
        # A file holds no time after its own day, but, after a clock was put back, some before it.
        if not missing or path.name.removesuffix(SUFFIX) < oldest[:10]:
            break
        of_day: dict[MailboxAndUser, str] = {}
        for block in blocks(path):
            for pair, time in _of_block(block, missing):
                if time >= oldest:
                    of_day[pair] = max(time, of_day.get(pair, ""))
        found |= of_day
        missing -= of_day.keys()
    return Uses(last=found)


def _of_block(block: Block, wanted: Collection[MailboxAndUser]) -> Iterator[tuple[MailboxAndUser, str]]:
    """The newest of each in a block: only that one is read in full."""
    if not _may_hold(block.octets, wanted):
        return
    done: set[MailboxAndUser] = set()
    for _, line in reversed(list(lines(block))):
        if len(line) >= LINE_OCTETS or not _may_be(line, wanted, done):
            continue
        entry = _entry(line)
        if entry is not None and (pair := _pair(entry)) in wanted and pair not in done:
            done.add(pair)
            yield pair, entry["time"]


def _may_hold(octets: bytes, wanted: Collection[MailboxAndUser]) -> bool:
    """False where none of these persons is in a block: looking for few is quicker than taking lines apart."""
    if len(wanted) > FEW or b"\\" in octets:
        return True
    lowered = octets.lower()
    return any(user.encode("utf-8") in lowered for _, user in wanted)


def _may_be(line: bytes, wanted: Collection[MailboxAndUser], done: Collection[MailboxAndUser]) -> bool:
    if b"\\" in line:
        return True
    pair = _glimpse(line)
    return pair in wanted and pair not in done


def _glimpse(line: bytes) -> MailboxAndUser | None:
    match = _USE.search(line)
    if match is None:
        return None
    return match[1].decode("ascii", "replace").lower(), match[2].decode("ascii", "replace").lower()


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = parse_line(line)
    except LineFault:
        return None
    return entry if entry["event"] == "decision" and entry["action"] == "accept" else None


def _pair(entry: dict[str, Any]) -> MailboxAndUser:
    return str(entry.get("reverse_path") or "").lower(), str(entry.get("declared_user") or "").lower()
