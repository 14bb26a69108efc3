"""EFAIL, 2018: ciphertext without modification detection, or with a wrong one, was shown all the same.

python-gnupg gives such plaintext back too, and does not say that nothing protected it.
"""

import hashlib

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.openpgp.base import OpeningRefused
from rorpost_gateway.openpgp.opening import GnupgOpener
from tests.peers.gnupg_home import PreparedKeys, gpg
from tests.peers.openpgp_messages import armoured, literal, packet, split, under_encryption, without_armour

PAYLOAD = b"Content-Type: text/html\r\n\r\n<p>the payload</p>\r\n"


async def refusal(keys: PreparedKeys, octets: bytes) -> Reason:
    opener = GnupgOpener(keys.receiver_home, None)
    with pytest.raises(OpeningRefused) as refused:
        await opener.open(armoured(octets), longest_octets=10_000)
    await opener.close()
    return refused.value.reason


async def test_an_encryption_that_never_had_it(prepared_keys: PreparedKeys) -> None:
    """As `gpg --rfc2440` and the programs of the time make it."""
    made = gpg(
        prepared_keys.sender_home, "--rfc2440", "--encrypt", "-r", prepared_keys.receiver, stdin=PAYLOAD
    )
    assert await refusal(prepared_keys, made) is Reason.DECRYPTION_FAILED


async def test_protected_data_relabelled_as_unprotected(prepared_keys: PreparedKeys) -> None:
    sound = under_encryption(prepared_keys.sender_home, prepared_keys.receiver, literal(PAYLOAD))
    key, data = split(without_armour(sound))
    assert data[2] == 1  # the version, which data without protection do not have
    for relabelled in (packet(9, data[3:]), packet(9, data[2:]), packet(9, data[3:-22])):
        assert await refusal(prepared_keys, key + relabelled) is Reason.DECRYPTION_FAILED


async def test_a_gadget_spliced_in(prepared_keys: PreparedKeys) -> None:
    """Two blocks of ciphertext swapped: sound decryption of another text, but for the detection code."""
    payload = hashlib.shake_256(b"gadget").digest(2000)
    sound = without_armour(
        under_encryption(prepared_keys.sender_home, prepared_keys.receiver, literal(payload))
    )
    a, b = len(sound) - 600, len(sound) - 300
    spliced = sound[:a] + sound[b : b + 64] + sound[a + 64 : b] + sound[a : a + 64] + sound[b + 64 :]
    assert len(spliced) == len(sound)
    assert await refusal(prepared_keys, spliced) is Reason.DECRYPTION_FAILED


async def test_the_detection_code_cut_off(prepared_keys: PreparedKeys) -> None:
    sound = under_encryption(prepared_keys.sender_home, prepared_keys.receiver, literal(PAYLOAD))
    key, data = split(without_armour(sound))
    assert await refusal(prepared_keys, key + packet(18, data[2:-22])) is Reason.DECRYPTION_FAILED
