"""The verifier: reads a log as an auditor who trusts nobody does.

It shares no code with the writer, reads what is there in order (parts of it beside
each other, in several processes) and stops at the first thing that does not hold.
Memory does not depend on the length of the log, of a file or of a line. Whatever
the folder holds, the answer is a `Verified` or a `Broken`, never a crash.

Checked: each line (one JSON object of known shape, ASCII, at most 16 KiB, no key
twice), numbers without gaps, the chain of hashes, each file's opening entry
(`genesis`, `day` with the SHA-256 of the file before), `torn` entries with the
bytes they name; the tree, every hash tile, every checkpoint, its signature and by
which key; changes of key; that what is missing was purged by an entry that says so.

A log without any checkpoint, of a version that made none, has its lines and its
chain only; `Verified.covered` is then 0. Lines behind the newest checkpoint are
counted: nothing that is signed vouches for them yet. What nobody can see from the
folder alone: a log cut back to an earlier checkpoint, or replaced as a whole. That
takes a checkpoint which somebody else holds: `since`.

RFC 6962, section 2.1; RFC 3339; c2sp.org/tlog-tiles, tlog-checkpoint, signed-note.
"""

from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from pathlib import Path

from rorpost_gateway.audit.folder import Broken
from rorpost_gateway.audit.purges import Purge
from rorpost_gateway.audit.verification import Verification
from rorpost_gateway.audit.workers import Workers, usable_processors

SEVERAL_PROCESSES_OCTETS = 64 * 1024 * 1024  # a shorter log is read before they have started

__all__ = ["Broken", "Progress", "Purge", "Verified", "verify_log"]

Progress = Callable[[int, int], None]  # octets read, octets in all


@dataclass(frozen=True, kw_only=True)
class Verified:
    """A log that holds. `head` is the last entry's leaf; `first_time`/`last_time` are as written.

    `entries` counts all, of which `purged` are not there any more and `skipped` were not
    read, since `since` vouches for them. The newest checkpoint covers `covered` of them;
    `uncovered` follow it, the first of them at `uncovered_at` (file:line). `vkey` is the
    verifier key in force, `rotations` how often it was changed; `vkey_checked` says that
    a key given from outside is one of them. `keys_purged` counts the checkpoints whose
    key only purged entries told of. `unfinished_octets` stand after the last newline: a
    line being written now, or one that a crash cut short and the next start will close.
    """

    files: int
    entries: int
    torn: int
    head: str
    first_time: str
    last_time: str
    vkey: str
    origin: str
    vkey_checked: bool
    unfinished_octets: int
    checkpoints: int = 0
    covered: int = 0
    uncovered: int = 0
    uncovered_at: str | None = None
    rotations: int = 0
    keys_purged: int = 0
    purged: int = 0
    purges: tuple[Purge, ...] = ()
    skipped: int = 0
    restart_decision: str | None = None  # by which decision this log took the place of an earlier one


def verify_log(
    folder: Path,
    *,
    vkey: str | None = None,
    since: bytes | None = None,
    progress: Progress | None = None,
    processes: int | None = None,
) -> Verified:
    """Verify the log in `folder`. Raises Broken.

    `vkey` is the verifier key as the auditor got it by another way: the present one or
    an earlier one. `since` is a checkpoint that the auditor kept (a signed note): the
    log must be what has become of it, and entries before its file are not read again.
    `processes` is how many may work, by default as many as there are processors.
    What cannot be read at all (no such folder, no permission) is Broken too, with
    check `file`.
    """
    verification = Verification(folder, vkey=vkey, since=since, progress=progress)
    if processes is None:
        processes = usable_processors() if verification.octets >= SEVERAL_PROCESSES_OCTETS else 1
    try:
        with Workers(processes) as workers:
            return Verified(**verification.run(workers))
    except BrokenExecutor:
        text = "a process that took part was ended; nothing is said of the log"
        raise Broken(file=str(folder), line=0, entry=0, check="file", text=text) from None
    except OSError as error:
        text = f"cannot be read: {error.strerror}"
        raise Broken(file=str(folder), line=0, entry=0, check="file", text=text) from error
