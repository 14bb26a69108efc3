"""Messages between their 250 and their first delivery, still open in memory.

What was opened at the prompt need not be opened again a moment later. Only that work
is saved: what is delivered is judged anew, by the policy and the keys of that moment.

Plaintext stays here for seconds and up to a bound of octets, in memory only. What does
not fit, is not fetched in time, or was lost with the process is opened again from the
queue, where it lies sealed; so is every later attempt.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, Self

from rorpost_gateway.inbound.opened import OpenedMessage

MOST_OCTETS = 64 * 1024 * 1024
SECONDS = 60.0
_BESIDE_OCTETS = 16 * 1024  # of one message: its facts and fields, as objects


class _Timer(Protocol):
    def cancel(self) -> None: ...


Later = Callable[[float, Callable[[], None]], _Timer]


def _later(seconds: float, work: Callable[[], None]) -> _Timer:
    return asyncio.get_running_loop().call_later(seconds, work)


@dataclass(kw_only=True)
class _Kept:
    opened: OpenedMessage = field(repr=False)
    recipients: set[str]
    octets: int
    timer: _Timer


class StillOpen:
    """By queue id. `later` calls something after so many seconds: a loop's `call_later`."""

    def __init__(
        self, *, most_octets: int = MOST_OCTETS, seconds: float = SECONDS, later: Later = _later
    ) -> None:
        self._most_octets = most_octets
        self._seconds = seconds
        self._later = later
        self._kept: dict[str, _Kept] = {}
        self._octets = 0

    @classmethod
    def nothing(cls) -> Self:
        """One that keeps nothing: everything is opened again."""
        return cls(most_octets=0)

    @property
    def octets(self) -> int:
        """How much is kept at this moment."""
        return self._octets

    @contextmanager
    def left(self, queue_id: str, opened: OpenedMessage, recipients: Collection[str]) -> Iterator[None]:
        """Keep a message for the first delivery to each of these, if there is room for it.

        It is forgotten where what is done meanwhile fails: then nothing was taken.
        """
        self._leave(queue_id, opened, recipients)
        try:
            yield
        except BaseException:
            self.forget(queue_id)
            raise

    def _leave(self, queue_id: str, opened: OpenedMessage, recipients: Collection[str]) -> None:
        reading = opened.for_delivery()
        octets = reading.octets + _BESIDE_OCTETS
        if self._octets + octets > self._most_octets:
            return
        self._octets += octets
        self._kept[queue_id] = _Kept(
            opened=reading,
            recipients=set(recipients),
            octets=octets,
            timer=self._later(self._seconds, lambda: self.forget(queue_id)),
        )

    def take(self, queue_id: str, recipient: str) -> OpenedMessage | None:
        """What was left for this recipient, once; None where it must be opened again."""
        kept = self._kept.get(queue_id)
        if kept is None or recipient not in kept.recipients:
            return None
        kept.recipients.discard(recipient)
        if not kept.recipients:
            self.forget(queue_id)
        return kept.opened

    def forget(self, queue_id: str) -> None:
        """Let go of a message, if it is here."""
        kept = self._kept.pop(queue_id, None)
        if kept is not None:
            kept.timer.cancel()
            self._octets -= kept.octets
