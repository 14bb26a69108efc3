"""Pending copies that a crash left over are judged by the decision log."""

from collections.abc import Awaitable, Callable

import pytest

from rorpost_gateway.daemon.recovery import Settled, settle_pending
from rorpost_gateway.errors import LogDamaged
from rorpost_gateway.queue.base import Queue, State
from tests.peers.queues import ABROAD, BRINKEN, LYCKORNA, NOW, put_pending, put_ready

FOREVER = float("inf")
Logged = Callable[[float, frozenset[str]], Awaitable[set[str]]]


def log_that_holds(*ids: str) -> tuple[Logged, list[tuple[float, frozenset[str]]]]:
    asked: list[tuple[float, frozenset[str]]] = []

    async def logged(since: float, among: frozenset[str]) -> set[str]:
        asked.append((since, among))
        return set(ids) & among

    return logged, asked


async def decision_ids(queue: Queue) -> dict[str, str]:
    return {copy.name: copy.decision_id for copy in await queue.pending()}


async def states(queue: Queue) -> dict[str, State]:
    return {copy.name: copy.state for copy in await queue.list()}


async def test_nothing_is_pending(queue: Queue) -> None:
    identity = await put_ready(queue)
    logged, asked = log_that_holds()
    settled = await settle_pending(queue, logged_ids=logged, now=NOW, received_before=FOREVER)
    assert settled == Settled(made_ready=0, removed=0)
    assert asked == []  # the log is not read for nothing
    assert await states(queue) == {f"{identity}/{BRINKEN}": State.READY}


async def test_without_lines_they_go(queue: Queue) -> None:
    await put_pending(queue, BRINKEN, LYCKORNA)
    logged, asked = log_that_holds("another-decision")
    settled = await settle_pending(queue, logged_ids=logged, now=NOW, received_before=FOREVER)
    assert settled == Settled(made_ready=0, removed=2)
    assert await queue.list() == []
    assert [since for since, _ in asked] == [NOW]


async def test_with_lines_they_become_ready_and_count_as_submitted(queue: Queue) -> None:
    identity = await put_pending(queue, BRINKEN, LYCKORNA, digest="d1")
    logged, _ = log_that_holds(*(await decision_ids(queue)).values())
    settled = await settle_pending(queue, logged_ids=logged, now=NOW + 60, received_before=FOREVER)
    assert settled == Settled(made_ready=2, removed=0)
    assert set((await states(queue)).values()) == {State.READY}
    assert {copy.next_attempt_at for copy in await queue.list()} == {NOW + 60}
    assert await queue.find_duplicates(["d1"], since=NOW) == {"d1": identity}


async def test_partly(queue: Queue) -> None:
    """A line for one recipient of two: lines of one message go out together, but who knows."""
    identity = await put_pending(queue, BRINKEN, LYCKORNA)
    other = await put_pending(queue, ABROAD)
    logged, _ = log_that_holds((await decision_ids(queue))[f"{identity}/{LYCKORNA}"])
    settled = await settle_pending(queue, logged_ids=logged, now=NOW, received_before=FOREVER)
    assert settled == Settled(made_ready=1, removed=2)
    assert await states(queue) == {f"{identity}/{LYCKORNA}": State.READY}
    assert other not in str(await queue.list())


async def test_the_log_is_asked_since_the_oldest(queue: Queue) -> None:
    await put_pending(queue, at=NOW)
    await put_pending(queue, at=NOW - 86_400)
    logged, asked = log_that_holds()
    await settle_pending(queue, logged_ids=logged, now=NOW, received_before=FOREVER)
    ((since, among),) = asked
    assert since == NOW - 86_400
    assert len(among) == 2


async def test_what_somebody_may_have_in_hand_is_left_alone(queue: Queue) -> None:
    young = await put_pending(queue, at=NOW)
    await put_pending(queue, at=NOW - 901)
    logged, asked = log_that_holds()
    settled = await settle_pending(queue, logged_ids=logged, now=NOW, received_before=NOW - 900)
    assert settled == Settled(made_ready=0, removed=1)
    assert len(asked[0][1]) == 1
    assert await states(queue) == {f"{young}/{BRINKEN}": State.PENDING}


async def test_a_log_that_cannot_be_read_settles_nothing(queue: Queue) -> None:
    identity = await put_pending(queue)

    async def damaged(_since: float, _among: frozenset[str]) -> set[str]:
        raise LogDamaged("the decision log does not hold")

    with pytest.raises(LogDamaged):
        await settle_pending(queue, logged_ids=damaged, now=NOW, received_before=FOREVER)
    assert await states(queue) == {f"{identity}/{BRINKEN}": State.PENDING}


async def test_again_changes_nothing(queue: Queue) -> None:
    await put_pending(queue, BRINKEN, LYCKORNA)
    logged, _ = log_that_holds(*(await decision_ids(queue)).values())
    await settle_pending(queue, logged_ids=logged, now=NOW, received_before=FOREVER)
    before = await states(queue)
    settled = await settle_pending(queue, logged_ids=logged, now=NOW, received_before=FOREVER)
    assert settled == Settled(made_ready=0, removed=0)
    assert await states(queue) == before
