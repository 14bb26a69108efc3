"""Packet framing and the check of the sealed message, over octets made by hand."""

import base64
import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.errors import SealingFailed
from rorpost_gateway.openpgp.packets import (
    PACKETS,
    Packet,
    check_packets,
    check_sealed,
    packets_of,
    to_end_in_padding,
)

FINGERPRINT = "0123456789ABCDEF0123456789ABCDEFFEDCBA98"
KEY_ID = bytes.fromhex(FINGERPRINT)[-8:]
SESSION_KEY = b"\x03" + KEY_ID + b"\x12" + b"k" * 40
PROTECTED = b"\x01" + b"e" * 80


def new(tag: int, body: bytes) -> bytes:
    return bytes([0xC0 | tag, 0xFF]) + len(body).to_bytes(4, "big") + body


def old(tag: int, body: bytes, kind: int = 1) -> bytes:
    length = b"" if kind == 3 else len(body).to_bytes(1 << kind, "big")
    return bytes([0x80 | tag << 2 | kind]) + length + body


def partial(tag: int, *chunks: tuple[int, bytes], last: bytes) -> bytes:
    """Chunks as (power of two, octets); the last with a one-octet length."""
    framed = b"".join(bytes([224 + power]) + octets for power, octets in chunks)
    return bytes([0xC0 | tag]) + framed + bytes([len(last)]) + last


def armoured(octets: bytes) -> bytes:
    text = base64.encodebytes(octets)
    return b"-----BEGIN PGP MESSAGE-----\n\n" + text + b"-----END PGP MESSAGE-----\n"


def check(octets: bytes, fingerprint: str = FINGERPRINT) -> str:
    return check_sealed(armoured(octets), subkey_fingerprint=fingerprint)


SESSION, DATA = new(1, SESSION_KEY), new(18, PROTECTED)


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(SESSION, id="no data"),
        pytest.param(DATA, id="no session key"),
        pytest.param(DATA + SESSION, id="the wrong way round"),
        pytest.param(SESSION + SESSION + DATA, id="two session keys"),
        pytest.param(SESSION + DATA + DATA, id="two data packets"),
        pytest.param(SESSION + DATA + new(11, b"b\x00\x00\x00\x00\x00plain"), id="a literal packet after"),
        pytest.param(new(10, b"PGP") + SESSION + DATA, id="a marker before"),
        pytest.param(SESSION + new(21, b"x") + DATA, id="padding between"),
        pytest.param(new(3, SESSION_KEY) + DATA, id="a passphrase instead of a key"),
        pytest.param(SESSION + new(3, b"\x04\x09\x00\x08") + DATA, id="a passphrase besides the key"),
        pytest.param(SESSION + new(9, PROTECTED), id="no integrity protection"),
        pytest.param(SESSION + new(20, PROTECTED), id="GnuPG's AEAD packet"),
        pytest.param(SESSION + new(18, b"\x02" + PROTECTED[1:]), id="data of version 2"),
        pytest.param(SESSION + new(18, PROTECTED[:20]), id="data too short"),
        pytest.param(SESSION + new(18, b""), id="data empty"),
        pytest.param(new(1, b"") + DATA, id="session key empty"),
        pytest.param(new(1, SESSION_KEY[:10]) + DATA, id="session key without a session key"),
        pytest.param(new(1, b"\x06" + SESSION_KEY[1:]) + DATA, id="session key of version 6"),
        pytest.param(new(1, b"\x03" + bytes(8) + SESSION_KEY[9:]) + DATA, id="hidden recipient"),
        pytest.param(new(1, b"\x03" + b"x" * 8 + SESSION_KEY[9:]) + DATA, id="another key"),
        pytest.param(new(2, b"\x04\x00"), id="a signature only"),
        pytest.param(new(11, b"b\x00\x00\x00\x00\x00plain"), id="literal data"),
        pytest.param(new(8, b"\x01zzz"), id="compressed data"),
        pytest.param(SESSION + DATA + b"\n", id="an octet after"),
        pytest.param(SESSION + DATA[:-1], id="cut short"),
        pytest.param(SESSION + DATA[:3], id="cut within a length"),
        pytest.param(SESSION + old(9, PROTECTED, kind=3), id="indeterminate length"),
        pytest.param(new(0, b"x") + SESSION + DATA, id="reserved packet"),
        pytest.param(partial(1, (9, SESSION_KEY.ljust(512)), last=b"") + DATA, id="partial session key"),
        pytest.param(SESSION + partial(18, (8, PROTECTED.ljust(256)), last=b""), id="first part too short"),
        pytest.param(
            SESSION + partial(18, (9, PROTECTED.ljust(512)), last=b"x") + b"!", id="after the parts"
        ),
        pytest.param(SESSION + partial(18, (9, PROTECTED.ljust(512)), last=b"xyz")[:-4], id="no last part"),
        pytest.param(SESSION + bytes([0xD2, 254]) + PROTECTED, id="a part of one gigabyte"),
    ],
)
def test_refuses(octets: bytes) -> None:
    with pytest.raises(SealingFailed):
        check(octets)


@pytest.mark.parametrize("digits", [FINGERPRINT + "0" * 24, FINGERPRINT[-16:], ""])
def test_refuses_a_fingerprint_that_is_not_of_version_4(digits: str) -> None:
    with pytest.raises(SealingFailed):
        check(SESSION + DATA, digits)


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(SESSION + DATA, id="new format"),
        pytest.param(old(1, SESSION_KEY, kind=0) + DATA, id="old format, one octet"),
        pytest.param(old(1, SESSION_KEY) + DATA, id="old format, two octets"),
        pytest.param(old(1, SESSION_KEY, kind=2) + DATA, id="old format, four octets"),
        pytest.param(b"\xc1" + bytes([len(SESSION_KEY)]) + SESSION_KEY + DATA, id="length of one octet"),
        pytest.param(SESSION + b"\xd2\xc0\x08" + PROTECTED.ljust(200), id="length of two octets"),
        pytest.param(
            SESSION + partial(18, (9, PROTECTED.ljust(512)), (0, b"y"), (1, b"zz"), last=b""),
            id="partial lengths",
        ),
    ],
)
def test_accepts_both_formats_and_gives_the_digest_of_the_packets(octets: bytes) -> None:
    assert check(octets) == hashlib.sha256(octets).hexdigest()
    assert check(octets, FINGERPRINT.lower()) == check(octets)


def test_partial_lengths_are_added_up() -> None:
    octets = partial(18, (9, b"a" * 512), (10, b"b" * 1024), last=b"cc")
    assert list(packets_of(octets)) == [Packet(tag=18, start=b"a" * 512, length=1538)]


def test_the_number_of_packets_is_bounded() -> None:
    with pytest.raises(SealingFailed):
        list(packets_of(new(10, b"PGP") * (PACKETS + 1)))


@given(st.binary(min_size=1, max_size=200))
def test_any_octets_are_taken_apart_or_refused(octets: bytes) -> None:
    try:
        found = list(packets_of(octets))
    except SealingFailed:
        return
    assert sum(packet.length for packet in found) < len(octets)


@given(st.integers(min_value=0, max_value=len(SESSION + DATA) - 1), st.integers(min_value=1, max_value=255))
def test_no_change_of_framing_goes_unseen(at: int, change: int) -> None:
    """Only octets inside the two bodies, which nobody here can read, may differ."""
    octets = bytearray(SESSION + DATA)
    octets[at] ^= change
    opaque = range(16, 16 + 40), range(len(SESSION) + 7, len(octets)), range(15, 16)
    if any(at in part for part in opaque):
        return
    with pytest.raises(SealingFailed):
        check(bytes(octets))


# With a payload whose length is known; the data packet has 41 octets of its own around what it holds


def data_of(octets: int) -> bytes:
    return SESSION + new(18, b"\x01" + b"e" * (octets + 40))


@pytest.mark.parametrize("held", [0, 999, 1000, 1000 + 4096 + 3 + 1 + 1, 20_000])
def test_data_that_are_not_the_payload_with_one_signature(held: int) -> None:
    with pytest.raises(SealingFailed, match="beside the payload"):
        check_packets(data_of(held), subkey_fingerprint=FINGERPRINT, payload_octets=1000)


@pytest.mark.parametrize("held", [1001, 1200, 1000 + 4096 + 3 + 1])
def test_data_that_may_be_the_payload_with_one_signature(held: int) -> None:
    octets = data_of(held)
    digest = check_packets(octets, subkey_fingerprint=FINGERPRINT, payload_octets=1000)
    assert digest == hashlib.sha256(octets).hexdigest()


# What old readers of armour need


@pytest.mark.parametrize("header", [new, old, lambda tag, body: bytes([0xC0 | tag, len(body)]) + body])
@pytest.mark.parametrize("more", range(3))
def test_made_to_end_in_padding(header: Callable[[int, bytes], bytes], more: int) -> None:
    octets = header(1, SESSION_KEY) + new(18, PROTECTED + b"e" * more)
    made = to_end_in_padding(octets)
    assert base64.b64encode(made).endswith(b"=")
    assert [(each.tag, each.start) for each in packets_of(made)] == [
        (each.tag, each.start) for each in packets_of(octets)
    ]
    assert (made == octets) == bool(len(octets) % 3)
    assert check(made)


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"abc", id="no packet"),
        pytest.param(old(1, bytes(66_000), 2), id="a session key that cannot be"),
        pytest.param(partial(18, (9, b"e" * 512), last=b"e" * 2), id="data in pieces first"),
    ],
)
def test_what_begins_with_no_session_key_is_not_made_longer(octets: bytes) -> None:
    with pytest.raises(SealingFailed):
        to_end_in_padding(octets + bytes(-len(octets) % 3))
