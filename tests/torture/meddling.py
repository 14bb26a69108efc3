"""What else happens to a daemon under torture: reloads, operators, an orderly end."""

import random
import signal
from collections import Counter
from dataclasses import dataclass, field

from tests.peers.gateway_world import LYCKORNA
from tests.torture.plan import Needs
from tests.torture.world import World

_RELOADS, _OPERATORS = 0.01, 0.02  # how often, each time it is looked at
_ENOUGH_SECONDS = 3  # to wait for something to be in the queue
_OPERATED = (Needs.HOLD, Needs.RELEASE, Needs.REMOVE)


@dataclass(kw_only=True)
class Meddler:
    world: World
    chance: random.Random
    operators: Counter[str] = field(default_factory=Counter)

    def help(self, needs: Needs) -> None:
        """Make happen what the point needs; else, now and then, anything."""
        world = self.world
        if needs is Needs.RELOAD:
            world.reload(with_lyckorna=True, phone=self.chance.randint(10, 99))
        elif needs is Needs.CHANNEL_LOST:
            world.while_alive(lambda: not self._queued(LYCKORNA), seconds=_ENOUGH_SECONDS)
            world.reload(with_lyckorna=False, phone=self.chance.randint(10, 99))
        elif needs is Needs.TERM:
            world.gateway.running.send(signal.SIGTERM)
            world.while_alive(lambda: True)
        elif needs in _OPERATED:
            world.while_alive(lambda: not self._queued(), seconds=_ENOUGH_SECONDS)
            self._operate(needs)
        else:
            self.meddle()

    def meddle(self) -> None:
        drawn = self.chance.random()
        if drawn < _RELOADS:
            self.world.reload(with_lyckorna=True, phone=self.chance.randint(10, 99))
        elif drawn < _RELOADS + _OPERATORS:
            self._operate(self.chance.choice(_OPERATED))

    def _queued(self, recipient: str = "") -> list[str]:
        listed = self.world.ask("queue.list") or []
        return [
            f"{entry['queue_id']}/{entry['recipient']}" for entry in listed if recipient in entry["recipient"]
        ]

    def _operate(self, needs: Needs) -> None:
        """An operator holds, releases or removes something. What is held does not stay so."""
        world, names = self.world, self._queued()
        if not names:
            return
        name = self.chance.choice(names)
        if needs is not Needs.RELEASE:
            self.operators["hold"] += 1
            world.ask("queue.hold", id=name)
        if needs is Needs.REMOVE:
            self.operators["remove"] += 1
            world.ask("queue.remove", id=name)
        if needs is Needs.RELEASE:
            world.ask("queue.hold", id=name)
            self.operators["release"] += 1
            world.ask("queue.release", id="ALL")
