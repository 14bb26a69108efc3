"""What is kept of a folder: figures that follow the folder, and little memory."""

import sys
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.supervision.remembered import FolderMemory

BEGIN = datetime(2026, 5, 6, 8, tzinfo=UTC)


def arrival(uid: int) -> datetime:
    return BEGIN + timedelta(seconds=uid * 7919 % 1000)


def noted(memory: FolderMemory, uids: list[int], validity: int = 1) -> list[int]:
    new = memory.recall(validity, uids)
    for uid in new:
        memory.note(uid, arrival(uid), foreign=uid % 3 == 0)
    return new


def test_an_empty_folder() -> None:
    contents = FolderMemory().contents([])
    assert (contents.messages, contents.unread, contents.oldest_at, contents.oldest_unread_at) == (
        0,
        0,
        None,
        None,
    )


@given(st.lists(st.sets(st.integers(1, 40)), min_size=1, max_size=6), st.sets(st.integers(1, 40)))
def test_figures_are_those_of_the_messages_there(rounds: list[set[int]], unseen: set[int]) -> None:
    memory, known = FolderMemory(), set[int]()
    for there in rounds:
        assert set(noted(memory, sorted(there))) == there - known
        known = there
    contents, unread = memory.contents(unseen), rounds[-1] & unseen
    assert (contents.messages, contents.unread) == (len(rounds[-1]), len(unread))
    assert contents.oldest_at == min(map(arrival, rounds[-1]), default=None)
    assert contents.oldest_unread_at == min(map(arrival, unread), default=None)
    assert contents.foreign == sum(uid % 3 == 0 for uid in rounds[-1])


def test_another_uidvalidity_forgets() -> None:
    memory = FolderMemory()
    noted(memory, [1, 2, 3])
    assert noted(memory, [1, 2, 3], validity=2) == [1, 2, 3]
    assert len(memory) == 3


def test_what_turns_out_to_be_known_is_foreign_no_more() -> None:
    memory = FolderMemory()
    noted(memory, [3])
    assert memory.foreign_since(BEGIN - timedelta(days=1), most=9) == [3]
    memory.note(3, arrival(3), foreign=False)
    assert memory.foreign_since(BEGIN - timedelta(days=1), most=9) == []
    assert len(memory) == 1


def test_a_hundred_thousand_messages_take_two_megabytes() -> None:
    memory = FolderMemory()
    noted(memory, list(range(1, 100_001)))
    octets = sum(map(sys.getsizeof, (memory._uids, memory._arrived, memory._foreign)))
    assert octets < 2_500_000
    assert noted(memory, list(range(1, 100_001))) == []
    assert octets == sum(map(sys.getsizeof, (memory._uids, memory._arrived, memory._foreign)))
