"""The signature packet as far as the gateway reads it itself, over octets made by hand."""

from datetime import UTC, datetime

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.openpgp.base import OpeningRefused
from rorpost_gateway.openpgp.signature import SignaturePacket, check_text, read_signature

FINGERPRINT = "0123456789ABCDEF0123456789ABCDEFFEDCBA98"
RECIPIENT = b"\x04" + bytes.fromhex(FINGERPRINT)


def body(
    hashed: bytes = b"", *, version: int = 4, kind: int = 0, digest: int = 10, rest: bytes = b"x"
) -> bytes:
    return bytes([version, kind, 22, digest]) + len(hashed).to_bytes(2, "big") + hashed + rest


def subpacket(kind: int, content: bytes, *, width: int = 1) -> bytes:
    length = 1 + len(content)
    if width == 1:
        prefix = bytes([length])
    elif width == 2:
        prefix = bytes([192 + ((length - 192) >> 8), (length - 192) & 0xFF])
    else:
        prefix = b"\xff" + length.to_bytes(4, "big")
    return prefix + bytes([kind]) + content


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x04\x00\x16\x0a\x00", id="cut short"),
        pytest.param(body(version=3), id="version 3"),
        pytest.param(body(version=5), id="version 5"),
        pytest.param(body(version=6), id="version 6"),
        pytest.param(body(kind=0x02), id="standalone"),
        pytest.param(body(kind=0x10), id="over a user id"),
        pytest.param(body(digest=1), id="MD5"),
        pytest.param(body(digest=2), id="SHA-1"),
        pytest.param(body(digest=3), id="RIPEMD-160"),
        pytest.param(body(digest=99), id="an unknown digest"),
        pytest.param(b"\x04\x00\x16\x0a\xff\xffxx", id="a hashed area longer than the packet"),
        pytest.param(body(b"\x00"), id="an empty subpacket"),
        pytest.param(body(b"\x05\x02abc"), id="a subpacket cut short"),
        pytest.param(body(b"\xff\x00\x00"), id="a subpacket's length cut short"),
        pytest.param(body(b"\xc0"), id="a subpacket's length of two octets cut short"),
        pytest.param(body(b"\xff\xff\xff\xff\xff\x23"), id="a subpacket of four GiB"),
        pytest.param(body(subpacket(35, b"")), id="an intended recipient of no octets"),
        pytest.param(body(subpacket(35, b"\x04")), id="of a version alone"),
        pytest.param(body(subpacket(35, RECIPIENT[:-1])), id="of 19 octets"),
        pytest.param(body(subpacket(35, RECIPIENT + b"x")), id="of 21 octets"),
        pytest.param(body(rest=bytes(70_000)), id="too long"),
    ],
)
def test_refused(octets: bytes) -> None:
    with pytest.raises(OpeningRefused) as refused:
        read_signature(octets)
    assert refused.value.reason is Reason.SIGNATURE_INVALID


@pytest.mark.parametrize("digest", [8, 9, 10, 11])
@pytest.mark.parametrize("kind", [0, 1])
def test_read(kind: int, digest: int) -> None:
    assert read_signature(body(kind=kind, digest=digest)) == SignaturePacket(
        kind=kind, algorithm=22, digest=digest, intended_recipients=(), created=None
    )


NOON = subpacket(2, (1_777_777_777).to_bytes(4, "big"))


@pytest.mark.parametrize(
    ("hashed", "unhashed", "stated"),
    [
        pytest.param(NOON, b"", True, id="once"),
        pytest.param(b"", NOON, False, id="where it is not signed"),
        pytest.param(NOON + NOON, b"", False, id="twice"),
        pytest.param(subpacket(2, b"abc"), b"", False, id="of three octets"),
    ],
)
def test_when_it_was_made(hashed: bytes, unhashed: bytes, *, stated: bool) -> None:
    created = read_signature(body(hashed, rest=len(unhashed).to_bytes(2, "big") + unhashed)).created
    assert created == (datetime.fromtimestamp(1_777_777_777, UTC) if stated else None)


@pytest.mark.parametrize("width", [1, 2, 5])
def test_intended_recipients_among_others(width: int) -> None:
    other = subpacket(20, b"n" * 300, width=2) + subpacket(2, b"time")
    padding = b"" if width != 2 else bytes(200)
    if width == 2:  # a length of two octets counts from 192; such a recipient is no version 4 fingerprint
        recipient = subpacket(35, b"\x06" + RECIPIENT[1:] + padding, width=2)
        wanted = FINGERPRINT + padding.hex()
    else:
        recipient, wanted = subpacket(35, RECIPIENT, width=width), FINGERPRINT
    assert read_signature(body(other + recipient + other)).intended_recipients == (wanted,)


def test_critical_or_not_several_and_of_version_6() -> None:
    area = subpacket(35, RECIPIENT) + subpacket(0x80 | 35, b"\x06" + bytes(32)) + subpacket(35, RECIPIENT)
    assert read_signature(body(area)).intended_recipients == (FINGERPRINT, "00" * 32, FINGERPRINT)


def test_the_unhashed_area_is_not_read() -> None:
    slipped_in = subpacket(35, RECIPIENT)
    rest = len(slipped_in).to_bytes(2, "big") + slipped_in
    assert read_signature(body(rest=rest)).intended_recipients == ()


@pytest.mark.parametrize("signed", [b"a\n", b"a\r", b"\ra\r\n", b"a\r\r\n", b"a\r\n\n", b"a\n\r"])
def test_text_in_one_form_only(signed: bytes) -> None:
    check_text(read_signature(body(kind=0)), signed)
    with pytest.raises(OpeningRefused):
        check_text(read_signature(body(kind=1)), signed)


@pytest.mark.parametrize("signed", [b"", b"a", b"a\r\n", b"a\r\nb", b"\r\n\r\n"])
def test_text_in_that_form(signed: bytes) -> None:
    check_text(read_signature(body(kind=1)), signed)
