"""The key index over real keys: which may be used, and the reason where none may."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rorpost_gateway.decision import KeyChoice, Reason
from rorpost_gateway.openpgp.gnupg import load_index
from rorpost_gateway.openpgp.index import KeyState, ListedKeys
from tests.peers.gnupg_home import (
    RECEIVER,
    SENDER,
    PreparedKeys,
    add_subkey,
    add_user_id,
    export_public,
    export_secret_subkeys,
    generate,
    gpg,
    import_key,
    revoke_primary,
    revoke_subkey,
    revoke_user_id,
    subkeys,
)

PARTNER = "rorpost.any@regionostergotland.se"
ABSENT = "0" * 40


@pytest.fixture
def now() -> datetime:
    """A moment after the prepared keys were made; they last two years."""
    return datetime.now(UTC) + timedelta(minutes=1)


@pytest.fixture
async def index(prepared_keys: PreparedKeys) -> ListedKeys:
    return await load_index(prepared_keys.sender_home)


def sealing(index: ListedKeys, at: datetime, *pins: str) -> KeyChoice | Reason:
    return index.for_sealing(PARTNER, pins, at)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("expired_primary", Reason.KEY_EXPIRED),
        ("expired_subkey", Reason.KEY_EXPIRED),
        ("revoked_primary", Reason.KEY_REVOKED),
        ("revoked_subkey", Reason.KEY_REVOKED),
        ("sign_only", Reason.KEY_UNUSABLE),
    ],
)
def test_no_sealing_to(
    prepared_keys: PreparedKeys, index: ListedKeys, now: datetime, key: str, reason: Reason
) -> None:
    assert sealing(index, now, getattr(prepared_keys, key)) is reason


def test_no_sealing_to_a_key_that_is_not_there(index: ListedKeys, now: datetime) -> None:
    assert sealing(index, now, ABSENT) is Reason.KEY_MISSING


def test_no_sealing_to_anybody_without_a_pin(index: ListedKeys, now: datetime) -> None:
    """A user id that matches is no pin: the partner's public key is there, and does not count."""
    assert index.for_sealing(RECEIVER, (), now) is Reason.KEY_MISSING


def test_a_pin_is_the_full_fingerprint_of_a_primary(
    prepared_keys: PreparedKeys, index: ListedKeys, now: datetime
) -> None:
    receiver = prepared_keys.receiver
    (subkey,) = subkeys(prepared_keys.sender_home, receiver)
    for pin in (subkey, receiver[-16:], receiver[-8:], f"0x{receiver}", receiver + "!", RECEIVER):
        assert sealing(index, now, pin) is Reason.KEY_MISSING
    assert sealing(index, now, receiver.lower()) == KeyChoice(primary=receiver, subkey=subkey)


def test_not_before_it_was_made_and_not_from_its_last_second_on(
    prepared_keys: PreparedKeys, index: ListedKeys, now: datetime
) -> None:
    key = index.key(prepared_keys.receiver, now)
    assert key is not None
    assert key.expires is not None
    second = timedelta(seconds=1)
    assert sealing(index, key.created - second, key.fingerprint) is Reason.KEY_UNUSABLE
    assert isinstance(sealing(index, key.expires - second, key.fingerprint), KeyChoice)
    assert sealing(index, key.expires, key.fingerprint) is Reason.KEY_EXPIRED


def test_the_first_usable_pin_counts(prepared_keys: PreparedKeys, index: ListedKeys, now: datetime) -> None:
    answer = sealing(index, now, ABSENT, prepared_keys.expired_primary, prepared_keys.receiver)
    assert isinstance(answer, KeyChoice)
    assert answer.primary == prepared_keys.receiver


def test_without_a_usable_pin_the_first_ones_reason_counts(
    prepared_keys: PreparedKeys, index: ListedKeys, now: datetime
) -> None:
    assert sealing(index, now, prepared_keys.revoked_primary, ABSENT) is Reason.KEY_REVOKED
    assert sealing(index, now, ABSENT, prepared_keys.revoked_primary) is Reason.KEY_MISSING


def test_no_signing_with_a_key_of_which_only_the_public_part_is_there(
    prepared_keys: PreparedKeys, index: ListedKeys, now: datetime
) -> None:
    assert index.for_signing(RECEIVER, (prepared_keys.receiver,), now) is Reason.KEY_UNUSABLE
    assert index.for_signing(RECEIVER, (), now) is Reason.KEY_MISSING


def test_our_own_mailbox_needs_no_pin(prepared_keys: PreparedKeys, index: ListedKeys, now: datetime) -> None:
    (subkey,) = subkeys(prepared_keys.sender_home, prepared_keys.sender)
    sender = prepared_keys.sender
    assert index.for_signing(SENDER, (), now) == KeyChoice(primary=sender, subkey=sender)
    assert index.for_sealing(SENDER, (), now) == KeyChoice(primary=sender, subkey=subkey)


def test_states_for_people(prepared_keys: PreparedKeys, index: ListedKeys, now: datetime) -> None:
    states = {key.fingerprint: key.state for key in index.keys(now)}
    assert states[prepared_keys.receiver] is KeyState.USABLE
    assert states[prepared_keys.expired_subkey] is KeyState.EXPIRED
    assert states[prepared_keys.revoked_primary] is KeyState.REVOKED
    assert states[prepared_keys.sign_only] is KeyState.UNUSABLE


async def test_both_user_ids_count_until_one_is_revoked(
    prepared_keys: PreparedKeys, home_copy: Callable[[Path], Path], now: datetime
) -> None:
    home = home_copy(prepared_keys.receiver_home)
    first, second = "rorpost.first@regionostergotland.se", "rorpost.second@regionostergotland.se"
    index = await load_index(home)
    assert index.for_signing(first, (), now) == index.for_signing(second, (), now)
    assert isinstance(index.for_signing(first, (), now), KeyChoice)
    revoke_user_id(home, prepared_keys.two_user_ids, f"Andra <{second}>")
    index = await load_index(home)
    assert isinstance(index.for_signing(first, (), now), KeyChoice)
    assert index.for_signing(second, (), now) is Reason.KEY_MISSING


async def test_the_reason_of_our_own_key_is_the_true_one(prepared_keys: PreparedKeys, now: datetime) -> None:
    index = await load_index(prepared_keys.receiver_home)
    domain = "regionostergotland.se"
    assert index.for_signing(f"rorpost.revoked@{domain}", (), now) is Reason.KEY_REVOKED
    assert index.for_signing(f"rorpost.expired@{domain}", (), now) is Reason.KEY_EXPIRED
    assert index.for_sealing(f"rorpost.signonly@{domain}", (), now) is Reason.KEY_UNUSABLE
    assert isinstance(index.for_signing(f"rorpost.signonly@{domain}", (), now), KeyChoice)


async def test_the_newest_subkey_counts_and_after_it_the_one_before(
    new_home: Callable[[], Path], now: datetime
) -> None:
    home = new_home()
    key = generate(home, SENDER, clock="20250101T000000!", expires="never", encryption_expires="20y")
    (older,) = subkeys(home, key)
    newer = add_subkey(home, key, "cv25519", "encr")
    assert (await load_index(home)).for_sealing(SENDER, (), now) == KeyChoice(primary=key, subkey=newer)
    revoke_subkey(home, key, 2)
    assert (await load_index(home)).for_sealing(SENDER, (), now) == KeyChoice(primary=key, subkey=older)


async def test_what_was_sealed_to_an_older_subkey_may_still_go_out(
    new_home: Callable[[], Path], now: datetime
) -> None:
    home = new_home()
    primary = generate(home, PARTNER)
    (older,) = subkeys(home, primary)
    newer = add_subkey(home, primary, "cv25519", "encr")
    index = await load_index(home)
    for subkey in (older, newer):
        assert index.fault_of(KeyChoice(primary=primary, subkey=subkey), now) is None
    stranger = KeyChoice(primary=primary, subkey=ABSENT)
    assert index.fault_of(stranger, now) is Reason.KEY_UNUSABLE
    assert index.fault_of(KeyChoice(primary=primary, subkey=primary), now) is Reason.KEY_UNUSABLE
    assert index.fault_of(KeyChoice(primary=ABSENT, subkey=older), now) is Reason.KEY_MISSING
    revoke_subkey(home, primary)
    index = await load_index(home)
    assert index.fault_of(KeyChoice(primary=primary, subkey=older), now) is Reason.KEY_REVOKED
    assert index.fault_of(KeyChoice(primary=primary, subkey=newer), now) is None


@pytest.mark.parametrize(
    ("key", "subkey", "reason"),
    [
        ("expired_primary", 0, Reason.KEY_EXPIRED),
        ("expired_subkey", 0, Reason.KEY_EXPIRED),
        ("revoked_primary", 0, Reason.KEY_REVOKED),
    ],
)
def test_what_was_sealed_to_a_key_that_ended_stays(
    prepared_keys: PreparedKeys, index: ListedKeys, now: datetime, key: str, subkey: int, reason: Reason
) -> None:
    primary = getattr(prepared_keys, key)
    choice = KeyChoice(primary=primary, subkey=subkeys(prepared_keys.sender_home, primary)[subkey])
    assert index.fault_of(choice, now) is reason


async def test_a_signing_subkey_is_preferred_and_its_primary_may_lie_in_a_safe(
    new_home: Callable[[], Path], now: datetime
) -> None:
    home, work = new_home(), new_home()
    key = generate(home, SENDER)
    signing = add_subkey(home, key, "ed25519", "sign")
    import_key(work, export_secret_subkeys(home, key))
    index = await load_index(work)
    assert index.for_signing(SENDER, (), now) == KeyChoice(primary=key, subkey=signing)
    revoke_subkey(home, key, 2)
    import_key(work, export_public(home, key))
    assert (await load_index(work)).for_signing(SENDER, (), now) is Reason.KEY_REVOKED


async def test_a_stub_is_no_secret_part(new_home: Callable[[], Path], now: datetime) -> None:
    home, work = new_home(), new_home()
    key = generate(home, SENDER)
    import_key(work, export_secret_subkeys(home, key))
    index = await load_index(work)
    assert index.for_signing(SENDER, (), now) is Reason.KEY_UNUSABLE
    assert isinstance(index.for_sealing(SENDER, (), now), KeyChoice)


async def test_of_two_keys_for_one_mailbox_the_newer_usable_one_counts(
    new_home: Callable[[], Path], now: datetime
) -> None:
    home = new_home()
    older = generate(home, SENDER, clock="20250101T000000!", expires="never")
    newer = generate(home, "rorpost.other@motala.se")
    add_user_id(home, newer, SENDER.upper())
    answer = (await load_index(home)).for_signing(SENDER, (), now)
    assert isinstance(answer, KeyChoice)
    assert answer.primary == newer
    revoke_primary(home, newer)
    answer = (await load_index(home)).for_signing(SENDER, (), now)
    assert isinstance(answer, KeyChoice)
    assert answer.primary == older


async def test_a_disabled_key_is_unusable(
    prepared_keys: PreparedKeys, home_copy: Callable[[Path], Path], now: datetime
) -> None:
    home = home_copy(prepared_keys.sender_home)
    gpg(home, "--command-fd", "0", "--edit-key", prepared_keys.receiver, stdin=b"disable\nsave\n")
    assert sealing(await load_index(home), now, prepared_keys.receiver) is Reason.KEY_UNUSABLE


async def test_an_empty_home_has_no_keys(new_home: Callable[[], Path], now: datetime) -> None:
    assert (await load_index(new_home())).keys(now) == []
