"""The order of the steps for each message, and what becomes of those that cannot be settled."""

import asyncio

from rorpost_gateway.collecting.base import TrueSender
from rorpost_gateway.collecting.round import IN_HAND, MOVED_AT_A_TIME, PATIENCE
from rorpost_gateway.errors import QueueUnavailable
from rorpost_gateway.imap.base import ImapRefused, ImapUnavailable
from rorpost_gateway.queue.base import CollectedAs, CollectedFrom
from tests.unit.collecting.conftest import MOST_OCTETS, Scene
from tests.unit.collecting.mailbox import BRINKEN, HOME_CARE, NOW, SOURCE, letter


def where(uid: int) -> CollectedFrom:
    return CollectedFrom(account=SOURCE.name, uid_validity=7, uid=uid)


def counted(scene: Scene) -> dict[str, int]:
    return {outcome.value: count for outcome, count in scene.collector.figures.outcomes.items() if count}


async def test_a_message_is_moved_last(scene: Scene) -> None:
    scene.mailbox.put("taken")
    await scene.until_idle()
    assert scene.steps == [
        *("open", "select INBOX", "uids", "sizes 1", "fetch 1", "decided taken", "note 1 taken"),
        *("folder Rorpost/Collected", "move 1 Rorpost/Collected", "uids", "idle 60"),
    ]
    assert scene.mailbox.collected == ["taken"]
    assert counted(scene) == {"taken": 1}
    assert scene.collector.figures.up
    assert scene.collector.figures.last_success_at == NOW


async def test_where_it_came_from_is_who_brought_it(scene: Scene) -> None:
    scene.mailbox.put("taken")
    await scene.until_idle()
    [client] = scene.way_in.clients
    assert (client.ip, client.tls, client.login) == ("192.0.2.143", "TLSv1.3", None)
    assert client.trusted
    assert scene.way_in.paths == [BRINKEN]


async def test_what_is_refused_goes_elsewhere(scene: Scene) -> None:
    scene.mailbox.put("refused", "taken", "duplicate")
    await scene.until_idle()
    assert scene.mailbox.refused == ["refused"]
    assert scene.mailbox.collected == ["taken", "duplicate"]
    assert counted(scene) == {"refused": 1, "taken": 1, "duplicate": 1}
    assert scene.told.told == []  # nobody has proved to be its sender


async def test_what_has_no_sender_is_refused(scene: Scene) -> None:
    scene.mailbox.put_octets(b"Subject: hej\r\n\r\nx\r\n")
    await scene.until_idle()
    assert scene.way_in.paths == [""]
    assert len(scene.mailbox.folders["Rorpost/Refused"]) == 1


async def test_what_is_put_off_does_not_keep_the_next_one(scene: Scene) -> None:
    first, second = scene.mailbox.put("deferred", "taken")
    await scene.until_idle()
    assert scene.mailbox.words() == ["deferred"]
    assert scene.mailbox.collected == ["taken"]
    assert not scene.collector.figures.up
    assert scene.steps.count(f"fetch {first}") == 1
    scene.mailbox.folders["INBOX"][first] = letter("taken-later")
    scene.clock.now += 5
    scene.mailbox.happened.set()
    await scene.until(lambda: len(scene.mailbox.collected) == 2)
    await scene.until(lambda: scene.collector.figures.up)
    assert second == 2


async def test_what_breaks_the_way_in_is_put_off_with_a_line(scene: Scene) -> None:
    scene.mailbox.put("breaks", "taken")
    await scene.until_idle()
    assert scene.mailbox.words() == ["breaks"]
    assert scene.mailbox.collected == ["taken"]
    [event] = scene.events("collected-not-decided")
    assert event["log_level"] == "error"
    assert counted(scene) == {"deferred": 1, "taken": 1}


async def test_when_nothing_is_taken_the_rest_is_left_for_later(scene: Scene) -> None:
    """A full queue refuses each: ten thousand need not be fetched to know it."""
    scene.mailbox.put(*["deferred"] * 100)
    await scene.until_idle()
    fetched = [step for step in scene.steps if step.startswith("fetch")]
    assert PATIENCE <= len(fetched) <= PATIENCE + IN_HAND
    assert len(scene.mailbox.words()) == 100


async def test_a_few_that_never_work_do_not_keep_the_others_for_ever(scene: Scene) -> None:
    scene.mailbox.put(*["deferred"] * PATIENCE, "taken")
    scene.mailbox.when_idle = scene.mailbox.happened.set
    await scene.until(lambda: scene.mailbox.collected == ["taken"])


async def test_what_the_journal_knows_is_moved_and_not_decided_again(scene: Scene) -> None:
    scene.mailbox.put("taken", "refused")
    await scene.journal.note_collected(where(1), CollectedAs.TAKEN, now=NOW)
    await scene.journal.note_collected(where(2), CollectedAs.REFUSED, now=NOW)
    await scene.until_idle()
    assert not [step for step in scene.steps if step.startswith(("fetch", "decided", "note"))]
    assert scene.mailbox.collected == ["taken"]
    assert scene.mailbox.refused == ["refused"]


async def test_what_is_not_noted_is_not_moved(scene: Scene) -> None:
    scene.mailbox.put("taken")
    scene.mailbox.fail("note", QueueUnavailable("no"))
    await scene.until(lambda: scene.events("collecting-failed"))
    assert scene.mailbox.words() == ["taken"]
    await scene.until_idle()
    assert scene.mailbox.collected == ["taken"]


async def test_what_somebody_else_took_away_is_nothing_to_collect(scene: Scene) -> None:
    scene.mailbox.put("taken")
    scene.mailbox.sizes[1] = 5
    inbox = scene.mailbox.folders["INBOX"]
    scene.way_in.steps.clear()
    fetch = type(inbox).get

    class Vanishing(dict[int, bytes]):
        def get(self, uid: int, default: object = None) -> object:  # type: ignore[override]
            self.pop(uid, None)
            return fetch(self, uid, default)

    scene.mailbox.folders["INBOX"] = Vanishing(inbox)
    await scene.until_idle()
    assert "fetch 1" in scene.steps
    assert counted(scene) == {}


async def test_a_message_that_is_too_large_is_refused_unfetched(scene: Scene) -> None:
    scene.mailbox.put("taken")
    scene.mailbox.sizes[1] = MOST_OCTETS + 1
    await scene.until_idle()
    assert "fetch 1" not in scene.steps
    assert scene.steps.index("refused for message-too-large") < scene.steps.index("note 1 refused")
    assert scene.way_in.paths == [BRINKEN]
    assert scene.mailbox.refused == ["taken"]


async def test_a_server_that_lied_about_the_size_is_believed_once(scene: Scene) -> None:
    uid = scene.mailbox.put_octets(letter("taken") + b"x" * MOST_OCTETS)
    scene.mailbox.sizes[uid] = 5
    scene.mailbox.put("taken-2")
    await scene.until_idle()
    assert scene.steps.count(f"fetch {uid}") == 1
    assert len(scene.mailbox.folders["Rorpost/Refused"]) == 1
    assert scene.mailbox.collected == ["taken-2"]
    assert len(scene.events("collecting-failed")) == 1


async def test_a_message_that_ends_the_session_does_not_keep_the_others(scene: Scene) -> None:
    scene.mailbox.put("taken-1", "taken-2", "taken-3")
    scene.mailbox.fail("fetch 2", *[ImapUnavailable("BYE")] * 3)
    await scene.until(lambda: len(scene.mailbox.collected) == 2)
    assert scene.mailbox.words() == ["taken-2"]

    def time_goes_by() -> None:
        scene.clock.now += 60
        scene.mailbox.happened.set()

    scene.mailbox.when_idle = time_goes_by
    scene.mailbox.happened.set()
    await scene.until(lambda: len(scene.mailbox.collected) == 3)


async def test_what_cannot_be_moved_stays_and_is_not_decided_again(scene: Scene) -> None:
    scene.mailbox.put("taken-1", "taken-2")
    over = ImapRefused("over quota", code="OVERQUOTA")
    scene.mailbox.fail("move 1 2 Rorpost/Collected", over)
    scene.mailbox.fail("move 1 Rorpost/Collected", over, over)
    await scene.until_idle()
    assert scene.mailbox.words() == ["taken-1"]
    [event] = scene.events("collected-not-moved")
    assert (event["log_level"], event["messages"], event["error"].code) == ("error", 1, "OVERQUOTA")
    assert not scene.collector.figures.up
    scene.clock.now += 60
    scene.mailbox.happened.set()
    await scene.until(lambda: len(scene.events("collected-not-moved")) == 2)
    scene.clock.now += 60
    scene.mailbox.happened.set()
    await scene.until(lambda: scene.mailbox.collected == ["taken-2", "taken-1"])
    assert scene.steps.count("fetch 1") == 1
    assert counted(scene) == {"taken": 2}


async def test_many_are_moved_at_once(scene: Scene) -> None:
    scene.mailbox.put(*["taken"] * (MOVED_AT_A_TIME + 1))
    await scene.until_idle()
    moves = [step for step in scene.steps if step.startswith("move")]
    first = " ".join(str(uid) for uid in range(1, MOVED_AT_A_TIME + 1))
    assert moves == [
        f"move {first} Rorpost/Collected",
        f"move {MOVED_AT_A_TIME + 1} Rorpost/Collected",
    ]
    assert len(scene.mailbox.collected) == MOVED_AT_A_TIME + 1


async def test_one_that_ends_the_session_when_it_is_moved_keeps_no_others(scene: Scene) -> None:
    scene.mailbox.put("taken-1", "taken-2", "taken-3")
    scene.mailbox.fail("move 1 2 3 Rorpost/Collected", ImapUnavailable("BYE"))
    scene.mailbox.fail("move 2 Rorpost/Collected", *[ImapUnavailable("BYE")] * 3)

    def time_goes_by() -> None:
        scene.clock.now += 60
        scene.mailbox.happened.set()

    scene.mailbox.when_idle = time_goes_by
    await scene.until(lambda: scene.mailbox.collected == ["taken-1", "taken-3", "taken-2"])
    assert counted(scene) == {"taken": 3}


async def test_what_lies_there_for_long_is_not_forgotten(scene: Scene) -> None:
    scene.mailbox.put("taken")
    await scene.journal.note_collected(where(1), CollectedAs.TAKEN, now=NOW - 2 * 86_400)
    scene.mailbox.fail("move", *[ImapRefused("no")] * 9)
    await scene.until_idle()
    assert await scene.journal.forget_collected(before=NOW - 86_400) == 0
    assert "fetch 1" not in scene.steps


async def test_a_folder_that_somebody_removed_is_made_again(scene: Scene) -> None:
    scene.mailbox.put("taken-1")
    await scene.until_idle()
    del scene.mailbox.folders["Rorpost/Collected"]
    scene.mailbox.put("taken-2")
    await scene.until_idle(2)
    assert scene.mailbox.collected == ["taken-2"]
    assert scene.steps.count("folder Rorpost/Collected") == 2


async def test_so_many_are_in_hand_at_a_time_and_no_more(scene: Scene) -> None:
    scene.way_in.hold = asyncio.Event()
    scene.mailbox.put(*["taken"] * (2 * IN_HAND))
    await scene.until(lambda: scene.way_in.deciding == IN_HAND)
    assert len([step for step in scene.steps if step.startswith("fetch")]) == IN_HAND
    scene.way_in.hold.set()
    await scene.until(lambda: len(scene.mailbox.collected) == 2 * IN_HAND)
    assert scene.way_in.most_deciding <= IN_HAND


async def test_memory_is_waited_for(scene: Scene) -> None:
    """Two messages that do not fit together are decided one after the other."""
    scene.mailbox.put("taken-1", "taken-2")
    size = len(letter("taken-1"))
    scene.budget.capacity_octets = size + size // 2
    await scene.until(lambda: len(scene.mailbox.collected) == 2)
    assert scene.way_in.most_deciding == 1


async def test_without_memory_nothing_is_fetched(scene: Scene) -> None:
    scene.mailbox.put("taken")
    scene.budget.capacity_octets = 1
    await scene.until_idle()
    assert "fetch 1" not in scene.steps
    assert scene.mailbox.words() == ["taken"]
    scene.budget.capacity_octets = 1_000_000
    scene.clock.now += 60
    scene.mailbox.happened.set()
    await scene.until(lambda: scene.mailbox.collected == ["taken"])


async def test_a_true_sender_is_told_once(scene: Scene) -> None:
    scene.way_in.true_sender = TrueSender(mailbox=BRINKEN, digest="ab" * 32, message_id="<a@b>")
    scene.mailbox.put("refused-1", "refused-2")  # the same message, as the digest says
    await scene.until_idle()
    [told] = scene.told.told
    assert told.sender.mailbox == BRINKEN
    assert told.recipient == HOME_CARE
    assert str(told.reply.reason) == "urgent"
    assert scene.steps.index("note 1 refused") < scene.steps.index("move 1 2 Rorpost/Refused")


async def test_the_log_says_what_became_of_it_and_no_more(scene: Scene) -> None:
    scene.mailbox.put("taken", "refused")
    await scene.until_idle()
    assert [
        (each["account"], each["uid"], each["outcome"], each["reason"]) for each in scene.events("collected")
    ] == [(SOURCE.name, 1, "taken", "ok"), (SOURCE.name, 2, "refused", "urgent")]
