"""At 80 columns no address and no fingerprint is cut or broken: people copy, compare and look them up."""

import re
import sys
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from rorpost_gateway.cli import keys, keys_check, policy_matrix
from tests.peers import gateway_world as world


class Screen:
    """What a person sees on a terminal of 80 columns."""

    def __init__(self) -> None:
        self.text = StringIO()
        self.console = Console(file=self.text, width=80, force_terminal=True, color_system=None)

    @property
    def words(self) -> set[str]:
        plain = re.sub(r"\x1b\[[0-9;]*m", "", self.text.getvalue())
        assert max(map(len, plain.splitlines())) <= 80
        return set(re.split(r"[\s:]+", plain))


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    screen = Screen()
    for module in (keys, keys_check, policy_matrix):
        monkeypatch.setattr(sys.modules[module.__name__], "table_console", lambda: screen.console)
    return screen


def test_keys(screen: Screen, rorpost: Callable[..., Any], here: Any) -> None:
    rorpost("keys", "list", config=here.path)
    assert {here.keys.receiver, here.keys.sender, world.HOME_CARE, world.BRINKEN} <= screen.words


def test_the_forecast_of_keys(screen: Screen, rorpost: Callable[..., Any], here: Any) -> None:
    rorpost("keys", "check", config=here.path)
    assert {here.keys.receiver, here.keys.sender, world.HOME_CARE, world.BRINKEN} <= screen.words


def test_the_matrix(screen: Screen, rorpost: Callable[..., Any], here: Any) -> None:
    rorpost("policy", "matrix", config=here.path)
    assert {world.HOME_CARE, world.BRINKEN, world.LYCKORNA} <= screen.words
