"""Any octets at all, and any change of a sound message: the very payload, or a named refusal."""

import zlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorpost_gateway.openpgp.base import OpeningFailed, OpeningRefused
from rorpost_gateway.openpgp.inner import read_inner
from rorpost_gateway.openpgp.opening import GnupgOpener
from rorpost_gateway.openpgp.signature import read_signature
from rorpost_gateway.openpgp.unwrapping import read_encrypted
from tests.peers.gnupg_home import PreparedKeys
from tests.peers.openpgp_messages import (
    armoured,
    literal,
    packet,
    signature_packet,
    under_encryption,
    without_armour,
)

FUZZ = settings(max_examples=300, deadline=None, derandomize=True, database=None)
PAYLOAD = b"Subject: x\r\n\r\n" + b"the payload\r\n" * 20
LONGEST = 10_000
PACKETS = st.builds(
    lambda tag, body: packet(tag, body),
    st.sampled_from([1, 2, 4, 8, 9, 10, 11, 18, 20]),
    st.binary(max_size=40),
)
LITERALS = st.builds(lambda payload: literal(payload), st.binary(max_size=40))
COMPRESSED = st.builds(
    lambda inner: packet(8, b"\x01" + zlib.compress(inner, wbits=-15)), st.binary(max_size=80)
)
SEQUENCES = st.lists(st.one_of(PACKETS, LITERALS, COMPRESSED), max_size=6).map(b"".join)


@FUZZ
@given(st.one_of(st.binary(max_size=300), SEQUENCES))
def test_what_is_inside_is_read_or_refused(octets: bytes) -> None:
    with suppress(OpeningRefused):
        assert len(read_inner(octets, longest_octets=LONGEST).payload) <= len(octets) * 1100


@FUZZ
@given(st.one_of(st.binary(max_size=300), SEQUENCES))
def test_what_is_outside_is_read_or_refused(octets: bytes) -> None:
    with suppress(OpeningRefused):
        assert read_encrypted(octets).key_ids


@FUZZ
@given(st.binary(max_size=100), st.binary(max_size=100))
def test_signatures_are_read_or_refused(hashed: bytes, rest: bytes) -> None:
    for octets in (hashed, b"\x04\x00\x16\x0a" + len(hashed).to_bytes(2, "big") + hashed + rest):
        with suppress(OpeningRefused):
            assert read_signature(octets).digest in {8, 9, 10, 11}


@FUZZ
@given(st.data())
def test_a_change_of_what_is_inside_gives_no_longer_payload(data: st.DataObject) -> None:
    """A payload that differs is a signature's to refuse; here it must stay within its bounds."""
    sound = packet(8, b"\x02" + zlib.compress(literal(PAYLOAD)))
    at = data.draw(st.integers(min_value=0, max_value=len(sound) - 1))
    changed = sound[:at] + bytes([data.draw(st.integers(min_value=0, max_value=255))]) + sound[at + 1 :]
    with suppress(OpeningRefused):
        assert read_inner(changed, longest_octets=LONGEST).payload == PAYLOAD


@pytest.mark.parametrize("seed", range(6))
async def test_no_change_of_a_sound_message_opens_as_another(prepared_keys: PreparedKeys, seed: int) -> None:
    """Octets changed, taken out, doubled and cut off, through the real gpg."""
    home, signer = prepared_keys.sender_home, prepared_keys.sender
    inner = signature_packet(home, signer, PAYLOAD) + literal(PAYLOAD)
    sound = without_armour(under_encryption(home, prepared_keys.receiver, inner))
    opener = GnupgOpener(prepared_keys.receiver_home, None)
    for number in range(8):
        at = (seed * 8 + number) * len(sound) // 48
        for changed in (
            sound[:at] + bytes([sound[at] ^ (1 << (number % 8))]) + sound[at + 1 :],
            sound[:at] + sound[at + 1 :],
            sound[: at + 1] + sound[at:],
            sound[:at],
        ):
            try:
                opened = await opener.open(armoured(changed), longest_octets=LONGEST)
            except (OpeningRefused, OpeningFailed):
                continue
            assert opened.payload == PAYLOAD
            assert opened.signature is not None
            assert opened.signature.signer == signer
    await opener.close()


@pytest.mark.parametrize("seed", range(4))
async def test_no_change_of_a_signature_lets_it_cover_anything_else(
    prepared_keys: PreparedKeys, seed: int
) -> None:
    """What is changed outside the hashed area may still verify, but as the same signature."""
    opener = GnupgOpener(prepared_keys.receiver_home, None)
    sound = signature_packet(prepared_keys.sender_home, prepared_keys.sender, PAYLOAD)
    true = await opener.verify_detached(PAYLOAD, armoured(sound, "SIGNATURE"))
    for number in range(24):
        at = (seed * 24 + number) * len(sound) // 96
        changed = sound[:at] + bytes([sound[at] ^ (1 << (number % 8))]) + sound[at + 1 :]
        with suppress(OpeningRefused):
            assert await opener.verify_detached(PAYLOAD, armoured(changed, "SIGNATURE")) == true
        with pytest.raises(OpeningRefused):
            await opener.verify_detached(PAYLOAD + b"x", armoured(changed, "SIGNATURE"))
    await opener.close()
