"""The two commands: what they run, in which order, and what they say when something is missing."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.peers.rights import Without, without_root

ROOT = Path(__file__).parents[2]
TOOLS = [
    "bash",
    "env",
    "dirname",
    "make",
    "awk",
    "touch",
    "true",
    "cat",
    "rm",
    "mktemp",
    "chmod",
    "ln",
    "perl",
]


def run(
    arguments: list[str], folder: Path, *, path: str | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    # This suite is itself started by make, whose variables must not reach another make.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    for name in ("PYTEST_ARGS", "DEMO_ARGS", "PYTHON", "CI"):
        inherited.pop(name, None)
    return subprocess.run(
        arguments,
        cwd=folder,
        env={**inherited, "PATH": path or os.environ["PATH"], **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The build files alone, with a virtual environment that passes for a finished one."""
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    (tmp_path / ".venv").mkdir()
    for age, name in enumerate(("requirements.lock", "pyproject.toml", ".venv/.locked", ".venv/.installed")):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1_000_000 + age, 1_000_000 + age))
    return tmp_path


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder of programs for PATH: what a bare machine has, and nothing of what this project needs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    program(folder / "id", "echo 1000")
    program(folder / "python3", "exit 0")
    return folder


def program(path: Path, *lines: str) -> None:
    path.write_text("\n".join(["#!/bin/bash", *lines, ""]), encoding="utf-8")
    path.chmod(0o755)


@pytest.mark.parametrize("purpose", ["demo", "test"])
def test_without_root_what_is_missing_is_named_in_one_line(tools: Path, purpose: str) -> None:
    done = run([str(ROOT / ".ci/packages"), purpose], ROOT, path=str(tools))
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "gpg gpg-agent" in line
    assert "apt-get install --no-install-recommends gpg gpg-agent" in line
    assert ("swaks" in line) is (purpose == "test")


def test_a_python_without_ensurepip_is_named(tools: Path) -> None:
    program(tools / "python3", 'case "$*" in *ensurepip*) exit 1 ;; esac')
    done = run([str(ROOT / ".ci/packages"), "venv"], ROOT, path=str(tools))
    assert done.returncode == 1
    assert done.stderr.startswith("Missing: python3-venv. ")


def test_a_machine_without_python_is_told_so(tools: Path) -> None:
    (tools / "python3").unlink()
    done = run([str(ROOT / ".ci/packages"), "venv"], ROOT, path=str(tools))
    assert done.returncode == 1
    assert done.stderr.startswith("Missing: python3 python3-venv. ")


def test_a_python_that_is_too_old_is_named(tools: Path) -> None:
    program(tools / "python3", 'case "$*" in *version_info*) exit 1 ;; esac')
    done = run([str(ROOT / ".ci/packages"), "venv"], ROOT, path=str(tools))
    assert done.returncode == 1
    assert done.stderr.startswith("Python 3.11 or newer is needed, and python3 is not. ")


def test_root_installs_what_is_missing_and_asks_nothing(tools: Path, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    program(tools / "id", "echo 0")
    program(
        tools / "apt-get",
        f'echo "$DEBIAN_FRONTEND $*" >>{calls}',
        f'[ "$2" = update ] || for name in gpg gpg-agent; do ln -s "$(type -P true)" {tools}/$name; done',
    )
    gate = Path("/usr/sbin/policy-rc.d")
    before = gate.exists()
    done = run([str(ROOT / ".ci/packages"), "demo"], ROOT, path=str(tools), TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert calls.read_text(encoding="utf-8").splitlines() == [
        "noninteractive -q update",
        "noninteractive -q -y --no-install-recommends install gpg gpg-agent",
    ]
    assert gate.exists() is before


@pytest.mark.parametrize(("outcome", "says"), [("exit 100", "E: no network"), ("exit 0", "Missing: gpg")])
def test_an_installation_that_fails_or_does_not_help_is_an_error(
    tools: Path, tmp_path: Path, outcome: str, says: str
) -> None:
    program(tools / "id", "echo 0")
    program(tools / "apt-get", 'echo "E: no network"', outcome)
    done = run([str(ROOT / ".ci/packages"), "demo"], ROOT, path=str(tools), TMPDIR=str(tmp_path))
    assert done.returncode == 1
    assert says in done.stderr
    assert not list(tmp_path.glob("tmp.*"))


@pytest.fixture
def without_dovecot(tools: Path, tmp_path: Path) -> Path:
    """The packages' script on a machine that has all the demo needs, and no Dovecot."""
    for name in ("gpg", "gpg-agent"):
        program(tools / name, "exit 0")
    text = (ROOT / ".ci/packages").read_text(encoding="utf-8")
    script = tmp_path / "packages"
    script.write_text(text.replace(":/usr/sbin:/sbin", "").replace("/usr/lib/dovecot", str(tmp_path)))
    script.chmod(0o755)
    return script


@pytest.mark.parametrize("is_root", [True, False])
def test_what_the_demo_only_wants_stops_nobody(
    without_dovecot: Path, tools: Path, tmp_path: Path, *, is_root: bool
) -> None:
    program(tools / "id", f"echo {0 if is_root else 1000}")
    program(tools / "apt-get", f'echo "$*" >>{tmp_path}/calls', "exit 100")
    done = run([str(without_dovecot), "demo"], ROOT, path=str(tools), TMPDIR=str(tmp_path))
    wanted = "dovecot-core dovecot-lmtpd dovecot-imapd"
    assert done.returncode == 0, done.stderr
    assert done.stderr == (f"Could not install: {wanted}\n" if is_root else "")
    assert (tmp_path / "calls").exists() is is_root


def test_root_installs_what_the_demo_wants(without_dovecot: Path, tools: Path, tmp_path: Path) -> None:
    program(tools / "id", "echo 0")
    program(tools / "apt-get", f'echo "$*" >>{tmp_path}/calls')
    done = run([str(without_dovecot), "demo"], ROOT, path=str(tools), TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "install dovecot-core dovecot-lmtpd dovecot-imapd\n" in (tmp_path / "calls").read_text()


@pytest.mark.parametrize("arguments", [[], ["everything"]])
def test_packages_wants_to_know_what_for(arguments: list[str]) -> None:
    done = run([str(ROOT / ".ci/packages"), *arguments], ROOT)
    assert done.returncode != 0
    assert "usage" in done.stderr


@pytest.mark.parametrize("target", ["demo", "test", "lint", "install"])
def test_a_second_run_sets_nothing_up(checkout: Path, target: str) -> None:
    done = run(["make", "-n", target], checkout)
    assert done.returncode == 0, done.stderr
    assert "pip" not in done.stdout


def test_a_changed_lock_makes_the_environment_anew(checkout: Path) -> None:
    (checkout / "requirements.lock").touch()
    plan = run(["make", "-n", "demo"], checkout).stdout
    order = [
        plan.index(step)
        for step in (
            ".ci/packages demo",
            "-m venv --clear .venv",
            "--require-hashes -r requirements.lock",
            "--no-deps --no-build-isolation --editable .",
            "rorpost demo",
        )
    ]
    assert order == sorted(order)
    assert "--upgrade" not in plan


def test_a_changed_project_is_installed_again_without_its_dependencies(checkout: Path) -> None:
    (checkout / "pyproject.toml").touch()
    plan = run(["make", "-n", "install"], checkout).stdout
    assert "--editable" in plan
    assert "--require-hashes" not in plan


def test_test_runs_every_check_and_pytest_last(checkout: Path) -> None:
    plan = run(["make", "-n", "test", "PYTEST_ARGS=tests/unit -k address"], checkout).stdout.splitlines()
    assert plan[0].endswith(".ci/packages test")
    assert [re.split(r"\s", line.removeprefix(".venv/bin/"))[0] for line in plan[1:]] == [
        "ruff",
        "ruff",
        "mypy",
        "lint-imports",
        "pytest",
    ]
    assert plan[-1].endswith(" tests/unit -k address")


def test_make_alone_lists_every_target(checkout: Path) -> None:
    listed = re.findall(r"^  make (\S+) ", run(["make"], checkout).stdout, re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = {name for line in re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE) for name in line.split()}
    assert set(listed) == phony - {"packages-demo", "packages-test"}


def test_continuous_integration_runs_make_test_and_says_so_to_it(checkout: Path) -> None:
    (checkout / "Makefile").write_text("test:\n\t@echo CI=$(CI)\n", encoding="utf-8")
    done = run([str(checkout / ".ci/run")], Path("/"))
    assert (done.returncode, done.stdout) == (0, "CI=true\n")
    (checkout / "Makefile").write_text("test:\n\t@exit 7\n", encoding="utf-8")
    assert run([str(checkout / ".ci/run")], Path("/")).returncode != 0


@pytest.mark.parametrize(
    ("is_root", "in_ci", "want"),
    [
        (False, True, Without.FAIL),
        (False, False, Without.SKIP),
        (True, True, Without.RUN),
        (True, False, Without.RUN),
    ],
)
def test_what_needs_root_is_skipped_by_hand_and_fails_in_integration(
    is_root: bool, in_ci: bool, want: Without
) -> None:
    assert without_root(is_root=is_root, in_ci=in_ci) is want
