"""What a signed message says of itself, against the envelope, the outside and the policy."""

from typing import Any

import pytest

from tests.peers import gateway_world as world
from tests.peers.inbound_house import (
    DORIS,
    ERIK,
    LISTED,
    OPTIONAL,
    PHONE_REHAB,
    REHAB,
    UNPROTECTED,
    InboundHouse,
)
from tests.peers.inbound_refusals import refused
from tests.peers.openpgp_messages import subpacket

EVE = "eve@example.org"
OTHER_DATE = "Wed, 06 May 2026 08:00:00 +0200"


async def refuse(
    house: InboundHouse,
    reason: str,
    sender: str = world.BRINKEN,
    *,
    line: dict[str, Any] | None = None,
    **how: Any,
) -> None:
    octets = house.partner.message(sender, **how)
    signer = how.get("signer") or house.keys.receiver
    await refused(house, octets, reason, sender=sender, signed_by=signer, **(line or {}))


async def accept(house: InboundHouse, sender: str = world.BRINKEN, **how: Any) -> dict[str, Any]:
    """Taken; its line."""
    heard = await house.receive(house.partner.message(sender, **how), sender=sender)
    assert heard.reason == "ok"
    return house.lines()[-1]


# Header fields under the signature


@pytest.mark.parametrize("protection", ["", '; hp="yes"', "; protected-headers=v2"])
async def test_header_fields_must_be_protected(way_in: InboundHouse, protection: str) -> None:
    line = {"rule": "rules.unprotected_headers", "declared_user": None}
    await refuse(way_in, "headers-not-protected", protection=protection, line=line)


@pytest.mark.parametrize("missing", ["From", "To", "Date"])
async def test_what_must_stand_under_the_signature(way_in: InboundHouse, missing: str) -> None:
    field: dict[str, Any] = {missing: None}
    await refuse(way_in, "headers-not-protected", **field)


async def test_another_date_outside(way_in: InboundHouse) -> None:
    await refuse(way_in, "headers-not-protected", outside={"Date": OTHER_DATE})


async def test_what_is_said_of_the_outside_must_be_so(way_in: InboundHouse) -> None:
    outer = ["From: rorpost.annan@regionostergotland.se", f"Date: {way_in.partner.date}"]
    await refuse(way_in, "headers-not-protected", HP_Outer=outer)


@pytest.mark.parametrize("protection", ['; hp="clear"', "; protected-headers=v1"])
async def test_other_ways_to_protect_them(way_in: InboundHouse, protection: str) -> None:
    assert (await accept(way_in, protection=protection))["declared_user"] == DORIS


async def test_unprotected_where_the_channel_allows_it_nobody_is_believed(way_in: InboundHouse) -> None:
    line = await accept(way_in, UNPROTECTED, protection="")
    assert (line["declared_user"], line["declared_by"], line["channel"]) == (None, None, "arkivet")


async def test_one_channel_may_allow_it_and_the_other_not(way_in: InboundHouse) -> None:
    """One message cannot be both: it is refused, and the log says because of whom."""
    keys, partner = way_in.keys, way_in.partner
    both = (world.HOME_CARE, REHAB)
    octets = partner.message(UNPROTECTED, to=both, protection="")
    heard = await way_in.receive(octets, sender=UNPROTECTED, recipients=both)
    assert heard.reason == "headers-not-protected"
    assert heard.reply.line.endswith(PHONE_REHAB)
    lines = way_in.lines()
    assert [(each["recipient"], each["reason"], each.get("because_of")) for each in lines] == [
        (world.HOME_CARE, "headers-not-protected", REHAB),
        (REHAB, "headers-not-protected", None),
    ]
    assert {each["signed_by"] for each in lines} == {keys.receiver}
    assert await way_in.copies() == []


# The sending user


async def test_a_person_must_be_stated(way_in: InboundHouse) -> None:
    line = {"declared_user": None, "declared_by": None, "rule": "rules.declared_user"}
    await refuse(way_in, "user-not-declared", X_Rorpost_Sending_User=None, line=line)


@pytest.mark.parametrize("said", ["", "Doris Ek", f"{DORIS}, {ERIK}", [DORIS, DORIS], f"<{DORIS}> <{ERIK}>"])
async def test_what_is_no_person(way_in: InboundHouse, said: Any) -> None:
    await refuse(way_in, "user-not-declared", X_Rorpost_Sending_User=said)


async def test_stated_outside_only_it_does_not_count(way_in: InboundHouse) -> None:
    outside = {"X-Rorpost-Sending-User": DORIS, "Sender": DORIS}
    await refuse(way_in, "user-not-declared", X_Rorpost_Sending_User=None, outside=outside)


async def test_two_sources_that_disagree(way_in: InboundHouse) -> None:
    await refuse(way_in, "user-mismatch", Sender=ERIK, line={"declared_user": DORIS})


@pytest.mark.parametrize("sources", [["header"], ["header", "signature"]])
async def test_a_sender_who_is_shown_must_agree_though_it_is_no_source(
    way_in: InboundHouse, sources: list[str]
) -> None:
    """A reader's mail client says "on behalf of" whoever stands in Sender."""
    policy = way_in.policy_data
    policy["channels"][0]["rules"] = {"declared_user": {"sources": sources}}
    way_in.set_policy(policy)
    await refuse(way_in, "user-mismatch", Sender=EVE)
    assert (await accept(way_in, Sender=DORIS))["declared_user"] == DORIS


async def test_by_sender(way_in: InboundHouse) -> None:
    line = await accept(way_in, X_Rorpost_Sending_User=None, Sender=f"Doris Ek <{DORIS}>")
    assert (line["declared_user"], line["declared_by"]) == (DORIS, "sender")


async def test_a_partner_that_lists_nobody_is_believed(way_in: InboundHouse) -> None:
    line = await accept(way_in, X_Rorpost_Sending_User="nagon@regionostergotland.se")
    assert (line["declared_user"], line["declared_by"]) == ("nagon@regionostergotland.se", "header")


async def test_not_on_the_partners_list(way_in: InboundHouse) -> None:
    line = {"rule": "mailboxes.users", "channel": "tandvarden", "declared_user": EVE}
    await refuse(way_in, "user-not-authorised", LISTED, X_Rorpost_Sending_User=EVE, line=line)


async def test_no_longer_in_force_on_the_partners_list(way_in: InboundHouse) -> None:
    line = {"rule": "mailboxes.users.valid_until", "declared_user": ERIK}
    await refuse(way_in, "user-not-valid", LISTED, X_Rorpost_Sending_User=ERIK, line=line)


async def test_on_the_partners_list(way_in: InboundHouse) -> None:
    assert (await accept(way_in, LISTED))["declared_by"] == "header"


async def test_by_a_key_of_ones_own(way_in: InboundHouse) -> None:
    line = await accept(way_in, LISTED, signer=way_in.keys.doris, X_Rorpost_Sending_User=None)
    assert (line["declared_user"], line["declared_by"]) == (DORIS, "signature")
    assert line["signed_by"] == way_in.keys.doris


async def test_a_key_of_ones_own_and_another_name(way_in: InboundHouse) -> None:
    signer = way_in.keys.doris
    await refuse(way_in, "user-mismatch", LISTED, signer=signer, X_Rorpost_Sending_User=ERIK)


async def test_a_key_of_ones_own_ends_with_the_authorisation(way_in: InboundHouse) -> None:
    await refuse(way_in, "signer-mismatch", LISTED, signer=way_in.keys.erik, X_Rorpost_Sending_User=None)


async def test_a_key_of_ones_own_counts_only_where_the_channel_names_it_as_a_source(
    way_in: InboundHouse,
) -> None:
    policy = way_in.policy_data
    next(each for each in policy["channels"] if each["name"] == "tandvarden")["rules"] = {}
    way_in.set_policy(policy)
    await refuse(way_in, "signer-mismatch", LISTED, signer=way_in.keys.doris)


async def test_a_key_of_ones_own_counts_for_its_mailbox_only(way_in: InboundHouse) -> None:
    await refuse(way_in, "signer-mismatch", signer=way_in.keys.doris)


async def test_where_nobody_need_be_stated(way_in: InboundHouse) -> None:
    line = await accept(way_in, OPTIONAL, X_Rorpost_Sending_User=None)
    assert (line["declared_user"], line["declared_by"]) == (None, None)


async def test_where_nobody_need_be_stated_what_is_stated_must_be_sound(way_in: InboundHouse) -> None:
    await refuse(way_in, "user-not-declared", OPTIONAL, X_Rorpost_Sending_User=f"{DORIS}, {ERIK}")


# Author and recipients


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        (EVE, world.BRINKEN),
        (world.BRINKEN, EVE),
        (EVE, EVE),
        (f"{world.BRINKEN}, {EVE}", world.BRINKEN),
        (world.BRINKEN, f"{world.BRINKEN}, {EVE}"),
        (f'"{world.BRINKEN}" <{EVE}>', world.BRINKEN),
        ([world.BRINKEN, EVE], world.BRINKEN),
        (world.LYCKORNA, world.LYCKORNA),
    ],
)
async def test_author_mismatch(way_in: InboundHouse, inside: Any, outside: str) -> None:
    await refuse(
        way_in, "author-mismatch", From=inside, outside={"From": outside}, line={"rule": "outer fields"}
    )


async def test_a_sender_field_is_no_author(way_in: InboundHouse) -> None:
    """From names somebody else, Sender the mailbox: what is shown is From."""
    await refuse(
        way_in, "author-mismatch", From=EVE, Sender=world.BRINKEN, X_Rorpost_Sending_User=world.BRINKEN
    )


async def test_upper_case_is_the_same_address(way_in: InboundHouse) -> None:
    await accept(way_in, From=f"<{world.BRINKEN.upper()}>", outside={"From": world.BRINKEN.title()})


async def test_a_recipient_who_is_not_named_under_the_signature(way_in: InboundHouse) -> None:
    """Signed to another mailbox of ours, sealed anew to this one, with an outside that fits."""
    await refuse(way_in, "hidden-recipient", To=REHAB)
    await refuse(way_in, "hidden-recipient", To=world.LYCKORNA, Cc=REHAB)


async def test_named_in_cc(way_in: InboundHouse) -> None:
    await accept(way_in, To=world.LYCKORNA, Cc=world.HOME_CARE)


async def test_signed_for_somebody_else(way_in: InboundHouse) -> None:
    """The names fit, but the signature names another key as the one it is meant for (RFC 9580, 5.2.3.36)."""
    partner, keys = way_in.partner, way_in.keys
    for meant, reason in ((keys.rehab, "hidden-recipient"), (keys.sender, "ok")):
        named = subpacket(35, b"\x04" + bytes.fromhex(meant))
        octets = partner.outer(partner.sealed_by_hand(partner.payload(), hashed=named))
        if reason == "ok":
            assert (await way_in.receive(octets)).reason == "ok"
        else:
            await refused(way_in, octets, reason, signed_by=keys.receiver)


async def test_one_message_to_two(way_in: InboundHouse) -> None:
    both = (world.HOME_CARE, REHAB)
    octets = way_in.partner.message(to=both)
    heard = await way_in.receive(octets, recipients=both)
    assert heard.reason == "ok"
    copies = await way_in.copies()
    assert [copy.recipient for copy in copies] == list(both)
    assert len({copy.message.queue_id for copy in copies}) == 1
    assert len({copy.decision_id for copy in copies}) == 2
    for copy in copies:
        assert await way_in.queue.sealed(copy.message.queue_id, copy.recipient) == octets


async def test_refused_for_one_is_refused_for_both(way_in: InboundHouse) -> None:
    both = (world.HOME_CARE, REHAB)
    octets = way_in.partner.message()
    heard = await way_in.receive(octets, recipients=both)
    assert heard.reason == "hidden-recipient"
    assert heard.reply.line.endswith(PHONE_REHAB)
    assert [(line["recipient"], line.get("because_of")) for line in way_in.lines()] == [
        (world.HOME_CARE, REHAB),
        (REHAB, None),
    ]
    assert await way_in.copies() == []


# Further rules


@pytest.mark.parametrize(
    "field", [{"Importance": "high"}, {"X_Priority": "1 (Highest)"}, {"Priority": "urgent"}]
)
async def test_urgent(way_in: InboundHouse, field: dict[str, str]) -> None:
    await refuse(way_in, "urgent", **field, line={"rule": "rules.urgent", "declared_user": DORIS})


async def test_urgent_outside_only_is_nobodys_word(way_in: InboundHouse) -> None:
    await accept(way_in, outside={"Importance": "high"})


@pytest.mark.parametrize("said", [None, "nyfikenhet", ["samtycke", "menprovning"]])
async def test_a_legal_basis_must_be_stated(way_in: InboundHouse, said: Any) -> None:
    await refuse(way_in, "legal-basis-missing", world.HOSPITAL, X_Rorpost_Legal_Basis=said)


async def test_a_legal_basis_outside_does_not_count(way_in: InboundHouse) -> None:
    outside = {"X-Rorpost-Legal-Basis": "samtycke"}
    await refuse(way_in, "legal-basis-missing", world.HOSPITAL, outside=outside)


async def test_a_legal_basis_is_logged(way_in: InboundHouse) -> None:
    line = await accept(way_in, world.HOSPITAL, X_Rorpost_Legal_Basis="Samtycke")
    assert line["legal_basis"] == "samtycke"
