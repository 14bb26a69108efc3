"""A log of nothing but leaf hashes, signed, and a witness of it: for tests of what lies between the two."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from rorpost_gateway.audit.merkle import consistency_proof, over, root
from rorpost_gateway.audit.signatures import parse_vkey
from rorpost_gateway.decision_log.published.note import Checkpoint, sign_checkpoint
from rorpost_gateway.decision_log.signing import SigningKey, generate
from rorpost_gateway.witness.key import CosigningKey, create_key, load_key
from rorpost_gateway.witness.request import write_request
from rorpost_gateway.witness.state import WitnessState
from rorpost_gateway.witness.witness import Judge

ORIGIN = "motala.se/rorpost/gw1"
WITNESS = "witness.example/motala"


def leaves(size: int, branch: str = "") -> list[bytes]:
    return [hashlib.sha256(f"{branch}{n}".encode()).digest() for n in range(size)]


@dataclass(frozen=True)
class SignedLog:
    """`forked_at`: from that entry on the leaves are others than in a log that is not forked."""

    key: SigningKey = field(default_factory=lambda: generate(ORIGIN))

    def hashes(self, size: int, forked_at: int | None = None) -> list[bytes]:
        kept = size if forked_at is None else forked_at
        return leaves(kept) + leaves(size, "other")[kept:]

    def checkpoint(
        self, size: int, *, forked_at: int | None = None, keys: tuple[SigningKey, ...] = ()
    ) -> Checkpoint:
        top = root(self.hashes(size, forked_at))
        return sign_checkpoint(keys or (self.key,), origin=self.key.origin, size=size, root=top)

    def proof(self, old: int, new: int, *, forked_at: int | None = None) -> list[bytes]:
        return consistency_proof(old, new, over(self.hashes(new, forked_at)))

    def request(self, old: int, new: int, *, forked_at: int | None = None) -> bytes:
        """What the log says to a witness that holds `old` entries."""
        checkpoint = self.checkpoint(new, forked_at=forked_at)
        return write_request(
            old, self.proof(old, new, forked_at=forked_at) if old <= new else [], checkpoint.note
        )


@dataclass(frozen=True)
class WitnessHouse:
    """A witness's folder; `judge` opens it as a start of the witness does."""

    folder: Path
    log: SignedLog = field(default_factory=SignedLog)

    @property
    def key(self) -> CosigningKey:
        path = self.folder / "witness.key"
        if path.exists():
            return load_key(path)
        self.folder.mkdir(exist_ok=True)
        return create_key(path, WITNESS)

    def judge(self, *logs: SignedLog) -> Judge:
        keys = [parse_vkey(log.key.vkey) for log in logs or (self.log,)]
        state = WitnessState(self.folder)
        state.make()
        return Judge(key=self.key, logs=keys, state=state)
