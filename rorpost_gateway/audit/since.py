"""A checkpoint that the auditor kept: the log must be what has become of it."""

from pathlib import Path

from rorpost_gateway.audit.checkpoints import Checkpoint, parse_checkpoint
from rorpost_gateway.audit.folder import Broken
from rorpost_gateway.audit.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from rorpost_gateway.audit.notes import NoteFault
from rorpost_gateway.audit.reading import short
from rorpost_gateway.audit.tiles import TileReader
from rorpost_gateway.audit.vouching import Vouching, signers_of


class Since:
    """Raises Broken, check `since`, where the note is none."""

    def __init__(self, octets: bytes) -> None:
        try:
            self.checkpoint: Checkpoint = parse_checkpoint(octets)
        except NoteFault as fault:
            raise Broken(file="--since", line=0, entry=0, check="since", text=str(fault)) from None

    def broken(self, text: str) -> Broken:
        return Broken(file="--since", line=0, entry=self.checkpoint.size, check="since", text=text)

    def see_size(self, newest: int) -> None:
        """Hold it against the size of the newest checkpoint. Raises Broken."""
        size = self.checkpoint.size
        if size > newest:
            raise self.broken(f"it covers {size} entries, the log's newest checkpoint only {newest}")

    def signers(self, vkeys: list[str]) -> list[str]:
        """Which of `vkeys` signed it. Raises Broken."""
        (signers,) = signers_of([self.checkpoint.octets], tuple(vkeys))
        if isinstance(signers, str):
            raise self.broken(signers)
        if not signers:
            raise self.broken("not signed by a known key of this log; give the key of its time")
        return signers

    def see_entry(self, folder: Path, n: int, line: bytes) -> None:
        """Hold a line that is not read with the others against it. Raises Broken."""
        size = self.checkpoint.size
        path = inclusion_proof(n, size, TileReader(folder).tree(size)) if 0 <= n < size else []
        if not verify_inclusion(n, size, leaf_hash(line), path, self.checkpoint.root):
            raise self.broken(f"the line with number {short(n)} is not the one that it covers")

    def see(self, folder: Path, vouching: Vouching) -> None:
        """Hold it against the newest checkpoint, which has been judged. Raises Broken."""
        checkpoint, newest = self.checkpoint, vouching.largest
        keys = vouching.keys
        if keys is None or checkpoint.origin != keys.origin:
            raise self.broken("a checkpoint of another log")
        self.signers([key.vkey for key in keys.known])
        self.see_size(newest)
        path = consistency_proof(checkpoint.size, newest, TileReader(folder).tree(newest))
        if not verify_consistency(checkpoint.size, newest, path, checkpoint.root, vouching.root):
            raise self.broken("the log is not what has become of it")
