"""A copy as an operator sees it: Postfix's words, plain values, never content."""

import json
from dataclasses import fields, replace

import pytest

from rorpost_gateway.control.queue_entry import entry_of, state_word
from rorpost_gateway.envelope import Notify
from rorpost_gateway.queue.base import Copy, State
from tests.peers.queues import BRINKEN, NOW, message

COPY = Copy(
    message=message("06GC8M3C00000006", received_at=NOW),
    recipient=BRINKEN,
    decision_id="d",
    channel="c",
    outer_message_id="<o@x>",
    encrypted_to="A",
    encrypted_to_subkey="B",
    signed_by="C",
    signed_by_subkey="D",
    sealed_sha256="0",
    sealed_size=4321,
    notify=frozenset({Notify.FAILURE, Notify.DELAY}),
    original_recipient=None,
    state=State.READY,
    attempts=0,
    next_attempt_at=NOW + 0.25,
    claimed_by=None,
    lease_until=None,
    last_reply=None,
    last_next_hop=None,
    warned_at=None,
    bounced_at=None,
    held_because=None,
)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"state": State.PENDING}, "pending"),
        ({"state": State.HELD, "held_because": "operator"}, "hold"),
        ({"state": State.CLAIMED, "attempts": 3}, "active"),
        ({"state": State.READY}, "active"),
        ({"state": State.READY, "attempts": 1, "next_attempt_at": NOW + 1}, "deferred"),
        ({"state": State.READY, "attempts": 1, "next_attempt_at": NOW}, "active"),
    ],
)
def test_states_have_postfixs_words(changes: dict[str, object], word: str) -> None:
    copy = replace(COPY, **changes)  # type: ignore[arg-type]
    assert state_word(copy, NOW) == entry_of(copy, NOW)["state"] == word


def test_an_entry_is_plain_json_with_utc_times() -> None:
    entry = json.loads(json.dumps(entry_of(COPY, NOW)))
    assert entry["received"] == "2026-09-21T14:13:20.000Z"
    assert entry["next_attempt"] == "2026-09-21T14:13:20.250Z"
    assert entry["notify"] == ["DELAY", "FAILURE"]
    assert (entry["size"], entry["sealed_size"], entry["lease_until"]) == (1234, 4321, None)


@pytest.mark.parametrize("state", [State.PENDING, State.HELD, State.CLAIMED])
def test_only_a_ready_copy_has_a_next_attempt(state: State) -> None:
    assert entry_of(replace(COPY, state=state), NOW)["next_attempt"] is None


def test_an_entry_has_no_place_for_content() -> None:
    assert not any(field.name in {"sealed", "octets", "subject"} for field in fields(Copy))
    assert not any(isinstance(value, bytes) for value in entry_of(COPY, NOW).values())
