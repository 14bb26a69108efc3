"""`rorpost audit new-key`, `purge` and `restart` where no daemon runs."""

import asyncio
import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rorpost_gateway.cli.audit import audit
from rorpost_gateway.config.load import load_config
from rorpost_gateway.config.model import Config
from rorpost_gateway.daemon.own_log import open_own_log
from rorpost_gateway.decision_log import record
from rorpost_gateway.decision_log.signing import create
from rorpost_gateway.errors import ConfigurationInvalid

CONFIGURATION = """
node: gw1
hostname: gw.motala.se
domains: [motala.se]
state_dir: state
submission: {listen: ["127.0.0.1:0"], tls: {mode: "off"}, auth: {backend: file, users: users.yaml}}
relay: {default: {host: 127.0.0.1, port: 1526, tls: {mode: "off"}}}
"""


@pytest.fixture
def configuration() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ru", dir="/tmp") as folder:
        path = Path(folder) / "rorpost.yaml"
        path.write_text(CONFIGURATION)
        yield path


def run(configuration: Path, *arguments: str) -> Result:
    return CliRunner().invoke(audit, [*arguments, "--config", str(configuration)])


def write(configuration: Path, *days: int) -> Path:
    """A heartbeat on each of these days of May 2026; the log's folder."""
    config = load_config(configuration)
    for day in days:
        asyncio.run(_write(config, datetime(2026, 5, day, 12, tzinfo=UTC).timestamp()))
    return config.decision_log.dir


async def _write(config: Config, moment: float) -> None:
    log = await open_own_log(config, now=lambda: moment)
    await log.append([record.heartbeat()])
    await log.close()


def test_the_first_key_is_made_and_printed(configuration: Path) -> None:
    done = run(configuration, "new-key")
    assert done.exit_code == 0
    assert done.stdout == configuration.with_name("decision-log.vkey").read_text()


def test_a_new_key_in_force(configuration: Path) -> None:
    folder = write(configuration, 6)
    before = configuration.with_name("decision-log.vkey").read_text()
    done = run(configuration, "new-key")
    assert (done.exit_code, done.stderr) == (0, f"until now: {before}")
    assert done.stdout == configuration.with_name("decision-log.vkey").read_text() != before
    assert any(b'"event":"key"' in path.read_bytes() for path in folder.glob("*.jsonl"))


def test_a_purge_names_what_went(configuration: Path) -> None:
    folder = write(configuration, 6, 7, 8)
    done = run(configuration, "purge", "--before", "2026-05-08", "--decision", "KS 2026/117")
    assert done.stdout.split() == ["2026-05-06.jsonl", "2026-05-07.jsonl"]
    assert "2 files" in done.stderr
    assert not (folder / "2026-05-06.jsonl").exists()
    done = run(configuration, "purge", "--before", "2026-05-08", "--decision", "KS 2026/117", "--json")
    assert json.loads(done.stdout) == {"files": [], "entries": 0}


@pytest.mark.parametrize(
    "arguments",
    [
        ("purge", "--before", "2026-05-08"),
        ("purge", "--decision", "KS 1"),
        ("purge", "--before", "yesterday", "--decision", "KS 1"),
        ("purge", "--before", "2026-05-08", "--decision", "two\nlines"),
        ("restart",),
        ("restart", "--decision", ""),
    ],
)
def test_without_a_day_or_a_decision_nothing_is_done(configuration: Path, arguments: tuple[str, ...]) -> None:
    folder = write(configuration, 6, 7)
    assert run(configuration, *arguments).exit_code == 2
    assert len(list(folder.glob("*.jsonl"))) == 2


def test_a_restart_prints_the_new_verifier_key_and_where_the_old_log_is(configuration: Path) -> None:
    folder = write(configuration, 6)
    done = run(configuration, "restart", "--decision", "KS 2026/118")
    assert done.exit_code == 0
    assert "/restarted-" in done.stdout
    (kept,) = folder.parent.glob("decisions.2*")
    assert done.stderr == f"the old log: {kept}\n"


def test_a_key_that_is_gone_is_not_made_anew_under_a_log(configuration: Path) -> None:
    write(configuration, 6)
    configuration.with_name("decision-log.key").unlink()
    done = run(configuration, "new-key")
    assert isinstance(done.exception, ConfigurationInvalid)
    with pytest.raises(ConfigurationInvalid, match="put it back"):
        write(configuration, 7)
    assert not configuration.with_name("decision-log.key").exists()
    assert run(configuration, "restart", "--decision", "KS 1").exit_code == 0


def test_a_key_of_another_log_signs_nothing_here(configuration: Path) -> None:
    write(configuration, 6)
    for name in ("decision-log.key", "decision-log.vkey"):
        configuration.with_name(name).unlink()
    create(configuration.with_name("decision-log.key"), "motala.se/rorpost/gw1")
    done = run(configuration, "new-key")
    assert done.exit_code == 1
    assert "does not hold" in str(getattr(done.exception, "public", ""))
