"""Zeyple: no key, exit 0, message gone. pgp-milter: one key missing, and the whole message in clear."""

from datetime import UTC, datetime

import pytest

from rorpost_gateway.decision import KeyChoice, Reason
from rorpost_gateway.errors import SealingFailed
from rorpost_gateway.openpgp.gnupg import GnupgEngine, load_index
from tests.peers.gnupg_home import RECEIVER, PreparedKeys

ABSENT = "0" * 40


async def test_a_missing_key_is_a_reason(prepared_keys: PreparedKeys) -> None:
    index = await load_index(prepared_keys.sender_home)
    now = datetime.now(UTC)
    assert index.for_sealing(RECEIVER, (ABSENT,), now) is Reason.KEY_MISSING
    assert index.for_sealing(RECEIVER, (), now) is Reason.KEY_MISSING
    assert index.for_signing(RECEIVER, (ABSENT,), now) is Reason.KEY_MISSING


@pytest.mark.parametrize("absent", ["seal_to", "sign_with"])
async def test_the_engine_raises_and_gives_nothing_back(prepared_keys: PreparedKeys, absent: str) -> None:
    """Neither an unsigned nor a clear message comes out where one of the two keys is missing."""
    own = KeyChoice(primary=prepared_keys.sender, subkey=prepared_keys.sender)
    index = await load_index(prepared_keys.sender_home)
    partner = index.for_sealing(RECEIVER, (prepared_keys.receiver,), datetime.now(UTC))
    assert isinstance(partner, KeyChoice)
    keys = {"seal_to": partner, "sign_with": own, absent: KeyChoice(primary=ABSENT, subkey=ABSENT)}
    engine = GnupgEngine(prepared_keys.sender_home, None)
    with pytest.raises(SealingFailed):
        await engine.seal(b"plaintext", **keys)
    await engine.close()
