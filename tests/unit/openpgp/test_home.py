"""What is wrong with a GnuPG home."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rorpost_gateway.openpgp.home import home_findings


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder with a short path and mode 0700."""
    with tempfile.TemporaryDirectory(prefix="rp", dir="/tmp") as folder:
        yield Path(folder)


def test_a_sound_home(home: Path) -> None:
    assert home_findings(home) == []


def test_a_home_that_is_not_there(home: Path) -> None:
    (found,) = home_findings(home / "nowhere")
    assert found.startswith(f"{home}/nowhere: is not there; make it")
    assert found.endswith(f"install -d -m 700 {home}/nowhere")


def test_a_file(home: Path) -> None:
    (home / "file").write_text("x")
    assert home_findings(home / "file") == [f"{home}/file: is no folder"]


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o701, 0o500])
def test_a_home_that_others_can_look_into(home: Path, mode: int) -> None:
    inside = home / "gnupg"
    inside.mkdir()
    inside.chmod(mode)
    assert home_findings(inside) == [f"{inside}: has mode {mode:04o}; must be 0700"]


def test_a_path_too_long_for_sockets(home: Path) -> None:
    room = 107 - len("/S.gpg-agent.browser") - len(str(home)) - 1
    fitting, too_long = home / ("a" * room), home / ("a" * (room + 1))
    fitting.mkdir(mode=0o700)
    too_long.mkdir(mode=0o700)
    assert home_findings(fitting) == []
    (finding,) = home_findings(too_long)
    assert "too long" in finding


def test_no_gpg(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(home))
    assert home_findings(home) == ["gpg is not installed"]
