"""Which queue a configured URL means."""

from pathlib import Path

from rorpost_gateway.errors import ConfigurationInvalid
from rorpost_gateway.queue.base import Queue
from rorpost_gateway.queue.sqlite import open_sqlite_queue

_SQLITE = "sqlite:"
_POSTGRES = ("postgresql:", "postgres:")


def sqlite_path(url: str, base: Path) -> Path:
    """The file that `sqlite:PATH` names; a relative path starts at `base`.

    Raises ConfigurationInvalid for every other URL.
    """
    if url.startswith(_POSTGRES):
        raise ConfigurationInvalid(
            "queue.url: a queue in PostgreSQL is not there yet; write sqlite:PATH", private="queue.url"
        )
    name = url.removeprefix(_SQLITE)
    if not url.startswith(_SQLITE) or not name.strip() or name.startswith("//") or "\0" in name:
        raise ConfigurationInvalid("queue.url: write sqlite:PATH, such as sqlite:../state/queue.db")
    if name.startswith(":"):
        raise ConfigurationInvalid("queue.url: a queue in memory would lose accepted messages")
    return base / name


async def open_queue(url: str, base: Path, *, alone: bool = True) -> Queue:
    """Open the queue that `url` names, relative to the folder `base`.

    Where the store is for one gateway only, `alone` keeps every other one out. Raises
    ConfigurationInvalid, QueueUnavailable or QueueFull.
    """
    return await open_sqlite_queue(sqlite_path(url, base), alone=alone)
