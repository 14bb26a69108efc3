"""Who may be told of a refusal: the mailbox whose own valid signature stands over it, and nobody else."""

from collections.abc import Callable
from typing import Any

import pytest

from rorpost_gateway.collecting.base import TrueSender
from tests.peers import gateway_world as world
from tests.peers.inbound_house import OUTER_ID, REHAB, InboundHouse, Partner

Make = Callable[[Partner], bytes]


async def refused(house: InboundHouse, octets: bytes, *recipients: str) -> tuple[str, TrueSender | None]:
    transaction = await house.begin(world.BRINKEN, *recipients)
    reply = await transaction.message(octets)
    return str(reply.reason), transaction.true_sender


@pytest.mark.parametrize(
    ("reason", "inside"),
    [
        ("urgent", {"Importance": "high"}),
        ("user-not-declared", {"X_Rorpost_Sending_User": None}),
        ("outside-quotes", {"body": "On 5 May 2026, <karin@example.org> wrote:\r\n"}),
    ],
)
async def test_a_sender_who_has_proved_to_be_it(
    way_in: InboundHouse, reason: str, inside: dict[str, Any]
) -> None:
    said, sender = await refused(way_in, way_in.partner.message(**inside))
    assert said == reason
    assert sender is not None
    assert sender.mailbox == world.BRINKEN
    assert sender.message_id == OUTER_ID  # never the one under the seal


async def test_the_same_message_in_another_wrapping_is_the_same(way_in: InboundHouse) -> None:
    partner = way_in.partner
    block = partner.seal(partner.payload(Importance="high"))
    _, first = await refused(way_in, partner.outer(block))
    _, second = await refused(way_in, partner.outer(block, Message_ID="<annan@x.se>", Subject="Re:"))
    assert first is not None
    assert second is not None
    assert first.digest == second.digest


async def test_nobody_before_there_is_a_refusal(way_in: InboundHouse) -> None:
    transaction = await way_in.begin()
    assert transaction.true_sender is None
    assert (await transaction.message(way_in.partner.message())).positive
    assert transaction.true_sender is None


NOBODY: dict[str, tuple[str, Make]] = {
    "not sealed": ("not-encrypted", lambda p: p.payload(Importance="high")),
    "not signed": (
        "signature-missing",
        lambda p: p.outer(p.seal(p.payload(Importance="high"), signer="")),
    ),
    "another's signature": (
        "signer-mismatch",
        lambda p: p.message(Importance="high", signer=p.keys.stranger),
    ),
    "a signature of something else": (
        "signature-invalid",
        lambda p: p.outer(p.sealed_by_hand(p.payload(Importance="high"), over=b"something else\r\n")),
    ),
    "header fields that nobody signed": (
        "headers-not-protected",
        lambda p: p.message(Importance="high", protection=""),
    ),
    "another From inside": (
        "author-mismatch",
        lambda p: p.outer(p.seal(p.payload(world.LYCKORNA))),
    ),
    "signed for another mailbox": (
        "hidden-recipient",
        lambda p: p.outer(p.seal(p.payload(to=(REHAB,), Importance="high"))),
    ),
    "malformed": ("message-malformed", lambda p: p.message(Importance="high") + b"bare\nfeed\r\n"),
}


@pytest.mark.parametrize("name", NOBODY)
async def test_nobody_is_told(way_in: InboundHouse, name: str) -> None:
    reason, make = NOBODY[name]
    said, sender = await refused(way_in, make(way_in.partner))
    assert said == reason
    assert sender is None


async def test_nobody_is_told_of_what_is_old(way_in: InboundHouse) -> None:
    octets = way_in.partner.message()
    way_in.clock.now += 20 * 86_400
    assert await refused(way_in, octets) == ("too-old", None)


async def test_nobody_is_told_of_what_came_before(way_in: InboundHouse) -> None:
    """Whoever recorded a message and brings it again does not make us write to its sender."""
    payload = way_in.partner.payload()
    signed = way_in.partner.sealed_by_hand(payload)
    assert (await way_in.receive(way_in.partner.outer(signed))).reason == "ok"
    made = way_in.partner.sealed_by_hand(payload)
    said, sender = await refused(way_in, way_in.partner.outer(made))
    assert said in {"replayed", "duplicate"}
    assert sender is None


async def test_nobody_is_told_where_another_recipient_is_concerned(way_in: InboundHouse) -> None:
    octets = way_in.partner.message(to=(world.HOME_CARE, REHAB), Importance="high")
    said, sender = await refused(way_in, octets, world.HOME_CARE, REHAB)
    assert said == "urgent"
    assert sender is None
