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
from rorpost_gateway.demo.reading_scenes import DAY, Moment
from rorpost_gateway.demo.scenes import BODY, Letter, Scene
from tests.peers.dovecot import require_dovecot
from tests.peers.processes import processes_in, require_none_left_in

BOUND_SECONDS = 120
SCENES: tuple[Scene | Letter, ...] = (*OUTBOUND, *INBOUND, LAST)
COPIES = sum(len(scene.recipients) for scene in SCENES if scene.want == "ok")


@dataclass(frozen=True, kw_only=True)
class Demo:
    code: int
    out: str
    err: str
    folders: tuple[Path, ...]  # where it worked; its own comes first


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that notes the folders a demo works in, before they are gone."""
    folder = tmp_path_factory.mktemp("watch")
    (folder / "watched.py").write_text(
        "import os, sys, tempfile\n"
        "from pathlib import Path\n"
        "real = tempfile.mkdtemp\n"
        "def noted(*arguments, **named):\n"
        "    made = real(*arguments, **named)\n"
        "    with Path(sys.argv[0]).with_name('worked-in').open('a') as noting:\n"
        "        noting.write(made + '\\n')\n"
        "    return made\n"
        "tempfile.mkdtemp = noted\n"
        "from rorpost_gateway.cli import main\n"
        "if 'WITHOUT_DOVECOT' in os.environ:\n"
        "    from rorpost_gateway.demo import dovecot\n"
        "    dovecot.is_installed = lambda: False\n"
        "main()\n"
    )
    return folder


def run(watch: Path, *arguments: str, columns: int = 200, with_dovecot: bool = False) -> Demo:
    """Without Dovecot unless told otherwise: a day of deadlines takes some seconds."""
    (watch / "worked-in").unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, str(watch / "watched.py"), "demo", *arguments],
        capture_output=True,
        text=True,
        timeout=BOUND_SECONDS,
        check=False,
        env={**os.environ, "COLUMNS": str(columns), **({} if with_dovecot else {"WITHOUT_DOVECOT": "1"})},
    )
    return Demo(code=done.returncode, out=done.stdout, err=done.stderr, folders=worked_in(watch))


def worked_in(watch: Path) -> tuple[Path, ...]:
    noted = watch / "worked-in"
    return tuple(map(Path, noted.read_text().splitlines())) if noted.exists() else ()


def require_nothing_left_of(demo: Demo) -> None:
    for folder in demo.folders:
        assert not folder.exists()
        require_none_left_in(folder)


@pytest.fixture(scope="module")
def as_wanted(watch: Path) -> Demo:
    require_dovecot()
    return run(watch, with_dovecot=True)


def test_every_outcome_is_as_expected(as_wanted: Demo) -> None:
    assert as_wanted.code == 0, as_wanted.out + as_wanted.err
    assert "Every outcome is as expected." in as_wanted.out
    assert as_wanted.out.count("✓") == len(SCENES) + COPIES + len(DAY)
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


@pytest.mark.parametrize("moment", DAY, ids=lambda moment: moment.story)
def test_the_day_of_the_watch_is_shown_with_what_was_seen(as_wanted: Demo, moment: Moment) -> None:
    _, _, day = as_wanted.out.partition("The reading watch")
    (line,) = (line for line in day.splitlines() if f"✓   {moment.at:%H:%M}   {moment.story}  " in line)
    assert moment.want in line


def test_what_is_told_and_logged_of_the_day(as_wanted: Demo) -> None:
    _, _, day = as_wanted.out.partition("The reading watch")
    assert "Subject: Rörposten är inte läst: Hemsjukvården, Motala" in day
    assert BODY not in day
    assert re.search(r"outcome=met  deadline=\S+T08:00:00", day)
    assert re.search(r"outcome=missed  deadline=\S+T13:00:00", day)
    assert re.search(r"hemsjukvarden +13:00 missed +1 since 12:40 +3 +0 +1", day)
    assert re.search(r"Decision log of the watched day: \d+ entries in \d file\(s\), chain whole\.", day)


def test_nothing_is_left_behind(as_wanted: Demo) -> None:
    assert len(as_wanted.folders) == 2  # Dovecot has its own
    require_nothing_left_of(as_wanted)


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
    require_nothing_left_of(demo)


def test_without_dovecot_it_says_what_it_leaves_out_and_can_be_read_in_eighty_columns(watch: Path) -> None:
    demo = run(watch, columns=80)
    assert demo.code == 0
    assert max(map(len, demo.out.splitlines())) <= 80
    assert "Left out: the watch over reading deadlines" in demo.out
    for scene in SCENES:
        assert f"[{scene.want}]"[:25] in demo.out  # the longest reason is cut at this width


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_broken_off_in_the_middle(watch: Path, number: signal.Signals) -> None:
    """As soon as both gateways are there: whatever it is doing then, nothing is left."""
    (watch / "worked-in").unlink(missing_ok=True)
    demo = subprocess.Popen(
        [sys.executable, str(watch / "watched.py"), "demo"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        folder = wait_for_gateways(watch)
        demo.send_signal(number)
        _, said = demo.communicate(timeout=BOUND_SECONDS)
    finally:
        end(demo)
    assert (demo.returncode, said) == (128 + number, b"")
    assert not folder.exists()
    require_none_left_in(folder)


def end(demo: subprocess.Popen[bytes]) -> None:
    """Where the test failed: killed at once, it would leave its daemons behind."""
    demo.terminate()
    try:
        demo.communicate(timeout=BOUND_SECONDS)
    except subprocess.TimeoutExpired:
        demo.kill()
        demo.wait()


def wait_for_gateways(watch: Path) -> Path:
    """The folder of a demo, once two daemons serve in it."""
    pause, deadline = threading.Event(), time.monotonic() + BOUND_SECONDS
    while time.monotonic() < deadline:
        for folder in worked_in(watch)[:1]:
            if len({command for command in processes_in(folder) if " serve " in command}) == 2:
                return folder
        pause.wait(0.02)
    raise AssertionError("the gateways did not come up")
