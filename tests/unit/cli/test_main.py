"""The command as a whole: help everywhere, exit codes, one clear text for every mistake."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

import rorpost_gateway
from rorpost_gateway.cli.main import rorpost as top

# Verbs that print a table; each takes --json.
TABLES = [
    ("check",),
    ("policy", "explain"),
    ("policy", "diff"),
    ("policy", "matrix"),
    ("policy", "replies"),
    ("policy", "test"),
    ("access", "report"),
    ("queue", "list"),
    ("queue", "show"),
    ("keys", "list"),
    ("keys", "check"),
    ("audit", "follow"),
    ("audit", "report"),
    ("audit", "search"),
    ("audit", "verify"),
    ("mailboxes",),
]
WITHOUT_CONFIGURATION = {("demo",), ("audit", "check-proof"), ("audit", "witness"), ("policy", "schema")}


def verbs(command: click.Command = top, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every command, groups too."""
    found = [path]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            found += verbs(below, (*path, name))
    return found


def command_of(path: tuple[str, ...]) -> click.Command:
    command: click.Command | None = top
    for name in path:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), name)
    assert command is not None
    return command


LEAVES = [path for path in verbs() if not isinstance(command_of(path), click.Group)]


def options(path: tuple[str, ...]) -> set[str]:
    return {name for parameter in command_of(path).params for name in parameter.opts}


def test_the_verbs_of_this_version() -> None:
    assert {path[0] for path in LEAVES} == {
        "access",
        "audit",
        "check",
        "demo",
        "keys",
        "mailboxes",
        "policy",
        "queue",
        "serve",
        "users",
    }
    assert set(TABLES) <= set(LEAVES)
    assert {("audit", "verify"), ("users", "set-password"), ("keys", "import"), ("queue", "remove")} <= set(
        LEAVES
    )


@pytest.mark.parametrize("path", verbs(), ids=" ".join)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help(rorpost: Any, path: tuple[str, ...], option: str) -> None:
    ended = rorpost(*path, option)
    assert ended.code == 0
    assert ended.out.startswith("Usage: rorpost ")
    assert ended.err == ""
    assert command_of(path).help


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_verb_that_reads_configuration_takes_it(path: tuple[str, ...]) -> None:
    assert ("--config" in options(path)) is (path not in WITHOUT_CONFIGURATION)


@pytest.mark.parametrize("path", TABLES, ids=" ".join)
def test_every_verb_that_prints_a_table_takes_json(path: tuple[str, ...]) -> None:
    assert "--json" in options(path)


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_option_says_what_it_is(path: tuple[str, ...]) -> None:
    silent = [p.opts for p in command_of(path).params if isinstance(p, click.Option) and not p.help]
    assert silent == []


def test_no_verb_takes_a_secret_on_the_command_line() -> None:
    named = {option for path in LEAVES for option in options(path)}
    assert not [name for name in named if re.search("password|passphrase|secret-key", name)]


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["serve", "--nonsense"],
        ["serve", "argument"],
        ["policy"],
        ["queue", "show"],
        ["policy", "explain"],
        ["policy", "explain", "--from", "no address", "--to", "a@b.se"],
        ["policy", "explain", "--from", "a@b.se", "--to", "a@b.se", "--at", "yesterday"],
        ["policy", "explain", "--from", "a@b.se", "--to", "a@b.se", "--direction", "sideways"],
        ["policy", "explain", "--from", "a@b.se", "--to", "a@b.se", "--message", "/nonexistent"],
        ["policy", "test", "/nonexistent.yaml"],
        ["serve", "--log-format", "xml"],
        ["serve", "--log-level", "chatty"],
        ["serve", "--config", "/"],
        ["demo", "--expect", "urgent"],
        ["demo", "--expect", "urgent=fine"],
    ],
)
def test_wrong_usage(rorpost: Any, arguments: list[str]) -> None:
    ended = rorpost(*arguments)
    assert ended.code == 2
    assert ended.err.startswith("Usage: ")
    assert "Traceback" not in ended.err


def test_without_a_verb_it_is_explained(rorpost: Any) -> None:
    assert "Commands:" in rorpost("--help").out
    assert rorpost("--version").out == f"rorpost, version {rorpost_gateway.__version__}\n"


READS = [
    path
    for path in LEAVES
    if path not in WITHOUT_CONFIGURATION and path not in {("policy", "explain"), ("users", "set-password")}
]
ARGUMENTS = {
    ("audit", "purge"): ["--before", "2026-01-01", "--decision", "KS 1"],
    ("audit", "restart"): ["--decision", "KS 1"],
    ("queue", "show"): ["X"],
    ("queue", "hold"): ["X"],
    ("queue", "release"): ["X"],
    ("queue", "retry"): ["X"],
    ("queue", "remove"): ["X"],
    ("keys", "export"): ["rorpost.a@motala.se"],
    ("keys", "generate"): ["rorpost.a@motala.se"],
    ("keys", "import"): ["/dev/null"],
    ("keys", "confirm"): ["0" * 40],
    ("keys", "discard"): ["0" * 40],
    ("policy", "diff"): ["old"],
    ("audit", "prove"): ["1"],
    ("audit", "consistency"): ["1"],
    ("audit", "export-tlog"): ["not-there-yet"],
    ("audit", "report"): ["--month", "2026-05"],
}


@pytest.mark.parametrize("path", READS, ids=" ".join)
def test_a_configuration_that_is_missing_is_78(rorpost: Any, path: tuple[str, ...], tmp_path: Path) -> None:
    missing = tmp_path / "missing.yaml"
    ended = rorpost(*path, *ARGUMENTS.get(path, []), "--config", missing)
    assert (ended.code, ended.out) == (78, "")
    assert ended.err == f"{missing}:1:1: cannot be read: No such file or directory\n"


@pytest.mark.parametrize("path", READS, ids=" ".join)
def test_a_configuration_that_is_wrong_is_78(rorpost: Any, path: tuple[str, ...], tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("nonsense: 1\n")
    ended = rorpost(*path, *ARGUMENTS.get(path, []), "--config", wrong)
    assert (ended.code, ended.out) == (78, "")
    found = [line for line in ended.err.splitlines() if line.startswith(f"{wrong}:1:1: ")]
    assert ended.err.endswith(f"\n\n{len(found)} errors in 1 file\n")
    assert ended.err.count("    1 | nonsense: 1\n      | ^~~~~~~~") == len(found) > 1


def test_the_configuration_of_the_environment(rorpost: Any, tmp_path: Path) -> None:
    assert (
        str(tmp_path / "from-environment.yaml")
        in rorpost("check", config=tmp_path / "from-environment.yaml").err
    )


def test_the_configuration_of_the_working_directory(
    rorpost: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RORPOST_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    assert rorpost("check").err.startswith("config/rorpost.yaml:1:1: ")


def test_the_option_goes_before_the_environment(rorpost: Any, tmp_path: Path) -> None:
    ended = rorpost("check", "--config", tmp_path / "option.yaml", config=tmp_path / "environment.yaml")
    assert "option.yaml" in ended.err


def test_an_error_of_the_system_is_one_clear_text(
    rorpost: Any, here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "/somewhere/secret")

    monkeypatch.setattr("rorpost_gateway.cli.loading.load_policy", broken)
    ended = rorpost("check", config=here.path)
    assert (ended.code, ended.err) == (1, "rorpost: /somewhere/secret: Permission denied\n")


def test_as_a_module() -> None:
    command = [sys.executable, "-m", "rorpost_gateway", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("rorpost, version ")


def test_help_does_not_load_the_house() -> None:
    """`--help` is quick: what a verb needs is imported when the verb is used."""
    program = (
        "import sys; from rorpost_gateway.cli import main; print([m for m in sys.modules if 'aiosmtp' in m])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"
