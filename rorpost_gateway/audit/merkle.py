"""The Merkle tree of RFC 6962 and its proofs, as an auditor computes them. Pure.

A tree is known by its complete subtrees: `Subtree(level, index)` is the hash over
the leaves from `index * 2**level` to `(index + 1) * 2**level`. What lies behind
it (leaves in memory, hash tiles) is the caller's. Hashes are 32 octets; a leaf is
given by its hash. Checking never raises: what does not fit is False.

RFC 6962, section 2.1; the checks as in RFC 9162, sections 2.1.3.2 and 2.1.4.2.
"""

import hashlib
from collections.abc import Callable, Sequence

HASH_OCTETS = 32
LONGEST_PROOF = 64  # a tree of 2**63 leaves takes no more

Subtree = Callable[[int, int], bytes]

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(line: bytes) -> bytes:
    """The leaf of a line, which is given without its newline."""
    return hashlib.sha256(b"\x00" + line).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def levels(hashes: Sequence[bytes]) -> list[list[bytes]]:
    """The complete nodes over `hashes`: `levels[k][i]` is the one over `hashes[i * 2**k:(i + 1) * 2**k]`."""
    sha256 = hashlib.sha256
    result = [list(hashes)]
    while len(result[-1]) > 1:
        below = result[-1]
        pairs = zip(below[::2], below[1::2], strict=False)
        result.append([sha256(b"\x01" + left + right).digest() for left, right in pairs])
    return result


def over(hashes: Sequence[bytes]) -> Subtree:
    """A tree held in memory."""
    nodes = levels(hashes)
    return lambda level, index: nodes[level][index]


def root(hashes: Sequence[bytes]) -> bytes:
    """The root over leaf hashes."""
    return range_root(0, len(hashes), over(hashes))


def range_root(start: int, end: int, subtree: Subtree) -> bytes:
    """The root over the leaves from `start` (a multiple of a power of two >= the width) to `end`."""
    if start == end:
        return EMPTY_ROOT
    parts = []
    while start < end:
        level = (end - start).bit_length() - 1
        parts.append(subtree(level, start >> level))
        start += 1 << level
    return fold(parts)


def fold(parts: Sequence[bytes]) -> bytes:
    """One root of complete subtrees that stand side by side, the widest first."""
    result = parts[-1]
    for part in reversed(parts[:-1]):
        result = node_hash(part, result)
    return result


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """From the leaf's sibling to the root's child (RFC 6962, section 2.1.1). Raises ValueError."""
    if not 0 <= index < size:
        raise ValueError("no leaf of that number in a tree of that size")
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _below(end - start)
        if index < middle:
            path.append(range_root(middle, end, subtree))
            end = middle
        else:
            path.append(range_root(start, middle, subtree))
            start = middle
    return path[::-1]


def consistency_proof(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """That the first `old` leaves of a tree of `new` are as they were (section 2.1.2). Raises ValueError."""
    if not 0 <= old <= new:
        raise ValueError("the older tree is the larger one")
    if old in (0, new):
        return []
    path = []
    start, end = 0, new
    whole = True  # whether [start, old) is the whole older tree, whose root the other side has
    while end != old:
        middle = start + _below(end - start)
        if old <= middle:
            path.append(range_root(middle, end, subtree))
            end = middle
        else:
            path.append(range_root(start, middle, subtree))
            start = middle
            whole = False
    if not whole:
        path.append(range_root(start, end, subtree))
    return path[::-1]


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `leaf` is number `index` of the `size` leaves under `root`."""
    if not 0 <= index < size or not _hashes([leaf, root, *proof[: LONGEST_PROOF + 1]], proof):
        return False
    at, last, result = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            result = node_hash(sibling, result)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and result == root


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether the tree of `new` leaves under `new_root` begins with that of `old` leaves under `old_root`."""
    if not 0 <= old <= new or not _hashes([old_root, new_root, *proof[: LONGEST_PROOF + 1]], proof):
        return False
    if old == new or old == 0:
        return not proof and (old_root == new_root if old == new else old_root == EMPTY_ROOT)
    hashes = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not hashes:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    older = newer = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            older, newer = node_hash(sibling, older), node_hash(sibling, newer)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            newer = node_hash(newer, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and older == old_root and newer == new_root


def _below(width: int) -> int:
    """The largest power of two that is smaller than `width` (at least 2)."""
    return 1 << (width - 1).bit_length() - 1


def _hashes(values: Sequence[bytes], proof: Sequence[bytes]) -> bool:
    return len(proof) <= LONGEST_PROOF and all(len(value) == HASH_OCTETS for value in values)
