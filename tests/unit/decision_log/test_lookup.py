"""Start-up's question: which decisions have their line."""

import pytest

from rorpost_gateway.decision import Action
from rorpost_gateway.decision_log.decision_id import new_decision_id
from rorpost_gateway.errors import LogUnavailable

OLD, OK, DEFERRED, FOREIGN, LATE = (new_decision_id(number) for number in range(5))


@pytest.fixture
async def log(workshop):
    log = await workshop.open()
    await log.append([workshop.decision(decision_id=OLD)])
    workshop.clock.now += 2 * 86_400
    await log.append(
        [
            workshop.decision(decision_id=OK),
            workshop.decision(decision_id=DEFERRED, action=Action.DEFER),
            workshop.decision(
                decision_id=DEFERRED,
                action=Action.REJECT,
                message_id=f'<"event":"decision","action":"accept","decision_id":"{FOREIGN}">',
            ),
            workshop.records.relayed(decision_id=FOREIGN, queue_id="Q1"),
        ]
    )
    yield log
    await log.close()


async def test_only_accepted_decisions_of_the_files_that_matter_are_found(workshop, log) -> None:
    assert await log.decision_ids_since(workshop.clock()) == {OK}
    assert await log.decision_ids_since(workshop.clock() - 86_400) == {OK}
    assert await log.decision_ids_since(workshop.clock() - 2 * 86_400) == {OLD, OK}


async def test_only_asked_ids_are_kept(workshop, log) -> None:
    assert await log.decision_ids_since(0.0, {OLD, FOREIGN, DEFERRED}) == {OLD}
    assert await log.decision_ids_since(0.0, set()) == set()


async def test_a_clock_that_jumped_back_over_midnight_hides_nothing(workshop, log) -> None:
    arrived = workshop.clock()
    workshop.clock.now -= 3 * 86_400
    await log.append([workshop.decision(decision_id=LATE)])
    assert LATE in await log.decision_ids_since(arrived)


async def test_a_message_just_after_midnight_whose_line_is_just_before(workshop, log) -> None:
    midnight = 1_778_284_800.0
    workshop.clock.now = midnight - 1
    await log.append([workshop.decision(decision_id=LATE)])
    assert LATE in await log.decision_ids_since(midnight + 1)


async def test_a_torn_line_is_no_decision(workshop) -> None:
    await workshop.write(lines=1)
    log = await workshop.open()
    await log.append([workshop.decision(decision_id=OK)])
    await log.close()
    (path,) = workshop.files()
    workshop.lay(path, path.read_bytes()[:-2])
    log = await workshop.open()
    assert await log.decision_ids_since(0.0, {OK}) == set()
    await log.close()


async def test_a_whole_line_that_only_lacked_its_newline_is_one(workshop) -> None:
    log = await workshop.open()
    await log.append([workshop.decision(decision_id=OK)])
    await log.close()
    (path,) = workshop.files()
    workshop.lay(path, path.read_bytes()[:-1])
    log = await workshop.open()
    assert await log.decision_ids_since(0.0, {OK}) == {OK}
    await log.close()
    assert workshop.verify().torn == 0


async def test_files_that_cannot_be_read_are_a_named_error(workshop, log) -> None:
    for path in workshop.files():
        path.unlink()
    workshop.folder.rename(workshop.folder.with_name("moved"))
    with pytest.raises(LogUnavailable):
        await log.decision_ids_since(0.0)
