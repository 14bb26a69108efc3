"""A short torture: kills at points and at random, the books balanced. `make torture` is the long one."""

from tests.peers.gnupg_home import PreparedKeys
from tests.peers.warm_start import WarmStart
from tests.torture.ledger import Way
from tests.torture.plan import Kill, Needs
from tests.torture.runner import Torture
from tests.torture.world import make_world

SEED = 1808
LIVES = (
    Kill(),
    Kill(point="logged", moment="after", nth=2),
    Kill(point="log-write", moment="in-first-line"),
    Kill(point="torn-mended", moment="after", needs=Needs.START),
    Kill(point="relayed-logged", moment="before"),
    Kill(point="deliver", moment="after"),
    Kill(point="pending", moment="after"),
    Kill(point="pending-removed", moment="after", needs=Needs.START),
    Kill(),
)


def test_nothing_is_lost_and_nothing_refused_gets_out(prepared_keys: PreparedKeys) -> None:
    with WarmStart() as warm, make_world(SEED, launch=warm.launch, keys=prepared_keys) as world:
        torture = Torture(world=world, seed=SEED, each=4, largest_octets=60_000, sample=10)
        for kill in LIVES:
            run = torture.live(kill)
            assert run.reached, kill
            assert torture.findings == []
        torture.drain()
        assert torture.findings == []
        ledger = world.ledger
        assert len(ledger.runs) == len(LIVES) + 1
        for way in Way:
            heard = [reply for reply in ledger.replies if reply.message.way is way]
            assert any(reply.accepted for reply in heard)
            assert any(reply.refused for reply in heard)
        assert any(reply.code is None for reply in ledger.replies)
        assert ledger.arrivals
        assert torture.torn
        assert ledger.opened
