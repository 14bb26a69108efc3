"""Where a log ends: what the writer must know before it adds the next entry.

Lines that the last checkpoint covers are compared with the hashes it was made of; of
older files only the ends are looked at. Lines after it are read and their chain is
checked. What a crash can leave is told apart from damage:

- a last line without its newline that is whole and in its place: an entry;
- other bytes after the last newline: torn;
- the same, closed by a newline, after a crash between that newline and the
  `torn` entry that tells of it: torn, if it begins as the next entry would and
  is no JSON object;
- a newest file without its `day` entry (the crash came right after its creation).

Anything else is LogDamaged, with file, line and entry number. No bytes are ever
taken away.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from rorpost_gateway.decision_log.base import Event
from rorpost_gateway.decision_log.folder import day_files
from rorpost_gateway.decision_log.line import FIRST_PREV, LINE_OCTETS, leaf_hash
from rorpost_gateway.decision_log.purged import purge_told
from rorpost_gateway.decision_log.read_back import damaged, open_file, parse_object, pieces, sha256_of
from rorpost_gateway.decision_log.scan import Scan
from rorpost_gateway.decision_log.tail import FileSummary, Leaves, Tail


def find_tail(
    folder: Path, covered: Leaves | None = None, on_leaf: Callable[[bytes], None] = lambda _: None
) -> Tail:
    """Read the end of the log in `folder`. Raises LogDamaged, OSError.

    `covered` tells the leaves that the last checkpoint covers: those lines are compared
    with it and not read further, and older files are seen only where they join. Without
    it the whole log is read. `on_leaf` hears of every entry that is not covered, in order.
    """
    files = day_files(folder)
    if not files:
        _see_whole(folder, Tail(), covered)
        return Tail()
    begin, n = _where_to_begin(files, covered)
    prev = FIRST_PREV if n == 0 or covered is None else covered.leaf(n - 1).hex()
    vkey = None
    before: FileSummary | None = None
    for path in files[begin:]:
        opening = Event.GENESIS if n == 0 else Event.DAY
        scan = Scan(
            path, next_n=n, prev=prev, opening=opening, covered=covered, on_leaf=on_leaf, before=before
        )
        tail = scan.run()
        n, prev, vkey = tail.next_n, tail.prev, tail.vkey or vkey
        if path != files[-1]:
            before = _left_in_order(path, tail)
    _see_whole(files[-1], tail, covered)
    tail.vkey = vkey
    if not tail.opened and len(files) > 1:
        tail.before = before or _summary(files[-2], (tail.first or tail.next_n) - 1)
    return tail


def _where_to_begin(files: Sequence[Path], covered: Leaves | None) -> tuple[int, int]:
    """Index and first entry of the oldest file that must be read; the older ones join, file to file."""
    if covered is None or covered.size == 0:
        return 0, 0
    begin, next_first = None, None
    for at in range(len(files) - 1, -1, -1):
        first = _first_entry(files[at])
        if begin is None and first is not None and first <= covered.size:
            begin = (at, first)
        elif begin is not None and next_first is not None:
            _see_joined(files[at], next_first, covered)
        next_first = first if first is not None else next_first
    if begin is None:
        damaged(files[-1], 0, covered.size, "no file holds the entries after the last checkpoint")
    if next_first and not purge_told(files, next_first - 1, covered):
        damaged(files[0], 1, next_first, "the entries before it are gone, and no `purged` entry says so")
    return begin


def _see_joined(path: Path, next_first: int, covered: Leaves) -> None:
    """That a file's last line is the entry before the next file's first one."""
    last, leaf_octets = _last_entry(path)
    if last < 0 or last != next_first - 1:
        damaged(path, 0, last, f"ends with entry {last}, and the next file begins with {next_first}")
    if leaf_octets != covered.leaf(last):
        damaged(path, 0, last, "the last line is not the one that the checkpoint covers")


def _see_whole(path: Path, tail: Tail, covered: Leaves | None) -> None:
    if covered is not None and tail.next_n < covered.size:
        text = f"the log ends here, and its last checkpoint covers {covered.size} entries"
        damaged(path, tail.lines, tail.next_n, text)


def _left_in_order(path: Path, tail: Tail) -> FileSummary:
    """What the next file's `day` entry must say of a file that was read whole."""
    if not tail.opened or tail.torn is not None or tail.needs_newline or tail.first is None:
        damaged(path, tail.lines, tail.next_n, "a file that is not the newest does not end with a whole line")
    return FileSummary(name=path.name, first=tail.first, last=tail.next_n - 1, sha256=tail.digest.hexdigest())


def _first_entry(path: Path) -> int | None:
    """The number of the first entry in a file; None where no crash let it come so far."""
    with open_file(path) as file:
        for piece in pieces(file):
            entry = parse_object(piece.octets)
            if entry is not None and type(entry.get("n")) is int and entry["n"] >= 0:
                return int(entry["n"])
    return None


def _last_entry(path: Path) -> tuple[int, bytes]:
    """Entry number and leaf of the last line of a file that was left in order."""
    with open_file(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - LINE_OCTETS - 1))
        octets = file.read()
    if not octets.endswith(b"\n"):
        damaged(path, 0, 0, "a file that is not the newest has no newline at its end")
    line = octets[:-1].rpartition(b"\n")[2]
    entry = parse_object(line)
    if entry is None or not isinstance(entry.get("n"), int):
        damaged(path, 0, 0, "the last line is no entry")
    return entry["n"], leaf_hash(line)


def _summary(path: Path, last: int) -> FileSummary:
    with open_file(path) as file:
        first = next((entry for piece in pieces(file) if (entry := parse_object(piece.octets))), {})
    if not isinstance(first.get("n"), int):
        damaged(path, 1, 0, "no entry with a number")
    sha256 = sha256_of(path, 0, path.stat().st_size)
    return FileSummary(name=path.name, first=first["n"], last=last, sha256=sha256)
