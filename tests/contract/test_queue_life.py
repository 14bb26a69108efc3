"""A copy's life in every queue: pending, ready, claimed, and what is refused on the way."""

from dataclasses import fields

import pytest

from rorpost_gateway.decision import Direction
from rorpost_gateway.envelope import Notify
from rorpost_gateway.errors import NotFound, QueueUnavailable
from rorpost_gateway.queue.base import Queue, Retry, State
from tests.peers.queues import (
    BRINKEN,
    LYCKORNA,
    NOW,
    SENDER,
    claim,
    copy,
    message,
    put_claimed,
    put_pending,
    put_ready,
    queue_id,
)

LATER = Retry(next_attempt_at=NOW + 30, reply="451 4.7.1 try later", next_hop="mx.example:25")


async def test_a_pending_copy_cannot_be_claimed(queue: Queue) -> None:
    await put_pending(queue)
    assert await claim(queue, now=NOW + 10**6) == []
    assert await queue.next_due() is None


async def test_a_pending_copy_cannot_be_held_released_retried_or_forgotten(queue: Queue) -> None:
    identity = await put_pending(queue)
    assert await queue.hold(identity, None, because="operator") == 0
    assert await queue.hold(identity, BRINKEN, because="key-expired") == 0
    assert await queue.release(identity, None, now=NOW) == 0
    assert await queue.retry_now(identity, None, now=NOW) == 0
    with pytest.raises(NotFound):
        await queue.finish(identity, BRINKEN)
    assert [c.state for c in await queue.pending()] == [State.PENDING]


async def test_what_a_claim_allows_is_refused_without_one(queue: Queue) -> None:
    identity = await put_ready(queue)
    with pytest.raises(NotFound):
        await queue.put_back(identity, BRINKEN, LATER)
    with pytest.raises(NotFound):
        await queue.mark_bounced(identity, BRINKEN, now=NOW)
    [found] = await queue.show(identity)
    assert (found.state, found.attempts, found.bounced_at) == (State.READY, 0, None)


async def test_unknown_names_are_not_found(queue: Queue) -> None:
    known, unknown = await put_ready(queue), queue_id()
    for identity, recipient in ((unknown, BRINKEN), (known, LYCKORNA)):
        for ask in (
            queue.sealed(identity, recipient),
            queue.put_back(identity, recipient, LATER),
            queue.mark_bounced(identity, recipient, now=NOW),
            queue.finish(identity, recipient),
            queue.hold(identity, recipient, because="operator"),
            queue.release(identity, recipient, now=NOW),
            queue.retry_now(identity, recipient, now=NOW),
        ):
            with pytest.raises(NotFound):
                await ask
    for ask in (
        queue.show(unknown),
        queue.make_ready(unknown, now=NOW),
        queue.hold(unknown, None, because="operator"),
    ):
        with pytest.raises(NotFound):
            await ask
    await queue.discard_pending(unknown)  # cleaning up what is not there is no error


async def test_a_message_becomes_ready_only_once(queue: Queue) -> None:
    identity = await put_ready(queue)
    with pytest.raises(NotFound):
        await queue.make_ready(identity, now=NOW + 1)


async def test_a_ready_message_cannot_be_discarded(queue: Queue) -> None:
    identity = await put_ready(queue)
    await queue.discard_pending(identity)
    assert len(await queue.show(identity)) == 1


async def test_a_discarded_message_leaves_nothing(queue: Queue) -> None:
    identity = await put_pending(queue, BRINKEN, LYCKORNA, digest="d1")
    await queue.discard_pending(identity)
    assert list(await queue.list()) == []
    assert await queue.find_duplicates(["d1"], since=0) == {}
    with pytest.raises(NotFound):
        await queue.make_ready(identity, now=NOW)
    await queue.insert_pending(message(identity), [copy()])  # the message's row is gone too


async def test_one_pending_copy_can_be_discarded(queue: Queue) -> None:
    identity = await put_pending(queue, BRINKEN, LYCKORNA)
    await queue.discard_pending(identity, LYCKORNA)
    assert [each.recipient for each in await queue.show(identity)] == [BRINKEN]
    await queue.make_ready(identity, now=NOW)


async def test_a_queue_id_is_taken_once(queue: Queue) -> None:
    identity = await put_pending(queue)
    with pytest.raises(QueueUnavailable):
        await queue.insert_pending(message(identity), [copy(LYCKORNA)])
    assert [c.recipient for c in await queue.show(identity)] == [BRINKEN]


async def test_a_recipient_stands_once_in_a_message(queue: Queue) -> None:
    it = message()
    with pytest.raises(QueueUnavailable):
        await queue.insert_pending(it, [copy(BRINKEN), copy(LYCKORNA), copy(BRINKEN)])
    assert list(await queue.list()) == []


async def test_a_message_without_copies_is_refused(queue: Queue) -> None:
    with pytest.raises(ValueError, match="without copies"):
        await queue.insert_pending(message(), [])


async def test_everything_that_was_put_in_comes_out(queue: Queue) -> None:
    sealed = bytes(range(256)) * 40
    it = message(direction=Direction.INBOUND, message_id=None, declared_user=None, declared_by=None)
    other = message(ret="HDRS", envid="QQ+2B314159", received_at=NOW + 1)
    both = frozenset({Notify.FAILURE, Notify.DELAY})
    new = copy(sealed=sealed, notify=both, original_recipient="rfc822;a+2Bb@x.se", channel="a-b")
    await queue.insert_pending(it, [new])
    await queue.insert_pending(other, [copy(LYCKORNA, notify=frozenset({Notify.NEVER})), copy(BRINKEN)])

    [first, second, third] = await queue.pending()

    assert first.message == it
    assert second.message == third.message == other
    assert (second.recipient, third.recipient) == (LYCKORNA, BRINKEN)
    assert (first.notify, second.notify, third.notify) == (both, frozenset({Notify.NEVER}), None)
    shared = {f.name for f in fields(new)} - {"sealed", "submission_digest", "replay_guard"}
    for name in shared:
        assert getattr(first, name) == getattr(new, name)
    assert first.sealed_size == len(sealed)
    assert first.name == f"{it.queue_id}/{BRINKEN}"
    assert await queue.sealed(it.queue_id, BRINKEN) == sealed


async def test_a_ready_copy_is_due_at_once(queue: Queue) -> None:
    identity = await put_pending(queue, at=NOW)
    await queue.make_ready(identity, now=NOW + 2)
    assert await queue.next_due() == NOW + 2
    assert await claim(queue, now=NOW + 1.9) == []
    [claimed] = await claim(queue, now=NOW + 2)
    assert (claimed.state, claimed.claimed_by, claimed.lease_until) == (State.CLAIMED, "gw1", NOW + 302)
    assert claimed.message.reverse_path == SENDER


async def test_a_copy_put_back_is_due_later_and_remembers_the_reply(queue: Queue) -> None:
    identity = await put_claimed(queue)
    await queue.put_back(identity, BRINKEN, LATER)
    [found] = await queue.show(identity)
    assert (found.state, found.attempts, found.claimed_by, found.lease_until) == (State.READY, 1, None, None)
    assert (found.last_reply, found.last_next_hop) == ("451 4.7.1 try later", "mx.example:25")
    assert await claim(queue, now=NOW + 29) == []
    assert await queue.next_due() == NOW + 30
    assert len(await claim(queue, now=NOW + 30)) == 1


async def test_the_time_of_a_delay_warning_stays(queue: Queue) -> None:
    identity = await put_claimed(queue)
    warned = Retry(next_attempt_at=NOW, reply="451", next_hop="mx", warned_at=NOW + 7)
    await queue.put_back(identity, BRINKEN, warned)
    await claim(queue)
    await queue.put_back(identity, BRINKEN, LATER)
    [found] = await queue.show(identity)
    assert (found.warned_at, found.attempts) == (NOW + 7, 2)


async def test_a_bounced_copy_stays_until_its_dsn_is_delivered(queue: Queue) -> None:
    identity = await put_claimed(queue)
    await queue.mark_bounced(identity, BRINKEN, now=NOW + 5)
    await queue.mark_bounced(identity, BRINKEN, now=NOW + 9)  # the first time counts
    await queue.put_back(identity, BRINKEN, LATER)
    [again] = await claim(queue, now=NOW + 30)
    assert again.bounced_at == NOW + 5
    await queue.finish(identity, BRINKEN)
    assert list(await queue.list()) == []


async def test_a_message_goes_with_its_last_copy(queue: Queue) -> None:
    identity = await put_claimed(queue, BRINKEN, LYCKORNA)
    await queue.finish(identity, LYCKORNA)
    assert [c.recipient for c in await queue.show(identity)] == [BRINKEN]
    with pytest.raises(NotFound):
        await queue.sealed(identity, LYCKORNA)
    await queue.finish(identity, BRINKEN)
    with pytest.raises(NotFound):
        await queue.show(identity)
    with pytest.raises(NotFound):
        await queue.finish(identity, BRINKEN)
    await queue.insert_pending(message(identity), [copy()])  # nothing is left that it could collide with


async def test_two_recipients_never_share_octets(queue: Queue) -> None:
    """gpg-mailgate gave two recipients one ciphertext, each seeing the other's key id."""
    it = message()
    copies = [copy(BRINKEN, sealed=b"to Brinken\r\n"), copy(LYCKORNA, sealed=b"to Lyckorna\r\n")]
    await queue.insert_pending(it, copies)
    assert await queue.sealed(it.queue_id, BRINKEN) == b"to Brinken\r\n"
    assert await queue.sealed(it.queue_id, LYCKORNA) == b"to Lyckorna\r\n"


async def test_values_a_client_chose_are_values_and_nothing_else(queue: Queue) -> None:
    """gpgmail evaluated a recipient address; a store that pastes text into SQL would do the same."""
    nasty = '"\'; DROP TABLE copies; --"@x.se'
    it = message(message_id="<'||(SELECT 1)||'>", envid="%00:queue_id?1")
    await queue.insert_pending(it, [copy(nasty)])
    await queue.make_ready(it.queue_id, now=NOW)
    [found] = await claim(queue, busy=["');--", 'x.se"]'])
    assert (found.recipient, found.message) == (nasty, it)
    await queue.finish(it.queue_id, nasty)
    assert list(await queue.list()) == []
