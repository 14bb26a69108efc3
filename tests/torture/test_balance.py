"""The bookkeeper itself: from true books it reads nothing, and from falsified ones the very falsification."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.peers.gateway_world import BRINKEN, HOME_CARE, LYCKORNA
from tests.torture.balance import Balance, balance
from tests.torture.evidence import WORD, Delivered, Evidence, Log, in_clear, read_log
from tests.torture.ledger import Arrival, Ledger, Message, Reply, Run, Way

SENT = Message(
    number=1, way=Way.OUT, recipients=(BRINKEN, LYCKORNA), message_id="<1.outbound@k>", allowed=True
)
URGENT = Message(number=2, way=Way.OUT, recipients=(BRINKEN,), message_id="<2.outbound@k>", allowed=False)
BROUGHT = Message(number=3, way=Way.IN, recipients=(HOME_CARE,), message_id="<3.inbound@k>", allowed=True)
COPY = f"Return-Path: <{BRINKEN}>\n\n{BROUGHT.marker}".encode()


def decided(message: Message, recipient: str, name: str, **fields: Any) -> dict[str, Any]:
    return {
        "event": "decision",
        "direction": message.way.value,
        "action": "accept",
        "reason": "ok",
        "recipient": recipient,
        "message_id": message.message_id,
        "decision_id": f"d-{name}",
        "queue_id": f"Q{message.number}",
        "sealed_sha256": f"s-{name}",
    } | fields


def happened(event: str, name: str) -> dict[str, Any]:
    return {"event": event, "decision_id": f"d-{name}", "queue_id": "Q1"}


REFUSED = decided(URGENT, BRINKEN, "no", action="reject", reason="urgent", sealed_sha256="none")
LINES = (
    decided(SENT, BRINKEN, "b"),
    decided(SENT, LYCKORNA, "l"),
    REFUSED,
    decided(BROUGHT, HOME_CARE, "h"),
    happened("relayed", "b"),
    happened("relayed", "l"),
    happened("delivered", "h"),
)
REPLIES = (
    Reply(run=1, message=SENT, recipient=BRINKEN, code=250, reason="ok", queue_id="Q1"),
    Reply(run=1, message=SENT, recipient=LYCKORNA, code=250, reason="ok", queue_id="Q1"),
    Reply(run=1, message=URGENT, recipient=BRINKEN, code=550, reason="urgent"),
    Reply(run=1, message=BROUGHT, recipient=HOME_CARE, code=250, reason="ok", queue_id="Q3"),
)
ARRIVALS = (
    Arrival(run=1, recipient=BRINKEN, sealed_sha256="s-b"),
    Arrival(run=1, recipient=LYCKORNA, sealed_sha256="s-l"),
)
MAIL = (Delivered(mailbox=HOME_CARE, name="Q3.d-h", octets=COPY),)


def books(
    *,
    lines: Sequence[Mapping[str, Any]] = LINES,
    replies: Sequence[Reply] = REPLIES,
    arrivals: Sequence[Arrival] = ARRIVALS,
    mail: Sequence[Delivered] = MAIL,
    queue: Mapping[str, str] | None = None,
    runs: Sequence[Run] = (),
    in_clear: Sequence[str] = (),
    drained: bool = True,
) -> Balance:
    ledger = Ledger(replies=list(replies), arrivals=list(arrivals), runs=list(runs))
    evidence = Evidence(log=Log(entries=tuple(lines)), queue=queue or {}, delivered=mail, in_clear=in_clear)
    return balance(ledger, evidence, drained=drained)


def kinds(found: Balance) -> set[str]:
    return {finding.kind for finding in found.findings}


def without(name: str, event: str = "decision") -> list[Mapping[str, Any]]:
    return [line for line in LINES if (line["event"], line["decision_id"]) != (event, f"d-{name}")]


def test_true_books_balance() -> None:
    assert books() == Balance(findings=(), explained=0)


def test_a_lost_copy() -> None:
    assert kinds(books(arrivals=ARRIVALS[:1], lines=without("l", "relayed"))) == {"lost"}
    assert kinds(books(mail=(), lines=without("h", "delivered"))) == {"lost"}


def test_a_copy_that_nobody_heard_of_and_that_is_nowhere() -> None:
    unheard = [replace(each, code=None, queue_id=None) for each in REPLIES]
    assert kinds(books(replies=unheard, arrivals=ARRIVALS[:1])) == {
        "accepted, and nowhere",
        "a line for what never arrived",
    }


@pytest.mark.parametrize("state", ["ready", "claimed", "held"])
def test_what_is_in_the_queue_is_not_lost_until_the_drain(state: str) -> None:
    found = {"arrivals": ARRIVALS[:1], "lines": without("l", "relayed"), "queue": {"d-l": state}}
    assert books(**found, drained=False).findings == ()  # type: ignore[arg-type]
    assert kinds(books(**found)) == {"left in the queue"}  # type: ignore[arg-type]


def test_a_250_before_its_copy_was_ready() -> None:
    found = books(
        arrivals=ARRIVALS[:1], lines=without("l", "relayed"), queue={"d-l": "pending"}, drained=False
    )
    assert kinds(found) == {"250 before it was ready"}


def test_a_refused_message_that_got_out() -> None:
    wrong = decided(URGENT, BRINKEN, "no")
    out = Arrival(run=1, recipient=BRINKEN, sealed_sha256="s-no")
    found = books(lines=[*LINES, wrong, happened("relayed", "no")], arrivals=[*ARRIVALS, out])
    assert kinds(found) == {"refused, and got out"}


def test_a_refused_message_that_was_delivered() -> None:
    refused = replace(REPLIES[3], code=550, reason="urgent", queue_id=None)
    line = decided(BROUGHT, HOME_CARE, "x", action="reject", reason="urgent")
    assert kinds(books(replies=[*REPLIES[:3], refused], lines=[*LINES, line])) == {"refused, and delivered"}


def test_a_250_to_what_must_be_refused() -> None:
    wrong = replace(REPLIES[2], code=250, queue_id="Q2")
    line = decided(URGENT, BRINKEN, "no")
    assert "250 to what must be refused" in kinds(books(replies=[*REPLIES, wrong], lines=[*LINES, line]))


def test_a_copy_without_its_line() -> None:
    assert kinds(books(lines=without("b"))) == {
        "250 without its line",
        "a copy that no line accepts",
        "a line for what never arrived",
    }


def test_a_refusal_without_its_line() -> None:
    assert kinds(books(lines=without("no"))) == {"refusal without its line"}


@pytest.mark.parametrize(
    ("name", "event", "kind"),
    [("b", "relayed", "relayed without its line"), ("h", "delivered", "delivered without its line")],
)
def test_an_outcome_without_its_line(name: str, event: str, kind: str) -> None:
    assert kinds(books(lines=without(name, event))) == {kind}


@pytest.mark.parametrize("end", ["bounced", "removed"])
def test_an_arrival_whose_line_a_kill_took_and_whose_copy_came_to_another_end(end: str) -> None:
    lines = [*without("b", "relayed"), happened(end, "b")]
    killed = Run(number=1, killed=True, by="at random", exit_code=-9, left={"d-b": "claimed"})
    assert books(lines=lines, runs=[killed]).findings == ()
    assert kinds(books(lines=lines)) == {"relayed without its line"}


def test_a_copy_for_somebody_else() -> None:
    wrong = replace(ARRIVALS[0], recipient=LYCKORNA)
    assert kinds(books(arrivals=[wrong, ARRIVALS[1]])) == {"a copy for somebody else"}


def test_a_copy_sent_twice_is_explained_by_nothing_but_a_kill_that_left_it_in_the_queue() -> None:
    twice = (*ARRIVALS, replace(ARRIVALS[0], run=2))
    killed = Run(number=1, killed=True, by="at random", exit_code=-9, left={"d-b": "claimed"})
    assert books(arrivals=twice, runs=[killed]) == Balance(findings=(), explained=1)
    for run in (replace(killed, killed=False), replace(killed, left={}), replace(killed, number=7)):
        assert kinds(books(arrivals=twice, runs=[run])) == {"sent twice"}
    assert kinds(books(arrivals=(*ARRIVALS, ARRIVALS[0]), runs=[killed])) == {"sent twice"}


def test_a_message_delivered_twice() -> None:
    again = decided(BROUGHT, HOME_CARE, "h2")
    mail = (*MAIL, Delivered(mailbox=HOME_CARE, name="Q3.d-h2", octets=COPY))
    assert {"delivered twice", "taken twice"} <= kinds(books(lines=[*LINES, again], mail=mail))


def test_a_message_taken_again_after_it_failed_is_a_new_one() -> None:
    digest = hashlib.sha256(BRINKEN.encode()).hexdigest()[:16]
    told = Delivered(
        mailbox=HOME_CARE, name=f"1.Q0.{digest}.failed", octets=b"Return-Path: <>\n\nnot delivered"
    )
    first = decided(SENT, BRINKEN, "b0", queue_id="Q0")
    lines = [first, happened("bounced", "b0"), *LINES]
    assert books(lines=lines, mail=(*MAIL, told)).findings == ()
    assert kinds(books(lines=lines)) == {"accepted, and nowhere"}  # its sender was not told
    assert "taken twice" in kinds(books(lines=[first, *LINES]))


def test_a_delivery_with_another_content_or_in_another_mailbox() -> None:
    other = replace(MAIL[0], octets=b"Return-Path: <x@y>\n\nsomething else")
    assert kinds(books(mail=[other])) == {"delivered with another content"}
    assert "a delivery that no line accepts" in kinds(books(mail=[replace(MAIL[0], mailbox=BRINKEN)]))


@pytest.mark.parametrize(
    "octets",
    [
        WORD.encode(),
        b"\0\1" + WORD.encode() + b"\2",
        *(base64.b64encode(b"x" * before + WORD.encode() + b"yz") for before in range(3)),
    ],
)
def test_plaintext_in_a_file(tmp_path: Path, octets: bytes) -> None:
    mail = tmp_path / "mail"
    (mail / "new").mkdir(parents=True)
    (mail / "new" / "copy").write_bytes(octets)
    assert list(in_clear(tmp_path, mail=mail)) == []
    (tmp_path / "queue.db-wal").write_bytes(b"before" + octets + b"behind")
    assert list(in_clear(tmp_path, mail=mail)) == [tmp_path / "queue.db-wal"]
    assert kinds(books(in_clear=["queue.db-wal"])) == {"plaintext"}


def test_sealed_octets_are_no_plaintext(tmp_path: Path) -> None:
    (tmp_path / "queue.db").write_bytes(base64.b64encode(hashlib.sha256(WORD.encode()).digest() * 40))
    assert list(in_clear(tmp_path, mail=tmp_path / "mail")) == []


# The log


def chain(count: int) -> list[bytes]:
    lines: list[bytes] = []
    for n in range(count):
        prev = hashlib.sha256(b"\0" + lines[-1]).hexdigest() if lines else "0" * 64
        lines.append(json.dumps({"n": n, "prev": prev, "event": "heartbeat"}).encode())
    return lines


def written(folder: Path, octets: bytes) -> list[Path]:
    path = folder / "2026-05-06.jsonl"
    path.write_bytes(octets)
    return [path]


def test_a_whole_log_holds(tmp_path: Path) -> None:
    log = read_log(written(tmp_path, b"\n".join(chain(4)) + b"\n"))
    assert (len(log.entries), log.faults, log.torn) == (4, (), 0)


@pytest.mark.parametrize("change", ["one is missing", "one is changed", "two have changed places"])
def test_a_log_that_was_changed_does_not(tmp_path: Path, change: str) -> None:
    lines = chain(5)
    match change:
        case "one is missing":
            del lines[2]
        case "one is changed":
            lines[2] = lines[2].replace(b"heartbeat", b"policy")
        case _:
            lines[2], lines[3] = lines[3], lines[2]
    assert read_log(written(tmp_path, b"\n".join(lines) + b"\n")).faults


def test_torn_octets_are_told_of_or_are_a_fault(tmp_path: Path) -> None:
    first, second, third = chain(3)
    torn = second[:20]
    assert read_log(written(tmp_path, b"\n".join([first, torn]))).faults == ()  # the next start tells of it
    assert read_log(written(tmp_path, b"\n".join([first, torn, second, third, b""]))).faults
    told = json.loads(second) | {
        "event": "torn",
        "file": "2026-05-06.jsonl",
        "offset": len(first) + 1,
        "length": len(torn),
        "sha256": hashlib.sha256(torn).hexdigest(),
    }
    log = read_log(written(tmp_path, b"\n".join([first, torn, json.dumps(told).encode(), b""])))
    assert (log.faults, log.torn, len(log.entries)) == ((), 1, 2)
    elsewhere = json.dumps(told | {"file": "checkpoints"}).encode()
    assert read_log(written(tmp_path, b"\n".join([first, elsewhere, b""]))).faults == ()
    wrong = json.dumps(told | {"length": len(torn) - 1}).encode()
    assert read_log(written(tmp_path, b"\n".join([first, torn, wrong, b""]))).faults
