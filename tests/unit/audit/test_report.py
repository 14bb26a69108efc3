"""A month's figures: what they count, and that a hostile log can make them neither crash nor swell."""

import json
from typing import Any

import pytest

from rorpost_gateway.audit import report as report_module
from rorpost_gateway.audit.report import OTHERS, as_data, figures_of

Entry = dict[str, Any]


def entry(n: int = 0, event: str = "decision", **fields: object) -> Entry:
    decided = {"direction": "outbound", "action": "accept", "reason": "ok"} if event == "decision" else {}
    return {"n": n, "event": event} | decided | fields


def figures(*entries: Entry) -> Any:
    return json.loads(json.dumps(as_data(figures_of(entries))))


def test_of_nothing_there_are_no_figures() -> None:
    said = figures()
    assert said["entries"] == {"count": 0, "first": None, "last": None}
    assert not said["refused"] + said["channels"] + said["users"] + said["deadlines"]
    assert not any(said["decisions"].values())


def test_refusals_are_counted_by_reason_and_lines_for_many_as_many() -> None:
    refused = {"action": "reject", "reason": "urgent"}
    said = figures(
        entry(**refused),
        entry(**refused, direction="inbound"),
        entry(action="defer", reason="gateway-fault"),
        entry(action="reject", reason="too-many-connections", count=40, client="192.0.2.1"),
    )
    assert said["decisions"]["refused"] == 43
    assert said["refused"] == [
        {"reason": "too-many-connections", "outbound": 40, "inbound": 0},
        {"reason": "urgent", "outbound": 1, "inbound": 1},
        {"reason": "gateway-fault", "outbound": 1, "inbound": 0},
    ]


def test_what_was_sent_is_counted_by_channel_and_user_and_messages_once() -> None:
    to_both = {"channel": "brinken", "declared_user": "anna@motala.se", "queue_id": "A"}
    said = figures(
        entry(0, **to_both),
        entry(1, **to_both),
        entry(2, **to_both | {"queue_id": "B"}),
        entry(3, **to_both | {"reason": "duplicate"}),
        entry(4, direction="inbound", channel="brinken", declared_user=None, queue_id="C"),
        entry(5, action="reject", reason="pair-not-allowed"),
    )
    assert said["messages"] == 3
    assert said["decisions"] == {"sent": 3, "received": 1, "duplicate": 1, "refused": 1}
    assert said["channels"] == [
        {"channel": "brinken", "sent": 3, "received": 1, "duplicate": 1, "refused": 0},
        {"channel": None, "sent": 0, "received": 0, "duplicate": 0, "refused": 1},
    ]
    assert [(row["user"], row["sent"]) for row in said["users"]] == [("anna@motala.se", 3), (None, 0)]
    assert said["entries"] == {"count": 6, "first": 0, "last": 5}


def test_the_rest_of_the_log_is_counted_by_event() -> None:
    said = figures(
        entry(event="login-failed", count=3),
        entry(event="login-failed"),
        entry(event="relayed"),
        entry(event="deferred"),
        entry(event="deferred"),
        entry(event="mailbox", mailbox="rorpost.a@motala.se", outcome="met"),
        entry(event="mailbox", mailbox="rorpost.a@motala.se", outcome="missed"),
        entry(event="mailbox", mailbox="rorpost.a@motala.se", outcome="unknown"),
        entry(event="extract", verb="search"),
        entry(event="heartbeat"),
    )
    assert said["login_failures"] == 4
    assert (said["copies"]["relayed"], said["copies"]["deferred"]) == (1, 2)
    assert said["deadlines"] == [{"mailbox": "rorpost.a@motala.se", "met": 1, "missed": 1, "unknown": 1}]
    assert said["events"]["extracts"] == {"search": 1}


@pytest.mark.parametrize(
    "hostile",
    [
        entry(event="mailbox", mailbox=["x"], outcome=["y"]),
        entry(event="mailbox"),
        entry(event="extract", verb={"a": 1}),
        entry(event="decision", count=10**4000),
        entry(event="decision", count=0),
    ],
)
def test_a_hostile_entry_is_no_crash(hostile: Entry) -> None:
    assert figures(hostile, hostile)["entries"]["count"] == 2


def test_a_table_does_not_grow_without_end(monkeypatch) -> None:
    monkeypatch.setattr(report_module, "NAMES", 3)
    said = figures(*(entry(declared_user=f"u{n}@motala.se", channel=f"c{n}") for n in range(9)))
    assert said["users"][0]["user"] == OTHERS
    assert len(said["users"]) == len(said["channels"]) == 4
    assert sum(row["sent"] for row in said["users"]) == 9
