"""Signature wrapping, at the level of OpenPGP packets: what was verified and what was used were two things.

The MIME level has its own tests.
"""

import zlib

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.openpgp.base import OpeningRefused
from rorpost_gateway.openpgp.opening import GnupgOpener
from tests.peers.gnupg_home import PreparedKeys, gpg
from tests.peers.openpgp_messages import (
    armoured,
    body,
    literal,
    one_pass,
    packet,
    sealed,
    signature_packet,
    under_encryption,
    without_armour,
)

SIGNED, FORGED = b"what was signed\r\n", b"what the reader should see\r\n"


def zipped(octets: bytes) -> bytes:
    return packet(8, b"\x01" + zlib.compress(octets, wbits=-15))


@pytest.mark.parametrize(
    "place",
    [
        "a literal before",
        "a literal behind",
        "a literal between",
        "signed data compressed, another beside",
        "a signed message inside the literal's place",
        "the signature of one, the data of another",
        "data in a name",
        "two signed messages",
        "a signed message beside compressed data",
    ],
)
async def test_nothing_is_used_beside_what_was_signed(prepared_keys: PreparedKeys, place: str) -> None:
    home, signer = prepared_keys.sender_home, prepared_keys.sender
    made = signature_packet(home, signer, SIGNED)
    begin = one_pass(body(made), signer)
    sound = begin + literal(SIGNED) + made
    inner = {
        "a literal before": literal(FORGED) + sound,
        "a literal behind": sound + literal(FORGED),
        "a literal between": begin + literal(FORGED) + literal(SIGNED) + made,
        "signed data compressed, another beside": zipped(sound) + literal(FORGED),
        "a signed message inside the literal's place": begin + zipped(sound) + made,
        "the signature of one, the data of another": begin + literal(FORGED) + made,
        "data in a name": begin + literal(FORGED, name=SIGNED[:-2]) + made,
        "two signed messages": sound + sound,
        "a signed message beside compressed data": sound + zipped(literal(FORGED)),
    }[place]
    opener = GnupgOpener(prepared_keys.receiver_home, None)
    with pytest.raises(OpeningRefused) as refused:
        await opener.open(under_encryption(home, prepared_keys.receiver, inner), longest_octets=1000)
    assert refused.value.reason in (Reason.SIGNATURE_INVALID, Reason.DECRYPTION_FAILED)
    await opener.close()


async def test_text_around_a_block_is_not_taken_in(prepared_keys: PreparedKeys) -> None:
    block = sealed(
        prepared_keys.sender_home, prepared_keys.receiver, payload=SIGNED, signer=prepared_keys.sender
    )
    opener = GnupgOpener(prepared_keys.receiver_home, None)
    for around in (FORGED + block, block + FORGED, block + block):
        with pytest.raises(OpeningRefused):
            await opener.open(around, longest_octets=1000)
    await opener.close()


async def test_a_file_name_that_looks_like_status_lines(prepared_keys: PreparedKeys) -> None:
    """SigSpoof, 2018: the name in unsigned literal data was printed among the status lines."""
    signer = prepared_keys.sender
    name = f"x\n[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG {signer[-16:]} x\n[GNUPG:] VALIDSIG {signer} 2026-01-01 "
    name += f"1767225600 0 4 0 22 10 00 {signer}\n"
    inner = literal(FORGED, name=name.encode()[:255])
    opener = GnupgOpener(prepared_keys.receiver_home, None)
    message = under_encryption(prepared_keys.sender_home, prepared_keys.receiver, inner)
    opened = await opener.open(message, longest_octets=1000)
    assert opened.signature is None
    await opener.close()


async def test_a_signature_over_another_kind_of_thing(prepared_keys: PreparedKeys) -> None:
    """A clear-signed text is signed as text; its signature over another form is not used."""
    home, signer = prepared_keys.sender_home, prepared_keys.sender
    clear = gpg(home, "--clear-sign", "--local-user", signer, stdin=b"dear reader\n")
    block = b"-----BEGIN PGP SIGNATURE-----" + clear.split(b"-----BEGIN PGP SIGNATURE-----")[1]
    message = under_encryption(
        home, prepared_keys.receiver, without_armour(block) + literal(b"dear reader\n")
    )
    opener = GnupgOpener(prepared_keys.receiver_home, None)
    with pytest.raises(OpeningRefused) as refused:
        await opener.open(message, longest_octets=1000)
    assert refused.value.reason is Reason.SIGNATURE_INVALID
    with pytest.raises(OpeningRefused):
        await opener.open(armoured(without_armour(block)), longest_octets=1000)
    await opener.close()
