"""One message, or a server that refuses a part of its work, keeps nothing else from being collected."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from rorpost_gateway.collecting.round import PATIENCE
from rorpost_gateway.imap.base import ImapRefused, ImapUnavailable, Summary
from tests.unit.collecting.conftest import MOST_OCTETS, Scene
from tests.unit.collecting.mailbox import MemorySession, letter

COLLECTED = "Rorpost/Collected"


async def test_one_whose_size_cannot_be_told_does_not_keep_the_others(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = 150
    summaries = MemorySession.summaries

    async def failing(
        session: MemorySession, uids: Sequence[int], *, fields: Sequence[str] = ()
    ) -> AsyncIterator[Summary]:
        if bad in uids:
            raise ImapUnavailable("the server's answer cannot be understood")
        async for each in summaries(session, uids, fields=fields):
            yield each

    monkeypatch.setattr(MemorySession, "summaries", failing)
    scene.mailbox.put(*["taken"] * 300)
    await scene.until(lambda: len(scene.mailbox.collected) == 299)
    assert list(scene.mailbox.folders["INBOX"]) == [bad]
    assert len(scene.events("collecting-failed")) < 8


async def test_one_too_large_whose_author_cannot_be_told_does_not_keep_the_others(scene: Scene) -> None:
    large, _ = scene.mailbox.put("large", "taken")
    scene.mailbox.sizes[large] = MOST_OCTETS + 1
    scene.mailbox.fail(f"header {large}", *[ImapUnavailable("BYE")] * 3)
    await scene.until(lambda: scene.mailbox.collected == ["taken"])
    assert scene.mailbox.words() == ["large"]


async def test_one_larger_than_its_server_says_counts_as_large_as_it_is(scene: Scene) -> None:
    scene.mailbox.put("taken-1", "taken-2")
    size = len(letter("taken-1"))
    scene.mailbox.sizes |= {1: 1, 2: 1}
    scene.budget.capacity_octets = size + size // 2
    scene.way_in.hold = asyncio.Event()
    await scene.until(lambda: "fetch 2" in scene.steps)
    for _ in range(20):
        await asyncio.sleep(0)
    assert scene.way_in.deciding == 1
    scene.way_in.hold.set()
    await scene.until(lambda: len(scene.mailbox.collected) == 2)
    assert scene.way_in.most_deciding == 1
    assert scene.budget.used_octets == 0


async def test_a_folder_that_takes_nothing_is_not_tried_with_every_message(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = MemorySession.move

    async def over_quota(session: MemorySession, uids: int | Sequence[int], folder: str) -> None:
        if folder == COLLECTED:
            scene.mailbox.step("move", folder)
            raise ImapRefused("over quota", code="OVERQUOTA")
        await move(session, uids, folder)

    monkeypatch.setattr(MemorySession, "move", over_quota)
    scene.mailbox.put(*["taken"] * 100, "refused")
    await scene.until_idle()
    assert scene.steps.count(f"move {COLLECTED}") == 1 + PATIENCE, "all together, a few alone"
    assert scene.mailbox.refused == ["refused"], "the other folder is tried all the same"
    assert len([step for step in scene.steps if step.startswith("note")]) == 101
    [event] = scene.events("collected-not-moved")
    assert event["messages"] == 100
    monkeypatch.setattr(MemorySession, "move", move)
    scene.mailbox.when_idle = scene.mailbox.happened.set
    scene.mailbox.happened.set()
    await scene.until(lambda: len(scene.mailbox.collected) == 100)
    assert len([step for step in scene.steps if step.startswith("decided")]) == 101
