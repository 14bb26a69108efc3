"""Whoever waits for a large policy at a terminal sees how far it has come; others see nothing."""

import pty
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from os import close, fdopen, read, set_blocking
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from rorpost_gateway.cli.loading import shown
from rorpost_gateway.policy.load import load_policy
from rorpost_gateway.policy.loading import in_silence
from tests.bench import towns


@contextmanager
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Standard error is a terminal; what is written there can be read from the descriptor.

    Not a fixture: between the phases of a test pytest puts its own standard error in place.
    """
    ours, theirs = pty.openpty()
    set_blocking(ours, False)
    stream: TextIOWrapper = fdopen(theirs, "w", encoding="utf-8")
    try:
        with monkeypatch.context() as patch:
            patch.setenv("TERM", "xterm")
            patch.setattr(sys, "stderr", stream)
            yield ours
    finally:
        stream.close()
        close(ours)


def test_a_bar_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    with at_a_terminal(monkeypatch) as terminal:
        with shown(patience_seconds=0) as progress:
            progress("reading 20-channels.yaml", 0.25)
        said = read(terminal, 100_000).decode("utf-8")
    assert "reading 20-channels.yaml" in said
    assert "25%" in said


def test_nothing_for_what_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    with at_a_terminal(monkeypatch) as terminal:
        with shown(patience_seconds=60) as progress:
            progress("reading 20-channels.yaml", 0.25)
        sys.stderr.write("end")
        sys.stderr.flush()
        assert read(terminal, 100_000) == b"end"


def test_nothing_where_nobody_watches(capfd: pytest.CaptureFixture[str]) -> None:
    with shown(patience_seconds=0) as progress:
        assert progress is in_silence
    assert capfd.readouterr() == ("", "")


def test_what_is_told_only_grows(tmp_path: Path) -> None:
    town = towns.Town(name="a town", mailboxes=110, channels=2500, authorisations=2000)
    towns.write_town(town, tmp_path / "policies")
    told: list[tuple[str, float]] = []
    policy = load_policy(
        tmp_path / "policies",
        own_domains=towns.OWN_DOMAINS,
        timezone=ZoneInfo("Europe/Stockholm"),
        progress=lambda what, share: told.append((what, share)),
    )
    assert len(policy.channels) == 2500
    assert [share for _, share in told] == sorted(share for _, share in told)
    assert {what for what, _ in told} == {
        "reading 10-mailboxes-000000.yaml",
        "reading 20-channels.yaml",
        "checking mailboxes",
        "checking channels",
    }
    assert all(0 < share < 1 for _, share in told)
