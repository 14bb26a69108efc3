"""gpg-mailgate: an expired key, and plaintext left inside `multipart/encrypted`, stamped as encrypted."""

from datetime import UTC, datetime

import pytest

from rorpost_gateway.decision import KeyChoice, Reason
from rorpost_gateway.errors import SealingFailed
from rorpost_gateway.openpgp.gnupg import GnupgEngine, load_index
from tests.peers.gnupg_home import PreparedKeys, subkeys


@pytest.mark.parametrize("key", ["expired_primary", "expired_subkey"])
async def test_neither_the_index_nor_the_engine_lets_it_through(
    prepared_keys: PreparedKeys, key: str
) -> None:
    home, expired = prepared_keys.sender_home, getattr(prepared_keys, key)
    index = await load_index(home)
    now = datetime.now(UTC)
    assert index.for_sealing("rorpost.expired@regionostergotland.se", (expired,), now) is Reason.KEY_EXPIRED
    engine = GnupgEngine(home, None)
    with pytest.raises(SealingFailed):  # had somebody asked all the same
        await engine.seal(
            b"plaintext",
            seal_to=KeyChoice(primary=expired, subkey=subkeys(home, expired)[0]),
            sign_with=KeyChoice(primary=prepared_keys.sender, subkey=prepared_keys.sender),
        )
    await engine.close()


async def test_a_key_that_expires_while_the_daemon_runs(prepared_keys: PreparedKeys) -> None:
    """The index was read while the key was in force; the moment of the question counts."""
    index = await load_index(prepared_keys.sender_home)
    key = index.key(prepared_keys.receiver, datetime.now(UTC))
    assert key is not None
    assert key.expires is not None
    assert index.for_sealing("x@y.se", (key.fingerprint,), key.expires) is Reason.KEY_EXPIRED
