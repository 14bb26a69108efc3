"""A configuration with everything it names, in a short folder: for the daemon's parts in this process."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.config import Config, load_config
from tests.peers import gateway_world as world
from tests.peers.authority import Authority
from tests.peers.gnupg_home import PreparedKeys


class Files:
    """What the daemon reads. `write_*` change it; `config` reads the configuration anew."""

    def __init__(self, folder: Path, keys: PreparedKeys, authority: Authority) -> None:
        self.folder = folder
        self.keys = keys
        self.data = world.make_config(authority, home=keys.sender_home, next_hop_port=1)
        self.policy = world.make_policy(keys)
        (folder / "policies").mkdir()
        self.write_private("users.yaml", world.users_file())
        self.write_policy(self.policy)

    def config(self, **changes: Any) -> Config:
        """Keys of the configuration laid over the usual ones, mapping by mapping."""
        self.write_private("rorpost.yaml", world.as_yaml(world.merged(self.data, changes)))
        return load_config(self.folder / "rorpost.yaml")

    def write_policy(self, policy: dict[str, Any] | str) -> None:
        text = policy if isinstance(policy, str) else world.as_yaml(policy)
        (self.folder / "policies" / "policy.yaml").write_text(text, encoding="utf-8")

    def write_private(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        return path


@pytest.fixture
def files(prepared_keys: PreparedKeys, authority: Authority) -> Iterator[Files]:
    with tempfile.TemporaryDirectory(prefix="rd", dir="/tmp") as folder:
        yield Files(Path(folder), prepared_keys, authority)


@pytest.fixture
def changed() -> Callable[..., dict[str, Any]]:
    return world.merged
