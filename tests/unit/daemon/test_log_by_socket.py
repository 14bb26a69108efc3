"""The running daemon's log, by the command line and its control socket: every step leaves its line."""

import asyncio
import json
import os
import pwd
from collections.abc import AsyncIterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rorpost_gateway.audit.verify import verify_log
from rorpost_gateway.cli.access import access
from rorpost_gateway.cli.audit import audit
from rorpost_gateway.cli.keys_logged import tell_log
from rorpost_gateway.control.client import CallRefused, call
from rorpost_gateway.daemon.gateway import Gateway

ME = pwd.getpwuid(os.getuid()).pw_name
FINGERPRINTS = [f"{number:040X}" for number in range(70)]


@pytest.fixture
async def running(files: Any) -> AsyncIterator[Any]:
    """The files of a gateway whose control socket listens."""
    async with asyncio.timeout(30):
        gateway = await Gateway.open(files.config(), give_up=lambda: None)
        await gateway.start()
    yield files
    await gateway.stop()


async def run(files: Any, *arguments: str) -> Result:
    command = [*arguments, "--config", str(files.folder / "rorpost.yaml")]
    return await asyncio.to_thread(CliRunner().invoke, audit, command)


def lines(files: Any, event: str) -> list[dict[str, Any]]:
    paths = sorted((files.folder / "state" / "decisions").glob("*.jsonl"))
    entries = [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]
    return [entry for entry in entries if entry["event"] == event]


async def test_a_new_key(running: Any) -> None:
    before = (running.folder / "decision-log.vkey").read_text()
    done = await run(running, "new-key")
    assert done.exit_code == 0, done.output
    after = (running.folder / "decision-log.vkey").read_text()
    assert after in done.output
    (line,) = lines(running, "key")
    assert (line["operator"], line["previous"], line["vkey"]) == (ME, before.strip(), after.strip())
    verify_log(running.folder / "state" / "decisions", vkey=before.strip())


async def test_a_purge_of_nothing_leaves_no_line(running: Any) -> None:
    done = await run(running, "purge", "--before", "2020-01-01", "--decision", "KS 2026/117", "--json")
    assert (done.exit_code, json.loads(done.output)) == (0, {"files": [], "entries": 0})
    assert lines(running, "purged") == []


async def test_a_reference_that_is_none_is_wrong_usage(running: Any) -> None:
    done = await run(running, "purge", "--before", "2020-01-01", "--decision", "19121212-1212")
    assert done.exit_code == 2
    assert "identity number" in done.output
    assert "19121212" not in json.dumps(lines(running, "purged"))


async def test_the_log_of_a_running_daemon_is_not_begun_anew(running: Any) -> None:
    done = await run(running, "restart", "--decision", "KS 1")
    assert done.exit_code == 1
    assert "in use" in str(getattr(done.exception, "public", ""))


async def test_an_extract(running: Any) -> None:
    socket = running.config().control_socket
    asked = {"verb": "search", "filters": ["sender", "from"], "entries": 12}
    answer = await asyncio.to_thread(call, socket, "log-extract", asked)
    (line,) = lines(running, "extract")
    assert answer == {"n": line["n"]}
    assert asked.items() <= line.items()
    assert line["operator"] == ME
    with pytest.raises(CallRefused):
        await asyncio.to_thread(call, socket, "log-extract", asked | {"filters": ["anna@motala.se"]})


async def test_keys_that_were_imported(running: Any) -> None:
    await asyncio.to_thread(tell_log, running.config().control_socket, "import", FINGERPRINTS)
    first, second = lines(running, "keyring")
    assert first["fingerprints"] + second["fingerprints"] == FINGERPRINTS
    assert (first["operator"], first["verb"]) == (ME, "import")


async def test_who_asks_when_authorisations_were_last_used_is_told_in_the_log(running: Any) -> None:
    command = ["report", "--json", "--config", str(running.folder / "rorpost.yaml")]
    done = await asyncio.to_thread(CliRunner().invoke, access, command)
    assert (done.exit_code, json.loads(done.stdout)["log_asked"]) == (0, True)
    (line,) = lines(running, "extract")
    assert (line["operator"], line["verb"], line["filters"]) == (ME, "report", ["last-used"])


async def test_a_key_that_was_confirmed_has_its_line(running: Any) -> None:
    await asyncio.to_thread(
        tell_log, running.folder / "state" / "control.socket", "confirm", FINGERPRINTS[:1]
    )
    (line,) = lines(running, "keyring")
    assert (line["operator"], line["verb"], line["fingerprints"]) == (ME, "confirm", FINGERPRINTS[:1])
