"""`rorpost demo`, the real thing: keys made, daemon started, every scene played; and what is left behind."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from rorpost_gateway.demo.inbound_scenes import INBOUND
from rorpost_gateway.demo.outbound_scenes import LAST, OUTBOUND
from rorpost_gateway.demo.scenes import BODY, Letter, Scene
from tests.peers.processes import processes_in, require_none_left_in

BOUND_SECONDS = 120
SCENES: tuple[Scene | Letter, ...] = (*OUTBOUND, *INBOUND, LAST)
COPIES = sum(len(scene.recipients) for scene in SCENES if scene.want == "ok")


@dataclass(frozen=True, kw_only=True)
class Demo:
    code: int
    out: str
    err: str
    folder: Path  # where it worked


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that notes the folder a demo works in, before it is gone."""
    folder = tmp_path_factory.mktemp("watch")
    (folder / "watched.py").write_text(
        "import sys, tempfile\n"
        "from pathlib import Path\n"
        "real = tempfile.mkdtemp\n"
        "def noted(*arguments, **named):\n"
        "    made = real(*arguments, **named)\n"
        "    Path(sys.argv[0]).with_name('worked-in').write_text(made)\n"
        "    return made\n"
        "tempfile.mkdtemp = noted\n"
        "from rorpost_gateway.cli import main\n"
        "main()\n"
    )
    return folder


def run(watch: Path, *arguments: str, columns: int = 200) -> Demo:
    done = subprocess.run(
        [sys.executable, str(watch / "watched.py"), "demo", *arguments],
        capture_output=True,
        text=True,
        timeout=BOUND_SECONDS,
        check=False,
        env={**os.environ, "COLUMNS": str(columns)},
    )
    folder = Path((watch / "worked-in").read_text())
    return Demo(code=done.returncode, out=done.stdout, err=done.stderr, folder=folder)


@pytest.fixture(scope="module")
def as_wanted(watch: Path) -> Demo:
    return run(watch)


def test_every_outcome_is_as_expected(as_wanted: Demo) -> None:
    assert as_wanted.code == 0, as_wanted.out + as_wanted.err
    assert "Every outcome is as expected." in as_wanted.out
    assert as_wanted.out.count("✓") == len(SCENES) + COPIES
    assert "✗" not in as_wanted.out
    assert as_wanted.err == ""


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: f"{scene.direction}: {scene.story}")
def test_every_scene_is_shown_with_what_was_heard(as_wanted: Demo, scene: Scene | Letter) -> None:
    outbound, inbound = as_wanted.out.split("Inbound:")
    table = outbound if isinstance(scene, Scene) else inbound
    (line,) = (line for line in table.splitlines() if f"✓   {scene.story}  " in line)
    assert f"[{scene.want}]" in line


def test_what_went_over_the_wire_and_what_arrived(as_wanted: Demo) -> None:
    before, arrived = as_wanted.out.split("What arrived", 1)
    wire = before.split("What went over the wire")[1]
    assert "Subject: [...]" in wire
    assert "-----BEGIN PGP MESSAGE-----" in wire
    assert BODY not in wire
    assert arrived.count(BODY) == 2
    assert "From: Anna Berg, Hemsjukvården <rorpost.hemsjukvarden@motala.se>" in arrived
    assert "From: Maria Nilsson, Vårdcentralen Brinken <rorpost.vcbrinken@" in arrived
    assert arrived.count("X-Rorpost-Verified: yes;") == 2


def test_both_logs_hold_and_join(as_wanted: Demo) -> None:
    for whose in ("Motala", "the Region"):
        assert re.search(
            rf"Decision log of {whose}: \d+ entries in \d file\(s\), chain whole\.", as_wanted.out
        )
    from_gateways = (
        sum(len(scene.recipients) for scene in OUTBOUND if scene.want == "ok") - 1
    )  # one stays inside
    assert f"{from_gateways} copies stand in both logs with the same content_sha256" in as_wanted.out
    assert f"{COPIES} copies were accepted" in as_wanted.out


def test_nothing_is_left_behind(as_wanted: Demo) -> None:
    assert not as_wanted.folder.exists()
    require_none_left_in(as_wanted.folder)


@pytest.mark.parametrize(
    ("expectation", "directions", "reason"),
    [
        ("urgent=ok", ("outbound", "inbound"), "urgent"),
        ("inbound:replayed=ok", ("inbound",), "replayed"),
        ("outbound:urgent=replayed", ("outbound",), "urgent"),
    ],
)
def test_a_flipped_expectation_ends_with_one_and_names_the_scene(
    watch: Path, expectation: str, directions: tuple[str, ...], reason: str
) -> None:
    demo = run(watch, "--expect", expectation)
    wanted = expectation.partition("=")[2]
    assert demo.code == 1
    for direction in directions:
        (story,) = (each.story for each in SCENES if (each.direction, each.want) == (direction, reason))
        assert f"✗ {direction}, {story}: wanted {wanted}, heard {reason}" in demo.out
    assert "Every outcome is as expected" not in demo.out
    assert demo.out.count("✗") == 2 * len(directions)  # in the table, and as a finding
    assert not demo.folder.exists()
    require_none_left_in(demo.folder)


def test_it_can_be_read_in_eighty_columns(watch: Path) -> None:
    demo = run(watch, columns=80)
    assert demo.code == 0
    assert max(map(len, demo.out.splitlines())) <= 80
    for scene in SCENES:
        assert f"[{scene.want}]" in demo.out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_broken_off_in_the_middle(watch: Path, number: signal.Signals) -> None:
    """As soon as both gateways are there: whatever it is doing then, nothing is left."""
    (watch / "worked-in").unlink(missing_ok=True)
    with subprocess.Popen(
        [sys.executable, str(watch / "watched.py"), "demo"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as demo:
        folder = wait_for_gateways(watch)
        demo.send_signal(number)
        _, said = demo.communicate(timeout=BOUND_SECONDS)
    assert (demo.returncode, said) == (128 + number, b"")
    assert not folder.exists()
    require_none_left_in(folder)


def wait_for_gateways(watch: Path) -> Path:
    """The folder of a demo, once two daemons serve in it."""
    pause, deadline = threading.Event(), time.monotonic() + BOUND_SECONDS
    while time.monotonic() < deadline:
        made = watch / "worked-in"
        text = made.read_text() if made.exists() else ""
        if text and sum(" serve " in command for command in processes_in(Path(text))) == 2:
            return Path(text)
        pause.wait(0.02)
    raise AssertionError("the gateways did not come up")
