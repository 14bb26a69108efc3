"""The documents' own commands, on the shipped configuration and policy: a first day of operations.

What cannot be so on this machine is replaced: ports, the certificate, and the partner's fingerprints,
which are made up in the shipped policy.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.authority import Authority
from tests.peers.daemon_process import DaemonProcess
from tests.peers.gnupg_home import PreparedKeys, remove_home

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "config/README.md")  # test_policy_guide has policies/README.md
# Verbs that do not end by themselves, or have tests of their own.
NEEDS_MORE = (("demo",), ("serve",), ("audit", "follow"), ("audit", "witness"))
# What the documents call by names that are somewhere else here.
STANDS_FOR = {
    "/mnt/copy/decisions": "copy",
    "/mnt/export": "export",
    "motala.vkey": "config/decision-log.vkey",
}
BOUND_SECONDS = 60
_CONSOLE = re.compile(r"^ *```console\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"^\s*[$#] rorpost (.+)$", re.MULTILINE)


class Installation:
    """A checkout's `config` and `policies`, in a folder where `rorpost` is run."""

    def __init__(self, folder: Path, authority: Authority, keys: PreparedKeys) -> None:
        self.folder = folder
        for name in ("config", "policies"):
            shutil.copytree(ROOT / name, folder / name)
        (folder / "config" / "tls").mkdir()
        for source, name in ((authority.certificate, "cert.pem"), (authority.key, "key.pem")):
            shutil.copy(source, folder / "config" / "tls" / name)
        (folder / "config" / "tls" / "key.pem").chmod(0o600)
        self.home = folder / "config" / "gnupg"
        self.home.mkdir(mode=0o700)
        config = folder / "config" / "rorpost.yaml"
        config.write_text(
            re.sub(r"127\.0\.0\.1:(1587|9410)", "127.0.0.1:0", config.read_text(encoding="utf-8"))
        )

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if name != "RORPOST_CONFIG"}
        return subprocess.run(
            [sys.executable, "-m", "rorpost_gateway", *arguments],
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=BOUND_SECONDS,
            check=False,
            env={**environment, "COLUMNS": "200"},
        )


@pytest.fixture(scope="module")
def installation(authority: Authority, prepared_keys: PreparedKeys) -> Iterator[Installation]:
    folder = Path(tempfile.mkdtemp(prefix="rf", dir="/tmp"))
    it = Installation(folder, authority, prepared_keys)
    try:
        yield it
    finally:
        remove_home(it.home)
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def running(installation: Installation) -> Iterator[Installation]:
    """After the steps of config/README.md: keys for our mailboxes, a login, the daemon."""
    policy = (installation.folder / "policies" / "10-mailboxes.yaml").read_text(encoding="utf-8")
    for mailbox in re.findall(r"^  (rorpost\.\S+@motala\.se):", policy, re.MULTILINE):
        made = installation.run("keys", "generate", mailbox)
        assert made.returncode == 0, made.stderr
    step = next(words for words in spoken("config/README.md") if words[:2] == ["users", "set-password"])
    login = installation.run(*step, stdin="korrekt hast batteri\n")
    assert login.returncode == 0, login.stderr
    config = installation.folder / "config" / "rorpost.yaml"
    command = [
        sys.executable,
        "-m",
        "rorpost_gateway",
        "serve",
        "--config",
        str(config),
        "--log-format",
        "json",
    ]
    daemon = DaemonProcess(command)
    try:
        daemon.wait_for_event("ready")
        shutil.copytree(installation.folder / "state" / "decisions", installation.folder / "copy")
        yield installation
    finally:
        daemon.process.terminate()
        assert daemon.wait() == 0, daemon.said("did not end well")


def shown() -> list[tuple[str, ...]]:
    """What follows `$ rorpost` in the blocks marked `console`."""
    texts = [(ROOT / document).read_text(encoding="utf-8") for document in DOCUMENTS]
    blocks = [block for text in texts for block in _CONSOLE.findall(text)]
    lines = [line for block in blocks for line in _COMMAND.findall(block.replace("\\\n", " "))]
    found = [tuple(shlex.split(line, comments=True)) for line in lines]
    return sorted({words for words in found if not any(words[: len(verb)] == verb for verb in NEEDS_MORE)})


def spoken(document: str) -> list[list[str]]:
    """What stands in the running text as `rorpost …`."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return [shlex.split(words) for words in re.findall(r"`rorpost ([^`…]+)`", text)]


def test_the_shipped_policy_says_what_its_cases_want(installation: Installation) -> None:
    done = installation.run("policy", "test")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.mark.parametrize("words", shown(), ids=" ".join)
def test_a_command_that_is_shown_runs(running: Installation, words: tuple[str, ...]) -> None:
    done = running.run(*(STANDS_FOR.get(word, word) for word in words))
    assert done.returncode in {0, 1}, done.stderr
    assert re.fullmatch(r"(\d+ entr(y|ies) found\n)?", done.stderr)
    assert done.stdout or done.stderr


def test_check_finds_only_what_is_made_up(running: Installation) -> None:
    done = running.run("check", "--offline")
    findings = [line for line in done.stdout.splitlines() if line.startswith(("error", "warning"))]
    assert findings
    strange = [line for line in findings if "no key to encrypt with (key-missing)" not in line]
    assert [line for line in strange if line.startswith("error")] == []


@pytest.mark.parametrize(
    "words", [("queue", "list"), ("audit", "verify"), ("keys", "check", "--days", "30"), ("keys", "list")]
)
def test_what_is_done_every_day(running: Installation, words: tuple[str, ...]) -> None:
    done = running.run(*words)
    assert done.returncode == (1 if words[:2] == ("keys", "check") else 0)
    assert done.stderr == ""


def test_the_commands_of_every_day_are_those_of_the_document() -> None:
    said = [" ".join(words) for words in spoken("config/README.md")]
    for words in ("queue list", "audit verify", "keys check --days 30", "check", "serve"):
        assert words in said
