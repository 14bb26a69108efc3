"""The flaw: `rorpost check` looked at who may read the secrets, and not at who may write the rules.

Whoever can write the policy, or put another file beside it, can give a channel to anybody; whoever can
write the configuration can name other files.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.peers.whole_gateway import MakeGateway, WholeGateway

PLACES: dict[str, Callable[[WholeGateway], Path]] = {
    "configuration": lambda gateway: gateway.config_path,
    "its folder": lambda gateway: gateway.folder,
    "policies": lambda gateway: gateway.folder / "policies",
    "a policy": lambda gateway: gateway.folder / "policies" / "policy.yaml",
    "logins": lambda gateway: gateway.folder / "users.yaml",
}


def checked(gateway: WholeGateway) -> str:
    command = [sys.executable, "-m", "rorpost_gateway", "check", "--config", str(gateway.config_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1  # the world of the tests has keys that are missing or over
    return " ".join(done.stdout.split())


@pytest.mark.parametrize("name", PLACES)
def test_what_anybody_may_write_is_found(whole_gateway: MakeGateway, name: str) -> None:
    gateway = whole_gateway()
    place = PLACES[name](gateway)
    assert "anybody may write" not in checked(gateway)
    place.chmod(place.stat().st_mode | 0o002)
    assert f"{place}: anybody may write here; chmod o-w" in checked(gateway)
