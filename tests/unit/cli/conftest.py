"""`rorpost` in this process: arguments in; exit code, standard output and standard error out."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.cli import main
from tests.peers import gateway_world as world
from tests.peers.authority import Authority
from tests.peers.gnupg_home import PreparedKeys


@dataclass(frozen=True, kw_only=True)
class Ended:
    code: int
    out: str
    err: str


@pytest.fixture
def rorpost(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    def run(*arguments: object, config: Path | None = None) -> Ended:
        monkeypatch.setattr(sys, "argv", ["rorpost", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        if config is not None:
            monkeypatch.setenv("RORPOST_CONFIG", str(config))
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        return Ended(code=int(end.value.code or 0), out=said.out, err=said.err)

    return run


class World:
    """A folder with configuration, policy and logins."""

    def __init__(self, folder: Path, keys: PreparedKeys, authority: Authority) -> None:
        self.folder = folder
        self.keys = keys
        self.data = world.make_config(authority, home=keys.sender_home, next_hop_port=1)
        self.policy = world.make_policy(keys)
        self.path = folder / "rorpost.yaml"
        (folder / "policies" / "tests").mkdir(parents=True)
        self.write("users.yaml", world.users_file())
        self.configure()
        self.write("policies/policy.yaml", world.as_yaml(self.policy))

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        return path

    def configure(self, **changes: Any) -> None:
        self.write("rorpost.yaml", world.as_yaml(world.merged(self.data, changes)))


@pytest.fixture
def here(prepared_keys: PreparedKeys, authority: Authority) -> Iterator[World]:
    with tempfile.TemporaryDirectory(prefix="rc", dir="/tmp") as folder:
        yield World(Path(folder), prepared_keys, authority)
