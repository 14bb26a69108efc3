"""The blocking half of the writer: the newest file, and the place in the chain.

Owned by one thread at a time. After `open` the newest file ends with a whole
line and begins with its `day` (or genesis) entry; whatever a crash left is
closed and told of by a `torn` entry, never cut; every entry is a leaf of the tree,
and a checkpoint over them all is published. After a commit that raised, the state
here is not to be used again; the tree then holds what was durable before.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rorpost_gateway.decision_log import record
from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.decision_log.folder import SUFFIX, Disk, lock, prepare
from rorpost_gateway.decision_log.line import (
    day_of,
    encode_body,
    encode_line,
    leaf_hash,
    timestamp,
    valid_node,
)
from rorpost_gateway.decision_log.published.before import Before, look_back
from rorpost_gateway.decision_log.published.publisher import Publisher, put_tiles
from rorpost_gateway.decision_log.published.tree import Grown, Tree
from rorpost_gateway.decision_log.recover import find_tail
from rorpost_gateway.decision_log.signing import SigningKey
from rorpost_gateway.decision_log.tail import FileSummary, Tail, Torn
from rorpost_gateway.errors import ConfigurationInvalid, LogDamaged

_LEAVES_AT_ONCE = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Whose log it is. `keys` sign the next checkpoint, and one of them signed the last one.

    More than one there is only where a rotation was cut short. All bear the log's name,
    its origin. `genesis` is entry 0, where the log is new (None: an ordinary one).
    `witness_file` holds a copy of the newest checkpoint, on another path.
    """

    node: str
    keys: tuple[SigningKey, ...]
    witness_file: Path | None = None
    genesis: Record | None = None


class Chain:
    """The log as one thread writes it. Make one with `Chain.open`."""

    def __init__(self, folder: Path, *, node: str, disk: Disk, lock_fd: int) -> None:
        self._folder = folder
        self._node = node
        self._disk = disk
        self._lock_fd: int | None = lock_fd
        self._fd: int | None = None
        self._tail = Tail()
        self._tree = Tree()
        self._leaves: list[bytes] = []  # of lines that are not durable yet
        self._publisher: Publisher | None = None
        self.torn_at_start: Torn | None = None
        self.witness_file_was_missing = False

    @classmethod
    def open(cls, folder: Path, *, identity: Identity, now: float, disk: Disk) -> "Chain":
        """Take the folder's lock, read the log's end, mend it, begin a log where there is none.

        Raises ConfigurationInvalid (node), LogUnavailable (another writer), LogDamaged, OSError.
        """
        node = identity.node
        if not valid_node(node):
            raise ConfigurationInvalid(f"node: {node!r} is not 1 to 64 of A-Z a-z 0-9 . _ -")
        prepare(folder)
        chain = cls(folder, node=node, disk=disk, lock_fd=lock(folder))
        try:
            chain._begin(identity, now=now)
        except BaseException:
            chain.close()
            raise
        return chain

    @property
    def publisher(self) -> Publisher:
        """Who publishes what `grown` tells."""
        if self._publisher is None:
            raise OSError("the log is closed")
        return self._publisher

    def grown(self) -> Grown:
        """The tree over all durable lines, and the tiles that are new since this was last asked."""
        return self._tree.grown()

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
        """Give up the files and the lock. Safe to call twice."""
        if self._publisher is not None:
            self._publisher.close()
        for fd in (self._fd, self._lock_fd):
            if fd is not None:
                os.close(fd)
        self._fd = self._lock_fd = None

    def _begin(self, identity: Identity, *, now: float) -> None:
        before = look_back(self._folder, keys=identity.keys, witness_file=identity.witness_file)
        self.witness_file_was_missing = before.forgotten
        self._tree = before.tree
        self._tail = find_tail(self._folder, before.covered, self._taken_over)
        vkeys = [key.vkey for key in identity.keys]
        if before.newest is None and self._tail.vkey not in (None, *vkeys):
            raise LogDamaged(
                "the decision log does not hold",
                private=f"{self._folder}: the log names another verifier key than the signing key's",
            )
        if self._tail.file is None:
            self._create(f"{day_of(now)}{SUFFIX}")
        else:
            self._fd = self._disk.open(self._folder / self._tail.file)
        self._publisher = Publisher(
            self._folder,
            disk=self._disk,
            keys=identity.keys,
            witness_file=identity.witness_file,
            before=before,
        )
        genesis = identity.genesis or record.genesis(vkey=vkeys[0], origin=identity.keys[0].origin)
        self._put(self._mending(genesis, before, now=now))
        # What an earlier process wrote and did not live to make durable must be, before it is built upon.
        self._disk.sync_folder(self._folder)
        if before.newest is None or before.newest.size != self._tree.size:
            self._publisher.publish(self.grown())
        elif before.behind:
            self._publisher.show_again()

    def _taken_over(self, leaf: bytes) -> None:
        """An entry that no checkpoint covers yet: from the last moments of a crash, or a log without any."""
        self._tree.append(leaf)
        if self._tree.size % _LEAVES_AT_ONCE == 0:
            put_tiles(self._folder, self._disk, self._tree.filled())

    def _mending(self, genesis: Record, published: Before, *, now: float) -> bytes:
        """What makes the newest file end in a whole line and begin with its own entry."""
        octets = b"\n" if self._tail.needs_newline else b""
        torn = self._tail.torn
        if torn is not None:
            self.torn_at_start = torn
            octets += self._next_line(_torn(torn), now=now)
        if not self._tail.opened:
            before = self._tail.before
            octets += self._next_line(_body(genesis) if before is None else _day(before), now=now)
        if published.end.torn is not None:
            self.torn_at_start = self.torn_at_start or published.end.torn
            octets += self._next_line(_torn(published.end.torn), now=now)
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
        leaf = leaf_hash(line)
        self._leaves.append(leaf)
        tail.prev = leaf.hex()
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
        for leaf in self._leaves:
            self._tree.append(leaf)
        self._leaves.clear()


def _torn(torn: Torn) -> bytes:
    return _body(record.torn(file=torn.file, offset=torn.offset, length=torn.length, sha256=torn.sha256))


def _body(entry: Record) -> bytes:
    return encode_body(entry.event, entry.fields)


def _day(before: FileSummary) -> bytes:
    return _body(record.day(file=before.name, first=before.first, last=before.last, sha256=before.sha256))
