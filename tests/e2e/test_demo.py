"""`rorpost demo`, the real thing: keys made, daemon started, every scene played; and what is left behind."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from rorpost_gateway.demo.scenes import SCENES
from tests.peers.processes import require_none_left_in

BOUND_SECONDS = 120


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


def run(watch: Path, *arguments: str) -> Demo:
    done = subprocess.run(
        [sys.executable, str(watch / "watched.py"), "demo", *arguments],
        capture_output=True,
        text=True,
        timeout=BOUND_SECONDS,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )
    folder = Path((watch / "worked-in").read_text())
    return Demo(code=done.returncode, out=done.stdout, err=done.stderr, folder=folder)


@pytest.fixture(scope="module")
def as_wanted(watch: Path) -> Demo:
    return run(watch)


def test_every_outcome_is_as_expected(as_wanted: Demo) -> None:
    assert as_wanted.code == 0, as_wanted.out + as_wanted.err
    assert "Every outcome is as expected." in as_wanted.out
    assert as_wanted.out.count("✓") == len(SCENES)
    assert "✗" not in as_wanted.out
    assert as_wanted.err == ""


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.story)
def test_every_scene_is_shown_with_what_was_heard(as_wanted: Demo, scene: object) -> None:
    want = scene.want  # type: ignore[attr-defined]
    assert f"[{want}]" in re.sub(r"\s*│\n│\s*", " ", as_wanted.out)


def test_what_went_over_the_wire_and_what_arrived(as_wanted: Demo) -> None:
    wire = as_wanted.out.split("What went over the wire")[1].split("What arrived")[0]
    assert "Subject: [...]" in wire
    assert SCENES[0].body not in wire
    assert SCENES[0].body in as_wanted.out.split("What arrived")[1]
    assert re.search(r"Decision log: \d+ entries in \d file\(s\), chain whole\.", as_wanted.out)


def test_nothing_is_left_behind(as_wanted: Demo) -> None:
    assert not as_wanted.folder.exists()
    require_none_left_in(as_wanted.folder)


def test_a_flipped_expectation_ends_with_one_and_names_the_scene(watch: Path) -> None:
    demo = run(watch, "--expect", "urgent=ok")
    assert demo.code == 1
    story = next(scene.story for scene in SCENES if scene.want == "urgent")
    assert f"✗ {story}: wanted ok, heard urgent" in demo.out
    assert "Every outcome is as expected" not in demo.out
    assert demo.out.count("✗") == 2  # in the table, and as a finding
    assert not demo.folder.exists()
    require_none_left_in(demo.folder)
