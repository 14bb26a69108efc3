"""Clients without a login: trusted networks, X-OriginatorOrg, and a person on behalf of a mailbox."""

from typing import Any

import pytest

from rorpost_gateway.envelope import TrustedNetwork
from tests.peers import gateway_world as world
from tests.peers.outbound_house import EXCHANGE, SHARED_EXCHANGE, Answered, OutboundHouse
from tests.peers.submitting import make_message

BOTH = (world.BRINKEN, world.LYCKORNA)


async def exchange(
    house: OutboundHouse,
    *,
    trusted: tuple[TrustedNetwork, ...] = (EXCHANGE,),
    login: str | None = None,
    **message: Any,
) -> Answered:
    return await house.submit(client=house.client(login, trusted=trusted), **message)


async def on_behalf(house: OutboundHouse, person: str = world.ANNA, **message: Any) -> Answered:
    """As Exchange submits what a person sends on behalf of a mailbox."""
    fields = {"X_Rorpost_Sending_User": None, "Sender": person} | message
    return await exchange(house, reverse_path=person, **fields)


async def test_a_stranger_without_a_login(house: OutboundHouse) -> None:
    answered = await house.submit(client=house.client(None))
    assert answered.reply.line.startswith("530 5.7.0 [login-required] ")
    (line,) = house.lines()
    assert (line["reason"], line["client"], line["action"]) == ("login-required", "192.0.2.7", "reject")
    assert "recipient" not in line


async def test_a_claim_is_logged_as_a_claim(house: OutboundHouse) -> None:
    assert (await exchange(house)).reason == "ok"
    (line,) = house.lines()
    assert (line["login"], line["declared_user"], line["declared_by"]) == (None, world.ANNA, "header")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("motala.se", "ok"),
        ("Motala.SE", "ok"),
        (None, "login-required"),
        ("", "login-required"),
        ("example.org", "login-required"),
        ("motala.se.example.org", "login-required"),
        ("motala.se, example.org", "login-required"),
    ],
)
async def test_a_shared_network_must_name_the_organisation(
    house: OutboundHouse, said: str | None, reason: str
) -> None:
    answered = await exchange(house, trusted=(SHARED_EXCHANGE,), recipients=BOTH, X_OriginatorOrg=said)
    assert answered.reason == reason
    assert [line["reason"] for line in house.lines()] == [reason] * 2
    if reason != "ok":
        assert answered.reply.code == 530
        assert {line["rule"] for line in house.lines()} == {"submission.trusted_networks"}
        assert await house.copies() == []


async def test_an_organisation_named_twice_is_not_named(house: OutboundHouse) -> None:
    octets = b"X-OriginatorOrg: motala.se\r\nX-OriginatorOrg: motala.se\r\n" + make_message()
    assert (await exchange(house, octets=octets, trusted=(SHARED_EXCHANGE,))).reason == "login-required"


async def test_one_network_that_asks_for_nothing_is_enough(house: OutboundHouse) -> None:
    assert (await exchange(house, trusted=(SHARED_EXCHANGE, EXCHANGE))).reason == "ok"


async def test_whoever_is_logged_in_needs_no_organisation(house: OutboundHouse) -> None:
    assert (await exchange(house, trusted=(SHARED_EXCHANGE,), login="anna")).reason == "ok"


async def test_a_person_on_behalf_of_a_mailbox(house: OutboundHouse) -> None:
    answered = await on_behalf(house, recipients=BOTH)
    assert answered.reason == "ok"
    for line in house.lines():
        assert line["reverse_path"] == world.HOME_CARE
        assert (line["declared_user"], line["declared_by"], line["login"]) == (world.ANNA, "sender", None)
        assert line["channel"] == "hemsjukvarden-region"
    copies = await house.copies()
    assert {copy.message.reverse_path for copy in copies} == {world.HOME_CARE}
    assert [copy.recipient for copy in copies] == list(BOTH)


async def test_on_behalf_needs_a_trusted_network(house: OutboundHouse) -> None:
    answered = await house.submit(reverse_path=world.ANNA, X_Rorpost_Sending_User=None, Sender=world.ANNA)
    assert answered.reason == "sender-not-a-mailbox"


@pytest.mark.parametrize("person", ["", "nobody@motala.se", "eva.ek@motala.se", world.BRINKEN])
async def test_on_behalf_is_for_people_of_this_side(house: OutboundHouse, person: str) -> None:
    """A manager is no sending user; a partner's mailbox is none of ours."""
    assert (await on_behalf(house, person)).reason == "sender-not-a-mailbox"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"Sender": None}, "user-not-declared"),
        ({"Sender": world.BO}, "user-mismatch"),
        ({"Sender": world.BO, "X_Rorpost_Sending_User": world.ANNA}, "user-mismatch"),
        ({"Sender": None, "X_Rorpost_Sending_User": world.ANNA}, "user-mismatch"),
        ({"From": world.ANNA}, "sender-not-a-mailbox"),
        ({"From": f"{world.HOME_CARE}, {world.KEYLESS}"}, "author-mismatch"),
        ({"From": None}, "author-mismatch"),
        ({"From": world.BRINKEN}, "sender-not-a-mailbox"),
        ({"From": world.KEYLESS}, "key-missing"),
        ({"Importance": "high"}, "urgent"),
    ],
)
async def test_on_behalf_refused_after_data(
    house: OutboundHouse, fields: dict[str, Any], reason: str
) -> None:
    answered = await on_behalf(house, **fields)
    assert answered.reason == reason
    (line,) = house.lines()
    assert line["recipient"] == world.BRINKEN
    assert await house.copies() == []


@pytest.mark.parametrize(
    ("recipient", "reason"),
    [
        (world.NO_CHANNEL, "pair-not-allowed"),
        (world.CLOSED, "channel-not-valid"),
        (world.KEY_MISSING, "key-missing"),
        (world.KEY_EXPIRED, "key-expired"),
    ],
)
async def test_pairs_are_decided_after_data(house: OutboundHouse, recipient: str, reason: str) -> None:
    answered = await on_behalf(house, recipients=(world.BRINKEN, recipient))
    assert [reply.code for reply in answered.at_rcpt] == [250, 250]
    assert answered.reason == reason
    lines = {line["recipient"]: line for line in house.lines()}
    assert lines[world.BRINKEN]["because_of"] == recipient
    assert await house.copies() == []


async def test_a_recipient_that_is_no_mailbox_is_refused_at_rcpt_all_the_same(house: OutboundHouse) -> None:
    answered = await on_behalf(house, recipients=("patient@example.org",))
    assert answered.at_rcpt[0].code == 550
    assert answered.reason == "recipient-not-a-mailbox"


async def test_somebody_else_on_behalf(house: OutboundHouse) -> None:
    """Bo is listed, and his time is over."""
    assert (await on_behalf(house, world.BO)).reason == "user-not-valid"


async def test_the_same_person_twice_is_a_duplicate(house: OutboundHouse) -> None:
    octets = make_message(X_Rorpost_Sending_User=None, Sender=world.ANNA)
    assert [(await on_behalf(house, octets=octets)).reason for _ in range(2)] == ["ok", "duplicate"]


async def test_what_cannot_be_read_names_the_person_as_reverse_path(house: OutboundHouse) -> None:
    assert (await on_behalf(house, octets=b"\x00\r\n")).reason == "message-malformed"
    (line,) = house.lines()
    assert line["reverse_path"] == world.ANNA
    assert line["channel"] is None
