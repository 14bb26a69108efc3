"""From the queue to the mailbox: opened again, judged again, and what its reader gets."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.delivery.base import Delivered
from rorpost_gateway.errors import QueueUnavailable
from rorpost_gateway.inbound.deliver import NoLongerAllowed, NotOpened
from rorpost_gateway.openpgp.base import OpeningFailed
from rorpost_gateway.openpgp.gnupg import load_index
from tests.peers import gateway_world as world
from tests.peers.gnupg_home import copy_home, remove_home, revoke_primary
from tests.peers.inbound_house import DORIS, LISTED, MARKER, OPTIONAL, UNPROTECTED, InboundHouse
from tests.peers.outbound_house import OutboundHouse


async def deliver(house: InboundHouse, octets: bytes, *, sender: str = world.BRINKEN, **how: Any) -> bytes:
    """Receive and deliver; the reader's copy."""
    copy, queued = await house.taken(octets, sender=sender)
    before = house.delivered()
    outcome = await house.deliverer(**how).deliver(copy, queued)
    assert isinstance(outcome, Delivered)
    (fresh,) = [each for each in house.delivered() if each not in before]
    return fresh


def verified(house: InboundHouse, status: str, channel: str, user: str) -> bytes:
    line = house.lines()[-1]
    return (
        f"X-Rorpost-Verified: {status}; channel={channel};\r\n sending-user={user};\r\n"
        f" signed-by={line['signed_by']};\r\n decision={line['decision_id']}\r\n"
    ).encode("ascii")


async def test_the_readers_copy(way_in: InboundHouse) -> None:
    """The entity that was signed, byte for byte, behind one verification field."""
    partner = way_in.partner
    copy = await deliver(way_in, partner.message())
    assert copy == verified(way_in, "yes", "brinken", DORIS) + partner.payload()


async def test_a_forged_verification_is_gone(way_in: InboundHouse) -> None:
    forged: dict[str, Any] = {"X_Rorpost_Verified": ["yes; channel=forged", "yes"]}
    outside = {"X-Rorpost-Verified": "yes; channel=forged"}
    copy = await deliver(way_in, way_in.partner.message(outside=outside, **forged))
    assert copy == verified(way_in, "yes", "brinken", DORIS) + way_in.partner.payload()


async def test_nobody_was_stated(way_in: InboundHouse) -> None:
    """Then nobody's name is shown either, least of all one that the partner wrote there."""
    octets = way_in.partner.message(OPTIONAL, X_Rorpost_Sending_User=None)
    copy = await deliver(way_in, octets, sender=OPTIONAL, show_person=True)
    assert copy.startswith(verified(way_in, "yes", "larmet", "not-stated"))
    assert f'From: "{OPTIONAL}"\r\n <{OPTIONAL}>\r\n'.encode() in copy
    assert b"Vardcentralen" not in copy


async def test_partly_where_header_fields_were_not_protected(way_in: InboundHouse) -> None:
    """Nobody is believed; what is missing inside comes from outside, and only that."""
    partner = way_in.partner
    outside = {"Subject": "Utanpa", "Reply-To": "eve@example.org", "Sender": "eve@example.org"}
    fields: dict[str, Any] = {"From": None, "To": None, "Date": None, "Message_ID": None, "Subject": None}
    octets = partner.message(UNPROTECTED, protection="", outside=outside, **fields)
    copy = await deliver(way_in, octets, sender=UNPROTECTED, show_person=True)
    assert copy.startswith(verified(way_in, "partly", "arkivet", "not-stated"))
    for line in (f'From: "{UNPROTECTED}"\r\n <{UNPROTECTED}>', "Subject: Utanpa", f"Date: {partner.date}"):
        assert f"\r\n{line}\r\n".encode() in copy
    assert b"example.org" not in copy


@pytest.mark.parametrize("show", [False, True])
async def test_the_person_in_from(way_in: InboundHouse, *, show: bool) -> None:
    """By the policy's name for the person; From stays as it is where only the header is to say it."""
    copy = await deliver(way_in, way_in.partner.message(LISTED), sender=LISTED, show_person=show)
    shown = f'From: "Doris Ek, {LISTED}"\r\n <{LISTED}>\r\n'
    assert (shown.encode() in copy) == show
    assert (f'From: "Vardcentralen" <{LISTED}>\r\n'.encode() in copy) != show


async def test_the_address_where_the_policy_has_no_name(way_in: InboundHouse) -> None:
    copy = await deliver(way_in, way_in.partner.message(), show_person=True)
    (line,) = [line for line in copy.split(b"\r\n") if line.startswith(b"From:")]
    assert DORIS.encode() in line
    assert b"Vcbrinken" in line


async def test_the_same_copy_twice_is_one_message(way_in: InboundHouse) -> None:
    copy, queued = await way_in.taken(way_in.partner.message())
    for _ in range(2):
        assert isinstance(await way_in.deliverer().deliver(copy, queued), Delivered)
    assert len(way_in.delivered()) == 1


async def test_waiting_here_makes_nothing_too_old(way_in: InboundHouse) -> None:
    copy, queued = await way_in.taken(way_in.partner.message())
    way_in.clock.now += 60 * 86_400
    assert isinstance(await way_in.deliverer().deliver(copy, queued), Delivered)


async def test_a_key_that_was_revoked_meanwhile(way_in: InboundHouse) -> None:
    copy, queued = await way_in.taken(way_in.partner.message())
    theirs, good = copy_home(way_in.keys.receiver_home), way_in.index
    try:
        await asyncio.to_thread(revoke_primary, theirs, way_in.keys.receiver)
        way_in.index = await load_index(theirs)
    finally:
        remove_home(theirs)
    way_in.set_policy(way_in.policy_data)
    with pytest.raises(NoLongerAllowed) as refusal:
        await way_in.deliverer().deliver(copy, queued)
    assert refusal.value.reason is Reason.SIGNATURE_INVALID
    assert way_in.delivered() == []
    way_in.index = good
    way_in.set_policy(way_in.policy_data)
    assert isinstance(await way_in.deliverer().deliver(copy, queued), Delivered)


def _no_channel(policy: dict[str, Any]) -> None:
    policy["channels"] = [each for each in policy["channels"] if each["name"] != "brinken"]


def _another_key(policy: dict[str, Any]) -> None:
    policy["mailboxes"][world.BRINKEN]["key"] = policy["mailboxes"][world.LYCKORNA]["key"]


def _nobody_listed(policy: dict[str, Any]) -> None:
    people = policy["mailboxes"][LISTED]["users"]
    policy["mailboxes"][world.BRINKEN]["users"] = [each for each in people if each["user"] != DORIS]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_no_channel, Reason.PAIR_NOT_ALLOWED),
        (_another_key, Reason.SIGNER_MISMATCH),
        (_nobody_listed, Reason.USER_NOT_AUTHORISED),
    ],
)
async def test_what_the_policy_no_longer_allows(way_in: InboundHouse, change: Any, reason: Reason) -> None:
    copy, queued = await way_in.taken(way_in.partner.message())
    change(way_in.policy_data)
    way_in.set_policy(way_in.policy_data)
    with pytest.raises(NoLongerAllowed) as refusal:
        await way_in.deliverer().deliver(copy, queued)
    assert refusal.value.reason is reason
    assert way_in.delivered() == []


@pytest.mark.parametrize("fault", [OpeningFailed("the agent"), QueueUnavailable("anything named")])
async def test_what_cannot_be_opened_now_is_for_later(way_in: InboundHouse, fault: Exception) -> None:
    copy, queued = await way_in.taken(way_in.partner.message())
    way_in.faults["open"] = fault
    with pytest.raises(NotOpened):
        await way_in.deliverer().deliver(copy, queued)
    assert way_in.delivered() == []
    way_in.faults.clear()
    assert isinstance(await way_in.deliverer().deliver(copy, queued), Delivered)


async def test_octets_that_were_changed_in_the_queue_are_not_delivered(way_in: InboundHouse) -> None:
    copy, queued = await way_in.taken(way_in.partner.message())
    at = queued.index(b"-----BEGIN PGP MESSAGE-----") + 200
    with pytest.raises(NoLongerAllowed):
        await way_in.deliverer().deliver(copy, queued[:at] + b"AAAA" + queued[at + 4 :])
    assert way_in.delivered() == []


async def test_plaintext_is_in_the_mailbox_and_nowhere_else(way_in: InboundHouse, tmp_path: Path) -> None:
    await deliver(way_in, way_in.partner.message())
    holding = [
        path for path in tmp_path.rglob("*") if path.is_file() and MARKER.encode() in path.read_bytes()
    ]
    assert [path.parent.name for path in holding] == ["new"]
    assert OutboundHouse.holds(way_in, MARKER.encode()) == []
