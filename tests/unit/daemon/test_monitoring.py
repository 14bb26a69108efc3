"""What /metrics, /healthz and /readyz say of a whole gateway in this process, in good times and bad."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from rorpost_gateway.daemon.gateway import Gateway
from rorpost_gateway.errors import ConfigurationInvalid
from tests.peers.authority import Authority
from tests.peers.submitting import Submission, make_message, submit

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@asynccontextmanager
async def serving(files: Any, **config: Any) -> AsyncIterator[Gateway]:
    changes = {"metrics": {"listen": "127.0.0.1:0"}} | config
    async with asyncio.timeout(30):
        gateway = await Gateway.open(files.config(**changes), give_up=lambda: None)
        try:
            await gateway.start()
            yield gateway
        finally:
            await gateway.stop()


async def get(gateway: Gateway, path: str) -> tuple[int, str]:
    """Status and body."""
    assert gateway.metrics_address is not None
    reader, writer = await asyncio.open_connection(*gateway.metrics_address)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: gw\r\n\r\n".encode())
    heard = (await reader.read()).decode()
    writer.close()
    head, _, body = heard.partition("\r\n\r\n")
    return int(head.split()[1]), body


async def scrape(gateway: Gateway) -> Samples:
    status, body = await get(gateway, "/metrics")
    assert status == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, tuple(sorted(labels.items()))]


async def test_figures_move_with_the_traffic(files: Any, authority: Authority) -> None:
    async with serving(files) as gateway:
        before = await scrape(gateway)
        assert await asyncio.to_thread(_traffic, gateway.addresses[0], authority) == ["ok", "urgent"]
        await until(gateway, lambda now: value(now, COPIES, direction="outbound", event="deferred") > 0)
        gateway._watched._show()  # rather than a second later
        after = await scrape(gateway)
        _, page = await get(gateway, "/metrics")
    moved = {key for key in after if after[key] != before.get(key)}
    assert value(after, DECISIONS, direction="outbound", action="accept", reason="ok") == 1
    assert value(after, DECISIONS, direction="outbound", action="reject", reason="urgent") == 1
    assert value(after, "rorpost_login_failures_total") == 1
    assert value(after, "rorpost_log_entries") > value(before, "rorpost_log_entries")
    assert value(after, "rorpost_log_lines_total", event="decision") == 2
    assert (
        value(after, "rorpost_queue_copies", state="active")
        + value(after, "rorpost_queue_copies", state="deferred")
        == 1
    )
    stages = ("receive", "judge", "seal", "queue", "log", "answer", "relay")
    timed = {dict(labels)["stage"] for name, labels in moved if name == "rorpost_stage_seconds_count"}
    assert timed == set(stages)
    assert value(after, "rorpost_stage_seconds_count", stage="answer") == 2
    assert value(after, "rorpost_stage_seconds_count", stage="seal") == 1
    nobody = ("anna", "clara", "127.0.0.1", "klient", "urgent matters", "FLADDERMUS")
    assert not [word for word in nobody if word in page]


COPIES = "rorpost_copies_total"
DECISIONS = "rorpost_decisions_total"


async def until(gateway: Gateway, condition: Callable[[Samples], bool]) -> Samples:
    """The first scrape of which the condition holds; bounded by `serving`."""
    while not condition(found := await scrape(gateway)):
        pass
    return found


def _traffic(address: tuple[str, int], authority: Authority) -> list[str]:
    context = authority.client_context()
    with Submission(address, context) as client:
        heard = [submit(client, make_message()), submit(client, make_message(Importance="high"))]
    with Submission(address, context, login=None) as client:
        client.ehlo()
        assert client.docmd("AUTH", "PLAIN AGFubmEAZmVs")[0] == 535
    return [each.reason for each in heard]


async def test_connections_are_counted_while_they_are_open(files: Any, authority: Authority) -> None:
    async with serving(files) as gateway:
        streams = [await asyncio.open_connection(*gateway.addresses[0]) for _ in range(3)]
        for reader, _ in streams:
            await reader.readline()
        now = await scrape(gateway)
        assert value(now, "rorpost_connections", listener="submission") == 3
        for _, writer in streams:
            writer.close()


async def test_a_reload_that_is_refused_is_shown_and_mail_is_still_taken(
    files: Any, authority: Authority
) -> None:
    async with serving(files) as gateway:
        good = await scrape(gateway)
        assert value(good, "rorpost_policy_last_reload_successful") == 1
        files.write_policy("nonsense: [")
        with capture_logs():
            await gateway.reload()
        status, body = await get(gateway, "/readyz")
        assert (status, body.splitlines()[0]) == (200, "ready")
        assert re.search(
            r"\nwarning policy: what is on disk was refused at \S+Z; revision [0-9a-f]{64} is", body
        )
        assert "nonsense" not in body
        bad = await scrape(gateway)
        assert value(bad, "rorpost_policy_last_reload_successful") == 0
        assert value(bad, "rorpost_check_ok", check="policy") == 0
        assert "refused" in gateway.status
        heard = await asyncio.to_thread(_submit, gateway.addresses[0], authority)
        assert heard == "ok"
        files.write_policy(files.policy | {"channels": []})
        with capture_logs():
            await gateway.reload()
        mended = await scrape(gateway)
        assert value(mended, "rorpost_policy_last_reload_successful") == 1
        assert {key for key in mended if key[0] == "rorpost_policy_info"}.isdisjoint(good)
        assert value(mended, "rorpost_policy_objects", kind="channels") == 0


def _submit(address: tuple[str, int], authority: Authority) -> str:
    with Submission(address, authority.client_context()) as client:
        return submit(client, make_message()).reason


async def test_a_queue_that_was_taken_away(files: Any) -> None:
    async with serving(files) as gateway:
        assert (await get(gateway, "/readyz"))[0] == 200
        (files.folder / "state" / "queue.db-wal").rename(files.folder / "elsewhere")
        gateway._watched._show()  # rather than a second later
        status, body = await get(gateway, "/readyz")
        assert (status, body.splitlines()[0]) == (503, "not ready")
        assert "failed  queue: the queue's store was taken away" in body
        assert (await get(gateway, "/healthz"))[0] == 200
        now = await scrape(gateway)
        assert value(now, "rorpost_check_ok", check="queue") == 0


async def test_without_the_section_nothing_is_served_or_counted(files: Any) -> None:
    async with serving(files, metrics=None) as gateway:
        assert gateway.metrics_address is None
        assert gateway.well
        assert gateway.status.startswith("Listening on 127.0.0.1:")


async def test_an_address_in_use_is_told_at_the_start(files: Any, tmp_path: Path) -> None:
    async with serving(files) as gateway:
        assert gateway.metrics_address is not None
        port = gateway.metrics_address[1]
        (tmp_path / "mail").mkdir()
        with pytest.raises(ConfigurationInvalid, match=f"cannot listen on 127.0.0.1 port {port}"):
            async with serving(
                files,
                state_dir=str(tmp_path),
                metrics={"listen": f"127.0.0.1:{port}"},
                decision_log={"signing_key_file": f"{tmp_path}/log.key"},
            ):
                pass
