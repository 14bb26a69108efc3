"""A sound configuration, and a way to bend it: `¶` in a piece of text marks where a finding is expected."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from rorpost_gateway.config import Config, load_config
from rorpost_gateway.document import DocumentInvalid

SOUND = """\
node: gw1
hostname: gw.motala.se
domains: [motala.se]
submission:
  listen: ["127.0.0.1:1587"]
  tls: {mode: starttls, certificate: tls/cert.pem, key: tls/key.pem}
  auth: {users: users.yaml}
relay:
  default: {host: mx.example.org}
"""


@dataclass(frozen=True, kw_only=True)
class Bent:
    text: str
    marked: list[str]  # the marks' places, `line:column`


def bend(text: str, *changes: tuple[str, str]) -> Bent:
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    marked = []
    while "¶" in text:
        before, _, after = text.partition("¶")
        marked.append(f"{before.count(chr(10)) + 1}:{len(before.rpartition(chr(10))[2]) + 1}")
        text = before + after
    return Bent(text=text, marked=marked)


class Files:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "rorpost.yaml"

    def load(self, *changes: tuple[str, str], more: str = "") -> Config:
        return self.load_text(bend(SOUND + more, *changes).text)

    def load_text(self, text: str) -> Config:
        self.path.write_text(text, encoding="utf-8")
        return load_config(self.path)

    def findings(self, *changes: tuple[str, str], more: str = "") -> list[str]:
        """Each finding as `line:column: text`; the marked places must be the places of some."""
        bent = bend(SOUND + more, *changes)
        self.path.write_text(bent.text, encoding="utf-8")
        with pytest.raises(DocumentInvalid) as refused:
            load_config(self.path)
        found = [line.removeprefix(f"{self.path}:") for line in refused.value.public.splitlines()]
        assert found
        assert {line.rsplit(": ", line.count(": "))[0] for line in found} >= set(bent.marked), found
        return found


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture
def sound() -> str:
    return SOUND


@pytest.fixture
def bender() -> Callable[..., Bent]:
    return bend
