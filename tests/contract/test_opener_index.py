"""Which signatures the key index lets count, over real keys; gpg's own opinion is not asked here."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.openpgp.gnupg import load_index
from rorpost_gateway.openpgp.index import ListedKeys
from tests.peers.gnupg_home import (
    SENDER,
    PreparedKeys,
    add_subkey,
    export_secret_subkeys,
    generate,
    gpg,
    import_key,
    revoke_primary,
    revoke_subkey,
    subkeys,
)

ABSENT = "0" * 40
BEFORE_ALL_KEYS = datetime(2019, 1, 1, tzinfo=UTC)
NEW_YEAR_2020 = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


@pytest.fixture
async def index(prepared_keys: PreparedKeys) -> ListedKeys:
    return await load_index(prepared_keys.receiver_home)


def test_a_key_in_force_counts_in_any_spelling(
    prepared_keys: PreparedKeys, index: ListedKeys, now: datetime
) -> None:
    key = prepared_keys.sender
    assert index.accepts(key, key, signed_at=now, at=now) is None
    assert index.accepts(key.lower(), key.lower(), signed_at=now, at=now) is None


def test_a_key_that_is_not_there(index: ListedKeys, now: datetime) -> None:
    assert index.accepts(ABSENT, ABSENT, signed_at=now, at=now) is Reason.KEY_MISSING


def test_a_key_id_is_no_fingerprint(prepared_keys: PreparedKeys, index: ListedKeys, now: datetime) -> None:
    key = prepared_keys.sender
    assert index.accepts(key[-16:], key, signed_at=now, at=now) is Reason.KEY_MISSING
    assert index.accepts(key, key[-16:], signed_at=now, at=now) is Reason.KEY_UNUSABLE


def test_a_subkey_of_another_or_that_cannot_sign(
    prepared_keys: PreparedKeys, index: ListedKeys, now: datetime
) -> None:
    key = prepared_keys.sender
    encrypting = subkeys(prepared_keys.sender_home, key)[0]
    for subkey in (encrypting, prepared_keys.receiver, ABSENT):
        assert index.accepts(key, subkey, signed_at=now, at=now) is Reason.KEY_UNUSABLE


def test_a_revoked_primary_also_for_what_it_signed_before(
    prepared_keys: PreparedKeys, index: ListedKeys, now: datetime
) -> None:
    key = prepared_keys.revoked_primary
    assert index.accepts(key, key, signed_at=now, at=now) is Reason.KEY_REVOKED


def test_an_expired_primary(prepared_keys: PreparedKeys, index: ListedKeys, now: datetime) -> None:
    """In force when it signed, over when it is asked for; and the other way round."""
    key = prepared_keys.expired_primary
    in_force = NEW_YEAR_2020 + timedelta(hours=12)
    assert index.accepts(key, key, signed_at=in_force, at=now) is Reason.KEY_EXPIRED
    assert index.accepts(key, key, signed_at=now, at=in_force) is Reason.KEY_EXPIRED
    assert index.accepts(key, key, signed_at=in_force, at=in_force) is None


def test_a_key_that_was_not_made_yet(prepared_keys: PreparedKeys, index: ListedKeys, now: datetime) -> None:
    key = prepared_keys.sender
    assert index.accepts(key, key, signed_at=BEFORE_ALL_KEYS, at=now) is Reason.KEY_UNUSABLE


async def test_a_disabled_key(new_home: Callable[[], Path], now: datetime) -> None:
    home = new_home()
    key = generate(home, SENDER)
    gpg(home, "--command-fd", "0", "--edit-key", key, stdin=b"disable\nsave\n")
    assert (await load_index(home)).accepts(key, key, signed_at=now, at=now) is Reason.KEY_UNUSABLE


async def test_signing_subkeys(new_home: Callable[[], Path], now: datetime) -> None:
    home = new_home()
    key = generate(home, SENDER)
    lasting, short = add_subkey(home, key, "ed25519", "sign"), add_subkey(home, key, "ed25519", "sign", "1d")
    index = await load_index(home)
    later = now + timedelta(days=2)
    for subkey in (lasting, short):
        assert index.accepts(key, subkey, signed_at=now, at=now) is None
    assert index.accepts(key, short, signed_at=now, at=later) is None  # it was in force when it signed
    assert index.accepts(key, short, signed_at=later, at=later) is Reason.KEY_EXPIRED
    revoke_subkey(home, key, 2)
    index = await load_index(home)
    assert index.accepts(key, lasting, signed_at=now, at=now) is Reason.KEY_REVOKED
    assert index.accepts(key, short, signed_at=now, at=now) is None
    revoke_primary(home, key)
    assert (await load_index(home)).accepts(key, short, signed_at=now, at=now) is Reason.KEY_REVOKED


async def test_no_secret_part_is_needed(
    prepared_keys: PreparedKeys, new_home: Callable[[], Path], now: datetime
) -> None:
    home = new_home()
    key = prepared_keys.sender
    import_key(home, export_secret_subkeys(prepared_keys.sender_home, key))
    assert (await load_index(home)).accepts(key, key, signed_at=now, at=now) is None
