"""Two gateways with folders of their own and one queue: the second does not start."""

from typing import Any

import pytest

from rorpost_gateway.daemon.gateway import Gateway
from rorpost_gateway.errors import QueueUnavailable
from rorpost_gateway.queue.sqlite import open_sqlite_queue
from tests.peers.queues import put_pending


async def test_a_second_gateway_on_the_same_queue_does_not_start(files: Any) -> None:
    queue = await open_sqlite_queue(files.folder / "state" / "queue.db", reserve_octets=0)
    try:
        pending = await put_pending(queue)  # of which the second one's decision log knows nothing
        other = files.config(state_dir="other", queue={"url": "sqlite:state/queue.db"})
        with pytest.raises(QueueUnavailable, match=r"another gateway has the queue in .*state/queue\.db"):
            await Gateway.open(other, give_up=lambda: None)
        assert [copy.message.queue_id for copy in await queue.pending()] == [pending]
    finally:
        await queue.close()
