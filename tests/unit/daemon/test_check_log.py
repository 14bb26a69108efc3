"""What `rorpost check` says of the decision log's folder, key and witness file, and what it does not."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rorpost_gateway.daemon.check_log import check_log
from rorpost_gateway.daemon.found import Found, Weight
from rorpost_gateway.decision_log.attributes import attributes_of

OLD, NEWEST = "2026-05-06.jsonl", "2026-05-07.jsonl"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "log" / "decisions"
    folder.parent.mkdir()
    folder.mkdir(mode=0o750)
    for name in (OLD, NEWEST, "checkpoint", "checkpoints"):
        (folder / name).write_bytes(b"")
        (folder / name).chmod(0o640)
    key = tmp_path / "decision-log.key"
    key.write_text("secret")
    key.chmod(0o600)
    return folder


@pytest.fixture
def marked(folder: Path) -> Iterator[Path]:
    """The folder with `chattr +a` on what may bear it, where this file system and user allow that."""
    closed = [folder / OLD, folder / "checkpoints"]
    if (
        not shutil.which("chattr")
        or subprocess.run(["chattr", "+a", *closed], capture_output=True).returncode
    ):
        pytest.skip("the file system has no append-only files")
    yield folder
    subprocess.run(["chattr", "-ai", *folder.iterdir(), folder], capture_output=True, check=True)


def look(folder: Path, **changed: Any) -> list[Found]:
    beside = folder.parent.parent
    settings = {
        "dir": folder,
        "signing_key_file": beside / "decision-log.key",
        "witness_file": beside / "decision-log.last",
    }
    config: Any = SimpleNamespace(
        decision_log=SimpleNamespace(**(settings | changed)), state_dir=beside / "state"
    )
    return list(check_log(config))


def texts(found: list[Found], weight: Weight) -> list[str]:
    return [f"{Path(each.place).name}: {each.text}" for each in found if each.weight is weight]


@pytest.mark.root
def test_a_log_that_is_as_it_should_be(marked: Path) -> None:
    assert look(marked) == []


def test_no_log_yet(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    assert look(tmp_path / "log" / "missing") == []


def test_others_may_read(folder: Path) -> None:
    folder.chmod(0o755)
    (folder / OLD).chmod(0o644)
    found = texts(look(folder), Weight.WARNING)
    assert sum("everybody may read" in text for text in found) == 2


def test_others_may_write(folder: Path) -> None:
    (folder / OLD).chmod(0o660)
    (folder / "checkpoints").chmod(0o642)
    assert len(texts(look(folder), Weight.ERROR)) == 2


@pytest.mark.root
def test_files_of_another_user(folder: Path) -> None:
    os.chown(folder / NEWEST, 65534, 65534)
    os.chown(folder.parent.parent / "decision-log.key", 65534, 65534)
    newest, key = texts(look(folder), Weight.ERROR)
    assert newest.startswith(f"{NEWEST}: belongs to user 65534")
    assert key.startswith("decision-log.key: belongs to user 65534")


def test_a_link_in_place_of_a_day_file(folder: Path, tmp_path: Path) -> None:
    (folder / OLD).unlink()
    (folder / OLD).symlink_to(tmp_path / "elsewhere.jsonl")
    assert texts(look(folder), Weight.ERROR) == [f"{OLD}: is not a regular file"]


def test_files_that_could_be_append_only(folder: Path) -> None:
    if attributes_of(folder) is None:
        pytest.skip("this file system has no attributes")
    (found,) = texts(look(folder), Weight.WARNING)
    assert found == "decisions: no file of the log is append-only; as root, chattr +a on closed days"


@pytest.mark.root
def test_one_that_was_forgotten(marked: Path) -> None:
    subprocess.run(["chattr", "-a", marked / OLD], check=True)
    (found,) = texts(look(marked), Weight.WARNING)
    assert found.startswith(f"{OLD}: is not append-only as other files of the log are")


@pytest.mark.root
@pytest.mark.parametrize(("letter", "name"), [("+a", "checkpoint"), ("+i", NEWEST), ("+a", ".")])
def test_attributes_that_stop_the_daemon(marked: Path, letter: str, name: str) -> None:
    subprocess.run(["chattr", letter, marked / name], check=True)
    (found,) = texts(look(marked), Weight.ERROR)
    subprocess.run(["chattr", letter.replace("+", "-"), marked / name], check=True)
    assert "chattr -" in found


@pytest.mark.root
def test_a_key_in_the_logs_own_folder(marked: Path) -> None:
    key = marked / "decision-log.key"
    key.write_text("secret")
    (found,) = texts(look(marked, signing_key_file=key), Weight.WARNING)
    assert "a copy for auditors would hold it" in found


@pytest.mark.root
@pytest.mark.parametrize("place", ["log/last", "state/deep/last"])
def test_a_witness_file_that_a_backup_of_the_log_would_hold(marked: Path, place: str) -> None:
    witness_file = marked.parent.parent / place
    witness_file.parent.mkdir(parents=True, exist_ok=True)
    (found,) = texts(look(marked, witness_file=witness_file), Weight.WARNING)
    assert "puts back both" in found


@pytest.mark.root
def test_a_witness_file_that_cannot_be_written(marked: Path) -> None:
    (found,) = texts(look(marked, witness_file=marked.parent / "missing" / "last"), Weight.ERROR)
    assert "there is no folder" in found


@pytest.mark.root
def test_a_restart_that_was_broken_off(marked: Path) -> None:
    (marked.parent / "decisions.restart").write_text("{}")
    (found,) = texts(look(marked), Weight.ERROR)
    assert "run `rorpost audit restart` again" in found
