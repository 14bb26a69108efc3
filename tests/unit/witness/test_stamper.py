"""Daily time-stamps: of the newest checkpoint, checked, kept so that OpenSSL verifies them; never a stop."""

import time
from dataclasses import dataclass
from pathlib import Path

from structlog.testing import capture_logs

from rorpost_gateway.http.client import Url, parse_url
from rorpost_gateway.witness.stamper import AGAIN_SECONDS, LOOK_SECONDS, Stamper, newest_stamp
from rorpost_gateway.witness.timestamp import read_roots
from tests.peers.timestamp_authority import TimestampAuthority

DAY = 86400.0
NOWHERE = parse_url("http://127.0.0.1:1/")


@dataclass(frozen=True)
class Note:
    size: int
    root: bytes = bytes(32)

    @property
    def note(self) -> bytes:
        return b"motala.se/rorpost/gw1\n%d\n" % self.size


class Scene:
    """A folder, a clock and a newest checkpoint around a stamper."""

    def __init__(self, folder: Path, authority: TimestampAuthority, url: Url = NOWHERE) -> None:
        self.folder = folder / "timestamps"
        self.at = time.time()
        self.newest: Note | None = None
        self.roots = read_roots(authority.ca.read_bytes())
        self.stamper = self.stamper_for(url)

    def stamper_for(self, url: Url) -> Stamper:
        return Stamper(
            folder=self.folder,
            url=url,
            roots=self.roots,
            newest=lambda: self.newest,
            now=lambda: self.at,
        )

    @property
    def kept(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.exists() else []


async def test_an_authority_that_is_not_there(
    tmp_path: Path, timestamp_authority: TimestampAuthority
) -> None:
    scene = Scene(tmp_path, timestamp_authority)
    scene.newest = Note(3)
    with capture_logs() as said:
        assert await scene.stamper.round() == AGAIN_SECONDS
    assert scene.stamper.failures == 1
    assert scene.kept == []
    assert [entry["event"] for entry in said] == ["timestamp-failed"]


async def test_an_answer_that_is_no_time_stamp_is_not_kept(
    tmp_path: Path, timestamp_authority: TimestampAuthority
) -> None:
    async with timestamp_authority.serving(status=503) as url:
        scene = Scene(tmp_path, timestamp_authority, url)
        scene.newest = Note(3)
        assert await scene.stamper.round() == AGAIN_SECONDS
    async with timestamp_authority.serving() as url:
        scene.stamper = scene.stamper_for(url)
        scene.stamper._roots = ()
        assert await scene.stamper.round() == AGAIN_SECONDS
    assert scene.kept == []


async def test_once_a_day_and_openssl_verifies_it(
    tmp_path: Path, timestamp_authority: TimestampAuthority
) -> None:
    async with timestamp_authority.serving() as url:
        scene = Scene(tmp_path, timestamp_authority, url)
        assert await scene.stamper.round() == LOOK_SECONDS  # nothing published yet
        for size in (3, 4):
            scene.newest = Note(size)
            assert await scene.stamper.round() == LOOK_SECONDS
        assert scene.kept == ["3.checkpoint", "3.tsr"]
        scene.at += DAY
        await scene.stamper.round()
        scene.at += DAY
        await scene.stamper.round()  # no entry since
    assert scene.kept == ["3.checkpoint", "3.tsr", "4.checkpoint", "4.tsr"]
    assert scene.stamper.failures == 0
    folder = scene.folder
    assert "Verification: OK" in timestamp_authority.verify(folder / "4.checkpoint", folder / "4.tsr")
    assert (folder.stat().st_mode & 0o777, (folder / "4.tsr").stat().st_mode & 0o777) == (0o750, 0o640)


async def test_a_restart_does_not_ask_again(tmp_path: Path, timestamp_authority: TimestampAuthority) -> None:
    async with timestamp_authority.serving() as url:
        scene = Scene(tmp_path, timestamp_authority, url)
        scene.newest = Note(12)
        await scene.stamper.round()
    last = newest_stamp(scene.folder)
    assert last is not None
    assert last == scene.stamper.last
    assert last.size == 12
    (scene.folder / "13.tsr").write_bytes(b"damaged")
    (scene.folder / "x.tsr").write_bytes(b"")
    scene.stamper = scene.stamper_for(NOWHERE)
    scene.newest = Note(20)
    assert await scene.stamper.round() == LOOK_SECONDS
    assert scene.stamper.last == last


async def test_a_clock_that_differs_is_told_and_the_stamp_kept(
    tmp_path: Path, timestamp_authority: TimestampAuthority
) -> None:
    async with timestamp_authority.serving() as url:
        scene = Scene(tmp_path, timestamp_authority, url)
        scene.at -= 40 * DAY
        scene.newest = Note(5)
        with capture_logs() as said:
            await scene.stamper.round()
            scene.newest = Note(6)
            await scene.stamper.round()
    assert [entry["event"] for entry in said] == ["timestamp-apart-from-clock", "timestamp-kept"]
    assert scene.kept == ["5.checkpoint", "5.tsr"]
