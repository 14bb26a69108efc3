"""`chattr +a` on what is only ever appended to: the writer lives with it, a purge asks for its removal."""

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from rorpost_gateway.decision_log.attributes import attributes_of
from rorpost_gateway.decision_log.keeping import purge
from rorpost_gateway.decision_log.purging import PurgeRefused
from tests.peers.log_workshop import DAY_SECONDS, NOON, Workshop


@pytest.fixture
def append_only(workshop: Workshop) -> Iterator[Workshop]:
    """A workshop whose folder is on a file system with attributes; they are taken away at the end."""
    workshop.folder.mkdir()
    probe = workshop.folder / "probe"
    probe.touch()
    if not shutil.which("chattr") or subprocess.run(["chattr", "+a", probe], capture_output=True).returncode:
        pytest.skip("the file system has no append-only files")
    yield workshop
    subprocess.run(["chattr", "-R", "-a", workshop.folder], capture_output=True, check=True)


def mark(*paths: Path) -> None:
    subprocess.run(["chattr", "+a", *paths], check=True)


@pytest.mark.root
async def test_lines_and_checkpoints_are_appended_all_the_same(append_only: Workshop) -> None:
    await append_only.write()
    mark(*append_only.files(), append_only.folder / "checkpoints")
    with pytest.raises(PermissionError):
        append_only.files()[0].write_bytes(b"")
    await append_only.write(days=2)
    assert append_only.verify().entries > 6


@pytest.mark.root
async def test_a_purge_says_which_attribute_is_in_its_way(append_only: Workshop) -> None:
    await append_only.write(days=2)
    oldest = append_only.files()[0]
    mark(oldest)
    append_only.clock.now = NOON + DAY_SECONDS
    log = await append_only.open()
    with pytest.raises(PurgeRefused, match="chattr -a"):
        await purge(log, append_only.folder, before=date(2099, 1, 1), decision="KS 1", operator="drift")
    subprocess.run(["chattr", "-a", oldest], check=True)
    (gone,) = await purge(log, append_only.folder, before=date(2099, 1, 1), decision="KS 1", operator="drift")
    await log.close()
    assert gone.name == oldest.name
    assert not oldest.exists()
    assert len([line for line in append_only.lines() if b'"purged"' in line]) == 1


def test_nothing_is_known_of_what_cannot_be_opened(tmp_path: Path) -> None:
    assert attributes_of(tmp_path / "missing") is None
    assert attributes_of(Path("/dev/null")) is None


async def test_auditors_may_read_and_nobody_but_the_daemon_write(workshop: Workshop) -> None:
    old = os.umask(0)
    try:
        await workshop.write(days=2)
    finally:
        os.umask(old)
    for path in [workshop.folder, *workshop.folder.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o750 if path.is_dir() else 0o640), f"{path.name} {mode:04o}"
