"""What the documents say is so: commands exist, links resolve, words that others rely on are explained."""

import ast
import importlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from rorpost_gateway.decision import Reason

ROOT = Path(__file__).parents[2]
NOT_OURS = {".git", ".venv", ".hypothesis", "__pycache__", "build", "state", "mail", "gnupg", "LICENSE"}
DOCUMENTS = [
    "README.md",
    "config/README.md",
    "policies/README.md",
    "rorpost_gateway/README.md",
    "tests/README.md",
    ".github/CHANGELOG.md",
    ".github/CONTRIBUTING.md",
    ".github/SECURITY.md",
]
# Programs that an operator or a developer has, beside our own two.
KNOWN_PROGRAMS = {
    *(
        ".ci/lock",
        ".ci/run",
        "apt-get",
        "chattr",
        "chmod",
        "chown",
        "cp",
        "docker",
        "doveadm",
        "git",
        "gpg",
        "gpgconf",
    ),
    *(
        "install",
        "journalctl",
        "kill",
        "ls",
        "mkdir",
        "openssl",
        "pip",
        "pytest",
        "python3",
        "sqlite3",
        "sudo",
    ),
    *("swaks", "systemctl", "tail", "useradd"),
}
# Methods by which the readers of configuration and policy ask for a key.
ASKS = {
    *("boolean", "choice", "date", "duration", "integer", "number"),
    *("section", "sections", "text", "texts", "value"),
}


def files() -> Iterator[Path]:
    """Every text file of the project."""
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        if path.is_file() and not any(
            part in NOT_OURS or part.endswith(("_cache", ".egg-info")) for part in parts
        ):
            yield path


def documents() -> list[Path]:
    return [path for path in files() if path.suffix == ".md"]


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def commands(path: Path) -> list[list[str]]:
    """What follows `$` in the blocks marked `console`, comments left out, pipes taken apart."""
    found = []
    for block in re.findall(
        r"^ *```console\n(.*?)^ *```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    ):
        joined = block.replace("\\\n", " ")
        for line in re.findall(r"^\s*[$#] (.+)$", joined, re.MULTILINE):
            words = shlex.split(line, comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words = words[1:]
            for separator in ("|", "&&", ">", "<", ";"):
                if separator in words:
                    words = words[: words.index(separator)]
            found.append(words)
    return found


def every_command() -> list[tuple[Path, list[str]]]:
    return [(path, words) for path in documents() for words in commands(path)]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", text_of("Makefile"), re.MULTILINE))


def complaint_about(words: list[str]) -> str | None:
    """Why a `rorpost` command line would not be understood; None if it would."""
    main = importlib.import_module("rorpost_gateway.cli.main")
    command: click.Command = main.rorpost
    context = click.Context(command)
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(context, rest[0])
        if found is None:
            return f"no verb {rest[0]}"
        command, rest = found, rest[1:]
    if isinstance(command, click.Group):
        return None if rest in (["--help"], ["--version"]) else "a verb is missing"
    options = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    unknown = [word for word in rest if word.startswith("--") and word.split("=")[0] not in options]
    return f"no option {unknown[0]}" if unknown else None


def keys_asked_for(folder: str) -> set[str]:
    """The keys that the readers of a folder take: `section.text("key")`, `word(section, "key")`."""
    asked, refused = set(), set()
    for path in sorted((ROOT / "rorpost_gateway" / folder).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    ast.Attribute(attr="complain"), [ast.Constant(key), ast.Constant(str(text)), *_]
                ):
                    refused |= {str(key)} if text.startswith("must be left out") else set()
                case ast.Call(ast.Attribute(attr=name), [ast.Constant(key), *_]) if name in ASKS:
                    asked.add(str(key))
                case ast.Call(ast.Name(), [ast.Name(_), ast.Constant(str(key)), *_]) if key.isidentifier():
                    asked.add(str(key))
    return asked - refused


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_promised_document_is_there(name: str) -> None:
    assert len(text_of(name)) > 300


def test_every_command_in_a_document_is_known() -> None:
    unknown = []
    for path, words in every_command():
        where = f"{path.relative_to(ROOT)}: {' '.join(words)}"
        match words:
            case ["make", *rest]:
                wanted = {word for word in rest if "=" not in word and not word.startswith("-")}
                unknown += [where] if wanted - targets() else []
            case [program, *rest] if Path(program).name == "rorpost":
                complaint = complaint_about(rest)
                unknown += [f"{where} ({complaint})"] if complaint else []
            case [program, *_] if {program, Path(program).name} & KNOWN_PROGRAMS:
                pass
            case _:
                unknown.append(where)
    assert not unknown


def every_verb(command: click.Command | None = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    command = command or importlib.import_module("rorpost_gateway.cli.main").rorpost
    if not isinstance(command, click.Group):
        yield path
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        yield from every_verb(command.get_command(context, name), (*path, name))


def test_every_verb_is_explained_to_those_who_use_it() -> None:
    """As `rorpost audit purge`, or as `purge` on a line that speaks of `rorpost audit`."""
    told = "".join(
        text_of(name) for name in ("README.md", "config/README.md", "policies/README.md")
    ).splitlines()
    silent = []
    for path in every_verb():
        group = " ".join(("rorpost", *path[:-1]))
        if not any(group in line and re.search(rf"[` ]{path[-1]}(?![\w-])", line) for line in told):
            silent.append(" ".join(path))
    assert not silent


def test_every_option_of_an_auditor_is_explained() -> None:
    text = text_of("config/README.md")
    main = importlib.import_module("rorpost_gateway.cli.audit").audit
    context = click.Context(main)
    commands = [main.get_command(context, name) for name in main.list_commands(context)]
    options = {name for command in commands for parameter in command.params for name in parameter.opts}
    assert not sorted(
        name for name in options if name.startswith("--") and not re.search(rf"{name}(?![\w-])", text)
    )


def test_the_readme_names_the_two_commands_and_fits_one_screen_before_the_details() -> None:
    words = [" ".join(words) for words in commands(ROOT / "README.md")]
    assert words[:2] == ["make demo", "make test"]
    opening = text_of("README.md").split("## Point Outlook at it")[0]
    assert len(opening.splitlines()) < 50


@pytest.mark.parametrize("words", [["nonsense"], ["serve", "--nonsense"], ["queue"], []])
def test_an_unknown_command_would_be_found(words: list[str]) -> None:
    assert complaint_about(words) is not None


def test_every_relative_link_resolves() -> None:
    broken = []
    for path in documents():
        for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
            if "://" in target or target.startswith(("#", "mailto:")):
                continue
            if not (path.parent / target.partition("#")[0]).exists():
                broken.append(f"{path.relative_to(ROOT)}: {target}")
    assert not broken


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_row_for_operators(reason: Reason) -> None:
    rows = [line for line in text_of("config/README.md").splitlines() if line.startswith("|")]
    assert any(f"`{reason}`" in row for row in rows)


@pytest.mark.parametrize(
    ("folder", "document"), [("config", "config/rorpost.yaml"), ("policy", "policies/README.md")]
)
def test_every_key_is_explained(folder: str, document: str) -> None:
    keys = keys_asked_for(folder)
    assert len(keys) > 10
    text = text_of(document)
    assert not [key for key in sorted(keys) if not re.search(rf"(?<![\w-]){re.escape(key)}(:|`)", text)]


def test_the_changelog_has_its_sections_in_order() -> None:
    sections = re.findall(r"^### (.+)$", text_of(".github/CHANGELOG.md"), re.MULTILINE)
    assert sections[:6] == ["Security", "Removed", "Deprecated", "Added", "Changed", "Fixed"]


def test_every_dependency_is_explained_to_contributors() -> None:
    table = text_of(".github/CONTRIBUTING.md").lower()
    whole = tomllib.loads(text_of("pyproject.toml"))
    groups = [whole["project"]["dependencies"], *whole["dependency-groups"].values()]
    declared = [re.split("[=>]", requirement)[0] for group in groups for requirement in group]
    assert len(declared) > 15
    assert not [name for name in declared if name.lower() not in table]


def test_the_licence_is_the_one_that_is_declared() -> None:
    assert "GNU GENERAL PUBLIC LICENSE" in text_of("LICENSE")
    assert 'license = "GPL-3.0-or-later"' in text_of("pyproject.toml")


# Put together here, so that this file does not hold what it looks for.
FOREIGN = {
    "a path of somebody's machine": ("(?<![\\w.-])/wo", "rk/|/ro", "ot/\\w|/ho", "me/\\w"),
    "a host that hands out packages": (
        "py",
        "pi\\.org|python",
        "hosted|registry\\.",
        "npm|\\bdocker",
        "\\.(io|com)",
    ),
    "how the text came about": (
        "\\bA",
        "I\\b|\\bL",
        "LM|language",
        " model|assist",
        "ant|chat",
        "bot|co",
        "pilot",
    ),
    "unfinished work": ("\\bTO", "DO\\b|\\bFIX", "ME\\b|\\bX", "XX\\b|NotImple", "mentedError"),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_nothing_in_the_tree_holds(what: str) -> None:
    pattern = re.compile("".join(FOREIGN[what]))
    found = []
    for path in files():
        for number, line in enumerate(path.read_bytes().decode("utf-8", "replace").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}")
    assert not found
