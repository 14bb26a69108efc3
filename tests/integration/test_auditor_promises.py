"""The table of config/README.md, "What an auditor can be promised, and what not": every row is played.

Somebody does it to a copy of a log, as carefully as can be, with the signing key or without. Then three look
at it: the daemon at its next start, an auditor with the folder and the first verifier key, and an auditor
who kept a checkpoint besides. What the table says of each is what is found here, neither more nor less.
"""

import asyncio
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from rorpost_gateway.audit.verify import Broken
from rorpost_gateway.cli.audit.verifying import verify_with_progress
from rorpost_gateway.decision_log.published.note import whole_notes
from rorpost_gateway.errors import LogDamaged
from tests.peers.forging import Forger
from tests.peers.log_workshop import DAY_SECONDS, NOON, ORIGIN, Clock
from tests.peers.two_day_log import TwoDayLog, decision, make_two_day_log, open_again

README = Path(__file__).parents[2] / "config" / "README.md"
DAY_ONE, DAY_TWO = 0, 1


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A copy of the log that somebody has to themselves."""

    log: TwoDayLog
    forger: Forger
    witness_file: Path

    @property
    def folder(self) -> Path:
        return self.forger.folder

    def edit(self, day: int) -> None:
        """One word in some lines of a day."""
        self.forger.change(day, lambda lines: [line.replace(b"brinken", b"lyckorna") for line in lines])

    def sign_all(self, *, from_size: int = 0) -> None:
        """Each checkpoint as it was signed: by the first key, at the rotation by both, then by the second."""
        first, second = self.log.keys
        rotated = next(n for n, line in enumerate(self.forger.lines()) if b'"event":"key"' in line) + 1
        roots = {size: root for size, root in self.forger.tiles().items() if size >= from_size}
        newest = self.forger.sign(
            roots,
            lambda size: [*([first] if size <= rotated else []), *([second] if size >= rotated else [])],
        )
        self.witness_file.write_bytes(newest)

    async def write_without_publishing(self) -> None:
        """Two lines, and the end of the process before the next checkpoint."""
        clock = Clock()
        clock.now = NOON + DAY_SECONDS
        log = await open_again(self.folder, self.log.keys[-1], now=clock, witness_file=self.witness_file)
        await log.append([decision(1), decision(2)])
        crashed = self.folder.with_name("crashed")
        shutil.copytree(self.folder, crashed)
        await log.close()
        shutil.rmtree(self.folder)
        crashed.rename(self.folder)
        shutil.copy(self.folder / "checkpoint", self.witness_file)

    def put_backup_back(self) -> None:
        shutil.rmtree(self.folder)
        shutil.copytree(self.log.backup, self.folder)


def edits(scene: Scene) -> None:
    """changes a word in a line"""
    scene.edit(DAY_TWO)


def edits_an_older_day(scene: Scene) -> None:
    """changes a word in a line of an older day"""
    scene.edit(DAY_ONE)


def edits_and_chains(scene: Scene) -> None:
    """the same, and computes the chain behind it anew"""
    scene.edit(DAY_TWO)
    scene.forger.chain()


def edits_chains_and_tiles(scene: Scene) -> None:
    """the same, and every tile"""
    scene.edit(DAY_TWO)
    scene.forger.chain()
    scene.forger.tiles()


def removes_a_line(scene: Scene) -> None:
    """removes a line, and computes numbers, chain and tiles anew"""
    scene.forger.change(DAY_TWO, lambda lines: lines[:40] + lines[41:])
    scene.forger.chain()
    scene.forger.tiles()


def inserts_a_line(scene: Scene) -> None:
    """inserts a line, and computes numbers, chain and tiles anew"""
    scene.forger.change(DAY_TWO, lambda lines: [*lines[:40], lines[39], *lines[40:]])
    scene.forger.chain()
    scene.forger.tiles()


def moves_a_line(scene: Scene) -> None:
    """swaps two lines, and computes numbers, chain and tiles anew"""
    scene.forger.change(DAY_TWO, lambda lines: [*lines[:40], lines[41], lines[40], *lines[42:]])
    scene.forger.chain()
    scene.forger.tiles()


def removes_a_day(scene: Scene) -> None:
    """removes a day's file without a purge"""
    scene.forger.days[DAY_ONE].unlink()


def changes_a_tile(scene: Scene) -> None:
    """changes a tile"""
    tile = scene.folder / "tile/0/000"
    tile.write_bytes(tile.read_bytes()[:-1] + b"?")


def changes_a_checkpoint(scene: Scene) -> None:
    """changes an older checkpoint"""
    path = scene.folder / "checkpoints"
    path.write_bytes(path.read_bytes().replace(b"\n101\n", b"\n102\n", 1))


def cuts_the_tail(scene: Scene) -> None:
    """cuts the newest lines off, and leaves the checkpoints"""
    scene.forger.change(DAY_TWO, lambda lines: lines[:-20])


def cuts_the_tail_and_the_checkpoints(scene: Scene) -> None:
    """puts an old backup of the folder back"""
    scene.put_backup_back()


def puts_back_everything(scene: Scene) -> None:
    """puts an old backup of the folder back, and of `witness_file`"""
    scene.put_backup_back()
    shutil.copy(scene.folder / "checkpoint", scene.witness_file)


def removes_all_that_is_signed(scene: Scene) -> None:
    """removes tiles and checkpoints, and writes the lines anew, as if there had never been any"""
    scene.edit(DAY_TWO)
    scene.forger.change(DAY_ONE, lambda lines: [line for line in lines if b'"event":"key"' not in line])
    scene.forger.chain()
    shutil.rmtree(scene.folder / "tile")
    for name in ("checkpoint", "checkpoints"):
        (scene.folder / name).unlink()


def signs_anew(scene: Scene) -> None:
    """*with all keys there ever were*: writes the log anew, `witness_file` too"""
    scene.edit(DAY_ONE)
    scene.forger.chain()
    scene.sign_all()


def signs_anew_with_the_newest_key(scene: Scene) -> None:
    """*with the key in force*: writes lines from before its rotation anew, `witness_file` too"""
    scene.edit(DAY_ONE)
    scene.forger.chain()
    scene.sign_all(from_size=153)


def shows_another_log(scene: Scene) -> None:
    """*with the key in force*: keeps two logs, and shows you the one and somebody else the other"""
    scene.forger.change(DAY_TWO, lambda lines: [*lines[:20], *lines[40:]])
    scene.forger.chain()
    scene.sign_all()


def writes_the_newest_lines_anew(scene: Scene) -> None:
    """*with the key in force*: writes lines after the kept checkpoint anew, or cuts them off"""
    scene.forger.change(DAY_TWO, lambda lines: lines[:-20])
    scene.forger.chain()
    scene.sign_all()


def cuts_what_nothing_covers(scene: Scene) -> None:
    """cuts off lines that no checkpoint covers yet, after a crash"""
    asyncio.run(scene.write_without_publishing())
    scene.forger.change(DAY_TWO, lambda lines: lines[:-1])


def adds_what_nothing_covers(scene: Scene) -> None:
    """adds lines behind the last checkpoint while the daemon is stopped"""
    scene.forger.change(DAY_TWO, lambda lines: [*lines, lines[-1]])
    scene.forger.chain()


PLAYED: tuple[Callable[[Scene], None], ...] = (
    edits,
    edits_an_older_day,
    edits_and_chains,
    edits_chains_and_tiles,
    removes_a_line,
    inserts_a_line,
    moves_a_line,
    removes_a_day,
    changes_a_tile,
    changes_a_checkpoint,
    cuts_the_tail,
    cuts_the_tail_and_the_checkpoints,
    puts_back_everything,
    removes_all_that_is_signed,
    signs_anew,
    signs_anew_with_the_newest_key,
    shows_another_log,
    writes_the_newest_lines_anew,
    cuts_what_nothing_covers,
    adds_what_nothing_covers,
)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> TwoDayLog:
    return asyncio.run(make_two_day_log(tmp_path_factory.mktemp("promises")))


@pytest.fixture
def scene(log: TwoDayLog, tmp_path: Path) -> Scene:
    forger = Forger.of(log.folder, tmp_path / "log", ORIGIN)
    witness_file = tmp_path / log.witness_file.name
    shutil.copy(log.witness_file, witness_file)
    return Scene(log=log, forger=forger, witness_file=witness_file)


def daemon(scene: Scene) -> str:
    """What the next start says: it happens on a copy, since it may write."""
    folder, witness_file = scene.folder.with_name("started"), scene.folder.with_name("started.last")
    shutil.copytree(scene.folder, folder)
    shutil.copy(scene.witness_file, witness_file)
    clock = Clock()
    clock.now = NOON + DAY_SECONDS

    async def start() -> None:
        writer = await open_again(folder, scene.log.keys[-1], now=clock, witness_file=witness_file)
        await writer.close()

    try:
        asyncio.run(start())
    except LogDamaged:
        return "refuses"
    return "no"


def auditor(scene: Scene, kept: bytes | None = None) -> str:
    """What `verify` says with the first key; then, where a checkpoint was kept, what it says of that."""
    try:
        verify_with_progress(scene.folder, scene.log.first_vkey)
        if kept is not None:
            verify_with_progress(scene.folder, scene.log.vkeys[-1], since=kept)
    except Broken as broken:
        return f"`{broken.check}`"
    return "no"


def promised() -> Mapping[str, tuple[str, str, str]]:
    """The table, by its first column."""
    text = README.read_text(encoding="utf-8")
    [table] = re.findall(r"<!-- promised.*?-->\n(.*?)<!-- /promised -->", text, re.DOTALL)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.strip().splitlines()[2:]]
    return {what: (one, two, three) for what, one, two, three in rows}


def test_nobody_finds_anything_where_nothing_was_done(scene: Scene) -> None:
    assert (daemon(scene), auditor(scene), auditor(scene, scene.log.kept)) == ("no", "no", "no")


def test_any_checkpoint_can_be_kept_and_either_key(log: TwoDayLog) -> None:
    """From before the rotation, from it and after it; with the first verifier key and with the newest."""
    notes = [note for _, note in whole_notes((log.folder / "checkpoints").read_bytes(), ORIGIN)]
    for kept in notes:
        for vkey in log.vkeys:
            assert verify_with_progress(log.folder, vkey, since=kept.note).entries == log.entries


@pytest.mark.parametrize("played", PLAYED, ids=lambda played: played.__name__)
def test_what_is_found_is_what_is_promised(scene: Scene, played: Callable[[Scene], None]) -> None:
    played(scene)
    found = (daemon(scene), auditor(scene), auditor(scene, scene.log.kept))
    assert found == promised()[str(played.__doc__)]


def test_every_row_of_the_table_is_played() -> None:
    assert list(promised()) == [played.__doc__ for played in PLAYED]
