"""Lacre: a key was deleted before its replacement had been validated."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rorpost_gateway.decision import KeyChoice
from rorpost_gateway.openpgp.gnupg import load_index
from rorpost_gateway.openpgp.upkeep import KeyRefused, import_keys, read_key_file
from tests.peers.gnupg_home import RECEIVER, PreparedKeys, export_public, gpg


@pytest.mark.parametrize("replacement", ["garbage", "cut short", "damaged", "expired"])
async def test_the_old_key_stays_usable(
    prepared_keys: PreparedKeys, home_copy: Callable[[Path], Path], replacement: str
) -> None:
    home = home_copy(prepared_keys.sender_home)
    new = gpg(prepared_keys.sender_home, "--export", prepared_keys.receiver)
    octets = {
        "garbage": b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nhello\n-----END PGP PUBLIC KEY BLOCK-----\n",
        "cut short": new[:60],
        "damaged": new[:20] + bytes(len(new) - 20),
        "expired": export_public(prepared_keys.sender_home, prepared_keys.expired_primary),
    }[replacement]
    now = datetime.now(UTC) + timedelta(minutes=1)
    before = await load_index(home)
    try:
        await import_keys(home, await read_key_file(home, octets, at=now), at=now)
    except KeyRefused:
        assert replacement != "expired"  # it is in the home already, so that it is merged
    after = await load_index(home)
    assert after.keys(now) == before.keys(now)
    assert isinstance(after.for_sealing(RECEIVER, (prepared_keys.receiver,), now), KeyChoice)
