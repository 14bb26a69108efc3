"""The grammar under the encryption, and inflating, over octets made by hand."""

import bz2
import tracemalloc
import zlib

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.openpgp.base import OpeningRefused
from rorpost_gateway.openpgp.inner import Inner, inflate, read_inner

PAYLOAD = b"Subject: x\r\n\r\nthe payload"
LONGEST = 100_000


def new(tag: int, body: bytes) -> bytes:
    return bytes([0xC0 | tag, 0xFF]) + len(body).to_bytes(4, "big") + body


def old(tag: int, body: bytes, kind: int) -> bytes:
    length = b"" if kind == 3 else len(body).to_bytes(1 << kind, "big")
    return bytes([0x80 | tag << 2 | kind]) + length + body


def partial(tag: int, octets: bytes, powers: list[int]) -> bytes:
    """The body in pieces of these powers of two; what is left in a last one of known length."""
    framed = bytearray([0xC0 | tag])
    for power in powers:
        framed += bytes([224 + power]) + octets[: 1 << power]
        octets = octets[1 << power :]
    return bytes(framed) + b"\xff" + len(octets).to_bytes(4, "big") + octets


def zipped(octets: bytes) -> bytes:
    return b"\x01" + zlib.compress(octets, wbits=-15)


def zlibbed(octets: bytes) -> bytes:
    return b"\x02" + zlib.compress(octets)


def bzipped(octets: bytes) -> bytes:
    return b"\x03" + bz2.compress(octets)


LITERAL_BODY = b"b\x04name\0\0\0\0" + PAYLOAD
LITERAL, SIGNATURE = new(11, LITERAL_BODY), new(2, b"the signature's body")
KEY_ID = bytes.fromhex("0123456789ABCDEF")
ONE_PASS_BODY = b"\x03\x00\x0a\x16" + KEY_ID + b"\x01"
ONE_PASS = new(4, ONE_PASS_BODY)
SIGNED = ONE_PASS + LITERAL + SIGNATURE


def read(octets: bytes, longest_octets: int = LONGEST) -> Inner:
    return read_inner(octets, longest_octets=longest_octets)


def reason(octets: bytes, longest_octets: int = LONGEST) -> Reason:
    with pytest.raises(OpeningRefused) as refused:
        read(octets, longest_octets)
    return refused.value.reason


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"text", id="no packets"),
        pytest.param(LITERAL + LITERAL, id="two literals"),
        pytest.param(LITERAL + b"\n", id="an octet after"),
        pytest.param(LITERAL[:-1], id="cut short"),
        pytest.param(LITERAL + new(10, b"PGP"), id="a marker after"),
        pytest.param(new(10, b"PGP") + LITERAL, id="a marker before"),
        pytest.param(new(18, b"\x01" + bytes(60)), id="encrypted data"),
        pytest.param(new(1, bytes(60)) + new(18, bytes(60)), id="an encrypted message"),
        pytest.param(new(11, b"b"), id="literal data without their header"),
        pytest.param(new(11, b"b\xff" + bytes(100)), id="a name longer than the packet"),
        pytest.param(new(11, b"l\x00" + bytes(100)), id="a local literal"),
        pytest.param(new(11, b"m\x00" + bytes(100)), id="a mode of no standard"),
        pytest.param(new(8, zipped(LITERAL)) + LITERAL, id="something behind the compressed"),
        pytest.param(LITERAL + new(8, zipped(LITERAL)), id="something before the compressed"),
        pytest.param(new(8, zipped(new(8, zipped(LITERAL)))), id="compressed twice"),
        pytest.param(new(8, b""), id="compressed nothing"),
        pytest.param(new(8, b"\x00" + LITERAL), id="not compressed, as an algorithm"),
        pytest.param(new(8, b"\x04" + LITERAL), id="an unknown algorithm"),
        pytest.param(new(8, b"\x01" + b"\xff" * 50), id="no ZIP"),
        pytest.param(new(8, b"\x02" + b"\xff" * 50), id="no ZLIB"),
        pytest.param(new(8, b"\x03" + b"\xff" * 50), id="no BZIP2"),
        pytest.param(new(8, b"\x01"), id="an empty ZIP"),
        pytest.param(new(8, zipped(LITERAL) + b"x"), id="an octet after the ZIP"),
        pytest.param(new(8, zipped(LITERAL) * 2), id="two ZIPs"),
        pytest.param(new(8, zlibbed(LITERAL) + zlibbed(LITERAL)), id="two ZLIBs"),
        pytest.param(new(8, bzipped(LITERAL) + bz2.compress(LITERAL)), id="two BZIP2s"),
        pytest.param(new(8, zlibbed(LITERAL)[:-1]), id="a ZLIB without its end"),
        pytest.param(new(8, bzipped(LITERAL)[:-1]), id="a BZIP2 without its end"),
        pytest.param(new(8, zlibbed(LITERAL)[:-4] + b"\0\0\0\0"), id="a ZLIB with a wrong checksum"),
    ],
)
def test_is_no_message(octets: bytes) -> None:
    assert reason(octets) is Reason.DECRYPTION_FAILED


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(ONE_PASS + LITERAL, id="announced and not there"),
        pytest.param(LITERAL + SIGNATURE, id="not announced"),
        pytest.param(SIGNED + SIGNATURE, id="a second signature behind"),
        pytest.param(SIGNATURE + SIGNED, id="a second signature before"),
        pytest.param(SIGNATURE + LITERAL + SIGNATURE, id="before and behind"),
        pytest.param(ONE_PASS + SIGNED + SIGNATURE, id="two of everything"),
        pytest.param(SIGNATURE + SIGNATURE + LITERAL, id="two before"),
        pytest.param(ONE_PASS + SIGNATURE + LITERAL, id="the wrong way round"),
        pytest.param(new(4, ONE_PASS_BODY[:-1] + b"\x00") + LITERAL + SIGNATURE, id="announces another"),
        pytest.param(new(4, b"\x06" + ONE_PASS_BODY[1:]) + LITERAL + SIGNATURE, id="of version 6"),
        pytest.param(new(4, ONE_PASS_BODY + b"x") + LITERAL + SIGNATURE, id="too long"),
    ],
)
def test_is_not_one_signature(octets: bytes) -> None:
    assert reason(octets) is Reason.SIGNATURE_INVALID
    assert reason(new(8, zipped(octets))) is Reason.SIGNATURE_INVALID


def test_signed_data_that_are_compressed_inside_are_not_taken() -> None:
    """The standard would allow it; nobody sends it, and what is signed would be in doubt."""
    assert reason(ONE_PASS + new(8, zipped(LITERAL)) + SIGNATURE) is Reason.DECRYPTION_FAILED


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda octets: octets, id="as it is"),
        pytest.param(lambda octets: new(8, zipped(octets)), id="ZIP"),
        pytest.param(lambda octets: new(8, zlibbed(octets)), id="ZLIB"),
        pytest.param(lambda octets: new(8, bzipped(octets)), id="BZIP2"),
        pytest.param(lambda octets: old(8, zipped(octets), 3), id="of indeterminate length"),
    ],
)
def test_is_taken_apart(wrap) -> None:
    assert read(wrap(LITERAL)) == Inner(payload=PAYLOAD)
    assert read(wrap(SIGNATURE + LITERAL)) == Inner(payload=PAYLOAD, signature=b"the signature's body")
    signed = read(wrap(SIGNED))
    assert signed.payload == PAYLOAD
    assert signed.signature == b"the signature's body"
    assert signed.announced_key_id == "0123456789ABCDEF"


@pytest.mark.parametrize("kind", [1, 2, 3])
def test_literal_data_in_the_old_format(kind: int) -> None:
    assert read(old(11, LITERAL_BODY, kind)).payload == PAYLOAD


def test_a_literal_without_an_end_has_nothing_behind_it() -> None:
    """What would have been the signature is data; and a message that announces one has none."""
    assert read(SIGNATURE + old(11, LITERAL_BODY, 3)).payload == PAYLOAD
    assert reason(ONE_PASS + old(11, LITERAL_BODY + SIGNATURE, 3)) is Reason.SIGNATURE_INVALID


@pytest.mark.parametrize("powers", [[9], [9, 0, 1, 0], [10, 9, 9], [12, 12]])
def test_partial_lengths(powers: list[int]) -> None:
    payload = bytes(range(256)) * 40
    literal = partial(11, b"b\x00\0\0\0\0" + payload, powers)
    assert read(literal).payload == payload
    assert read(ONE_PASS + literal + SIGNATURE).payload == payload
    compressed = partial(8, b"\x02" + zlib.compress(literal, 0), powers)
    assert read(compressed).payload == payload


def test_a_first_piece_that_is_too_short() -> None:
    assert reason(partial(11, LITERAL_BODY + bytes(512), [8])) is Reason.DECRYPTION_FAILED


def test_partial_lengths_are_for_data_only() -> None:
    assert reason(partial(2, bytes(1000), [9]) + LITERAL) is Reason.DECRYPTION_FAILED


def test_pieces_are_bounded() -> None:
    assert reason(partial(11, LITERAL_BODY + bytes(9000), [9, *[0] * 6000])) is Reason.DECRYPTION_FAILED


@pytest.mark.parametrize("wrap", [lambda octets: octets, lambda octets: new(8, zipped(octets))])
def test_the_bound_is_on_the_data(wrap) -> None:
    octets = wrap(ONE_PASS + LITERAL + SIGNATURE)
    assert read(octets, len(PAYLOAD)).payload == PAYLOAD
    assert reason(octets, len(PAYLOAD) - 1) is Reason.MESSAGE_TOO_LARGE


@pytest.mark.parametrize("pack", [zipped, zlibbed, bzipped])
@pytest.mark.parametrize("length", [0, 1, 65_535, 65_536, 65_537, 131_072, 1_000_000])
@pytest.mark.parametrize("filling", ["zeros", "noise"])
def test_inflating(pack, length: int, filling: str) -> None:
    """Around the size of a step, and with ratios of one and of a thousand."""
    noise = bytes(number * number % 251 for number in range(1000)) * 1001
    octets = bytes(length) if filling == "zeros" else noise[:length]
    assert inflate(pack(octets), longest_octets=length) == octets
    if length:
        with pytest.raises(OpeningRefused) as refused:
            inflate(pack(octets), longest_octets=length - 1)
        assert refused.value.reason is Reason.MESSAGE_TOO_LARGE


@pytest.mark.parametrize("pack", [zipped, zlibbed, bzipped])
def test_a_bomb_is_not_made(pack) -> None:
    bomb = pack(bytes(50_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(OpeningRefused):
            inflate(bomb, longest_octets=LONGEST)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000
