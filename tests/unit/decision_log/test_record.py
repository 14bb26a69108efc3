"""What each event says, in which order, and what never gets through."""

import json

import pytest

from rorpost_gateway.audit.line import parse_line
from rorpost_gateway.decision import Action, DeclaredBy, Direction, Reason
from rorpost_gateway.decision_log import record
from rorpost_gateway.decision_log.aggregate import Aggregate
from rorpost_gateway.decision_log.base import Event
from rorpost_gateway.decision_log.line import BODY_OCTETS, encode_body
from rorpost_gateway.decision_log.record import DecisionFields, Records

NUMBER = "811218-9876"
ID = "01a20121-4794-7e24-8fdc-215dcfd00ea8"


@pytest.fixture
def records() -> Records:
    return Records(
        contains_identity_number=lambda text: NUMBER in text,
        is_known=lambda text: text in ("rorpost.hemsjukvarden@motala.se", f"{NUMBER}@known.se"),
    )


def test_fields_stand_in_the_order_of_the_contract_whatever_the_arguments(records: Records) -> None:
    values: dict[str, object] = {name: name for name in DecisionFields.__annotations__}
    values |= {"direction": Direction.INBOUND, "action": Action.REJECT, "reason": Reason.URGENT}
    values |= {"declared_by": DeclaredBy.SENDER, "size": 1}
    backwards = dict(reversed(values.items()))
    made = records.decision(**backwards)  # type: ignore[arg-type]
    assert list(made.fields) == [
        *("decision_id", "direction", "action", "reason", "because_of", "channel", "policy", "legal_basis"),
        *("reverse_path", "recipient", "declared_user", "declared_by", "login", "client", "tls"),
        *("queue_id", "message_id", "size", "content_sha256", "sealed_sha256", "encrypted_to", "signed_by"),
        "rule",
    ]


def test_unknown_is_null_and_what_has_no_meaning_is_left_out(records: Records) -> None:
    made = records.decision(
        direction=Direction.OUTBOUND, action=Action.REJECT, reason=Reason.PAIR_NOT_ALLOWED, declared_user=None
    )
    assert dict(made.fields) == {
        "direction": "outbound",
        "action": "reject",
        "reason": "pair-not-allowed",
        "declared_user": None,
    }


@pytest.mark.parametrize(
    "name",
    ["because_of", "legal_basis", "reverse_path", "recipient", "declared_user", "login", "message_id"],
)
def test_what_a_client_chose_is_redacted_or_cut(records: Records, name: str) -> None:
    given = {"direction": Direction.OUTBOUND, "action": Action.REJECT, "reason": Reason.USER_MISMATCH}
    with_number = records.decision(**given, **{name: f"patient {NUMBER}@x.se"})  # type: ignore[arg-type, misc]
    assert with_number.fields[name] == "[redacted]"
    long = records.decision(**given, **{name: "ö" * 300})  # type: ignore[arg-type, misc]
    assert long.fields[name] == "ö" * 127


def test_what_the_policy_knows_is_written_as_it_is(records: Records) -> None:
    made = records.login_failed(client="192.0.2.1", login=f"{NUMBER}@known.se")
    assert made.fields["login"] == f"{NUMBER}@known.se"


def test_another_servers_words_are_cleaned_too(records: Records) -> None:
    made = records.deferred(decision_id=ID, queue_id="Q1", reply=f"451 4.3.0 no {NUMBER} here")
    assert made.fields["reply"] == "[redacted]"
    made = records.deferred(decision_id=ID, queue_id="Q1", reply="4" * 1000)
    assert made.fields["reply"] == "4" * 510


def test_there_is_no_field_for_content_or_a_secret() -> None:
    for word in ("subject", "content", "body", "attachment", "password", "secret", "passphrase"):
        assert word not in record.FIELD_ORDER
    assert "content_sha256" in record.FIELD_ORDER


def test_a_field_nobody_knows_is_a_fault_of_the_caller(records: Records) -> None:
    with pytest.raises(KeyError):
        records.decision(  # type: ignore[call-arg]
            direction=Direction.OUTBOUND, action=Action.REJECT, reason=Reason.URGENT, subject="x"
        )


def test_the_longest_decision_a_client_can_cause_loses_no_field(records: Records) -> None:
    values: dict[str, object] = {
        name: "\x00" * 70_000
        for name, type_ in DecisionFields.__annotations__.items()
        if name not in ("direction", "action", "reason", "declared_by", "size", "decision_id")
    }
    values |= {"direction": Direction.OUTBOUND, "action": Action.REJECT, "reason": Reason.URGENT}
    body = encode_body(Event.DECISION, records.decision(**values).fields)  # type: ignore[arg-type]
    assert len(body) <= BODY_OCTETS
    assert set(json.loads(b"{" + body)) == set(values) | {"event"}


def test_a_flood_is_one_line_with_a_count(records: Records) -> None:
    login = Aggregate(client="192.0.2.1", reason=Reason.LOGIN_FAILED, count=41, since=0.0)
    made = records.flood(login)
    assert (made.event, dict(made.fields)) == (
        Event.LOGIN_FAILED,
        {
            "direction": "outbound",
            "reason": "login-failed",
            "client": "192.0.2.1",
            "count": 41,
            "since": "1970-01-01T00:00:00.000Z",
        },
    )
    refused = Aggregate(client="other", reason=Reason.TOO_MANY_CONNECTIONS, count=7, since=0.0)
    made = records.flood(refused)
    assert made.event is Event.DECISION
    assert made.fields["action"] == "reject"


def test_every_builder_makes_what_the_verifier_knows(records: Records) -> None:
    made = [
        record.genesis(vkey="a+0+b", origin="a"),
        record.start(version="0.1.0"),
        record.stop(),
        record.policy(revision="a" * 64, previous=None, counts={"channels_gained": 1}, operator="root"),
        record.heartbeat(),
        record.torn(file="2026-05-06.jsonl", offset=1, length=2, sha256="a" * 64),
        record.day(file="2026-05-06.jsonl", first=0, last=2, sha256="a" * 64),
        records.decision(
            direction=Direction.OUTBOUND, action=Action.ACCEPT, reason=Reason.OK, decision_id=ID
        ),
        records.login_failed(client="192.0.2.1", login=None, tls=None),
        records.flood(Aggregate(client="other", reason=Reason.LOGIN_FAILED, count=2, since=0.0)),
        records.flood(Aggregate(client="other", reason=Reason.TLS_REQUIRED, count=2, since=0.0)),
    ]
    builders = ("relayed", "deferred", "bounced", "delivered", "held", "released", "removed")
    for name in builders:
        build = getattr(records, name)
        made.append(build(decision_id=ID, queue_id="Q1", next_hop="mx:25", reply="250 2.0.0 ok", attempt=1))
        assert made[-1].event == name
    for entry in made:
        body = encode_body(entry.event, entry.fields)
        head = b'{"n":0,"prev":"%b","time":"2026-05-06T12:00:00.000Z","node":"gw1",' % (b"0" * 64)
        assert parse_line(head + body)["event"] == entry.event
