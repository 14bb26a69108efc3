"""Clients and the partner: threads that submit what they were handed, and note what they heard.

A client whose connection is cut stops: the daemon is gone. What was not heard it says
again in the next life, as Outlook does, and now and then it says a thing twice.
"""

import random
import smtplib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.peers.gateway_world import BRINKEN, HOME_CARE
from tests.peers.submitting import Heard, submit
from tests.torture.ledger import Message, Reply, Way
from tests.torture.partner import sealings
from tests.torture.traffic import Planned, Source
from tests.torture.world import World

_REMEMBERED = 30
_AGAIN = 0.15  # how often something that was answered is said once more
_JOIN_SECONDS = 120


@dataclass(kw_only=True)
class Client:
    """`answered` is called after each reply, whatever it was. `unheard` is what it will say again."""

    world: World
    source: Source
    chance: random.Random
    way: Way
    answered: Callable[[], None]
    unheard: list[tuple[Planned, bytes | None]] = field(default_factory=list)
    said: list[tuple[Planned, bytes | None]] = field(default_factory=list)

    def speak(self, count: int) -> None:
        """Say that many things in one connection, or as many as the daemon lives for."""
        try:
            with self.world.connect(inbound=self.way is Way.IN) as connection:
                for _ in range(count):
                    planned, octets = self._next()
                    if not self._say(connection, planned, octets):
                        connection.close()
                        return
        except (OSError, smtplib.SMTPException, AssertionError):
            return  # the daemon was gone before it could be asked

    def _next(self) -> tuple[Planned, bytes | None]:
        if self.unheard:
            return self.unheard.pop(0)
        if self.said and self.chance.random() < _AGAIN:
            return self.chance.choice(self.said)
        if self.way is Way.OUT:
            return self.source.outward(), None
        planned = self.source.inward()
        # Two envelopes of one content: whichever comes second is a replay.
        first, *others = sealings(self.world.keys, planned, 1 + (self.chance.random() < _AGAIN))
        self.unheard += [(planned, other) for other in others]
        return planned, first

    def _say(self, connection: smtplib.SMTP, planned: Planned, sealed: bytes | None) -> bool:
        """Whether the connection goes on."""
        message = planned.message
        heard = submit(
            connection,  # type: ignore[arg-type]
            planned.octets() if sealed is None else sealed,
            sender=HOME_CARE if self.way is Way.OUT else BRINKEN,
            recipients=message.recipients,
        )
        self.world.ledger.add_replies(replies(self.world.ledger.run, message, heard))
        if heard.cut:
            self.unheard.append((planned, sealed))
        elif planned.size_octets < 100_000:
            self.said = [*self.said[-_REMEMBERED:], (planned, sealed)]
        self.answered()
        if not heard.cut and heard.step != "message":
            connection.rset()
        return not heard.cut and heard.code != 421


def replies(run: int, message: Message, heard: Heard) -> list[Reply]:
    """One for each recipient: what it was answered at RCPT where that was no, else what the message was."""
    found = []
    for recipient in message.recipients:
        code, text = heard.recipients.get(recipient, (None, ""))
        if code is not None and code >= 400:
            reason = text.partition("[")[2].partition("]")[0] or None
            found.append(Reply(run=run, message=message, recipient=recipient, code=code, reason=reason))
        else:
            found.append(
                Reply(
                    run=run,
                    message=message,
                    recipient=recipient,
                    code=heard.code if heard.step != "RCPT" or heard.refused else None,
                    reason=heard.reason,
                    queue_id=heard.queue_id,
                )
            )
    return found


def make_clients(world: World, source: Source, seed: int, answered: Callable[[], None]) -> list[Client]:
    """Three who submit, and the partner."""
    return [
        Client(
            world=world,
            source=source,
            chance=random.Random(f"{seed}/client {number}"),
            way=way,
            answered=answered,
        )
        for number, way in enumerate((Way.OUT, Way.OUT, Way.OUT, Way.IN))
    ]


def all_speak(clients: list[Client], count: int) -> list[threading.Thread]:
    threads = [threading.Thread(target=client.speak, args=(count,), daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    return threads


def wait_for(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(_JOIN_SECONDS)
        assert not thread.is_alive(), "a client hangs"
