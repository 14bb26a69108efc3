"""A copy whose line says that it arrived is not sent again after a crash."""

import json
from pathlib import Path

import pytest

from rorpost_gateway.daemon.arrived import arrived_in, forget_arrived
from rorpost_gateway.errors import LogDamaged
from rorpost_gateway.queue.base import HELD_BY_OPERATOR, Queue
from tests.peers.queues import BRINKEN, LEASE, LYCKORNA, NOW, put_ready

DAY = "2026-09-21"  # of NOW


async def claimed(queue: Queue, *, node: str = "gw1") -> dict[str, str]:
    """Decision ids by recipient, of copies in a node's hands."""
    copies = await queue.claim(node=node, now=NOW, lease_seconds=LEASE, limit=10)
    return {copy.recipient: copy.decision_id for copy in copies}


def write(folder: Path, *lines: bytes, day: str = DAY) -> None:
    with (folder / f"{day}.jsonl").open("ab") as file:
        file.writelines(lines)


def line(event: str, decision_id: str, **more: str) -> bytes:
    fields = {"event": event, "decision_id": decision_id, **more}
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


async def test_without_a_line_it_stays(queue: Queue, tmp_path: Path) -> None:
    await put_ready(queue, BRINKEN)
    ids = await claimed(queue)
    write(tmp_path, line("decision", ids[BRINKEN]), line("deferred", ids[BRINKEN]))
    write(tmp_path, line("relayed", "another"), line("deferred", ids[BRINKEN], reply='"event":"relayed"'))
    write(tmp_path, line("relayed", ids[BRINKEN])[:-1])  # torn: nobody relies on it
    assert await forget_arrived(queue, arrived_ids=arrived_in(tmp_path), node="gw1") == 0
    assert len(await queue.list()) == 1


@pytest.mark.parametrize("event", ["relayed", "delivered"])
async def test_with_its_line_it_goes_and_its_sibling_stays(queue: Queue, tmp_path: Path, event: str) -> None:
    identity = await put_ready(queue, BRINKEN, LYCKORNA, digest="d1")
    ids = await claimed(queue)
    write(tmp_path, line(event, ids[BRINKEN]))
    assert await forget_arrived(queue, arrived_ids=arrived_in(tmp_path), node="gw1") == 1
    assert [copy.recipient for copy in await queue.list()] == [LYCKORNA]
    assert await queue.find_duplicates(["d1"], since=NOW) == {"d1": identity}  # it came, and counts


async def test_on_hold_since_its_attempt_it_goes_as_well(queue: Queue, tmp_path: Path) -> None:
    identity = await put_ready(queue, BRINKEN)
    ids = await claimed(queue)
    await queue.hold(identity, None, because=HELD_BY_OPERATOR)
    write(tmp_path, line("relayed", ids[BRINKEN]))
    assert await forget_arrived(queue, arrived_ids=arrived_in(tmp_path), node="gw1") == 1
    assert await queue.list() == []


async def test_what_another_node_has_in_hand_is_left_alone(queue: Queue, tmp_path: Path) -> None:
    await put_ready(queue, BRINKEN)
    ids = await claimed(queue, node="gw2")
    write(tmp_path, line("relayed", ids[BRINKEN]))
    assert await forget_arrived(queue, arrived_ids=arrived_in(tmp_path), node="gw1") == 0
    assert len(await queue.list()) == 1


async def test_days_before_the_message_are_not_read(queue: Queue, tmp_path: Path) -> None:
    await put_ready(queue, BRINKEN)
    ids = await claimed(queue)
    write(tmp_path, line("relayed", ids[BRINKEN]), day="2026-09-19")
    assert await forget_arrived(queue, arrived_ids=arrived_in(tmp_path), node="gw1") == 0


async def test_a_log_that_cannot_be_read_forgets_nothing(queue: Queue, tmp_path: Path) -> None:
    await put_ready(queue, BRINKEN)
    await claimed(queue)
    (tmp_path / f"{DAY}.jsonl").mkdir()
    with pytest.raises(LogDamaged):
        await forget_arrived(queue, arrived_ids=arrived_in(tmp_path), node="gw1")
    assert len(await queue.list()) == 1
