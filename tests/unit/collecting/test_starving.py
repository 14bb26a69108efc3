"""One message, or a server that refuses a part of its work, keeps nothing else from being collected."""

from collections.abc import AsyncIterator, Sequence

import pytest

from rorpost_gateway.collecting.round import PATIENCE
from rorpost_gateway.imap.base import ImapRefused, ImapUnavailable, Summary
from tests.unit.collecting.conftest import MOST_OCTETS, Scene
from tests.unit.collecting.mailbox import MemorySession, letter


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
    await scene.until(lambda: len(scene.mailbox.collected) == 2)
    assert scene.way_in.most_deciding == 1


async def test_a_folder_that_takes_nothing_is_not_tried_with_every_message(scene: Scene) -> None:
    scene.mailbox.put(*["taken"] * 100, "refused")
    scene.mailbox.fail("move", *[ImapRefused("over quota", code="OVERQUOTA")] * PATIENCE)
    await scene.until_idle()
    moves = [step for step in scene.steps if step.startswith("move")]
    assert len(moves) == PATIENCE + 1, "the other folder is tried all the same"
    assert scene.mailbox.refused == ["refused"]
    assert len([step for step in scene.steps if step.startswith("note")]) == 101
    [event] = scene.events("collected-not-moved")
    assert event["messages"] == 100
