"""The ten things of policies/README.md, carried out on the shipped policy as they are written there.

Of each: its cases fail before the change; after it every command that is shown ends with 0 and prints
what is shown of it, all cases hold, and still nothing of the policy is without one.
"""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from rorpost_gateway.cli.main import rorpost
from tests.peers.gnupg_home import PreparedKeys, export_public, remove_home

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "policies" / "README.md"
NEW_KEY = "AAAA0000AAAA0000AAAA0000AAAA0000AAAA0007"  # of which the test has a real one
_THING = re.compile(r"^### (\d+)\. ([^\n]+)\n(.*?)(?=^##)", re.DOTALL | re.MULTILINE)
_BLOCK = re.compile(r"^```(yaml|diff|console)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"# (\S+\.yaml)\n")


@dataclass(frozen=True, kw_only=True)
class Command:
    """`shown` are the pieces of its output that the guide shows, in order."""

    words: tuple[str, ...]
    shown: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Block:
    """`file` is where it goes; empty for commands."""

    kind: str
    file: str
    text: str

    @property
    def commands(self) -> list[Command]:
        found: list[Command] = []
        for line in self.text.splitlines():
            if line.startswith("$ rorpost "):
                found.append(Command(words=tuple(line.split()[2:])))
            else:
                found[-1].shown.extend(_words(piece) for piece in line.split("…") if piece.strip())
        return found

    def with_key(self, fingerprint: str) -> "Block":
        return replace(self, text=self.text.replace(NEW_KEY, fingerprint))


@dataclass(frozen=True, kw_only=True)
class Thing:
    number: int
    title: str
    blocks: tuple[Block, ...]

    def of_kind(self, kind: str) -> list[Block]:
        return [block for block in self.blocks if block.kind == kind]

    @property
    def commands(self) -> list[Command]:
        return [command for block in self.of_kind("console") for command in block.commands]


def _words(text: str) -> str:
    return " ".join(text.split())


def things() -> list[Thing]:
    text = GUIDE.read_text(encoding="utf-8")
    return [
        Thing(number=int(number), title=title, blocks=tuple(map(_block, _BLOCK.findall(body))))
        for number, title, body in _THING.findall(text)
    ]


def _block(found: tuple[str, str]) -> Block:
    kind, text = found
    if kind == "console":
        return Block(kind=kind, file="", text=text)
    named = _FILE.match(text)
    assert named, f"a block does not begin with the file it is for: {text!r}"
    return Block(kind=kind, file=named[1], text=text[named.end() :])


class Installation:
    """The shipped configuration and policy, in a folder where `rorpost` is run."""

    def __init__(self, folder: Path) -> None:
        self.policies = folder / "policies"
        self.home = folder / "config" / "gnupg"
        for name in ("config", "policies"):
            shutil.copytree(ROOT / name, folder / name)
        self.home.mkdir(mode=0o700)

    def commit(self) -> None:
        """What is shipped is what git has."""
        who = ("-c", "user.name=Eva Ek", "-c", "user.email=eva.ek@motala.se")
        for words in (("init", "--quiet"), ("add", "policies"), ("commit", "--quiet", "--message=shipped")):
            subprocess.run(
                ["git", *who, *words], cwd=self.policies.parent, check=True, capture_output=True, timeout=60
            )

    def carry_out(self, block: Block) -> None:
        if block.kind == "yaml":
            self.append(block)
        elif block.kind == "diff":
            self.change(block)
        for command in block.commands if block.kind == "console" else ():
            self.check(command)

    def check(self, command: Command) -> None:
        code, out = self.run(*command.words)
        called = f"rorpost {' '.join(command.words)}"
        assert (code, bool(out)) == (0, True), f"{called}: {out}"
        assert "What no case touches" not in out
        rest = _words(out)
        for piece in command.shown:
            before, found, rest = rest.partition(piece)
            assert found, f"{called}: no {piece!r} in {before}"

    def append(self, block: Block) -> None:
        path = self.policies / block.file
        path.write_text(f"{path.read_text(encoding='utf-8').rstrip()}\n\n{block.text}", encoding="utf-8")

    def change(self, block: Block) -> None:
        """Apply what is shown; what is to be there already must be there once."""
        path = self.policies / block.file
        lines = [line or " " for line in block.text.splitlines()]
        assert all(line[0] in " +-" for line in lines), block.text
        before = "".join(f"{line[1:]}\n" for line in lines if line[0] in " -")
        after = "".join(f"{line[1:]}\n" for line in lines if line[0] in " +")
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1, f"{block.file} holds {text.count(before)} times:\n{before}"
        path.write_text(text.replace(before, after), encoding="utf-8")

    def run(self, *arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(rorpost, arguments, catch_exceptions=False)
        return done.exit_code, done.stdout

    def fulfilled(self, blocks: list[Block]) -> set[str]:
        """Which of these cases hold already."""
        file = self.policies.parent / "new.yaml"
        file.write_text("\n".join(["cases:", *(block.text for block in blocks)]), encoding="utf-8")
        _, out = self.run("policy", "test", "--json", str(file))
        asked = json.loads(out)
        assert asked
        return {case["name"] for case in asked if case["passed"]}


@pytest.fixture
def installation(monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    folder = Path(tempfile.mkdtemp(prefix="rg", dir="/tmp"))  # a socket's path has to be short
    it = Installation(folder)
    it.commit()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("RORPOST_CONFIG", raising=False)
    try:
        yield it
    finally:
        remove_home(it.home)
        shutil.rmtree(folder)


def test_there_are_ten() -> None:
    found = things()
    assert [thing.number for thing in found] == list(range(1, 11))
    for thing in found:
        assert thing.of_kind("yaml"), thing.title
        assert thing.of_kind("diff"), thing.title
        said = {command.words: command.shown for command in thing.commands}
        assert ("policy", "test", "--coverage") in said
        assert said["policy", "diff", "HEAD"]


@pytest.mark.parametrize("thing", things(), ids=lambda thing: thing.title)
def test_as_it_is_written(installation: Installation, prepared_keys: PreparedKeys, thing: Thing) -> None:
    (installation.policies.parent / "brinken.asc").write_bytes(
        export_public(prepared_keys.sender_home, prepared_keys.receiver)
    )
    assert installation.fulfilled(thing.of_kind("yaml")) == set()
    for block in thing.blocks:
        installation.carry_out(block.with_key(prepared_keys.receiver))
