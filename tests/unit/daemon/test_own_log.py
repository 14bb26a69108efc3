"""The daemon's own log: opened after crashes in a rotation, rotated, purged, begun anew."""

import asyncio
import json
import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.audit.verify import verify_log
from rorpost_gateway.config.load import load_config
from rorpost_gateway.config.model import Config
from rorpost_gateway.control.base import ArgumentInvalid
from rorpost_gateway.daemon.log_offline import Offline, create_key
from rorpost_gateway.daemon.log_upkeep import OwnLog
from rorpost_gateway.daemon.own_log import open_own_log
from rorpost_gateway.decision_log import key_rotation, record, restarting, upkeep
from rorpost_gateway.decision_log.keeping import StepLeft, purge, rotate
from rorpost_gateway.decision_log.published.note import signed_by
from rorpost_gateway.decision_log.purging import PurgeRefused, removable
from rorpost_gateway.decision_log.signing import SigningKey, load, next_path, read, write_vkey
from rorpost_gateway.decision_log.writer import LogWriter
from rorpost_gateway.errors import ConfigurationInvalid, LogDamaged, LogUnavailable, NotFound
from tests.peers.log_workshop import DAY_SECONDS, NOON, NoSync, kill

CONFIGURATION = """
node: gw1
hostname: gw.motala.se
domains: [motala.se]
state_dir: state
submission: {listen: ["127.0.0.1:0"], tls: {mode: "off"}, auth: {backend: file, users: users.yaml}}
relay: {default: {host: 127.0.0.1, port: 1526, tls: {mode: "off"}}}
decision_log: {dir: log/decisions, signing_key_file: decision-log.key, witness_file: elsewhere/last}
"""
ORIGIN = "motala.se/rorpost/gw1"


class House:
    """One configuration, its log, and a clock that moves when told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("log", "elsewhere"):
            (folder / name).mkdir()
        (folder / "rorpost.yaml").write_text(CONFIGURATION)
        self.config: Config = load_config(folder / "rorpost.yaml")
        self.log_folder = self.config.decision_log.dir
        self.key_file = self.config.decision_log.signing_key_file
        self.now = NOON

    async def open(self) -> LogWriter:
        return await open_own_log(self.config, now=lambda: self.now)

    async def write(self, *, days: int = 1) -> None:
        """A line on each of `days` days; the log is closed then."""
        log = await self.open()
        for _ in range(days):
            await log.append([record.heartbeat()])
            self.now += DAY_SECONDS
        self.now -= DAY_SECONDS
        await log.close()

    def offline(self) -> Offline:
        return Offline(self.config, now=lambda: self.now)

    def lines(self, event: str, folder: Path | None = None) -> list[dict[str, Any]]:
        files = sorted((folder or self.log_folder).glob("*.jsonl"))
        entries = [json.loads(line) for path in files for line in path.read_bytes().splitlines()]
        return [entry for entry in entries if entry["event"] == event]

    def verify(self, folder: Path | None = None, vkey: str | None = None) -> Any:
        return verify_log(folder or self.log_folder, vkey=vkey or read(self.key_file).vkey)


@pytest.fixture
def at_home() -> Iterator[House]:
    with tempfile.TemporaryDirectory(prefix="rl", dir="/tmp") as folder:
        yield House(Path(folder))


# Rotation


async def test_a_new_key_is_in_force_and_the_old_one_gone(at_home: House) -> None:
    log = await at_home.open()
    old_file = at_home.key_file.open("rb")
    old, new = await rotate(log, at_home.key_file, operator="drift")
    assert log.published is not None
    assert signed_by(log.published, [old])
    assert signed_by(log.published, [new])
    (line,) = at_home.lines("key")
    assert (line["vkey"], line["previous"], line["operator"]) == (new.vkey, old.vkey, "drift")
    assert log.published.size == line["n"] + 1
    with old_file:
        assert set(old_file.read()) == {0}
    assert load(at_home.key_file, ORIGIN).vkey == new.vkey
    assert not next_path(at_home.key_file).exists()
    await log.append([record.heartbeat()])
    await log.close()
    assert signed_by(log.published, [new])
    assert not signed_by(log.published, [old])
    again = await at_home.open()
    await again.close()
    at_home.verify(vkey=old.vkey)


async def _crash_after_preparing(log: LogWriter, path: Path) -> SigningKey:
    return key_rotation.prepare(path, ORIGIN)


async def _crash_after_the_line(log: LogWriter, path: Path) -> SigningKey:
    new = key_rotation.prepare(path, ORIGIN)
    log.sign_with(read(path), new)
    await log.append([upkeep.rotated(vkey=new.vkey, previous=read(path).vkey, operator="drift")])
    return new


async def _crash_after_the_checkpoint(log: LogWriter, path: Path) -> SigningKey:
    new = await _crash_after_the_line(log, path)
    await log.publish_now()
    return new


async def _crash_after_the_verifier_key(log: LogWriter, path: Path) -> SigningKey:
    new = await _crash_after_the_checkpoint(log, path)
    write_vkey(path, new.vkey)
    return new


async def test_a_next_key_that_the_log_does_not_know_is_destroyed(at_home: House) -> None:
    log = await at_home.open()
    old = read(at_home.key_file)
    await _crash_after_preparing(log, at_home.key_file)
    await kill(log)
    await (await at_home.open()).close()
    assert load(at_home.key_file, ORIGIN).vkey == old.vkey
    assert not next_path(at_home.key_file).exists()
    at_home.verify(vkey=old.vkey)


@pytest.mark.parametrize(
    "crash", [_crash_after_the_line, _crash_after_the_checkpoint, _crash_after_the_verifier_key]
)
async def test_a_rotation_that_the_log_knows_of_is_completed(at_home: House, crash: Any) -> None:
    log = await at_home.open()
    old = read(at_home.key_file)
    new = await crash(log, at_home.key_file)
    await kill(log)
    again = await at_home.open()
    assert again.published is not None
    assert signed_by(again.published, [old])
    assert load(at_home.key_file, ORIGIN).vkey == new.vkey
    assert not next_path(at_home.key_file).exists()
    await again.append([record.heartbeat()])
    await again.close()
    assert not signed_by(again.published, [old])
    at_home.verify(vkey=old.vkey)


async def test_a_second_daemon_leaves_the_rotation_of_the_first_alone(at_home: House) -> None:
    log = await at_home.open()
    new = await _crash_after_preparing(log, at_home.key_file)
    with pytest.raises(LogUnavailable):
        await at_home.open()
    assert read(next_path(at_home.key_file)).vkey == new.vkey
    await log.close()


async def test_key_files_that_cannot_be_changed_are_left_to_the_next_start(
    at_home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await at_home.open()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(key_rotation, "write_vkey", full)
        with pytest.raises(StepLeft, match="No space left"):
            await rotate(log, at_home.key_file, operator="drift")
    for _ in range(3):  # it runs on for days
        at_home.now += DAY_SECONDS
        await log.append([record.heartbeat()])
    await log.close()
    await (await at_home.open()).close()
    at_home.verify()
    assert load(at_home.key_file, ORIGIN).vkey == at_home.lines("key")[0]["vkey"]


# Purge


async def test_what_is_purged_is_told_of_before_and_the_rest_holds(at_home: House) -> None:
    await at_home.write(days=4)
    names = [path.name for path in sorted(at_home.log_folder.glob("*.jsonl"))]
    whole = at_home.log_folder / names[0]
    said = {"first": 0, "last": len(whole.read_bytes().splitlines()) - 1}
    done = await at_home.offline().do("log-purge", {"before": "2026-05-08", "decision": "KS 2026/117"})
    assert done["files"] == names[:2]
    assert sorted(path.name for path in at_home.log_folder.glob("*.jsonl")) == names[2:]
    first, second = at_home.lines("purged")
    assert (first["file"], first["decision"]) == (names[0], "KS 2026/117")
    assert said.items() <= first.items()
    assert second["first"] == first["last"] + 1
    assert first["operator"]
    await (await at_home.open()).close()
    verified = at_home.verify()
    assert verified.purged == second["last"] + 1


async def test_the_newest_file_is_never_purged(at_home: House) -> None:
    await at_home.write(days=2)
    done = await at_home.offline().do("log-purge", {"before": "2099-01-01", "decision": "KS 1"})
    assert done["files"] == ["2026-05-06.jsonl"]
    (left,) = at_home.log_folder.glob("*.jsonl")
    assert left.name == "2026-05-07.jsonl"
    await at_home.write(days=2)
    await (await at_home.open()).close()
    at_home.verify()


async def test_a_file_that_is_not_what_the_log_says_is_not_purged(at_home: House) -> None:
    await at_home.write(days=3)
    first = min(at_home.log_folder.glob("*.jsonl"))
    log = await at_home.open()
    first.write_bytes(first.read_bytes().replace(b'"start"', b'"stop!"').replace(b"gw1", b"gw2"))
    with pytest.raises(PurgeRefused, match="not the file"):
        await purge(log, at_home.log_folder, before=date(2026, 5, 8), decision="KS 1", operator="drift")
    await log.close()
    assert first.exists()
    assert not at_home.lines("purged")


async def test_the_line_of_a_rotation_may_be_purged_too(at_home: House) -> None:
    log = await at_home.open()
    await rotate(log, at_home.key_file, operator="drift")
    await log.close()
    at_home.now += DAY_SECONDS
    await at_home.write(days=2)
    await at_home.offline().do("log-purge", {"before": "2026-05-07", "decision": "KS 1"})
    assert at_home.lines("key") == []
    await (await at_home.open()).close()
    assert at_home.verify().keys_purged > 0


async def test_a_purge_that_a_crash_broke_off_is_told_of_again_and_done(at_home: House) -> None:
    await at_home.write(days=3)
    log = await at_home.open()
    before = date(2026, 5, 8)
    files = removable(at_home.log_folder, before)
    await log.append([upkeep.purged(file, decision="KS 1", operator="drift") for file in files])
    await kill(log)
    at_home.verify()
    done = await at_home.offline().do("log-purge", {"before": "2026-05-08", "decision": "KS 1"})
    assert done["files"] == [file.name for file in files]
    assert len(at_home.lines("purged")) == 4
    await (await at_home.open()).close()
    at_home.verify()


@pytest.mark.parametrize(
    "decision", ["", " ", "a\nb", " KS 1", "x" * 201, "\ud800", "811218-9876", "Dnr 19121212-1212"]
)
async def test_a_reference_that_cannot_stand_in_the_log_is_refused(at_home: House, decision: str) -> None:
    await at_home.write(days=2)
    with pytest.raises(ArgumentInvalid):
        await at_home.offline().do("log-purge", {"before": "2099-01-01", "decision": decision})
    with pytest.raises(ArgumentInvalid):
        await at_home.offline().restart(decision)
    assert len(list(at_home.log_folder.glob("*.jsonl"))) == 2


async def test_a_file_that_cannot_be_removed_is_told_of(at_home: House) -> None:
    class Stuck(NoSync):
        def sync_folder(self, folder: Path) -> None:
            raise OSError(5, "Input/output error")

    await at_home.write(days=2)
    log = await at_home.open()
    with pytest.raises(StepLeft, match="Input/output"):
        await purge(
            log, at_home.log_folder, before=date(2099, 1, 1), decision="KS 1", operator="x", disk=Stuck()
        )
    await log.close()
    assert len(at_home.lines("purged")) == 1


async def test_what_is_asked_of_the_daemon_goes_to_its_end_though_the_caller_is_gone(at_home: House) -> None:
    await at_home.write(days=3)
    log = await at_home.open()
    own = OwnLog(log, folder=at_home.log_folder, key_file=at_home.key_file)
    asked = asyncio.create_task(own.purge("drift", date(2026, 5, 8), "KS 1"))
    await asyncio.sleep(0)
    asked.cancel()
    await own.new_key("drift")  # comes after it
    assert len(at_home.lines("purged")) == 2
    assert len(list(at_home.log_folder.glob("*.jsonl"))) == 1
    await log.close()
    at_home.verify()


# Restart


async def test_a_log_that_does_not_hold_is_set_aside_whole(at_home: House) -> None:
    await at_home.write(days=2)
    old = read(at_home.key_file)
    newest = max(at_home.log_folder.glob("*.jsonl"))
    newest.write_bytes(newest.read_bytes().replace(b"heartbeat", b"heartbreak"))
    before = {path.name: path.read_bytes() for path in at_home.log_folder.glob("*.jsonl")}
    last = newest.read_bytes().splitlines()[-1]
    with pytest.raises(LogDamaged) as caught:
        await at_home.open()
    assert "rorpost audit restart --decision REFERENCE" in caught.value.private

    done = await at_home.offline().restart("KS 2026/118")
    stamp = f"{datetime.fromtimestamp(at_home.now, UTC):%Y%m%dT%H%M%SZ}"
    assert done.kept == at_home.log_folder.with_name(f"decisions.{stamp}")
    assert {path.name: path.read_bytes() for path in done.kept.glob("*.jsonl")} == before
    (genesis,) = at_home.lines("genesis")
    assert {
        "origin": f"{ORIGIN}/restarted-{stamp}",
        "vkey": done.vkey,
        "previous_origin": ORIGIN,
        "previous_entries": json.loads(last)["n"] + 1,
        "decision": "KS 2026/118",
    }.items() <= genesis.items()
    assert len(genesis["previous_head"]) == 64
    assert done.vkey != old.vkey
    assert (at_home.folder / "elsewhere" / f"last.{stamp}").exists()
    log = await at_home.open()
    await log.append([record.heartbeat()])
    await log.close()
    at_home.verify(vkey=done.vkey)


async def test_a_restart_is_refused_while_a_daemon_writes(at_home: House) -> None:
    log = await at_home.open()
    with pytest.raises(LogUnavailable, match="another process"):
        await at_home.offline().restart("KS 1")
    await log.append([record.heartbeat()])
    await log.close()
    assert not restarting.journal(at_home.log_folder).exists()


async def test_where_there_is_no_log_there_is_nothing_to_restart_or_purge(at_home: House) -> None:
    with pytest.raises(ConfigurationInvalid, match="no log"):
        await at_home.offline().restart("KS 1")
    create_key(at_home.config)
    for verb, arguments in (("log-new-key", {}), ("log-purge", {"before": "2099-01-01", "decision": "KS 1"})):
        with pytest.raises(NotFound):
            await at_home.offline().do(verb, arguments)
    assert not at_home.log_folder.exists()


@pytest.mark.parametrize("step", ["noted", "set-aside", "witness", "key", "genesis"])
async def test_a_restart_that_was_broken_off_goes_on(at_home: House, step: str) -> None:
    """A crash after each step: no daemon starts, and the same command comes to the same end."""
    await at_home.write()
    folder, settings = at_home.log_folder, at_home.config.decision_log
    found = restarting._found(
        folder, origin=ORIGIN, decision="KS 2026/118", operator="drift", now=at_home.now
    )
    restarting._note(restarting.journal(folder), found)
    if step != "noted":
        restarting.set_aside(folder, found.stamp)
    if step in ("witness", "key", "genesis"):
        restarting.set_aside(settings.witness_file, found.stamp)
    if step in ("key", "genesis"):
        restarting.renew_key(at_home.key_file, found.origin)
    if step == "genesis":
        vkey = read(at_home.key_file).vkey
        genesis = record.genesis(vkey=vkey, origin=found.origin, **found.genesis_fields())
        await (await open_own_log(at_home.config, now=lambda: at_home.now, genesis=genesis)).close()

    with pytest.raises(LogDamaged, match="restart"):
        await at_home.open()
    done = await at_home.offline().restart("another reference")
    (line,) = at_home.lines("genesis")
    assert (line["decision"], line["previous_entries"]) == ("KS 2026/118", found.previous_entries)
    assert len(at_home.lines("genesis", done.kept)) == 1
    await (await at_home.open()).close()
    at_home.verify(vkey=done.vkey)


async def test_a_folder_that_cannot_be_renamed_leaves_everything_as_it_was(at_home: House) -> None:
    await at_home.write()
    aside = at_home.log_folder.with_name(
        f"decisions.{datetime.fromtimestamp(at_home.now, UTC):%Y%m%dT%H%M%SZ}"
    )
    aside.mkdir()
    with pytest.raises(ConfigurationInvalid, match="there already"):
        await at_home.offline().restart("KS 1")
    await (await at_home.open()).close()


# As whom


@pytest.mark.root
def test_root_works_as_the_owner_of_the_log(at_home: House) -> None:
    at_home.folder.chmod(0o755)
    log = at_home.folder / "log"
    os.chown(log, 65534, 65534)
    child = os.fork()
    if not child:
        status = 1
        try:
            from rorpost_gateway.daemon.as_owner import become_owner

            become_owner((at_home.log_folder, log))
            (log / "made").touch()
            status = 0 if os.getuid() == os.geteuid() == 65534 and 0 not in os.getgroups() else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (log / "made").stat().st_uid == 65534
