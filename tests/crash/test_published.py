"""Killed at every system call between line, tile and checkpoint: the log goes on, nothing seen is taken back.

Whatever was durable is there; whatever checkpoint anybody could see, the auditor's verification finds the
log grown from it; and the daemon's start, which suspects everything, suspects nothing.
"""

import base64
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rorpost_gateway.audit.checkpoints import parse_checkpoint, read_checkpoint
from rorpost_gateway.audit.proofs import consistency
from rorpost_gateway.audit.verify import verify_log
from rorpost_gateway.decision_log.chain import Chain, Identity
from rorpost_gateway.decision_log.line import encode_body
from rorpost_gateway.decision_log.signing import SigningKey, generate
from tests.peers.dying_disk import DyingDisk, Killed, Moment
from tests.peers.log_workshop import DAY_SECONDS, NOON, ORIGIN
from tests.peers.two_day_log import decision

BEFORE_A_FULL_TILE = 254
CALLS_OF_A_START = 17


@dataclass(kw_only=True)
class Life:
    """One process' work on a log, up to its end or its kill. `durable` are entry numbers it was told of."""

    folder: Path
    key: SigningKey
    disk: DyingDisk
    now: float = NOON
    durable: int = -1
    seen: list[bytes] = field(default_factory=list)
    killed: bool = False

    @property
    def witness_file(self) -> Path:
        return self.folder.with_name("decision-log.last")

    def live(self, work: Callable[[Chain, "Life"], None]) -> None:
        identity = Identity(node="gw1", keys=(self.key,), witness_file=self.witness_file)
        chain = None
        try:
            chain = Chain.open(self.folder, identity=identity, now=self.now, disk=self.disk)
            work(chain, self)
        except Killed:
            self.killed = True
        finally:
            if chain is not None:
                chain.close()
        self.seen = [path.read_bytes() for path in self._shown if path.exists()]

    @property
    def _shown(self) -> tuple[Path, Path]:
        return self.folder / "checkpoint", self.witness_file

    def commit(self, chain: Chain, lines: int) -> None:
        bodies = [encode_body(each.event, each.fields) for each in map(decision, range(lines))]
        self.durable = chain.commit(bodies, now=self.now)

    def publish(self, chain: Chain) -> None:
        chain.publisher.publish(chain.grown())


def work(chain: Chain, life: Life) -> None:
    """Lines and checkpoints across the end of a tile and across midnight, and a witness that answers late."""
    life.commit(chain, 1)
    life.publish(chain)
    older = chain.publisher.newest
    assert older is not None
    life.commit(chain, 3)
    life.publish(chain)
    life.now = NOON + DAY_SECONDS
    life.commit(chain, 2)
    life.publish(chain)
    chain.publisher.cosign([COSIGNATURE], older)


COSIGNATURE = b"\xe2\x80\x94 witness.example/one " + base64.b64encode(bytes(4 + 8 + 64)) + b"\n"


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return generate(ORIGIN)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory, key: SigningKey) -> Path:
    """A log whose first tile is nearly full, stopped in order."""
    folder = tmp_path_factory.mktemp("begun") / "log"

    def fill(chain: Chain, life: Life) -> None:
        life.commit(chain, BEFORE_A_FULL_TILE - 1)
        life.publish(chain)

    Life(folder=folder, key=key, disk=DyingDisk()).live(fill)
    return folder


def kills(begun: Path | None, key: SigningKey, place: Path, *, step: int = 1) -> Iterator[tuple[str, Life]]:
    """A life for every `step`th moment at which a kill leaves something else, on a folder of its own.

    What is there before a call is what was there after the call before it.
    """
    place.mkdir(exist_ok=True)
    whole = Life(folder=lay(begun, place / "whole"), key=key, disk=DyingDisk())
    whole.live(work)
    assert not whole.killed
    moments = [(at, Moment.AFTER) for at in range(1, len(whole.disk.calls) + 1)]
    moments += [(at, Moment.WITHIN) for at, call in enumerate(whole.disk.calls, 1) if call == "write"]
    for at, moment in moments[::step]:
        disk = DyingDisk(at, moment)
        life = Life(folder=lay(begun, place / f"{moment}{at}"), key=key, disk=disk)
        life.live(work)
        assert life.killed
        yield f"{moment} call {at}, {disk.calls[-1]}", life
        shutil.rmtree(life.folder.parent)


def lay(begun: Path | None, place: Path) -> Path:
    if begun is None:
        place.mkdir()
        return place / "log"
    shutil.copytree(begun.parent, place)
    return place / begun.name


def a_line_more(chain: Chain, life: Life) -> None:
    life.commit(chain, 1)
    life.publish(chain)


def see_that_it_goes_on(before: Life, said: str) -> None:
    """A new process opens the log, adds a line and ends; the auditor then finds all that was seen."""
    again = Life(folder=before.folder, key=before.key, disk=DyingDisk(), now=before.now)
    again.live(a_line_more)
    assert again.durable > before.durable, said
    assert verify_log(before.folder, vkey=before.key.vkey).entries == again.durable + 1, said
    newest = read_checkpoint(before.folder)
    for note in set(before.seen):
        assert newest is not None, said
        consistency(before.folder, parse_checkpoint(note), newest)
    assert not list(before.folder.rglob("*.new")), said


@pytest.mark.parametrize("new", [False, True], ids=["a log that is there", "a new log"])
def test_killed_at_every_system_call(begun: Path, key: SigningKey, tmp_path: Path, new: bool) -> None:
    played = 0
    for said, life in kills(None if new else begun, key, tmp_path):
        see_that_it_goes_on(life, said)
        played += 1
    assert played > 90


def test_killed_again_at_every_system_call_of_the_next_start(
    begun: Path, key: SigningKey, tmp_path: Path
) -> None:
    """Each second kill is followed by a second one, at another call of the start each time."""
    for number, (said, first) in enumerate(kills(begun, key, tmp_path, step=2)):
        moment = Moment.WITHIN if number % 2 else Moment.AFTER
        disk = DyingDisk(number % CALLS_OF_A_START + 1, moment)
        second = Life(folder=first.folder, key=key, disk=disk, now=first.now, durable=first.durable)
        second.live(a_line_more)
        assert second.killed, said
        second.seen += first.seen
        see_that_it_goes_on(second, f"{said}; then {disk.calls[-1]}")
