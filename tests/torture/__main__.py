"""`python -m tests.torture`: random traffic, kills at every point and at random, and the books balanced.

Exit code 0: everything balances, and each point was reached. 1: it does not, or one was not.
A seed draws the same messages, answers and kills again; how the threads meet, no seed decides.
"""

import argparse
import itertools
import json
import random
import secrets
import sys
import time

from rich.console import Console

from tests.crash.points import POINTS
from tests.peers.daemon_process import cold
from tests.peers.warm_start import WarmStart
from tests.torture.plan import first_starts, kills
from tests.torture.report import figures, print_life, print_outcome
from tests.torture.runner import Torture, lives
from tests.torture.world import make_world

ENGINES = {"gnupg": ("gnupg",), "sequoia": ("sequoia",), "both": ("gnupg", "sequoia")}


def main() -> int:
    asked = _asked()
    console = Console(stderr=asked.json)
    began = time.monotonic()
    seed = secrets.randbelow(1_000_000) if asked.seed is None else asked.seed
    console.print(f"seed {seed}, {asked.engine}", highlight=False)
    plan = itertools.chain(first_starts(), kills(random.Random(f"{seed}/kills")))
    until = None if asked.lives else began + 60 * asked.minutes
    with (
        WarmStart() as warm,
        make_world(seed, launch=cold if asked.cold else warm.launch, engines=ENGINES[asked.engine]) as world,
    ):
        torture = Torture(world=world, seed=seed, tell=lambda t, run, _: print_life(console, t, run))
        for kill in lives(plan, count=asked.lives, until=until):
            torture.live(kill)
        torture.drain()
        unreached = sorted(set(POINTS) - {run.point for run in world.ledger.runs if run.reached})
        outcome = figures(torture, seed=seed, seconds=time.monotonic() - began, unreached=unreached)
    print_outcome(console, outcome)
    if asked.json:
        sys.stdout.write(json.dumps(outcome, indent=2) + "\n")
    return 1 if outcome["findings"] or (unreached and not asked.lives) else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.5, help="how long lives begin (default 2.5)")
    parser.add_argument(
        "--lives", type=int, help="so many lives instead, whether or not each point is reached"
    )
    parser.add_argument("--seed", type=int, help="draw the same again; by chance where left out")
    parser.add_argument("--engine", choices=sorted(ENGINES), default="both", help="default: life by life")
    parser.add_argument("--cold", action="store_true", help="start each daemon as an operator does: slower")
    parser.add_argument("--json", action="store_true", help="the outcome on standard output")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
