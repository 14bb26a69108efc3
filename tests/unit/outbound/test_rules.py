"""Every reason the way out can answer with, its reply, and its lines in the decision log."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.envelope import Recipient, ReversePath
from rorpost_gateway.reply import Language, Reply
from tests.peers import gateway_world as world
from tests.peers.outbound_house import OutboundHouse
from tests.peers.submitting import make_message

BOTH = (world.BRINKEN, world.LYCKORNA)


@dataclass(frozen=True, kw_only=True)
class Case:
    code: int
    enhanced: str
    login: str = "anna"
    submit: dict[str, Any] = field(default_factory=dict)
    line: dict[str, Any] = field(default_factory=dict)


AT_MAIL = {
    Reason.SENDER_NOT_A_MAILBOX: Case(
        code=550,
        enhanced="5.7.1",
        submit={"sender": world.ANNA},
        line={"reverse_path": world.ANNA, "rule": "mailboxes"},
    ),
}
AT_RCPT = {
    Reason.RECIPIENT_NOT_A_MAILBOX: Case(
        code=550, enhanced="5.1.1", submit={"recipients": ("patient@example.org",)}, line={"channel": None}
    ),
    Reason.PAIR_NOT_ALLOWED: Case(
        code=550,
        enhanced="5.7.1",
        submit={"recipients": (world.NO_CHANNEL,)},
        line={"channel": None, "rule": "channels"},
    ),
    Reason.CHANNEL_NOT_VALID: Case(
        code=550,
        enhanced="5.7.1",
        submit={"recipients": (world.CLOSED,)},
        line={"channel": "hemsjukvarden-stangd"},
    ),
    Reason.KEY_MISSING: Case(
        code=550,
        enhanced="5.7.5",
        submit={"recipients": (world.KEY_MISSING,)},
        line={"channel": "hemsjukvarden-region"},
    ),
    Reason.KEY_EXPIRED: Case(code=550, enhanced="5.7.5", submit={"recipients": (world.KEY_EXPIRED,)}),
    Reason.KEY_REVOKED: Case(code=550, enhanced="5.7.5", submit={"recipients": (world.KEY_REVOKED,)}),
    Reason.KEY_UNUSABLE: Case(code=550, enhanced="5.7.5", submit={"recipients": (world.KEY_UNUSABLE,)}),
}
AFTER_DATA = {
    Reason.USER_NOT_DECLARED: Case(
        code=550,
        enhanced="5.7.1",
        submit={"X_Rorpost_Sending_User": None},
        line={"declared_user": None, "declared_by": None},
    ),
    Reason.USER_MISMATCH: Case(
        code=550,
        enhanced="5.7.1",
        submit={"user": world.BO},
        line={"declared_user": world.BO, "login": "anna"},
    ),
    Reason.USER_NOT_AUTHORISED: Case(
        code=550,
        enhanced="5.7.1",
        login="clara",
        submit={"user": world.CLARA},
        line={"declared_user": world.CLARA, "declared_by": "header", "login": "clara"},
    ),
    Reason.USER_NOT_VALID: Case(code=550, enhanced="5.7.1", login="bo", submit={"user": world.BO}),
    Reason.AUTHOR_MISMATCH: Case(
        code=550, enhanced="5.7.1", submit={"From": world.ANNA}, line={"reverse_path": world.HOME_CARE}
    ),
    Reason.HIDDEN_RECIPIENT: Case(code=550, enhanced="5.7.1", submit={"Bcc": "eva.ek@motala.se"}),
    Reason.OUTSIDE_RECIPIENT: Case(code=550, enhanced="5.7.1", submit={"Reply_To": "eva.ek@motala.se"}),
    Reason.URGENT: Case(
        code=550, enhanced="5.7.1", submit={"Importance": "high"}, line={"rule": "rules.urgent"}
    ),
    Reason.IDENTITY_NUMBER_IN_SUBJECT: Case(
        code=550, enhanced="5.7.1", submit={"subject": "Patient 19121212-1212"}
    ),
    Reason.LEGAL_BASIS_MISSING: Case(
        code=550,
        enhanced="5.7.1",
        submit={"recipients": (world.HOSPITAL,)},
        line={"channel": "hemsjukvarden-lasarettet"},
    ),
    Reason.MAIL_LOOP: Case(
        code=554, enhanced="5.4.6", submit={"Received": "from a by gw.motala.se with ESMTP"}
    ),
    Reason.MESSAGE_MALFORMED: Case(
        code=550,
        enhanced="5.6.0",
        submit={"octets": b"From: a\nTo: b\r\n\r\n"},
        line={"rule": "message", "message_id": None},
    ),
    Reason.MESSAGE_TOO_COMPLEX: Case(
        code=550,
        enhanced="5.6.0",
        submit={"Content_Type": 'multipart/mixed; boundary="x"', "body": "--x\r\n\r\n\r\n" * 1001 + "--x--"},
    ),
}


async def play(house: OutboundHouse, case: Case) -> Reply:
    return (await house.submit(client=house.client(case.login), **case.submit)).reply


def require_reply(reply: Reply, reason: Reason, case: Case) -> None:
    assert (reply.code, reply.enhanced, reply.reason) == (case.code, case.enhanced, reason)
    assert reply.line.startswith(f"{case.code} {case.enhanced} [{reason}] ")


@pytest.mark.parametrize("reason", AT_MAIL)
async def test_refused_at_mail(house: OutboundHouse, reason: Reason) -> None:
    case = AT_MAIL[reason]
    require_reply(await play(house, case), reason, case)
    (line,) = house.lines()
    assert "recipient" not in line
    assert {"action": "reject", "reason": reason, "login": "anna", **case.line}.items() <= line.items()
    assert house.steps == ["append"]


@pytest.mark.parametrize("reason", AT_RCPT)
async def test_refused_at_rcpt(house: OutboundHouse, reason: Reason) -> None:
    case = AT_RCPT[reason]
    reply = await play(house, case)
    require_reply(reply, reason, case)
    (line,) = house.lines()
    assert line["recipient"] == case.submit["recipients"][0]
    assert {"action": "reject", "reason": reason, **case.line}.items() <= line.items()
    assert not {"size", "message_id", "content_sha256", "queue_id"} & line.keys()
    if case.submit["recipients"] != ("patient@example.org",):
        assert world.PHONE_THEIRS in reply.line
    assert house.steps == ["append"]


@pytest.mark.parametrize("reason", AFTER_DATA)
async def test_refused_after_data(house: OutboundHouse, reason: Reason) -> None:
    case = AFTER_DATA[reason]
    reply = await play(house, case)
    require_reply(reply, reason, case)
    assert world.PHONE_THEIRS in reply.line
    (line,) = house.lines()
    assert {"action": "reject", "reason": reason, **case.line}.items() <= line.items()
    assert line["size"] > 0
    assert "because_of" not in line
    assert not {"content_sha256", "queue_id", "sealed_sha256", "encrypted_to"} & line.keys()
    assert house.steps == ["append"]
    assert await house.copies() == []


@pytest.mark.parametrize("reason", AFTER_DATA)
async def test_refused_after_data_is_a_line_for_every_recipient(house: OutboundHouse, reason: Reason) -> None:
    case = AFTER_DATA[reason]
    recipients = (*case.submit.get("recipients", BOTH), world.BRINKEN)
    recipients = tuple(dict.fromkeys(recipients))
    await play(
        house, Case(code=0, enhanced="", login=case.login, submit={**case.submit, "recipients": recipients})
    )
    assert [line["recipient"] for line in house.lines()] == list(recipients)
    assert {line["reason"] for line in house.lines()} == {reason}
    assert len({line["decision_id"] for line in house.lines()}) == len(recipients)


@pytest.mark.parametrize("reason", [*AT_MAIL, *AT_RCPT, *AFTER_DATA])
async def test_the_same_in_english(house: OutboundHouse, reason: Reason) -> None:
    case = (AT_MAIL | AT_RCPT | AFTER_DATA)[reason]
    house.change(language=Language.EN)
    reply = await play(house, case)
    require_reply(reply, reason, case)
    assert "Tel " not in reply.line


async def test_a_bare_line_feed_asks_for_the_connection_to_be_closed(house: OutboundHouse) -> None:
    assert (await house.submit(make_message() + b"\n.\nMAIL FROM:<x>\r\n")).reply.close
    assert not (await house.submit(b"no header\r\n\r\n")).reply.close


async def test_accepted(house: OutboundHouse) -> None:
    answered = await house.submit(recipients=BOTH, message_id="<ok@klient>")
    assert answered.reply.line.startswith("250 2.0.0 [ok] queued as ")
    assert [reply.line[:9] for reply in answered.at_rcpt] == ["250 2.1.5"] * 2
    lines = house.lines()
    assert [line["recipient"] for line in lines] == list(BOTH)
    keys = house.keys
    for line, fingerprint in zip(lines, (keys.receiver, keys.two_user_ids), strict=True):
        assert {
            "direction": "outbound",
            "action": "accept",
            "reason": "ok",
            "channel": "hemsjukvarden-region",
            "policy": house.in_force.policy.revision,
            "reverse_path": world.HOME_CARE,
            "declared_user": world.ANNA,
            "declared_by": "header",
            "login": "anna",
            "client": "192.0.2.7",
            "tls": "TLSv1.3",
            "queue_id": answered.queue_id,
            "message_id": "<ok@klient>",
            "encrypted_to": fingerprint,
            "signed_by": keys.sender,
        }.items() <= line.items()
        assert len(line["content_sha256"]) == len(line["sealed_sha256"]) == 64
    assert lines[0]["content_sha256"] != lines[1]["content_sha256"]
    copies = await house.copies()
    assert [copy.decision_id for copy in copies] == [line["decision_id"] for line in lines]
    assert {copy.message.queue_id for copy in copies} == {answered.queue_id}


async def test_plaintext_is_in_no_file(house: OutboundHouse) -> None:
    await house.submit(body="Markorord-ur-texten", subject="Markorord-ur-amnet")
    await house.submit(body="Markorord-ur-texten", subject="Markorord-ur-amnet", Importance="high")
    assert len(await house.copies()) == 1
    for marker in (b"Markorord-ur-texten", b"Markorord-ur-amnet"):
        assert house.holds(marker) == []


async def test_one_refused_recipient_does_not_stop_the_others(house: OutboundHouse) -> None:
    answered = await house.submit(
        make_message(recipients=(world.BRINKEN, world.LYCKORNA)),
        recipients=(world.NO_CHANNEL, world.BRINKEN, "x@example.org", world.LYCKORNA),
    )
    assert [reply.code for reply in answered.at_rcpt] == [550, 250, 550, 250]
    assert answered.reason == "ok"
    assert [copy.recipient for copy in await house.copies()] == [world.BRINKEN, world.LYCKORNA]
    assert [line["reason"] for line in house.lines()] == [
        "pair-not-allowed",
        "recipient-not-a-mailbox",
        "ok",
        "ok",
    ]


async def test_a_reason_of_one_recipient_is_everybodys_and_says_whose_it_was(house: OutboundHouse) -> None:
    recipients = (world.BRINKEN, world.HOSPITAL, world.LYCKORNA)
    answered = await house.submit(recipients=recipients)
    assert answered.reason == "legal-basis-missing"
    assert "Lasarettet" in answered.reply.line
    lines = {line["recipient"]: line for line in house.lines()}
    assert {line["reason"] for line in lines.values()} == {"legal-basis-missing"}
    assert "because_of" not in lines[world.HOSPITAL]
    assert lines[world.BRINKEN]["because_of"] == lines[world.LYCKORNA]["because_of"] == world.HOSPITAL
    assert await house.copies() == []


async def test_the_same_recipient_twice_is_one_copy(house: OutboundHouse) -> None:
    answered = await house.submit(make_message(), recipients=(world.BRINKEN, world.BRINKEN))
    assert [reply.code for reply in answered.at_rcpt] == [250, 250]
    assert len(await house.copies()) == 1
    assert len(house.lines()) == 1


async def test_a_legal_basis_is_logged_as_the_policy_spells_it(house: OutboundHouse) -> None:
    answered = await house.submit(recipients=(world.HOSPITAL,), X_Rorpost_Legal_Basis=" Samtycke ")
    assert answered.reason == "ok"
    assert house.lines()[0]["legal_basis"] == "samtycke"


@pytest.mark.parametrize("size", [2_000_001, 1 << 60])
async def test_too_large_by_its_own_word_is_refused_at_mail(house: OutboundHouse, size: int) -> None:
    reply = await house.outbound.begin(house.client(), ReversePath(address=world.HOME_CARE, size_octets=size))
    assert isinstance(reply, Reply)
    assert (reply.code, reply.enhanced) == (552, "5.3.4")
    (line,) = house.lines()
    assert (line["reason"], line["rule"]) == ("message-too-large", "limits.message_size")


async def test_a_stranger_hears_first_that_it_is_no_sender(house: OutboundHouse) -> None:
    reply = await house.outbound.begin(house.client(), ReversePath(address="", size_octets=1 << 60))
    assert isinstance(reply, Reply)
    assert reply.reason is Reason.SENDER_NOT_A_MAILBOX


@pytest.mark.parametrize(
    ("reason", "code"),
    [(Reason.MESSAGE_TOO_LARGE, 552), (Reason.GATEWAY_FULL, 452)],
)
async def test_what_the_session_found_is_a_line_for_every_recipient(
    house: OutboundHouse, reason: Reason, code: int
) -> None:
    transaction = await house.outbound.begin(house.client(), ReversePath(address=world.HOME_CARE))
    assert not isinstance(transaction, Reply)
    for address in BOTH:
        await transaction.recipient(Recipient(address=address))
    reply = await transaction.refuse(reason)
    assert reply.code == code
    assert [(line["recipient"], line["reason"]) for line in house.lines()] == [
        (each, reason) for each in BOTH
    ]
    assert {line["action"] for line in house.lines()} == {"reject" if code >= 500 else "defer"}
    assert {line["channel"] for line in house.lines()} == {"hemsjukvarden-region"}


async def test_a_transaction_keeps_the_policy_it_began_with(house: OutboundHouse) -> None:
    before = house.in_force.policy.revision
    transaction = await house.outbound.begin(house.client(), ReversePath(address=world.HOME_CARE))
    assert not isinstance(transaction, Reply)
    await transaction.recipient(Recipient(address=world.BRINKEN))
    house.set_policy({**house.policy_data, "channels": []})
    assert (await transaction.message(make_message())).reason is Reason.OK
    assert house.lines()[0]["policy"] == before
    assert (await house.submit()).reason == "pair-not-allowed"


async def test_an_aborted_transaction_leaves_nothing(house: OutboundHouse) -> None:
    transaction = await house.outbound.begin(house.client(), ReversePath(address=world.HOME_CARE))
    assert not isinstance(transaction, Reply)
    await transaction.recipient(Recipient(address=world.BRINKEN))
    await transaction.abort()
    assert house.steps == []
