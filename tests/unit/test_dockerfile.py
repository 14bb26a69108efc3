"""The container's recipe, as far as it can be checked where no image can be built."""

import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from shutil import copy2, copytree, ignore_patterns

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = (ROOT / "requirements.lock", ROOT / "requirements-runtime.lock")


def instructions() -> list[tuple[str, str]]:
    """Every instruction with its arguments, continuation lines joined, comments left out."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in joined.splitlines() if line.strip()]


def arguments_of(name: str) -> list[str]:
    return [arguments for instruction, arguments in instructions() if instruction == name]


def copied() -> list[str]:
    """What is copied from the build context."""
    sources: list[str] = []
    for arguments in arguments_of("COPY"):
        if not arguments.startswith("--from="):
            sources += arguments.split()[:-1]
    return sources


def is_ignored(name: str) -> bool:
    """As docker reads .dockerignore: the last line that matches decides."""
    ignored = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        wanted, pattern = line.startswith("!"), line.lstrip("!")
        if pattern.startswith("**/"):
            matches = any(fnmatchcase(part, pattern[3:]) for part in name.split("/"))
        else:
            matches = fnmatchcase(name.split("/")[0], pattern)
        if matches:
            ignored = not wanted
    return ignored


def pins(lock: Path) -> dict[str, str]:
    """Name → version of what a lock file pins."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==(\S+) \\$", lock.read_text(encoding="utf-8"), re.MULTILINE)
    return {name.lower().replace("_", "-"): version for name, version in found}


def project() -> dict[str, list[str]]:
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {"dependencies": whole["project"]["dependencies"], **whole["dependency-groups"]}


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[=<>]", requirement)[0].lower().replace("_", "-") for requirement in requirements}


@pytest.mark.parametrize(
    "name",
    [
        "state/queue.db",
        "mail/rorpost.a@motala.se/new/1",
        "config/decision-log.key",
        "config/gnupg/private-keys-v1.d/x.key",
        "config/tls/key.pem",
        ".git/config",
        ".venv/bin/python",
        "tests/conftest.py",
        "rorpost_gateway/__pycache__/reply.cpython-311.pyc",
        "rorpost_gateway.egg-info/PKG-INFO",
    ],
)
def test_nothing_private_or_stale_reaches_the_build(name: str) -> None:
    assert is_ignored(name)


def test_every_copied_file_exists_and_reaches_the_build() -> None:
    assert copied()
    assert not [name for name in copied() if not (ROOT / name).exists()]
    assert not [name for name in copied() if is_ignored(name)]
    assert not is_ignored("rorpost_gateway/smtp/base.py")


def test_nothing_is_copied_or_added_from_elsewhere() -> None:
    assert not arguments_of("ADD")
    assert {name for name in copied() if name.startswith(("/", ".", "*"))} == set()
    text = " ".join(arguments for _, arguments in instructions())
    assert "://" not in text


def test_it_runs_as_a_user_by_number_who_is_not_root() -> None:
    (user,) = arguments_of("USER")
    assert re.fullmatch(r"[1-9][0-9]*:[1-9][0-9]*", user)
    after = instructions()[instructions().index(("USER", user)) :]
    assert "RUN" not in {name for name, _ in after}


def test_both_stages_stand_on_the_same_debian_and_python() -> None:
    images = [arguments.split()[0] for arguments in arguments_of("FROM")]
    assert len(images) == 2
    assert set(images) == {"python:3.11-slim-bookworm"}


def test_every_installation_is_held_by_hashes_or_takes_nothing_else_along() -> None:
    steps = [step for step in arguments_of("RUN") if "pip install" in step]
    assert len(steps) == 2
    assert "--require-hashes -r requirements-runtime.lock" in steps[0]
    assert "--no-deps --no-build-isolation ." in steps[1]


def test_the_health_check_asks_a_verb_that_exists() -> None:
    (check,) = arguments_of("HEALTHCHECK")
    assert check.endswith(" CMD rorpost queue list --json >/dev/null || exit 1")
    done = subprocess.run(
        [sys.executable, "-m", "rorpost_gateway", "queue", "list", "--help"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "--json" in done.stdout


def test_gnupg_keeps_its_sockets_in_a_short_path() -> None:
    """GnuPG's agent fails on socket paths beyond some 100 characters."""
    environment = " ".join(arguments_of("ENV"))
    configuration = re.search(r"RORPOST_CONFIG=(\S+)", environment)
    assert configuration
    assert len(f"{Path(configuration[1]).parent}/gnupg/S.gpg-agent.browser") < 80


def test_what_the_daemon_writes_to_is_a_volume_and_the_rest_can_be_read_only() -> None:
    (volumes,) = arguments_of("VOLUME")
    assert volumes == '["/srv/rorpost/state", "/srv/rorpost/mail"]'
    environment = " ".join(arguments_of("ENV"))
    assert "PYTHONDONTWRITEBYTECODE=1" in environment
    assert "TMPDIR=/tmp" in environment


def test_debian_packages_are_few_and_come_without_their_recommendations() -> None:
    (step,) = [step for step in arguments_of("RUN") if "apt-get install" in step]
    assert "apt-get install --yes --no-install-recommends gpg gpg-agent tzdata " in step
    assert "rm -rf /var/lib/apt/lists/*" in step


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_pins_everything_by_hash_and_names_no_place(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text.strip())
    assert len(blocks) == len(pins(lock)) > 15
    assert not [block.split()[0] for block in blocks if "--hash=sha256:" not in block]
    assert "://" not in text
    assert not re.search(r"^\s*(-i|--index|--extra-index|--find-links|-e|--trusted)", text, re.MULTILINE)


def test_each_lock_holds_what_the_project_declares() -> None:
    declared = project()
    everything, runtime = (pins(lock) for lock in LOCKS)
    assert names(declared["dependencies"] + declared["build"]) <= set(runtime)
    assert names(declared["dependencies"] + declared["build"] + declared["test"]) <= set(everything)
    assert not names(declared["test"]) & set(runtime)


def test_the_container_runs_the_versions_that_were_tested() -> None:
    everything, runtime = (pins(lock) for lock in LOCKS)
    assert runtime == {name: everything.get(name) for name in runtime}


def test_what_is_copied_is_enough_to_install_the_package(tmp_path: Path) -> None:
    """The second installation step, on the copied files alone; nothing is fetched."""
    context, site = tmp_path / "src", tmp_path / "site"
    context.mkdir()
    for name in copied():
        if (ROOT / name).is_dir():
            copytree(ROOT / name, context / name, ignore=ignore_patterns("__pycache__"))
        else:
            copy2(ROOT / name, context / name)
    options = [
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--no-compile",
        "--quiet",
        "--target",
        str(site),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", *options, "."],
        cwd=context,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    wanted = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "rorpost_gateway").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    installed = {
        str(path.relative_to(site)) for path in (site / "rorpost_gateway").rglob("*") if path.is_file()
    }
    assert wanted == installed
    assert (site / "bin" / "rorpost").exists()
    assert list(site.glob("rorpost_gateway-*.dist-info/licenses/LICENSE"))
