"""`rorpost serve` as far as it does not start: one clear text, and the right exit code."""

import socket
import subprocess
import sys
from typing import Any

import pytest

from rorpost_gateway.config.load import load_config
from rorpost_gateway.decision_log.signing import create


def serve(here: Any, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rorpost_gateway", "serve", "--config", str(here.path), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_an_invalid_configuration(here: Any) -> None:
    here.configure(node="a b")
    done = serve(here)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.startswith(f"{here.path}:1:7: node does not look right")


def test_an_invalid_policy(here: Any) -> None:
    here.write("policies/policy.yaml", "rules: {outside_quotes: allow}\nnonsense: 1\n")
    done = serve(here)
    assert done.returncode == 78
    assert done.stderr.splitlines() == [
        f"{here.folder}/policies/policy.yaml:2:1: unknown key 'nonsense'",
        "    2 | nonsense: 1",
        "      | ^~~~~~~~",
        "      = what may still stand here: channels, mailboxes",
    ]


@pytest.mark.parametrize("spoilt", ["state", "state/decisions", "state/policies"])
def test_a_folder_that_cannot_be_made(here: Any, spoilt: str) -> None:
    path = here.folder / spoilt
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a file")
    done = serve(here)
    assert done.returncode in {1, 78}
    assert "Traceback" not in done.stderr
    assert str(here.folder) in done.stderr


def test_an_address_that_is_taken(here: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        here.configure(submission={"listen": [f"127.0.0.1:{port}"]})
        done = serve(here, "--log-format", "json")
    assert done.returncode == 78
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use\n" in done.stderr
    assert '"ready"' not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_log(here: Any) -> None:
    folder = here.folder / "state" / "decisions"
    folder.mkdir(parents=True)
    (folder / "2026-05-06.jsonl").write_text("{}\n{}\n")
    done = serve(here)
    assert done.returncode == 78
    assert "decision-log.key is missing, but there is a log" in done.stderr
    settings = load_config(here.path).decision_log
    create(settings.signing_key_file, settings.origin)
    done = serve(here)
    assert done.returncode == 1
    assert done.stderr.startswith("rorpost: the decision log does not hold (")
    assert "2026-05-06.jsonl" in done.stderr
    assert "rorpost audit restart --decision REFERENCE" in done.stderr
