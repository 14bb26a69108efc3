"""The flaw: whoever carries a sealed message chooses which mailbox it is delivered to.

All keys of a side lie in one home, so that the gateway can open whatever is sealed to any of its
mailboxes. Where header fields are protected, the recipient stands under the signature. Where policy
lets them be unprotected, nothing there says it, and To outside is anybody's: then the message must be
sealed to the mailbox that it goes to.
"""

import pytest

from tests.peers import gateway_world as world
from tests.peers.gnupg_home import gpg
from tests.peers.inbound_house import MARKER, REHAB, UNPROTECTED, InboundHouse

PAYLOAD = f"Content-Type: text/plain\r\n\r\nTill hemsjukvarden: {MARKER}\r\n".encode()


@pytest.fixture
def both(way_in: InboundHouse) -> InboundHouse:
    """Either of our mailboxes takes unprotected header fields from the partner."""
    policy = way_in.policy_data
    for channel in policy["channels"]:
        if channel["name"].startswith("arkivet"):
            channel["rules"] = {"unprotected_headers": "allow", "declared_user": {"inbound": "optional"}}
    way_in.set_policy(policy)
    return way_in


async def reason(way_in: InboundHouse, block: bytes, *recipients: str) -> str:
    message = way_in.partner.outer(block, UNPROTECTED, to=recipients)
    return (await way_in.receive(message, sender=UNPROTECTED, recipients=recipients)).reason


@pytest.mark.parametrize("options", [(), ("--throw-keyids",)])
async def test_it_goes_where_it_was_sealed_to_and_nowhere_else(
    both: InboundHouse, options: tuple[str, ...]
) -> None:
    block = both.partner.seal(PAYLOAD, *options)
    assert await reason(both, block, REHAB) == "hidden-recipient"
    assert await reason(both, block, world.HOME_CARE, REHAB) == "hidden-recipient"
    assert not await both.copies()
    assert await reason(both, block, world.HOME_CARE) == "ok"


async def test_sealed_to_both_it_goes_to_both(both: InboundHouse) -> None:
    block = both.partner.seal(PAYLOAD, "-r", both.keys.rehab)
    assert await reason(both, block, world.HOME_CARE, REHAB) == "ok"


async def test_a_pinned_key_of_another_name_counts(both: InboundHouse) -> None:
    """A side may have one key for all its mailboxes, pinned at each."""
    policy = both.policy_data
    policy["mailboxes"][REHAB]["key"] = both.keys.sender
    both.set_policy(policy)
    assert await reason(both, both.partner.seal(PAYLOAD), REHAB) == "ok"
    assert await reason(both, both.partner.seal(PAYLOAD, to=both.keys.rehab), REHAB) == "hidden-recipient"


async def test_the_key_index_knows_subkeys_by_their_key_id(both: InboundHouse) -> None:
    listing = gpg(both.keys.sender_home, "--with-colons", "--list-keys", both.keys.rehab).decode()
    (subkey,) = (line.split(":")[4] for line in listing.splitlines() if line.startswith("sub:"))
    keys = both.in_force.keys
    assert keys.is_for([subkey], REHAB, ())
    assert keys.is_for([subkey], world.HOME_CARE, (both.keys.rehab,))
    assert not keys.is_for([subkey], world.HOME_CARE, ())
    assert not keys.is_for([both.keys.rehab[-16:]], REHAB, ())  # the primary does not encrypt
    assert not keys.is_for([], REHAB, ())
