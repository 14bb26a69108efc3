"""The unit file and the alerting rules that are shipped: true of this version, and sound to their readers."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rorpost_gateway.cli import EX_CONFIG
from rorpost_gateway.daemon.gateway import DRAIN_SECONDS
from rorpost_gateway.daemon.health import LOG_PATIENCE_SECONDS
from rorpost_gateway.decision import Direction, Reason
from rorpost_gateway.metrics.catalogue import BY_NAME
from rorpost_gateway.metrics.exposition import STATES
from rorpost_gateway.openpgp.forecast import Forecast
from tests.peers.confined_daemon import UNIT, allowed_calls, settings
from tests.unit.test_documents import complaint_about, text_of

ALERTS = Path(__file__).parents[2] / "config" / "prometheus" / "alerts.yaml"


def systemd_analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8")
    unit.write_text(text.replace("/opt/rorpost/bin/rorpost", sys.executable), encoding="utf-8")
    done = systemd_analyze("verify", str(unit))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_would_find_what_is_wrong(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8").replace("/opt/rorpost/bin/rorpost", sys.executable)
    unit.write_text(text.replace("ProtectSystem=", "ProtectSytem="), encoding="utf-8")
    assert "ProtectSytem" in systemd_analyze("verify", str(unit)).stderr


def test_little_is_exposed() -> None:
    """In tenths: 10.0 is a unit without any restriction."""
    assert systemd_analyze("security", "--offline=true", "--threshold=20", str(UNIT)).returncode == 0


def test_the_command_is_one_that_there_is() -> None:
    [start] = settings()["ExecStart"]
    program, *words = start.split()
    assert program == "/opt/rorpost/bin/rorpost"
    assert complaint_about(words) is None
    assert program.rpartition("/bin")[0] in text_of("config/README.md")


def test_what_the_unit_says_of_the_daemon_is_so() -> None:
    unit = {name: values[-1] for name, values in settings().items()}
    assert unit["RestartPreventExitStatus"] == str(EX_CONFIG)
    assert int(unit["TimeoutStopSec"]) > 2 * DRAIN_SECONDS
    assert int(unit["WatchdogSec"]) > 2 * LOG_PATIENCE_SECONDS
    assert (unit["Type"], unit["NotifyAccess"], unit["KillMode"]) == ("notify", "main", "mixed")
    assert unit["ExecReload"].endswith("kill -HUP $MAINPID")
    assert unit["ProtectSystem"] == "strict"
    assert unit["NoNewPrivileges"] == unit["MemoryDenyWriteExecute"] == "yes"


def test_the_filter_leaves_what_is_needed_and_little_else() -> None:
    allowed = allowed_calls()
    assert {"execve", "clone", "fdatasync", "prlimit64", "sendto"} <= allowed
    assert not {"ptrace", "mount", "chroot", "setuid", "bpf", "kexec_load", "setpriority"} & allowed


@pytest.mark.parametrize("name", ["User", "StateDirectory", "WorkingDirectory"])
def test_places_are_those_of_the_guide(name: str) -> None:
    [value] = settings()[name]
    assert value in text_of("config/README.md")


# The alerting rules


def rules() -> list[dict[str, object]]:
    data = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))
    return [rule for group in data["groups"] for rule in group["rules"]]


def test_alerts_are_shaped_as_prometheus_wants_them() -> None:
    assert len(rules()) > 5
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    for rule in rules():
        assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"Rorpost[A-Za-z]+", str(rule["alert"]))
        assert isinstance(rule["annotations"], dict)


def test_alerts_know_the_metrics_and_their_labels() -> None:
    for rule in rules():
        expression = str(rule["expr"])
        found = re.findall(r"\b(rorpost_\w+)(?:\{([^}]*)\})?", expression)
        assert found or 'up{job="rorpost"}' in expression
        for name, selector in found:
            labels = BY_NAME[name].labels
            assert set(re.findall(r"(\w+)=~?\"", selector)) <= set(labels)
        told = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
        dropped = set(re.findall(r"without \((\w+)\)", expression))
        assert told | dropped <= {label for name, _ in found for label in BY_NAME[name].labels}


def test_alerts_ask_for_words_that_there_are() -> None:
    text = ALERTS.read_text(encoding="utf-8")
    wanted = {label: set(words.split("|")) for label, words in re.findall(r'(\w+)=~?"([^"]+)"', text)}
    assert wanted["reason"] <= {reason.value for reason in Reason}
    assert wanted["forecast"] == {"key-.*"}
    assert [forecast for forecast in Forecast if forecast.value.startswith("key-")]
    assert len(Direction) == 2  # which `sum without (direction)` adds up
    states = {words for _, words in re.findall(r'(state)=~?"([^"]+)"', text)}
    assert {word for words in states for word in words.split("|")} <= set(STATES)
    checks = text_of("rorpost_gateway/daemon/health.py")
    assert all(f'name="{check}"' in checks for check in wanted["check"])
