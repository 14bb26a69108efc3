"""gpg-mailgate: two recipients shared one ciphertext, each saw the other's key id.

pgp-milter: the second recipient could not decrypt.
"""

import pytest

from rorpost_gateway.decision import KeyChoice
from rorpost_gateway.errors import SealingFailed
from rorpost_gateway.openpgp.gnupg import GnupgEngine
from rorpost_gateway.openpgp.packets import check_sealed
from tests.peers.gnupg_home import PreparedKeys, gpg, open_with_gpg, subkeys


async def test_each_recipient_opens_a_copy_that_names_nobody_else(prepared_keys: PreparedKeys) -> None:
    home = prepared_keys.sender_home
    first, second = (
        KeyChoice(primary=primary, subkey=subkeys(home, primary)[0])
        for primary in (prepared_keys.receiver, prepared_keys.two_user_ids)
    )
    sign_with = KeyChoice(primary=prepared_keys.sender, subkey=prepared_keys.sender)
    engine = GnupgEngine(home, None)
    for mine, other in ((first, second), (second, first)):
        sealed = await engine.seal(b"the same message", seal_to=mine, sign_with=sign_with)
        assert open_with_gpg(prepared_keys.receiver_home, sealed.armoured) == b"the same message"
        packets = gpg(prepared_keys.receiver_home, "--list-packets", stdin=sealed.armoured).decode()
        assert packets.count(":pubkey enc packet:") == 1
        assert mine.subkey[-16:] in packets
        assert other.subkey[-16:] not in packets
        assert sign_with.subkey[-16:] not in packets.partition(":encrypted data packet:")[0]
    await engine.close()


def test_a_shared_ciphertext_would_be_refused(prepared_keys: PreparedKeys) -> None:
    recipients = ("-r", prepared_keys.receiver, "-r", prepared_keys.two_user_ids)
    shared = gpg(prepared_keys.sender_home, "--armor", "--encrypt", *recipients, stdin=b"x")
    for primary in (prepared_keys.receiver, prepared_keys.two_user_ids):
        (subkey,) = subkeys(prepared_keys.sender_home, primary)
        with pytest.raises(SealingFailed):
            check_sealed(shared, subkey_fingerprint=subkey)
