"""Who signed was told by a key id, which anybody can write into a message, or make a key for.

What counts is the full fingerprint of the key that verified, and its primary's.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.openpgp.base import OpeningRefused
from rorpost_gateway.openpgp.opening import GnupgOpener
from tests.peers.gnupg_home import (
    SENDER,
    PreparedKeys,
    add_subkey,
    export_public,
    generate,
    import_key,
)
from tests.peers.openpgp_messages import (
    armoured,
    literal,
    one_pass,
    packet,
    signature_body,
    signature_packet,
    subpacket,
    under_encryption,
)

PAYLOAD = b"the payload\r\n"


@pytest.fixture
def stranger_home(prepared_keys: PreparedKeys, home_copy: Callable[[Path], Path]) -> tuple[Path, str]:
    """The receiver's home, in which another key stands beside the sender's, under the sender's user id."""
    home = home_copy(prepared_keys.receiver_home)
    return home, generate(home, SENDER, name="Hemsjukvården, Motala kommun")


async def test_the_same_user_id_is_another_key(
    stranger_home: tuple[Path, str], prepared_keys: PreparedKeys
) -> None:
    home, stranger = stranger_home
    opener = GnupgOpener(home, None)
    made = signature_packet(home, stranger, PAYLOAD)
    signature = await opener.verify_detached(PAYLOAD, armoured(made, "SIGNATURE"))
    assert signature.signer == stranger != prepared_keys.sender
    await opener.close()


async def test_the_announced_signer_must_be_the_one(
    stranger_home: tuple[Path, str], prepared_keys: PreparedKeys
) -> None:
    """A one-pass signature that names the sender before a stranger's good signature."""
    home, stranger = stranger_home
    made = signature_body(home, stranger, PAYLOAD, signed_at=int(time.time()))
    inner = one_pass(made, prepared_keys.sender) + literal(PAYLOAD) + packet(2, made)
    opener = GnupgOpener(home, None)
    with pytest.raises(OpeningRefused) as refused:
        await opener.open(under_encryption(home, prepared_keys.receiver, inner), longest_octets=1000)
    assert refused.value.reason is Reason.SIGNATURE_INVALID
    await opener.close()


@pytest.mark.parametrize("area", ["hashed", "unhashed"])
async def test_a_claimed_issuer_makes_nobody_the_signer(
    stranger_home: tuple[Path, str], prepared_keys: PreparedKeys, area: str
) -> None:
    home, stranger = stranger_home
    claims = subpacket(16, bytes.fromhex(prepared_keys.sender)[-8:])
    claims += subpacket(33, b"\x04" + bytes.fromhex(prepared_keys.sender))
    made = signature_body(home, stranger, PAYLOAD, signed_at=int(time.time()), **{area: claims})
    opener = GnupgOpener(home, None)
    with suppress(OpeningRefused):
        signature = await opener.verify_detached(PAYLOAD, armoured(packet(2, made), "SIGNATURE"))
        assert signature.signer == stranger
    await opener.close()


async def test_a_subkey_is_told_with_its_primary(new_home: Callable[[], Path]) -> None:
    """Pins name primaries; a signature by a subkey must lead to its own."""
    signers, home = new_home(), new_home()
    key, other = generate(signers, SENDER), generate(signers, "rorpost.other@motala.se")
    subkey = add_subkey(signers, key, "ed25519", "sign")
    for each in (key, other):
        import_key(home, export_public(signers, each))
    opener = GnupgOpener(home, None)
    made = signature_packet(signers, subkey, PAYLOAD, "--armor")
    signature = await opener.verify_detached(PAYLOAD, made)
    assert (signature.signer, signature.signer_subkey) == (key, subkey)
    await opener.close()
