"""Sets of UIDs as IMAP writes them, `1:3,7`. Pure. RFC 3501, section 9 (sequence-set)."""

import re
from collections.abc import Iterable, Iterator, Sequence

from rorpost_gateway.imap.tokens import Unreadable

HIGHEST_UID = 2**32 - 1
MOST_UIDS = 1_000_000  # in one answer; a range of a few octets could stand for four thousand million
BATCH = 200  # UIDs in a command
_SET = re.compile(r"[0-9]{1,10}(?::[0-9]{1,10})?(?:,[0-9]{1,10}(?::[0-9]{1,10})?)*")


def uid_set(uids: Iterable[int]) -> str:
    """The shortest way to write them; empty for none."""
    ranges: list[list[int]] = []
    for uid in sorted(set(uids)):
        if ranges and ranges[-1][1] == uid - 1:
            ranges[-1][1] = uid
        else:
            ranges.append([uid, uid])
    return ",".join(f"{first}" if first == last else f"{first}:{last}" for first, last in ranges)


def read_uid_set(text: str) -> list[int]:
    """The UIDs of a set without `*`, in its order. Raises Unreadable."""
    if not _SET.fullmatch(text):
        raise Unreadable
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition(":")
        low, high = sorted((int(first), int(last or first)))
        if low < 1 or high > HIGHEST_UID or high - low + len(found) >= MOST_UIDS:
            raise Unreadable
        found.extend(range(low, high + 1))
    return found


def batches(uids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(uids), BATCH):
        yield uids[start : start + BATCH]
