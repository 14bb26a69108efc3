"""A scenario: the real daemon, the `rorpost` command beside it, and the same last step for each.

The last step: the daemon ends with 0, `rorpost audit verify` ends with 0, and no
traceback was ever written.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.peers.authority import Authority
from tests.peers.daemon_process import BOUND_SECONDS
from tests.peers.gnupg_home import PreparedKeys
from tests.peers.whole_gateway import WholeGateway


class Scenario(WholeGateway):
    """A gateway of a scenario's own."""

    in_debug_mode = False  # asyncio then shows a traceback for each client that goes away

    def rorpost(self, *arguments: str, code: int = 0) -> str:
        """What a `rorpost` command says; it must end with `code`."""
        done = subprocess.run(
            [sys.executable, "-m", "rorpost_gateway", *arguments, "--config", str(self.config_path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=BOUND_SECONDS,
            check=False,
            text=True,
        )
        assert done.returncode == code, f"{arguments} ended {done.returncode}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout

    def decisions(self, **fields: Any) -> list[dict[str, Any]]:
        """The lines of decisions in which every given field has that value."""
        return self.lines_of("decision", **fields)

    def finish(self) -> None:
        if self.daemon is not None and self.daemon.process.poll() is None:
            assert self.stop() == 0
        assert self.rorpost("audit", "verify").startswith("holds: ")
        assert self.in_debug_mode or not [line for line in self.operator_lines if "Traceback" in line]


MakeScenario = Callable[..., Scenario]


@pytest.fixture
def scenario(prepared_keys: PreparedKeys, authority: Authority) -> Iterator[MakeScenario]:
    """Makes gateways and starts them, unless told `start=False`; options are `WholeGateway`'s."""
    made: list[Scenario] = []
    with ExitStack() as stack:

        def make(*, start: bool = True, **options: Any) -> Scenario:
            one = stack.enter_context(Scenario(prepared_keys, authority, **options))
            made.append(one)
            if start:
                one.start()
            return one

        yield make
        for one in made:
            one.finish()
