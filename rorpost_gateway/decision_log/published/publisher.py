"""Publishing: tiles, then `checkpoints`, then `checkpoint`, then the copy in `witness_file`.

Each step is durable before the next one begins, and the lines were durable before
the first. So whatever a checkpoint covers is there before anybody can see it, and the
copy elsewhere never knows of more than `checkpoints`. A step that fails is not tried
again: the log ends there, as with a line.

Blocking; one thread at a time.

c2sp.org/tlog-tiles; c2sp.org/tlog-checkpoint.
"""

from collections.abc import Sequence
from pathlib import Path

from rorpost_gateway.decision_log.folder import Disk
from rorpost_gateway.decision_log.published.before import CHECKPOINT_NAME, Before
from rorpost_gateway.decision_log.published.checkpoints import CheckpointsFile
from rorpost_gateway.decision_log.published.note import Checkpoint, cosigned, sign_checkpoint
from rorpost_gateway.decision_log.published.tiles import WIDTH, Tile, tile_name
from rorpost_gateway.decision_log.published.tree import Grown
from rorpost_gateway.decision_log.signing import SigningKey


class Publisher:
    """Signs and writes what the tree has grown to. Made by the chain; the tree stays there."""

    def __init__(
        self,
        folder: Path,
        *,
        disk: Disk,
        keys: Sequence[SigningKey],
        witness_file: Path | None,
        before: Before,
    ) -> None:
        """Raises OSError."""
        self.keys = tuple(keys)  # those that sign the next checkpoint; all have the log's name
        self._folder = folder
        self._disk = disk
        self._witness_file = witness_file
        self._newest = before.newest
        self._checkpoints = CheckpointsFile(folder, disk, before.end)

    @property
    def newest(self) -> Checkpoint | None:
        """The newest checkpoint that was published."""
        return self._newest

    def publish(self, grown: Grown) -> Checkpoint:
        """Publish a checkpoint over all that is in the tree. Raises OSError."""
        self._put_tiles(grown.tiles)
        checkpoint = sign_checkpoint(self.keys, origin=self.keys[0].origin, size=grown.size, root=grown.root)
        self._show(checkpoint)
        self._drop_partial(grown.tiles)
        return checkpoint

    def cosign(self, lines: Sequence[bytes], of: Checkpoint) -> Checkpoint:
        """Publish `of` once more, with signature lines of witnesses. Raises OSError, ValueError.

        Where a newer one has been published meanwhile, the cosigned one goes to
        `checkpoints` only: `checkpoint` never goes back.
        """
        newest = self._newest
        if newest is not None and newest.size == of.size:
            checkpoint = cosigned(newest, lines)
            self._show(checkpoint)
        else:
            checkpoint = cosigned(of, lines)
            self._append(checkpoint)
        return checkpoint

    def show_again(self) -> None:
        """Put the newest checkpoint where a crash kept it from. Raises OSError."""
        if self._newest is not None:
            self._copy(self._newest)

    def close(self) -> None:
        """Safe to call twice."""
        self._checkpoints.close()

    def _put_tiles(self, tiles: Sequence[Tile]) -> None:
        put_tiles(self._folder, self._disk, tiles)

    def _show(self, checkpoint: Checkpoint) -> None:
        self._append(checkpoint)
        self._copy(checkpoint)
        self._newest = checkpoint

    def _copy(self, checkpoint: Checkpoint) -> None:
        self._show_newest(checkpoint)
        if self._witness_file is not None:
            self._keep_elsewhere(self._witness_file, checkpoint)

    def _append(self, checkpoint: Checkpoint) -> None:
        self._checkpoints.append(checkpoint.note)

    def _show_newest(self, checkpoint: Checkpoint) -> None:
        self._replace(self._folder / CHECKPOINT_NAME, checkpoint)

    def _replace(self, path: Path, checkpoint: Checkpoint) -> None:
        self._disk.put(path, checkpoint.note)
        self._disk.sync_folder(path.parent)

    def _keep_elsewhere(self, path: Path, checkpoint: Checkpoint) -> None:
        self._replace(path, checkpoint)

    def _drop_partial(self, tiles: Sequence[Tile]) -> None:
        """Take away the partial forms of tiles that are full now (c2sp.org/tlog-tiles, partial tiles)."""
        for tile in tiles:
            if tile.width == WIDTH:
                partial = self._folder / tile_name(tile.level, tile.index, 1)
                if partial.parent.is_dir():
                    for path in partial.parent.iterdir():
                        path.unlink()
                    partial.parent.rmdir()


def put_tiles(folder: Path, disk: Disk, tiles: Sequence[Tile]) -> None:
    """Make tiles durable in the log's folder. Raises OSError."""
    folders = set()
    for tile in tiles:
        path = folder / tile.name
        disk.make_folder(path.parent)
        disk.put(path, tile.octets)
        folders.add(path.parent)
    for each in folders:
        disk.sync_folder(each)
