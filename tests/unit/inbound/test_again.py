"""The same message again: a duplicate where it is the same seal, a replay where it is another."""

import asyncio

import pytest

from rorpost_gateway.errors import SealSeen
from tests.peers import gateway_world as world
from tests.peers.inbound_house import OUTER_ID, REHAB, InboundHouse
from tests.peers.inbound_refusals import refused
from tests.peers.openpgp_messages import literal, one_pass, packet, signature_body, under_encryption


async def test_what_is_taken(way_in: InboundHouse) -> None:
    """Queued octet for octet as it came, still sealed; logged, and only then answered."""
    octets, keys = way_in.partner.message(), way_in.keys
    heard = await way_in.receive(octets)
    assert (heard.reply.code, heard.reply.enhanced, heard.reason) == (250, "2.0.0", "ok")
    assert way_in.steps == [
        *("open", "find_seals", "insert_pending", "append", "make_ready", "relay_has_work"),
    ]
    (copy,), (line,) = await way_in.copies(), way_in.lines()
    assert await way_in.queue.sealed(copy.message.queue_id, copy.recipient) == octets
    assert (copy.message.queue_id, copy.message.reverse_path) == (heard.queue_id, world.BRINKEN)
    assert (copy.outer_message_id, copy.decision_id) == (OUTER_ID, line["decision_id"])
    wanted = {
        "direction": "inbound",
        "action": "accept",
        "reason": "ok",
        "channel": "brinken",
        "policy": way_in.in_force.policy.revision,
        "reverse_path": world.BRINKEN,
        "recipient": world.HOME_CARE,
        "declared_by": "header",
        "login": None,
        "client": "192.0.2.25",
        "tls": "TLSv1.3",
        "queue_id": heard.queue_id,
        "message_id": "<inre.1@ws17.regionostergotland.se>",
        "size": len(octets),
        "sealed_sha256": copy.sealed_sha256,
        "encrypted_to": keys.sender,
        "signed_by": keys.receiver,
        "content_sha256": None,
    }
    assert wanted.items() <= line.items()


async def test_the_same_seal_again_is_a_duplicate(way_in: InboundHouse) -> None:
    octets = way_in.partner.message()
    first = await way_in.receive(octets)
    way_in.clock.now += 13 * 86_400
    again = await way_in.receive(b"Received: by a.example; today\r\n" + octets)
    assert (again.reply.code, again.reason, again.queue_id) == (250, "duplicate", first.queue_id)
    first_line, line = way_in.lines()
    assert (line["action"], line["reason"], line["queue_id"]) == ("accept", "duplicate", first.queue_id)
    assert line["sealed_sha256"] == first_line["sealed_sha256"]
    assert line["decision_id"] != first_line["decision_id"]
    assert len(await way_in.copies()) == way_in.told_relay == 1


async def test_it_is_one_after_it_was_delivered_too(way_in: InboundHouse) -> None:
    octets = way_in.partner.message()
    first = await way_in.receive(octets)
    await way_in.queue.finish(first.queue_id, world.HOME_CARE)
    assert (await way_in.receive(octets)).reason == "duplicate"
    assert await way_in.copies() == []


async def test_the_same_seal_at_the_same_time_is_one_copy(way_in: InboundHouse) -> None:
    octets = way_in.partner.message()
    heard = await asyncio.gather(*(way_in.receive(octets) for _ in range(4)))
    assert sorted(each.reason for each in heard) == ["duplicate"] * 3 + ["ok"]
    assert len({each.queue_id for each in heard}) == len(await way_in.copies()) == 1


async def test_to_another_recipient_as_well_only_that_one_is_new(way_in: InboundHouse) -> None:
    both = (world.HOME_CARE, REHAB)
    octets = way_in.partner.message(to=both)
    first = await way_in.receive(octets)
    second = await way_in.receive(octets, recipients=both)
    assert (first.reason, second.reason) == ("ok", "ok")
    assert [(line["recipient"], line["reason"], line["queue_id"]) for line in way_in.lines()[1:]] == [
        (world.HOME_CARE, "duplicate", first.queue_id),
        (REHAB, "ok", second.queue_id),
    ]
    assert [copy.recipient for copy in await way_in.copies()] == list(both)


async def test_the_same_signature_sealed_anew_is_a_replay(way_in: InboundHouse) -> None:
    """What a thief of the signed content can do: encrypt it once more, in another envelope."""
    partner, keys = way_in.partner, way_in.keys
    payload = partner.payload()
    made = signature_body(keys.receiver_home, keys.receiver, payload, signed_at=int(partner.now))
    inner = one_pass(made, keys.receiver) + literal(payload) + packet(2, made)
    once, anew = (
        partner.outer(
            under_encryption(keys.receiver_home, keys.sender, inner).replace(b"\n", b"\r\n"),
            Message_ID=f"<{number}@regionostergotland.se>",
        )
        for number in (1, 2)
    )
    assert (await way_in.receive(once)).reason == "ok"
    await refused(way_in, anew, "replayed", signed_by=keys.receiver, channel="brinken")
    assert (await way_in.receive(once)).reason == "duplicate"


async def test_signed_once_more_it_is_a_replay_too(way_in: InboundHouse) -> None:
    """The same words at another time: a partner who means it again writes a new message."""
    partner = way_in.partner
    assert (await way_in.receive(partner.message())).reason == "ok"
    await refused(way_in, partner.message(), "replayed", signed_by=way_in.keys.receiver)


async def test_a_replay_to_one_of_two_refuses_both(way_in: InboundHouse) -> None:
    both = (world.HOME_CARE, REHAB)
    assert (await way_in.receive(way_in.partner.message(to=both))).reason == "ok"
    octets = way_in.partner.message(to=both)
    await refused(way_in, octets, "replayed", recipients=both, signed_by=way_in.keys.receiver)


@pytest.mark.parametrize(
    "around",
    [
        {"before": b"Nobody signed this.\r\n"},
        {"line_feeds": True},
        {"header": b"X-Nobody: signed this\r\n"},
    ],
    ids=["text before the part", "LF for CRLF", "a field of the multipart"],
)
async def test_around_a_part_signed_inside_octets_may_change_and_it_is_a_replay(
    way_in: InboundHouse, around: dict[str, bytes]
) -> None:
    partner = way_in.partner
    signed = partner.signed_inside(partner.payload())
    assert (await way_in.receive(partner.outer(partner.seal(signed, signer="")))).reason == "ok"
    again = around.get("header", b"") + signed
    again = again.replace(b"\r\n\r\n--s\r\n", b"\r\n\r\n" + around.get("before", b"") + b"--s\r\n", 1)
    if "line_feeds" in around:
        again = again.replace(b"\r\n", b"\n")
    assert again != signed
    octets = partner.outer(partner.seal(again, signer=""))
    await refused(way_in, octets, "replayed", signed_by=way_in.keys.receiver)


async def test_line_feeds_under_a_signature_of_text(way_in: InboundHouse) -> None:
    """A signature of text holds whatever the line ends are; one form of them only is taken."""
    partner = way_in.partner
    payload = partner.payload()
    block = partner.sealed_by_hand(payload, kind=1)
    assert (await way_in.receive(partner.outer(block))).reason == "ok"
    keys = way_in.keys
    made = signature_body(keys.receiver_home, keys.receiver, payload, signed_at=int(partner.now), kind=1)
    inner = one_pass(made, keys.receiver) + literal(payload.replace(b"\r\n", b"\n"), mode=b"t")
    block = under_encryption(keys.receiver_home, keys.sender, inner + packet(2, made))
    heard = await way_in.receive(partner.outer(block.replace(b"\n", b"\r\n")))
    assert heard.reason in {"replayed", "signature-invalid"}
    assert len(await way_in.copies()) == 1


async def test_another_seal_at_the_same_time_is_a_replay(way_in: InboundHouse) -> None:
    heard = await asyncio.gather(*(way_in.receive(way_in.partner.message()) for _ in range(3)))
    assert sorted(each.reason for each in heard) == ["ok", "replayed", "replayed"]
    assert len(await way_in.copies()) == 1


async def test_another_gateway_at_the_same_queue_was_first(way_in: InboundHouse) -> None:
    """Both looked, neither saw it; the queue's own transaction says who was first."""
    way_in.faults["insert_pending"] = SealSeen("seen")
    await refused(way_in, way_in.partner.message(), "replayed", signed_by=way_in.keys.receiver)


async def test_the_same_words_by_another_mailbox_are_another_message(way_in: InboundHouse) -> None:
    """The guard is of what was signed, by whom, to whom."""
    assert (await way_in.receive(way_in.partner.message())).reason == "ok"
    octets = way_in.partner.message(to=(REHAB,), key=way_in.keys.rehab)
    assert (await way_in.receive(octets, recipients=(REHAB,))).reason == "ok"


async def test_forgotten_when_it_would_be_too_old_anyway(way_in: InboundHouse) -> None:
    octets = way_in.partner.message()
    assert (await way_in.receive(octets)).reason == "ok"
    way_in.clock.now += 15 * 86_400 + 1
    await way_in.queue.forget_seals(before=way_in.clock.now - 15 * 86_400)
    await refused(way_in, octets, "too-old", signed_by=way_in.keys.receiver)


async def test_refused_it_leaves_no_guard(way_in: InboundHouse) -> None:
    """What was refused for its envelope may come again in a better one."""
    octets = way_in.partner.message()
    await refused(
        way_in,
        octets,
        "hidden-recipient",
        recipients=(REHAB,),
        phone="0141-22 52 00",
        signed_by=way_in.keys.receiver,
    )
    assert (await way_in.receive(octets)).reason == "ok"
