"""What was published before this start, and whether the log still is what it was then.

Believed is only the newest checkpoint in `checkpoints`, and only when one of the log's
keys signed it and the tiles give its root. `checkpoint` and the copy in `witness_file`
must then be points that this tree went through: neither ahead of it nor beside it. A
log older than checkpoints, which has none of the three, is taken over as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from rorpost_gateway.decision_log.published.checkpoints import End, find_end
from rorpost_gateway.decision_log.published.covered import Covered
from rorpost_gateway.decision_log.published.note import (
    NOTE_OCTETS,
    Checkpoint,
    parse_checkpoint,
    signed_by,
)
from rorpost_gateway.decision_log.published.tree import Tree
from rorpost_gateway.decision_log.read_back import open_file
from rorpost_gateway.decision_log.signing import SigningKey
from rorpost_gateway.decision_log.tail import CHECKPOINTS_NAME
from rorpost_gateway.errors import LogDamaged

CHECKPOINT_NAME = "checkpoint"


@dataclass(frozen=True, kw_only=True)
class Before:
    """`tree` is that of `newest`, and empty where there is none; `covered` tells its leaves.

    `behind` says that `checkpoint` or the witness file is not that of `newest`; `forgotten`
    that the witness file is not there at all, as at its first start, or after somebody removed it.
    """

    newest: Checkpoint | None
    tree: Tree
    covered: Covered | None
    end: End
    behind: bool
    forgotten: bool


def look_back(folder: Path, *, keys: Sequence[SigningKey], witness_file: Path | None) -> Before:
    """Read and judge what was published. Raises LogDamaged, OSError."""
    end = find_end(folder, keys[0].origin)
    copies = [folder / CHECKPOINT_NAME, *([witness_file] if witness_file is not None else [])]
    found = {path: _read(path) for path in copies}
    newest = end.newest
    if newest is None:
        for path, copy in found.items():
            if copy is not None:
                _damaged(path, f"names {copy.size} entries, but {CHECKPOINTS_NAME} has no checkpoint")
        return Before(newest=None, tree=Tree(), covered=None, end=end, behind=False, forgotten=False)
    if not signed_by(newest, keys):
        _damaged(
            folder / CHECKPOINTS_NAME, "the last checkpoint is signed by another key than the signing key"
        )
    tree = Tree.load(folder, newest.size)
    if tree.root() != newest.root:
        _damaged(folder, f"the tiles do not give the root of the checkpoint over {newest.size} entries")
    for path, copy in found.items():
        if copy is not None:
            _see_on_the_way(folder, newest, copy, path)
            if copy.size == newest.size and copy.note not in end.notes:
                _damaged(path, f"not a note that stands in {CHECKPOINTS_NAME}")
    behind = any(copy is None or copy.text != newest.text for copy in found.values())
    return Before(
        newest=newest,
        tree=tree,
        covered=Covered(folder, Tree.load(folder, newest.size)),
        end=end,
        behind=behind,
        forgotten=witness_file is not None and found[witness_file] is None,
    )


def _read(path: Path) -> Checkpoint | None:
    """The checkpoint in a file of its own; None where there is no such file."""
    try:
        with open_file(path) as file:
            octets = file.read(NOTE_OCTETS + 1)
    except FileNotFoundError:
        return None
    checkpoint = parse_checkpoint(octets)
    if checkpoint is None:
        _damaged(path, "not a checkpoint")
    return checkpoint


def _see_on_the_way(folder: Path, newest: Checkpoint, copy: Checkpoint, path: Path) -> None:
    # Whoever signed it: a root that this tree had at that size names these very entries.
    if copy.origin != newest.origin:
        _damaged(path, f"a checkpoint of another log, {copy.origin}")
    if copy.size > newest.size:
        _damaged(path, f"names {copy.size} entries, the last one in {CHECKPOINTS_NAME} only {newest.size}")
    if Tree.load(folder, copy.size).root() != copy.root:
        _damaged(path, f"its root over {copy.size} entries is not the log's")


def _damaged(path: Path, text: str) -> NoReturn:
    raise LogDamaged("the decision log does not hold", private=f"{path}: {text}")
