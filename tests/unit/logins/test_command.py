"""`rorpost users set-password`, as an operator runs it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rorpost_gateway.logins import Logins, load_users

NEW = "nytt lösenord 2026"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The shipped configuration with files of its own beside it."""
    shutil.copytree(Path(__file__).parents[3] / "config", tmp_path / "config")
    path = tmp_path / "config" / "rorpost.yaml"
    (tmp_path / "config" / "users.yaml").unlink(missing_ok=True)
    return path


def run(config: Path, *arguments: str, typed: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rorpost_gateway", "users", "set-password", "--config", str(config)]
    return subprocess.run(
        [*command, *arguments], input=typed, capture_output=True, text=True, timeout=30, check=False
    )


async def test_a_new_login_and_a_new_password(config: Path) -> None:
    added = run(config, "anna.berg", "--address", "anna.berg@motala.se", typed=NEW + "\n")
    assert added.returncode == 0, added.stderr
    changed = run(config, "Anna.Berg", typed=NEW + " igen\n")
    assert changed.returncode == 0, changed.stderr
    assert NEW not in added.stdout + added.stderr + changed.stdout + changed.stderr
    logins = Logins(load_users(config.parent / "users.yaml"))
    assert await logins.verify("anna.berg", NEW.encode()) is None
    assert await logins.verify("anna.berg", f"{NEW} igen".encode()) is not None


@pytest.mark.parametrize(
    ("arguments", "typed", "said", "code"),
    [
        (("anna.berg", "--address", "anna.berg@motala.se"), "short\n", "at least 12 characters", 1),
        (("nobody",), NEW + "\n", "give its address too", 1),
        (("anna.berg", NEW), "", "unexpected extra argument", 2),
        ((), "", "Missing argument 'USER'", 2),
    ],
)
def test_refusals(arguments: tuple[str, ...], typed: str, said: str, code: int, config: Path) -> None:
    refused = run(config, *arguments, typed=typed)
    assert (refused.returncode, said in refused.stderr) == (code, True), refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (config.parent / "users.yaml").exists()
