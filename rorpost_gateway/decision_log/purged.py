"""Whether the log itself tells of the day files that are not there any more.

Looked for from the newest file backwards, by bytes; what is found counts only where it
is the line that the checkpoint covers.
"""

from collections.abc import Sequence
from pathlib import Path

from rorpost_gateway.decision_log.base import Event
from rorpost_gateway.decision_log.line import leaf_hash
from rorpost_gateway.decision_log.read_back import open_file, parse_object, pieces
from rorpost_gateway.decision_log.tail import Leaves

_PURGED = f'"event":"{Event.PURGED}"'.encode()


def purge_told(files: Sequence[Path], last: int, covered: Leaves) -> bool:
    """Whether a `purged` entry names the file that ended with entry `last`. Raises LogDamaged, OSError."""
    return any(_tells(path, last, covered) for path in reversed(files))


def _tells(path: Path, last: int, covered: Leaves) -> bool:
    with open_file(path) as file:
        return any(_PURGED in piece.octets and _is_it(piece.octets, last, covered) for piece in pieces(file))


def _is_it(line: bytes, last: int, covered: Leaves) -> bool:
    entry = parse_object(line)
    if entry is None or entry.get("event") != Event.PURGED or entry.get("last") != last:
        return False
    n = entry.get("n")
    return type(n) is int and 0 <= n < covered.size and covered.leaf(n) == leaf_hash(line)
