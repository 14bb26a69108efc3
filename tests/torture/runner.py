"""Life after life: traffic, faults, a kill, a look at what is left; and at last a life that may drain.

After each kill the books are balanced as they stand: what was answered 250 must be
there at that moment. At the end nothing may be left over.
"""

import contextlib
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.torture.balance import Balance, Finding, balance
from tests.torture.clients import Client, all_speak, make_clients, wait_for
from tests.torture.evidence import WORD, Evidence, gather, read_queue
from tests.torture.ledger import Run
from tests.torture.meddling import Meddler
from tests.torture.next_hop import FRIENDLY, Mood
from tests.torture.plan import Kill, Needs
from tests.torture.seals import open_sample
from tests.torture.traffic import Planned, Source
from tests.torture.world import LOOK_AGAIN_SECONDS, World

BOUND_SECONDS = 60.0
_BATCHES = 4  # of traffic, before a point counts as not reached
_PATIENCE_SECONDS = 12.0  # longer than a copy is put off before it is given up

_USUAL = Mood(defer=0.05, refuse=0.02, cut=0.03, slow_seconds=0.03)
_MOODS = {
    Needs.FAILURES: Mood(refuse=0.5, cut=0.03),
    **dict.fromkeys((Needs.DELAYS, Needs.CHANNEL_LOST), Mood(defer=1.0)),
    **dict.fromkeys((Needs.HOLD, Needs.RELEASE, Needs.REMOVE), Mood(defer=0.8, slow_seconds=0.05)),
}


@dataclass(kw_only=True)
class Torture:
    """`each` is how many messages a client has at hand in a batch; `tell` hears of each life that is over."""

    world: World
    seed: int
    each: int = 8
    largest_octets: int = 1_000_000
    sample: int = 200
    tell: Callable[["Torture", Run, Balance], None] = lambda *_: None
    findings: list[Finding] = field(default_factory=list)
    explained: int = 0
    stopped_and_continued: int = 0
    torn: int = 0
    lines: int = 0
    evidence: Evidence | None = None
    planned: dict[str, Planned] = field(default_factory=dict)
    _replies: int = 0  # heard by all clients

    def __post_init__(self) -> None:
        self.chance = random.Random(f"{self.seed}/torture")
        self.meddler = Meddler(world=self.world, chance=random.Random(f"{self.seed}/meddling"))
        self.source = _Noting(
            chance=random.Random(f"{self.seed}/source"),
            largest_octets=self.largest_octets,
            noted=self.planned,
        )
        self.clients: list[Client] = make_clients(self.world, self.source, self.seed, self._answered)

    def live(self, kill: Kill) -> Run:
        """One life, ended as `kill` says, and the books after it."""
        self.world.next_hop.mood = _MOODS.get(kill.needs, _USUAL)
        self.world.start(kill.point, kill.moment, kill.nth, wait=False)
        # Settling what an earlier life left, a start may reach points that are meant for traffic.
        running = self.world.gateway.running
        self.world.while_alive(lambda: not any(event.get("event") == "ready" for event in running.events))
        if kill.point is None:
            self._work_until(self._moment())
        elif kill.needs is Needs.START:
            self.world.while_alive(lambda: True, _PATIENCE_SECONDS)  # what it begins with is not done by then
        elif self.world.alive:
            self._work(kill)
        return self._end(kill)

    def drain(self) -> Balance:
        """The last life: friendly, and long enough for all that is left; then nothing may be left over."""
        world = self.world
        world.next_hop.mood = FRIENDLY
        world.reload(with_lyckorna=True, phone=0)
        world.start()
        for client in self.clients:
            while client.unheard:
                client.speak(len(client.unheard))
        world.ask("queue.release", id="ALL")
        self._until(lambda: not read_queue(world.gateway.state / "queue.db"), "an empty queue")
        world.gateway.running.send(signal.SIGTERM)
        code = world.gateway.running.wait()
        world.note_end(Run(number=world.ledger.run, killed=False, by="SIGTERM", exit_code=code))
        if code:
            self.findings.append(Finding(kind="exit code", about=f"{code} after SIGTERM"))
        with contextlib.suppress(AssertionError):
            self._until(lambda: not world.left_running(), "no process left")
        return self._balance(drained=True)

    # One life

    def _work(self, kill: Kill) -> None:
        """Traffic in batches, with what the point needs, until the daemon is dead or all was in vain."""
        for _ in range(_BATCHES):
            threads = all_speak(self.clients, self.each)
            self.meddler.help(kill.needs)
            wait_for(threads)
            if not self.world.alive:
                return
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self.world.alive and time.monotonic() < deadline:
            self.meddler.help(kill.needs)
            threading.Event().wait(0.2)

    def _work_until(self, replies: int) -> None:
        """Traffic until so many replies were heard, and a moment longer; stopped for a while on the way."""
        wanted = self._replies + replies
        threads = all_speak(self.clients, self.each)
        pausing = self.chance.random() < 0.5
        while any(thread.is_alive() for thread in threads) and self._replies < wanted:
            if pausing and self._replies >= wanted - replies // 2:
                pausing = False
                self.world.pause()
                threading.Event().wait(self.chance.uniform(0.02, 0.3))
                self.world.go_on()
                self.stopped_and_continued += 1
            self.meddler.meddle()
            threading.Event().wait(LOOK_AGAIN_SECONDS)
        threading.Event().wait(self.chance.uniform(0, 0.1))
        self.world.gateway.running.process.kill()
        wait_for(threads)

    def _moment(self) -> int:
        return self.chance.randint(1, self.each * len(self.clients) - 1)

    def _end(self, kill: Kill) -> Run:
        """The daemon is dead, or is killed now: what is left of it."""
        world = self.world
        if kill.point is not None and world.alive:
            world.gateway.running.process.kill()
        code = world.gateway.running.wait()
        killed = [event for event in world.gateway.running.events if event.get("event") == "killed"]
        reached = kill.point is None or (bool(killed) and killed[0]["point"] == kill.point)
        run = Run(
            number=world.ledger.run,
            killed=code == -signal.SIGKILL,
            by=kill.name,
            point=kill.point,
            exit_code=code,
            reached=reached,
            left=read_queue(world.gateway.state / "queue.db"),
        )
        world.note_end(run)
        if not run.killed:
            self.findings.append(Finding(kind="exit code", about=f"{code} in run {run.number} ({kill.name})"))
        with contextlib.suppress(AssertionError):
            self._until(lambda: not world.left_running(), "no process left")
        world.ledger.orphans += world.left_running()
        world.reload(with_lyckorna=True, phone=0)
        self.tell(self, run, self._balance(drained=False))
        return run

    # The books

    def _balance(self, *, drained: bool) -> Balance:
        world, ledger = self.world, self.world.ledger
        self._look_for_words()
        evidence = gather(world.gateway.folder, searched=world.searched, ledger=ledger)
        if drained:
            taken = [entry for entry in evidence.log.entries if entry.get("reason") == "ok"]
            open_sample(ledger, world.keys, taken, self.planned, self.sample)
        books = balance(ledger, evidence, drained=drained)
        self.evidence, self.explained = evidence, books.explained
        self.lines, self.torn = len(evidence.log.entries), evidence.log.torn
        self.findings += [finding for finding in books.findings if finding not in self.findings]
        return books

    def _look_for_words(self) -> None:
        if any(WORD in line for line in self.world.gateway.running.lines):
            self.world.ledger.seen_in_clear.append("the operator's log")

    def _answered(self) -> None:
        self._replies += 1

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + BOUND_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"{what}: not in time"
            threading.Event().wait(LOOK_AGAIN_SECONDS)


@dataclass(kw_only=True)
class _Noting(Source):
    """A source that can tell of each message, later, what its octets were."""

    noted: dict[str, Planned]

    def outward(self) -> Planned:
        return self._note(super().outward())

    def inward(self) -> Planned:
        return self._note(super().inward())

    def _note(self, planned: Planned) -> Planned:
        self.noted[planned.message.message_id] = planned
        return planned


def lives(plans: Iterator[Kill], *, count: int | None, until: float | None) -> Iterator[Kill]:
    """So many of the plans, or as many as begin before a moment (monotonic)."""
    for number, kill in enumerate(plans):
        if (count is not None and number >= count) or (until is not None and time.monotonic() >= until):
            return
        yield kill
