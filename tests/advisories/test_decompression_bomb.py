"""pysequoia expanded first and judged after: a message of 1.1 MB took a GiB of memory.

How much is taken here, in a process of its own: tests/contract/test_opener_gnupg.py.
"""

import bz2
import zlib

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.openpgp.base import OpeningRefused
from rorpost_gateway.openpgp.opening import GnupgOpener
from tests.peers.gnupg_home import PreparedKeys
from tests.peers.openpgp_messages import literal, packet, sealed, under_encryption

BOMB_OCTETS = 64 << 20


@pytest.mark.parametrize("algorithm", ["zip", "zlib", "bzip2"])
async def test_made_by_gpg(prepared_keys: PreparedKeys, algorithm: str) -> None:
    message = sealed(
        prepared_keys.sender_home,
        prepared_keys.receiver,
        *("--compress-algo", algorithm),
        payload=bytes(BOMB_OCTETS),
        signer=prepared_keys.sender,
    )
    assert len(message) < 200_000
    await _too_much(prepared_keys, message, Reason.MESSAGE_TOO_LARGE)


async def test_one_in_another(prepared_keys: PreparedKeys) -> None:
    """A few hundred octets for 64 MiB; the second stage is never begun."""
    once = packet(8, b"\x03" + bz2.compress(literal(bytes(BOMB_OCTETS))))
    twice = packet(8, b"\x01" + zlib.compress(once, wbits=-15))
    message = under_encryption(prepared_keys.sender_home, prepared_keys.receiver, twice)
    await _too_much(prepared_keys, message, Reason.DECRYPTION_FAILED)


async def _too_much(keys: PreparedKeys, message: bytes, reason: Reason) -> None:
    opener = GnupgOpener(keys.receiver_home, None)
    with pytest.raises(OpeningRefused) as refused:
        await opener.open(message, longest_octets=1 << 20)
    assert refused.value.reason is reason
    await opener.close()
