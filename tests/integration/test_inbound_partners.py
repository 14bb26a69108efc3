"""What partners' mail clients send, and what mail servers make of it on the way: taken and delivered.

The shapes of tests/golden/partners, sealed by the real gpg, through the whole way in. Hostile ones
are refused, whatever for, and leave nothing behind.
"""

import re
from collections.abc import Callable

import pytest

from rorpost_gateway.delivery.base import Delivered
from rorpost_gateway.pgpmime import read_payload
from tests.peers import gateway_world as world
from tests.peers.inbound_house import InboundHouse
from tests.peers.openpgp_messages import armoured, packet, signature_body
from tests.peers.partners import arrived, names, shape

SIGNED_INSIDE = {"apple_mail_signed_inside", "mutt_signed_inside", "signed_inside_protected"}
TEXT_AROUND = "efail_html_around"
_SIGNATURE = re.compile(rb"-----BEGIN PGP SIGNATURE-----.*?-----END PGP SIGNATURE-----\r?\n", re.DOTALL)


def turned(octets: bytes) -> bytes:
    """The shapes go from home care to Brinken; here they come from there."""
    ours, theirs = world.HOME_CARE.encode(), world.BRINKEN.encode()
    return octets.replace(ours, b"\0").replace(theirs, ours).replace(b"\0", theirs)


def undemanding(house: InboundHouse) -> None:
    """Other partners' mail states no sending user, and some of it does not protect its header fields."""
    rules = {"unprotected_headers": "allow", "declared_user": {"inbound": "optional"}, "urgent": "allow"}
    house.policy_data["channels"][0]["rules"] = rules
    house.set_policy(house.policy_data)


def sealed(house: InboundHouse, name: str, payload: bytes, *options: str, sign: bool = True) -> bytes:
    block = house.partner.seal(payload, *options, signer=None if sign else "")
    return turned(arrived("outside", name, block).octets)


def signed_for_real(house: InboundHouse, payload: bytes) -> bytes:
    """The payload with a signature by Brinken's key where the shape has a made-up one."""
    read = read_payload(payload, signed=False)
    assert read.signed_inside
    keys = house.keys
    made = signature_body(
        keys.receiver_home, keys.receiver, read.signed_inside.signed, signed_at=int(house.partner.now)
    )
    block = armoured(packet(2, made), "SIGNATURE")
    if b"\r\n" in payload:
        block = block.replace(b"\n", b"\r\n")
    if b"quoted-printable\r\n\r\n-----BEGIN" in payload:
        block = block.replace(b"=", b"=3D")
    return _SIGNATURE.sub(lambda _: block, payload)


async def taken_and_delivered(house: InboundHouse, octets: bytes) -> bytes:
    undemanding(house)
    copy, queued = await house.taken(octets)
    assert queued == octets
    assert isinstance(await house.deliverer().deliver(copy, queued), Delivered)
    (delivered,) = house.delivered()
    assert delivered.startswith(b"X-Rorpost-Verified: ")
    return delivered


@pytest.mark.parametrize("name", names("outside"))
async def test_whatever_was_made_of_it_on_the_way(way_in: InboundHouse, name: str) -> None:
    payload = turned(shape("inside", "rfc_9788_cipher"))
    delivered = await taken_and_delivered(way_in, sealed(way_in, name, payload))
    assert delivered.startswith(b"X-Rorpost-Verified: yes; ")
    assert delivered.endswith(payload)


@pytest.mark.parametrize("name", sorted(set(names("inside")) - SIGNED_INSIDE))
@pytest.mark.parametrize("options", [(), ("--textmode",)], ids=["octets", "text"])
async def test_whatever_a_client_seals(way_in: InboundHouse, name: str, options: tuple[str, ...]) -> None:
    payload = turned(shape("inside", name))
    delivered = await taken_and_delivered(way_in, sealed(way_in, "thunderbird", payload, *options))
    assert delivered.endswith(payload.partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize("name", sorted(SIGNED_INSIDE))
async def test_signed_inside(way_in: InboundHouse, name: str) -> None:
    payload = signed_for_real(way_in, turned(shape("inside", name)))
    read = read_payload(payload, signed=False)
    assert read.signed_inside
    delivered = await taken_and_delivered(way_in, sealed(way_in, "google_nested", payload, sign=False))
    assert delivered.endswith(read.signed_inside.signed)


async def test_text_around_is_neither_used_nor_delivered(way_in: InboundHouse) -> None:
    """Mail systems put text around what they carry, which no sender can prevent (EFAIL would use it)."""
    payload = turned(shape("inside", "rfc_9788_cipher"))
    block = way_in.partner.seal(payload)
    octets = turned(arrived("hostile_outside", TEXT_AROUND, block).octets)
    assert (await taken_and_delivered(way_in, octets)).endswith(payload)
    assert b"<img" in octets
    assert b"<img" not in way_in.delivered()[0]


@pytest.mark.parametrize("name", sorted(set(names("hostile_outside")) - {TEXT_AROUND}))
async def test_hostile_outside(way_in: InboundHouse, name: str) -> None:
    undemanding(way_in)
    block = way_in.partner.seal(turned(shape("inside", "rfc_9788_cipher")))
    heard = await way_in.receive(turned(arrived("hostile_outside", name, block).octets))
    assert heard.reply.code == 550, name
    assert [line["action"] for line in way_in.lines()] == ["reject"]
    assert await way_in.copies() == []


@pytest.mark.parametrize("name", names("hostile_inside"))
@pytest.mark.parametrize("sign", [True, False], ids=["signed", "not signed"])
async def test_hostile_inside(way_in: InboundHouse, name: str, *, sign: bool) -> None:
    undemanding(way_in)
    payload = turned(shape("hostile_inside", name))
    heard = await way_in.receive(sealed(way_in, "thunderbird", payload, sign=sign))
    assert heard.reply.code == 550, name
    assert [line["action"] for line in way_in.lines()] == ["reject"]
    assert await way_in.copies() == []


@pytest.mark.parametrize(
    "seal",
    [
        lambda house, payload: house.partner.seal(payload, "--compress-algo", "bzip2"),
        lambda house, payload: house.partner.seal(payload, "--throw-keyids"),
        lambda house, payload: house.partner.seal(payload, "-r", house.keys.receiver),
    ],
    ids=["bzip2", "hidden key ids", "several keys"],
)
async def test_other_forms_of_the_seal(
    way_in: InboundHouse, seal: Callable[[InboundHouse, bytes], bytes]
) -> None:
    payload = turned(shape("inside", "rfc_9788_cipher"))
    octets = turned(arrived("outside", "thunderbird", seal(way_in, payload)).octets)
    assert (await taken_and_delivered(way_in, octets)).endswith(payload)
