"""The flaw: what a person signed for somebody else, anybody seals to us, and it counts as sent to us.

Encryption says nothing of who did it, and people sign ordinary mail with their own keys. Without From
and To under the signature such a mail fits any envelope and any subject. So a person's own key counts
for the mailbox only where the header fields are protected.
"""

import pytest

from tests.peers.inbound_house import LISTED, MARKER, InboundHouse

ORDINARY = f"Content-Type: text/plain\r\n\r\nJa, gör så. {MARKER}\r\n".encode()


@pytest.fixture
def lenient(way_in: InboundHouse) -> InboundHouse:
    policy = way_in.policy_data
    for channel in policy["channels"]:
        if channel["name"] == "tandvarden":
            channel["rules"] = {"unprotected_headers": "allow", "declared_user": {"sources": ["signature"]}}
    way_in.set_policy(policy)
    return way_in


async def test_an_ordinary_signed_mail_in_a_seal_is_refused(lenient: InboundHouse) -> None:
    partner = lenient.partner
    block = partner.seal(partner.signed_inside(ORDINARY, signer=lenient.keys.doris), signer="")
    message = partner.outer(block, LISTED, Subject="Kan vi sluta ge insulin?")
    assert (await lenient.receive(message, sender=LISTED)).reason == "signer-mismatch"
    assert not await lenient.copies()


async def test_what_she_signed_as_the_mailbox_is_taken(lenient: InboundHouse) -> None:
    message = lenient.partner.message(LISTED, signer=lenient.keys.doris, X_Rorpost_Sending_User=None)
    assert (await lenient.receive(message, sender=LISTED)).reason == "ok"
    assert lenient.lines()[-1]["declared_by"] == "signature"
