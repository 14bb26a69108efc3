"""Which queue a URL means."""

from pathlib import Path

import pytest

from rorpost_gateway.errors import ConfigurationInvalid
from rorpost_gateway.queue.sqlite import SqliteQueue
from rorpost_gateway.queue.url import open_queue, sqlite_path

BASE = Path("/etc/rorpost")


@pytest.mark.parametrize("url", ["postgresql://gw@db/queue", "postgres://db/queue"])
def test_postgresql_is_not_there_yet(url: str) -> None:
    with pytest.raises(ConfigurationInvalid, match=r"queue\.url") as raised:
        sqlite_path(url, BASE)
    assert "not there yet" in raised.value.public
    assert "gw@db" not in str(raised.value.public)  # a URL may hold a password


@pytest.mark.parametrize(
    "url",
    [
        "",
        "queue.db",
        "mysql://x",
        "sqlite:",
        "sqlite: ",
        "sqlite:///x.db",
        "SQLITE:x",
        "sqlite:a\0b",
        "sqlite::memory:",
    ],
)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationInvalid):
        sqlite_path(url, BASE)


def test_a_relative_path_starts_at_the_base() -> None:
    assert sqlite_path("sqlite:../state/queue.db", BASE) == BASE / "../state/queue.db"
    assert sqlite_path("sqlite:/var/q.db", BASE) == Path("/var/q.db")


async def test_a_queue_is_opened_where_the_url_says(tmp_path: Path) -> None:
    queue = await open_queue("sqlite:state/queue.db", tmp_path)
    assert isinstance(queue, SqliteQueue)
    await queue.close()
    assert (tmp_path / "state" / "queue.db").is_file()
