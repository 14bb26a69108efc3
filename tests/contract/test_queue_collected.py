"""The journal of collected messages: durable, by account, UIDVALIDITY and UID; and who was told, once."""

from rorpost_gateway.queue.base import Collected, CollectedAs, CollectedFrom, Queue
from tests.peers.queues import NOW, QueueStore

ACCOUNT = "post@partner.se@imap.partner.se:993/INBOX"
DAY = 86_400.0


def where(uid: int, *, account: str = ACCOUNT, uid_validity: int = 7) -> CollectedFrom:
    return CollectedFrom(account=account, uid_validity=uid_validity, uid=uid)


async def test_what_was_noted_is_found_after_a_restart(store: QueueStore) -> None:
    queue = await store.open()
    await queue.note_collected(where(1), CollectedAs.TAKEN, now=NOW)
    await queue.note_collected(where(3), CollectedAs.REFUSED, now=NOW + 1)
    queue = await store.reopen()
    assert await queue.find_collected(ACCOUNT, 7, [1, 2, 3]) == {
        1: Collected(outcome=CollectedAs.TAKEN, noted_at=NOW),
        3: Collected(outcome=CollectedAs.REFUSED, noted_at=NOW + 1),
    }


async def test_the_same_number_elsewhere_is_another_message(queue: Queue) -> None:
    await queue.note_collected(where(1), CollectedAs.TAKEN, now=NOW)
    assert await queue.find_collected(ACCOUNT, 8, [1]) == {}
    assert await queue.find_collected(f"{ACCOUNT}/annan", 7, [1]) == {}
    assert await queue.find_collected(ACCOUNT, 7, []) == {}


async def test_what_is_noted_again_is_remembered_for_longer(queue: Queue) -> None:
    await queue.note_collected(where(1), CollectedAs.TAKEN, now=NOW)
    await queue.note_collected(where(2), CollectedAs.TAKEN, now=NOW)
    await queue.note_collected(where(1), CollectedAs.TAKEN, now=NOW + DAY)
    assert await queue.forget_collected(before=NOW + 1) == 1
    assert set(await queue.find_collected(ACCOUNT, 7, [1, 2])) == {1}


async def test_a_sender_is_told_once_of_the_same_message(store: QueueStore) -> None:
    queue = await store.open()
    assert await queue.note_collected(where(1), CollectedAs.REFUSED, now=NOW, to_tell="ab")
    assert not await queue.note_collected(where(2), CollectedAs.REFUSED, now=NOW, to_tell="ab")
    assert not await queue.note_collected(where(3), CollectedAs.REFUSED, now=NOW)
    queue = await store.reopen()
    renumbered = where(9, uid_validity=8)
    assert not await queue.note_collected(renumbered, CollectedAs.REFUSED, now=NOW, to_tell="ab")
    assert await queue.note_collected(where(4), CollectedAs.REFUSED, now=NOW, to_tell="cd")


async def test_in_time_it_is_forgotten_who_was_told(queue: Queue) -> None:
    await queue.note_collected(where(1), CollectedAs.REFUSED, now=NOW, to_tell="ab")
    assert await queue.forget_collected(before=NOW) == 0
    assert await queue.forget_collected(before=NOW + 1) == 1
    assert await queue.note_collected(where(1), CollectedAs.REFUSED, now=NOW + 1, to_tell="ab")


async def test_uids_as_large_as_they_come(queue: Queue) -> None:
    largest = 2**32 - 1
    await queue.note_collected(where(largest, uid_validity=largest), CollectedAs.TAKEN, now=NOW)
    assert set(await queue.find_collected(ACCOUNT, largest, [largest, 1])) == {largest}
