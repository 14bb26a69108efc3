"""The blocking half of the writer: the newest file, and the place in the chain.

Owned by one thread at a time. After `open` the newest file ends with a whole
line and begins with its `day` (or genesis) entry; whatever a crash left is
closed and told of by a `torn` entry, never cut. After a commit that raised,
the state here is not to be used again.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from rorpost_gateway.decision_log import record
from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.decision_log.folder import SUFFIX, Disk, lock, prepare
from rorpost_gateway.decision_log.line import day_of, encode_body, encode_line, leaf, timestamp, valid_node
from rorpost_gateway.decision_log.recover import FileSummary, Tail, Torn, find_tail, genesis_vkey
from rorpost_gateway.errors import ConfigurationInvalid, LogDamaged


class Chain:
    """The log as one thread writes it. Make one with `Chain.open`."""

    def __init__(self, folder: Path, *, node: str, disk: Disk, lock_fd: int) -> None:
        self._folder = folder
        self._node = node
        self._disk = disk
        self._lock_fd: int | None = lock_fd
        self._fd: int | None = None
        self._tail = Tail()
        self.torn_at_start: Torn | None = None

    @classmethod
    def open(cls, folder: Path, *, node: str, origin: str, vkey: str, now: float, disk: Disk) -> "Chain":
        """Take the folder's lock, read the log's end, mend it, begin a log where there is none.

        Raises ConfigurationInvalid (node), LogUnavailable (another writer), LogDamaged, OSError.
        """
        if not valid_node(node):
            raise ConfigurationInvalid(f"node: {node!r} is not 1 to 64 of A-Z a-z 0-9 . _ -")
        prepare(folder)
        chain = cls(folder, node=node, disk=disk, lock_fd=lock(folder))
        try:
            chain._begin(record.genesis(vkey=vkey, origin=origin), vkey=vkey, now=now)
        except BaseException:
            chain.close()
            raise
        return chain

    def commit(self, bodies: Sequence[bytes], *, now: float) -> int:
        """Append one line for each body, durable when it returns; the last entry number.

        Raises OSError; nothing of it may be tried again.
        """
        lines = []
        if f"{day_of(now)}{SUFFIX}" > (self._tail.file or ""):
            lines.append(self._next_line(self._new_file(now), now=now))
        lines += [self._next_line(body, now=now) for body in bodies]
        self._put(b"".join(lines))
        return self._tail.next_n - 1

    def close(self) -> None:
        """Give up the file and the lock. Safe to call twice."""
        for fd in (self._fd, self._lock_fd):
            if fd is not None:
                os.close(fd)
        self._fd = self._lock_fd = None

    def _begin(self, genesis: Record, *, vkey: str, now: float) -> None:
        self._tail = find_tail(self._folder)
        logged_vkey = genesis_vkey(self._folder)
        if logged_vkey not in (None, vkey):
            raise LogDamaged(
                "the decision log does not hold",
                private=f"{self._folder}: entry 0 names another verifier key than the signing key's",
            )
        if self._tail.file is None:
            self._create(f"{day_of(now)}{SUFFIX}")
        else:
            self._fd = self._disk.open(self._folder / self._tail.file)
        self._put(self._mending(genesis, now=now))
        # What an earlier process wrote and did not live to make durable must be, before it is built upon.
        self._disk.sync_folder(self._folder)

    def _mending(self, genesis: Record, *, now: float) -> bytes:
        """What makes the newest file end in a whole line and begin with its own entry."""
        octets = b"\n" if self._tail.needs_newline else b""
        torn = self._tail.torn
        if torn is not None:
            self.torn_at_start = torn
            body = _body(
                record.torn(file=torn.file, offset=torn.offset, length=torn.length, sha256=torn.sha256)
            )
            octets += self._next_line(body, now=now)
        if not self._tail.opened:
            before = self._tail.before
            octets += self._next_line(_body(genesis) if before is None else _day(before), now=now)
        return octets

    def _new_file(self, now: float) -> bytes:
        """Change to a new day's file; the body of its `day` entry."""
        tail = self._tail
        day = _day(
            FileSummary(
                name=tail.file or "",
                first=tail.first or 0,
                last=tail.next_n - 1,
                sha256=tail.digest.hexdigest(),
            )
        )
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
        self._create(f"{day_of(now)}{SUFFIX}")
        return day

    def _create(self, name: str) -> None:
        self._fd = self._disk.create(self._folder / name)
        self._tail = Tail(next_n=self._tail.next_n, prev=self._tail.prev, file=name, digest=hashlib.sha256())

    def _next_line(self, body: bytes, *, now: float) -> bytes:
        tail = self._tail
        line = encode_line(n=tail.next_n, prev=tail.prev, time=timestamp(now), node=self._node, body=body)
        if tail.first is None:
            tail.first = tail.next_n
        tail.prev = leaf(line)
        tail.next_n += 1
        return line + b"\n"

    def _put(self, octets: bytes) -> None:
        if self._fd is None:
            raise OSError("the log is closed")
        status = os.fstat(self._fd)
        if not status.st_nlink or status.st_size != self._tail.size:
            raise OSError(f"{self._tail.file} was removed or changed while it was being written")
        if octets:
            self._disk.write(self._fd, octets)
            self._tail.digest.update(octets)
            self._tail.size += len(octets)
        self._disk.sync(self._fd)


def _body(entry: Record) -> bytes:
    return encode_body(entry.event, entry.fields)


def _day(before: FileSummary) -> bytes:
    return _body(record.day(file=before.name, first=before.first, last=before.last, sha256=before.sha256))
