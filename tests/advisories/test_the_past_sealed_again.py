"""The flaw: who stole a log's sealing key could seal its past anew; and a log cut short went on as if whole.

The journal of systemd, with forward secure sealing, 2023: a key gave the ones before it, and what had
been cut off at the end was missed by nobody. Here a key that was in force is destroyed when another takes its
place, and what a checkpoint has covered the log cannot be without.
"""

import asyncio
from pathlib import Path

import pytest

from rorpost_gateway.audit.verify import Broken, verify_log
from rorpost_gateway.errors import LogDamaged
from tests.peers.forging import Forger
from tests.peers.log_workshop import DAY_SECONDS, NOON, ORIGIN, Clock
from tests.peers.two_day_log import TwoDayLog, make_two_day_log, open_again


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> TwoDayLog:
    return asyncio.run(make_two_day_log(tmp_path_factory.mktemp("sealed")))


@pytest.fixture
def forger(log: TwoDayLog, tmp_path: Path) -> Forger:
    return Forger.of(log.folder, tmp_path / "log", ORIGIN)


def edit_the_first_day(forger: Forger) -> None:
    forger.change(0, lambda lines: [line.replace(b"brinken", b"lyckorna") for line in lines])
    forger.chain()


def test_the_key_in_force_seals_nothing_from_before_its_time(log: TwoDayLog, forger: Forger) -> None:
    thief = log.keys[-1]
    edit_the_first_day(forger)
    forger.sign(forger.tiles(), lambda size: [thief])
    with pytest.raises(Broken) as broken:
        verify_log(forger.folder, vkey=log.first_vkey)
    assert broken.value.check == "signature"


def test_not_even_where_the_older_checkpoints_are_left_out(log: TwoDayLog, forger: Forger) -> None:
    edit_the_first_day(forger)
    newest = forger.sizes()[-1]
    forger.sign(forger.tiles(), lambda size: log.keys[-1:] if size == newest else [])
    with pytest.raises(Broken) as broken:
        verify_log(forger.folder, vkey=log.first_vkey)
    assert broken.value.check == "signature"


def test_no_octet_of_a_key_that_was_in_force_is_left(log: TwoDayLog) -> None:
    old = log.keys[0].key.private_bytes_raw()
    for path in log.folder.parent.rglob("*"):
        assert path.is_dir() or old not in path.read_bytes()
    private = (log.folder.parent / "log.key").read_text(encoding="ascii")
    assert private.startswith("PRIVATE+KEY+")
    assert log.vkeys[0].split("+")[1] not in private


@pytest.mark.parametrize("lines", [1, 20, 290])
def test_a_log_cut_short_is_neither_continued_nor_verified(
    log: TwoDayLog, forger: Forger, lines: int
) -> None:
    forger.change(1, lambda octets: octets[:-lines])
    clock = Clock()
    clock.now = NOON + DAY_SECONDS
    with pytest.raises(LogDamaged) as refused:
        asyncio.run(open_again(forger.folder, log.keys[-1], now=clock))
    assert str(forger.days[1].name) in refused.value.private
    with pytest.raises(Broken):
        verify_log(forger.folder, vkey=log.first_vkey)


def test_a_log_cut_short_and_continued_by_hand_is_not_verified(log: TwoDayLog, forger: Forger) -> None:
    forger.change(1, lambda lines: [*lines[:-30], *lines[-10:]])
    forger.chain()
    with pytest.raises(Broken):
        verify_log(forger.folder, vkey=log.first_vkey)
