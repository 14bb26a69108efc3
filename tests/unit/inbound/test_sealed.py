"""What cannot be opened, or is not signed by anybody whose signature counts: refused, and why."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from rorpost_gateway.inbound.transaction import RECEIVED_MOST
from tests.peers import gateway_world as world
from tests.peers.inbound_house import MAX_AGE, PHONE_REHAB, REHAB, InboundHouse, Partner, make_policy
from tests.peers.inbound_refusals import refused
from tests.peers.openpgp_messages import (
    armoured,
    literal,
    one_pass,
    packet,
    sealed,
    signature_body,
    split,
    under_encryption,
    without_armour,
)

Build = Callable[[Partner], bytes]
DAY = 86_400


def plain(partner: Partner) -> bytes:
    return partner.payload(protection="")


def inline(partner: Partner) -> bytes:
    return partner.payload(protection="", body=partner.seal(b"hej\r\n").decode())


def signed_only(partner: Partner) -> bytes:
    part = partner.payload()
    head, _, body = partner.signed_inside(part).partition(b"\r\n\r\n")
    return partner.payload(protection="", Content_Type=None).partition(b"\r\n\r\n")[0] + (
        b"\r\n" + head + b"\r\n\r\n" + body
    )


def in_clear_beside(partner: Partner) -> bytes:
    octets = partner.message()
    return octets.replace(
        b"\r\n--b\r\n", b"\r\n--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b\r\n", 1
    ).replace(b"multipart/encrypted; protocol=", b"multipart/mixed; x=")


@pytest.mark.parametrize("build", [plain, inline, signed_only, in_clear_beside])
async def test_not_encrypted(way_in: InboundHouse, build: Build) -> None:
    octets = build(way_in.partner)
    heard = await refused(way_in, octets, "not-encrypted", channel="brinken", rule="message", message_id=None)
    assert ("PGP/MIME" in heard.reply.text) == (build is inline)
    if build is plain:
        assert "open" not in way_in.steps


def to_another_key(partner: Partner) -> bytes:
    return partner.outer(partner.seal(partner.payload(), to=partner.keys.receiver))


def sealed_twice(partner: Partner) -> bytes:
    return partner.outer(partner.seal(partner.message()))


def cut_short(partner: Partner) -> bytes:
    packets = without_armour(partner.seal(partner.payload()))
    return partner.outer(armoured(packets[:-20]).replace(b"\n", b"\r\n"))


def tampered(partner: Partner) -> bytes:
    packets = bytearray(without_armour(partner.seal(partner.payload())))
    packets[-30] ^= 1
    return partner.outer(armoured(bytes(packets)).replace(b"\n", b"\r\n"))


@pytest.mark.parametrize("build", [to_another_key, sealed_twice, cut_short, tampered])
async def test_decryption_failed(way_in: InboundHouse, build: Build) -> None:
    await refused(way_in, build(way_in.partner), "decryption-failed", channel="brinken", rule="message")


async def test_without_integrity_protection(way_in: InboundHouse) -> None:
    """A symmetrically encrypted packet without modification detection (tag 9)."""
    partner = way_in.partner
    keys, data = split(without_armour(partner.seal(partner.payload())))
    length = 3 if data[0] & 3 else 2
    stripped = packet(9, data[length + 1 :])
    octets = partner.outer(armoured(keys + stripped).replace(b"\n", b"\r\n"))
    await refused(way_in, octets, "decryption-failed")


async def test_a_block_that_is_none(way_in: InboundHouse) -> None:
    block = b"-----BEGIN PGP MESSAGE-----\r\n\r\n!!!!\r\n-----END PGP MESSAGE-----\r\n"
    await refused(way_in, way_in.partner.outer(block), "message-malformed")


async def test_signature_missing(way_in: InboundHouse) -> None:
    partner = way_in.partner
    await refused(way_in, partner.message(signer=""), "signature-missing", channel="brinken")


async def test_a_signature_over_something_else(way_in: InboundHouse) -> None:
    partner = way_in.partner
    block = partner.sealed_by_hand(partner.payload(), over=b"something else")
    await refused(way_in, partner.outer(block), "signature-invalid")


async def test_a_signature_inside_over_something_else(way_in: InboundHouse) -> None:
    partner = way_in.partner
    signed = partner.signed_inside(partner.payload()).replace(b"Hej, ", b"Nej, ")
    octets = partner.outer(partner.seal(signed, signer=""))
    await refused(way_in, octets, "signature-invalid")


@pytest.mark.parametrize("digest", [1, 2], ids=["MD5", "SHA-1"])
async def test_a_digest_that_no_longer_counts(way_in: InboundHouse, digest: int) -> None:
    partner = way_in.partner
    block = partner.sealed_by_hand(partner.payload(), digest=digest)
    await refused(way_in, partner.outer(block), "signature-invalid")


async def test_two_signatures(way_in: InboundHouse) -> None:
    partner, keys = way_in.partner, way_in.keys
    payload = partner.payload()
    made = [
        signature_body(keys.receiver_home, key, payload, signed_at=int(partner.now))
        for key in (keys.stranger, keys.receiver)
    ]
    inner = (
        one_pass(made[1], keys.receiver, last=0)
        + one_pass(made[0], keys.stranger)
        + literal(payload)
        + b"".join(packet(2, each) for each in made)
    )
    block = under_encryption(keys.receiver_home, keys.sender, inner).replace(b"\n", b"\r\n")
    await refused(way_in, partner.outer(block), "signature-invalid")


async def test_by_a_key_that_has_expired_since(way_in: InboundHouse) -> None:
    """Signed while it was in force, and pinned: it expired in 2020."""
    partner, key = way_in.partner, way_in.keys.expired_primary
    block = partner.sealed_by_hand(
        partner.payload(world.KEY_EXPIRED), signer=key, signed_at=1_577_836_800 + DAY // 2
    )
    octets = partner.outer(block, world.KEY_EXPIRED)
    await refused(way_in, octets, "signature-invalid", sender=world.KEY_EXPIRED, channel="utgangen")


async def test_by_a_key_that_is_revoked(way_in: InboundHouse) -> None:
    partner, key = way_in.partner, way_in.keys.revoked_primary
    block = partner.sealed_by_hand(partner.payload(world.KEY_REVOKED), signer=key)
    octets = partner.outer(block, world.KEY_REVOKED)
    await refused(way_in, octets, "signature-invalid", sender=world.KEY_REVOKED, channel="aterkallad")


async def test_dated_in_the_future(way_in: InboundHouse) -> None:
    """An hour ahead is a clock that goes fast; more is no time at which anybody signed."""
    partner, keys = way_in.partner, way_in.keys
    block = partner.sealed_by_hand(partner.payload(), signed_at=partner.now + 3601)
    await refused(way_in, partner.outer(block), "signature-invalid", signed_by=keys.receiver)
    block = partner.sealed_by_hand(partner.payload(), signed_at=partner.now + 3600)
    assert (await way_in.receive(partner.outer(block))).reason == "ok"


async def test_too_old(way_in: InboundHouse) -> None:
    partner, signed_at = way_in.partner, way_in.clock.now
    octets = partner.outer(partner.sealed_by_hand(partner.payload(), signed_at=signed_at))
    way_in.clock.now = signed_at + (MAX_AGE + timedelta(seconds=1)).total_seconds()
    await refused(way_in, octets, "too-old", signed_by=way_in.keys.receiver, rule="inbound.max_age")
    way_in.clock.now = signed_at + MAX_AGE.total_seconds()
    assert (await way_in.receive(octets)).reason == "ok"


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("stranger", "the same user id, pinned nowhere"),
        ("old", "its own, accepted until yesterday"),
        ("two_user_ids", "another mailbox's"),
        ("doris", "a person's"),
    ],
)
async def test_signer_mismatch(way_in: InboundHouse, key: str, why: str) -> None:
    signer = getattr(way_in.keys, key)
    octets = way_in.partner.message(signer=signer)
    await refused(way_in, octets, "signer-mismatch", signed_by=signer, rule="mailboxes.key")


async def test_an_old_key_counts_on_its_last_day(way_in: InboundHouse) -> None:
    policy = make_policy(way_in.keys)
    policy["mailboxes"][world.BRINKEN]["key"][1]["accept_until"] = date.today()
    way_in.set_policy(policy)
    assert (await way_in.receive(way_in.partner.message(signer=way_in.keys.old))).reason == "ok"


async def test_our_own_key_does_not_speak_for_a_partner(way_in: InboundHouse) -> None:
    """What our own mailbox signed, brought from outside in a partner's name."""
    keys, partner = way_in.keys, way_in.partner
    block = sealed(keys.sender_home, keys.sender, payload=partner.payload(), signer=keys.sender)
    octets = partner.outer(block.replace(b"\n", b"\r\n"))
    await refused(way_in, octets, "signer-mismatch", signed_by=keys.sender)


@pytest.mark.parametrize(
    "damage",
    [
        lambda octets: octets.replace(b"Subject: [...]\r\n", b"Subject: [...]\n"),
        lambda octets: octets.replace(b"Subject: [...]", b"Subject: \x00"),
        lambda octets: octets.replace(b"Subject: [...]", b"Subject: \xe5"),
        lambda octets: octets.replace(b"\r\n--b--", octets[octets.index(b"\r\n--b\r\n") :]),
        lambda octets: b"X: " + b"x" * 65_536 + b"\r\n" + octets,
    ],
    ids=["bare LF", "NUL", "8-bit field", "two blocks", "a long line"],
)
async def test_message_malformed(way_in: InboundHouse, damage: Callable[[bytes], bytes]) -> None:
    octets = damage(way_in.partner.message())
    heard = await refused(way_in, octets, "message-malformed", rule="message")
    assert heard.reply.close == (b"[...]\n" in octets)


async def test_malformed_under_the_seal(way_in: InboundHouse) -> None:
    partner = way_in.partner
    octets = partner.outer(partner.seal(b"From: a\r\nTo: b\nSubject: c\r\n\r\nhej\r\n"))
    heard = await refused(way_in, octets, "message-malformed")
    assert not heard.reply.close


async def test_a_message_of_ours_that_does_not_restore(way_in: InboundHouse) -> None:
    partner = way_in.partner
    octets = partner.message(X_Rorpost_Restore="v=1; added=1; content-type=none; sha256=" + "0" * 64)
    await refused(way_in, octets, "message-malformed")


@pytest.mark.parametrize("inside", [False, True])
async def test_message_too_complex(way_in: InboundHouse, *, inside: bool) -> None:
    partner = way_in.partner
    many = {"Content_Type": "multipart/mixed; boundary=x", "body": "--x\r\n\r\n\r\n" * 1001 + "--x--\r\n"}
    payload = partner.payload(**many)  # type: ignore[arg-type]
    octets = partner.outer(partner.seal(payload)) if inside else payload
    await refused(way_in, octets, "message-too-complex")


@pytest.mark.parametrize(
    "received",
    [
        ["from mx.example by gw.motala.se with ESMTPS id 1; Wed, 06 May 2026 08:00:00 +0200"],
        [f"by mx{n}.example id 1; Wed, 06 May 2026 08:00:00 +0200" for n in range(RECEIVED_MOST + 1)],
    ],
    ids=["it has been here", "handed on too often"],
)
async def test_mail_loop(way_in: InboundHouse, received: list[str]) -> None:
    octets = way_in.partner.message(outside={"Received": received})
    await refused(way_in, octets, "mail-loop", signed_by=way_in.keys.receiver)


async def test_larger_inside_than_is_taken(way_in: InboundHouse) -> None:
    octets = way_in.partner.message(body=("x" * 76 + "\r\n") * 13_000)
    assert len(octets) < 1_000_000, "it is compressed"
    await refused(way_in, octets, "message-too-large")


async def test_the_phone_is_the_receiving_units(way_in: InboundHouse) -> None:
    octets = way_in.partner.message(to=(REHAB,), signer="", key=way_in.keys.rehab)
    await refused(
        way_in,
        octets,
        "signature-missing",
        recipients=(REHAB,),
        phone=PHONE_REHAB,
        channel="brinken-rehab",
    )
