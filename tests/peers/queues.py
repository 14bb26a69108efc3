"""Queues to test, one place a test, and messages to put into them."""

import hashlib
import itertools
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rorpost_gateway.decision import Direction
from rorpost_gateway.queue.base import Copy, NewCopy, Queue, QueuedMessage
from rorpost_gateway.queue.identity import new_queue_id
from rorpost_gateway.queue.url import open_queue

NOW = 1_790_000_000.0
LEASE = 300.0
SENDER = "rorpost.hemsjukvarden@motala.se"
BRINKEN = "rorpost.vcbrinken@regionostergotland.se"
LYCKORNA = "rorpost.vclyckorna@regionostergotland.se"
ABROAD = "rorpost.enhet@example.org"

_serial = itertools.count()


@dataclass(kw_only=True)
class QueueStore:
    """A place where a queue lies; opening it again shows what survived."""

    url: str
    opened: list[Queue] = field(default_factory=list)

    async def open(self, *, alone: bool = True) -> Queue:
        queue = await open_queue(self.url, Path("/"), alone=alone)
        self.opened.append(queue)
        return queue

    async def reopen(self) -> Queue:
        await self.close()
        return await self.open()

    async def close(self) -> None:
        while self.opened:
            await self.opened.pop().close()


@pytest.fixture(params=["sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[QueueStore]:
    urls = {"sqlite": f"sqlite:{tmp_path}/state/queue.db"}
    place = QueueStore(url=urls[request.param])
    yield place
    await place.close()


@pytest.fixture
async def queue(store: QueueStore) -> Queue:
    return await store.open()


def queue_id(at: float = NOW) -> str:
    return new_queue_id(int(at * 1000), next(_serial).to_bytes(4))


def message(identity: str | None = None, *, received_at: float = NOW, **more: object) -> QueuedMessage:
    values: dict[str, object] = {
        "queue_id": identity or queue_id(received_at),
        "direction": Direction.OUTBOUND,
        "reverse_path": SENDER,
        "message_id": "<inner@motala.se>",
        "received_at": received_at,
        "size": 1234,
        "policy": "ab" * 32,
        "declared_user": "anna.berg@motala.se",
        "declared_by": "header",
    }
    return QueuedMessage(**(values | more))  # type: ignore[arg-type]


def copy(recipient: str = BRINKEN, *, sealed: bytes = b"sealed\r\n", **more: object) -> NewCopy:
    values: dict[str, object] = {
        "recipient": recipient,
        "decision_id": f"decision-{next(_serial)}",
        "channel": "hemsjukvarden-brinken",
        "outer_message_id": f"<{next(_serial):032x}@gw.motala.se>",
        "encrypted_to": "A" * 40,
        "encrypted_to_subkey": "B" * 40,
        "signed_by": "C" * 40,
        "signed_by_subkey": "D" * 40,
        "sealed_sha256": hashlib.sha256(sealed).hexdigest(),
        "sealed": sealed,
    }
    return NewCopy(**(values | more))  # type: ignore[arg-type]


async def put_pending(queue: Queue, *recipients: str, at: float = NOW, digest: str = "") -> str:
    """A message whose decision lines are not known to be durable yet; its queue id."""
    it = message(received_at=at)
    copies = [copy(recipient, submission_digest=digest) for recipient in recipients or (BRINKEN,)]
    await queue.insert_pending(it, copies)
    return it.queue_id


async def put_ready(queue: Queue, *recipients: str, at: float = NOW, digest: str = "") -> str:
    """A message that is due since `at`; its queue id."""
    identity = await put_pending(queue, *recipients, at=at, digest=digest)
    await queue.make_ready(identity, now=at)
    return identity


async def claim(
    queue: Queue, *, node: str = "gw1", now: float = NOW, limit: int = 100, busy: Sequence[str] = ()
) -> list[Copy]:
    found = await queue.claim(
        node=node, now=now, lease_seconds=LEASE, limit=limit, busy_domains=frozenset(busy)
    )
    return list(found)


async def put_claimed(queue: Queue, *recipients: str) -> str:
    identity = await put_ready(queue, *recipients)
    assert {c.message.queue_id for c in await claim(queue)} == {identity}
    return identity
