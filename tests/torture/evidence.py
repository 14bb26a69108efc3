"""What lies in the gateway's folders, read by none of its code: JSON, SHA-256, SQL, raw octets."""

import base64
import hashlib
import json
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.torture.ledger import Ledger

# Stands in the body and in the subject of every message: long enough to be found under base64 as well.
WORD = "FladdermusenFlogOverKyrktornet"


@dataclass(frozen=True, kw_only=True)
class Log:
    """`entries` are the lines that hold; `faults` is what does not; `torn` counts regions told of."""

    entries: tuple[Mapping[str, Any], ...]
    faults: tuple[str, ...] = ()
    torn: int = 0


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """A file that a reader of a mailbox finds. `name` is without the flags."""

    mailbox: str
    name: str
    octets: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """`queue` is the state of each copy by decision id."""

    log: Log
    queue: Mapping[str, str]
    delivered: Sequence[Delivered]
    in_clear: Sequence[str] = ()  # files that hold plaintext, mailboxes aside


def gather(folder: Path, *, searched: Iterable[Path], ledger: Ledger) -> Evidence:
    """Everything, of a gateway in `folder` that does not run; `searched` are more places for plaintext."""
    found = [str(path) for place in (folder, *searched) for path in in_clear(place, mail=folder / "mail")]
    return Evidence(
        log=read_log(sorted((folder / "state" / "decisions").glob("*.jsonl"))),
        queue=read_queue(folder / "state" / "queue.db"),
        delivered=tuple(read_mail(folder / "mail")),
        in_clear=(*found, *ledger.seen_in_clear),
    )


def read_log(files: Sequence[Path]) -> Log:
    """The chain, line by line: `n` without gaps, `prev` the leaf of the line before, torn octets told of.

    Octets at the very end that are no line yet are no fault: the next start tells of them.
    """
    entries: list[Mapping[str, Any]] = []
    faults: list[str] = []
    prev, torn = "0" * 64, 0
    for path in files:
        octets, offset, torn_at = path.read_bytes(), 0, None
        for line in octets.removesuffix(b"\n").split(b"\n"):
            entry = _entry(line)
            if entry is None or entry.get("n") != len(entries):
                torn_at = offset if torn_at is None else torn_at
            else:
                if entry["prev"] != prev:
                    faults.append(f"{path.name}: entry {len(entries)} does not follow the line before it")
                region = None if torn_at is None else _region(path.name, octets[:offset], torn_at)
                if region != _told(entry):
                    faults.append(f"{path.name}: before entry {len(entries)} stand octets nobody tells of")
                torn += region is not None
                torn_at, prev = None, hashlib.sha256(b"\0" + line).hexdigest()
                entries.append(entry)
            offset += len(line) + 1
        if torn_at is not None and (path != files[-1] or b"\n" in octets[torn_at:]):
            faults.append(f"{path.name}: octets from {torn_at} on are no line")
    return Log(entries=tuple(entries), faults=tuple(faults), torn=torn)


Region = tuple[str, int, int, str]


def _region(name: str, before: bytes, begin: int) -> Region:
    octets = before[begin:-1]
    return name, begin, len(octets), hashlib.sha256(octets).hexdigest()


def _told(entry: Mapping[str, Any]) -> Region | None:
    # What a crash left at the end of `checkpoints` is told of as well, and stands nowhere in here.
    if entry["event"] != "torn" or entry["file"] == "checkpoints":
        return None
    return entry["file"], entry["offset"], entry["length"], entry["sha256"]


def _entry(line: bytes) -> Mapping[str, Any] | None:
    try:
        entry = json.loads(line.decode("ascii"))
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def read_queue(path: Path) -> dict[str, str]:
    """The state of each copy by decision id. A copy of the files is read: reading must not mend them."""
    if not path.exists():
        return {}
    with tempfile.TemporaryDirectory(prefix="rt", dir="/tmp") as folder:
        for name in (path.name, f"{path.name}-wal"):
            if path.with_name(name).exists():
                shutil.copyfile(path.with_name(name), Path(folder) / name)
        with closing(sqlite3.connect(Path(folder) / path.name)) as connection:
            sound = connection.execute("PRAGMA quick_check").fetchone()[0]
            assert sound == "ok", f"the queue's file is damaged: {sound}"
            return dict(connection.execute("SELECT decision_id, state FROM copies"))


def read_mail(root: Path) -> Iterator[Delivered]:
    for path in sorted(path for part in ("new", "cur") for path in root.glob(f"*/{part}/*")):
        yield Delivered(
            mailbox=path.parents[1].name, name=path.name.partition(":")[0], octets=path.read_bytes()
        )


def in_clear(place: Path, *, mail: Path) -> Iterator[Path]:
    """The files under `place` that hold a word of the plaintext, as it is or under base64.

    In a mailbox of ours what was delivered may be read, and nothing else.
    """
    for path in sorted(place.rglob("*")):
        if path.is_relative_to(mail) or path.is_symlink() or not path.is_file():
            continue
        try:
            octets = path.read_bytes()
        except OSError:  # a socket, or a draft that is gone
            continue
        if IN_CLEAR.search(octets):
            yield path


def _under_base64(word: bytes) -> list[bytes]:
    """What the word looks like in base64, wherever it begins in a group of three octets."""
    looks = []
    for before in range(3):
        text = base64.b64encode(b"\0" * before + word).rstrip(b"=")
        # The first and the last characters also hold bits of what stands around the word.
        looks.append(text[(4 * before + 2) // 3 + 1 : -2])
    return looks


IN_CLEAR = re.compile(b"|".join(re.escape(look) for look in (WORD.encode(), *_under_base64(WORD.encode()))))
