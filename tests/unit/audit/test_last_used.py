"""When somebody last sent as a mailbox: the newest accepted message, however the log is written."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rorpost_gateway.audit import last_used as module
from rorpost_gateway.audit.folder import Broken
from rorpost_gateway.audit.last_used import last_used
from rorpost_gateway.decision import Action, Reason
from tests.peers.log_workshop import DAY_SECONDS, NoSync, Workshop

BOX, OTHER = "rorpost.hemsjukvarden@motala.se", "rorpost.bistand@motala.se"
ANNA, BO = "anna.berg@motala.se", "bo.lind@motala.se"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def line(n: int, time: str, **fields: object) -> bytes:
    head = {"n": n, "prev": "0" * 64, "time": f"2026-05-06T{time}:00.000Z", "node": "g", "event": "decision"}
    decided = {"direction": "outbound", "action": "accept", "reason": "ok", "reverse_path": BOX}
    return json.dumps(head | decided | {"declared_user": ANNA} | fields, separators=(",", ":")).encode()


def of(folder: Path, *lines: bytes) -> dict[tuple[str, str], str]:
    (folder / "2026-05-06.jsonl").write_bytes(b"".join(each + b"\n" for each in lines))
    return last_used(folder, {(BOX, ANNA), (BOX, BO)}, since=LONG_AGO).last


def test_what_was_refused_or_is_somebody_elses_is_no_use(tmp_path: Path) -> None:
    assert not of(
        tmp_path,
        line(0, "08:00", action="reject", reason="urgent"),
        line(1, "08:01", event="relayed", decision_id="x"),
        line(2, "08:02", declared_user="clara.dahl@motala.se"),
        line(3, "08:03", reverse_path=OTHER),
        line(4, "08:04", declared_user=None),
        line(5, "08:05", message_id=f'"reverse_path":"{BOX}","declared_user":"{ANNA}"', reverse_path=OTHER),
        b'{"event":"decision","action":"accept","reverse_path":"' + BOX.encode() + b'","declared_user":"'
        + ANNA.encode() + b'"}',
    )  # fmt: skip


def test_the_newest_of_each_counts_in_any_case_of_letters(tmp_path: Path) -> None:
    found = of(
        tmp_path,
        line(0, "08:00"),
        line(1, "09:00", reverse_path=BOX.upper(), message_id='<a\\"b@x>'),
        line(2, "08:30", declared_user=BO.upper()),
        line(3, "10:00", declared_user=BO, action="defer", reason="gateway-fault"),
    )
    assert found == {(BOX, ANNA): "2026-05-06T09:00:00.000Z", (BOX, BO): "2026-05-06T08:30:00.000Z"}


@pytest.mark.parametrize("octets", [200, 500, 1 << 20])
def test_however_the_file_is_cut_into_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, octets: int
) -> None:
    real = module.blocks
    monkeypatch.setattr(module, "blocks", lambda path: real(path, block_octets=octets))
    found = of(tmp_path, *(line(n, f"{n:02}:00") for n in range(20)))
    assert found == {(BOX, ANNA): "2026-05-06T19:00:00.000Z"}


async def test_a_log_as_it_is_written(workshop: Workshop) -> None:
    log = await workshop.open(disk=NoSync())
    await log.append([workshop.decision(declared_user=ANNA), workshop.decision(declared_user=BO)])
    workshop.clock.now += DAY_SECONDS
    refused = {"action": Action.REJECT, "reason": Reason.URGENT}
    await log.append([workshop.decision(declared_user=ANNA), workshop.decision(declared_user=BO, **refused)])
    await log.close()
    wanted = {(BOX, ANNA), (BOX, BO), (OTHER, ANNA)}
    assert last_used(workshop.folder, wanted, since=LONG_AGO).last == {
        (BOX, ANNA): "2026-05-07T12:00:00.000Z",
        (BOX, BO): "2026-05-06T12:00:00.000Z",
    }
    later = datetime(2026, 5, 7, 1, tzinfo=UTC)
    assert last_used(workshop.folder, wanted, since=later).last.keys() == {(BOX, ANNA)}


async def test_older_days_are_not_read_where_everybody_is_found(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await workshop.open(disk=NoSync())
    for _ in range(3):
        await log.append([workshop.decision(declared_user=ANNA)])
        workshop.clock.now += DAY_SECONDS
    await log.close()
    read: list[str] = []
    real = module.blocks
    monkeypatch.setattr(module, "blocks", lambda path: (read.append(path.name), real(path))[1])
    last_used(workshop.folder, {(BOX, ANNA)}, since=LONG_AGO)
    assert read == ["2026-05-08.jsonl"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Broken):
        last_used(tmp_path / "none", {(BOX, ANNA)}, since=LONG_AGO)
