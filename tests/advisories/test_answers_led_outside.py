"""The flaw: Reply-To had to name mailboxes of the policy, but answers follow other fields too.

Thunderbird and mutt answer to Mail-Reply-To and Mail-Followup-To, so an address outside in one
of them sends the reader's answer, with what it quotes, out of the channel.
"""

from typing import Any

import pytest

from tests.peers import gateway_world as world
from tests.peers.outbound_house import OutboundHouse


@pytest.mark.parametrize("name", ["Reply_To", "Mail_Reply_To", "Mail_Followup_To"])
async def test_an_answer_cannot_be_led_outside(house: OutboundHouse, name: str) -> None:
    fields: dict[str, Any] = {name: f"{world.HOME_CARE}, patient@example.org"}
    heard = await house.submit(**fields)
    assert heard.reason == "outside-recipient"


@pytest.mark.parametrize("name", ["Reply_To", "Mail_Reply_To", "Mail_Followup_To"])
async def test_a_mailbox_of_the_policy_may_be_named(house: OutboundHouse, name: str) -> None:
    fields: dict[str, Any] = {name: world.HOME_CARE}
    assert (await house.submit(**fields)).reason == "ok"
