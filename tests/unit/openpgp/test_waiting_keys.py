"""Keys that wait: out of use, one a file, judged anew when they are confirmed. Over real homes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.errors import NotFound
from rorpost_gateway.openpgp.gnupg import load_index
from rorpost_gateway.openpgp.upkeep import KeyFile, KeyRefused, read_key_file
from rorpost_gateway.openpgp.waiting import (
    FOLDER,
    confirm_key,
    discard_key,
    let_wait,
    part_of,
    waiting_fingerprints,
    waiting_keys,
)
from tests.peers.gnupg_home import RECEIVER, PreparedKeys, export_public, export_secret, gpg

NOW = datetime.now(UTC) + timedelta(days=1)  # the keys are made when the first test asks for them


async def file_of(home: Path, *octets: bytes) -> KeyFile:
    return await read_key_file(home, b"".join(octets), at=NOW)


@pytest.fixture
async def waiting(prepared_keys: PreparedKeys, new_home: Callable[[], Path]) -> Path:
    """A home in which the receiver's key waits, which came with another one."""
    home, keys = new_home(), prepared_keys
    both = [export_public(keys.sender_home, each) for each in (keys.receiver, keys.two_user_ids)]
    await let_wait(home, await file_of(home, *both), [keys.receiver])
    return home


@pytest.mark.parametrize("fingerprint", ["", "../../x", "0" * 40, "A" * 39])
async def test_what_does_not_wait_cannot_be_confirmed(waiting: Path, fingerprint: str) -> None:
    with pytest.raises(NotFound):
        await confirm_key(waiting, fingerprint, at=NOW)
    with pytest.raises(NotFound):
        discard_key(waiting, fingerprint)


async def test_a_key_that_waits_is_in_no_use(waiting: Path, prepared_keys: PreparedKeys) -> None:
    index = await load_index(waiting)
    assert index.keys(NOW) == []
    assert index.for_sealing(RECEIVER, (prepared_keys.receiver,), NOW) is Reason.KEY_MISSING
    (each,) = await waiting_keys(waiting, at=NOW)
    assert (each.key.fingerprint, each.key.addresses) == (prepared_keys.receiver, (RECEIVER,))
    (path,) = (waiting / FOLDER).iterdir()
    assert [path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777] == [0o600, 0o700]


async def test_confirmed_it_is_a_key_like_any_other(waiting: Path, prepared_keys: PreparedKeys) -> None:
    taken = await confirm_key(waiting, prepared_keys.receiver, at=NOW)
    assert taken.state == "usable"
    assert [key.fingerprint for key in (await load_index(waiting)).keys(NOW)] == [prepared_keys.receiver]
    assert waiting_fingerprints(waiting) == []
    assert gpg(waiting, "--armor", "--export", prepared_keys.receiver) == export_public(
        prepared_keys.sender_home, prepared_keys.receiver
    )


async def test_discarded_it_is_gone(waiting: Path, prepared_keys: PreparedKeys) -> None:
    discard_key(waiting, prepared_keys.receiver)
    assert list(await waiting_keys(waiting, at=NOW)) == []
    with pytest.raises(NotFound):
        await confirm_key(waiting, prepared_keys.receiver, at=NOW)


@pytest.mark.parametrize("swapped_for", ["another key", "two keys", "a private key", "nothing"])
async def test_what_was_put_in_its_place_is_not_taken(
    waiting: Path, prepared_keys: PreparedKeys, swapped_for: str
) -> None:
    keys = prepared_keys
    own, other = (export_public(keys.sender_home, each) for each in (keys.receiver, keys.two_user_ids))
    octets = {
        "another key": other,
        "two keys": own + other,
        "a private key": export_secret(keys.receiver_home, keys.receiver),
        "nothing": b"",
    }
    (path,) = (waiting / FOLDER).iterdir()
    path.write_bytes(octets[swapped_for])
    with pytest.raises(KeyRefused):
        await confirm_key(waiting, keys.receiver, at=NOW)
    assert (await load_index(waiting)).keys(NOW) == []


async def test_private_keys_never_wait(prepared_keys: PreparedKeys, new_home: Callable[[], Path]) -> None:
    home = new_home()
    file = await file_of(home, export_secret(prepared_keys.sender_home, prepared_keys.sender))
    with pytest.raises(KeyRefused):
        await let_wait(home, file, [prepared_keys.sender])
    assert not (home / FOLDER).exists()


async def test_taking_a_file_apart_changes_nothing(
    prepared_keys: PreparedKeys, new_home: Callable[[], Path]
) -> None:
    home, keys = new_home(), prepared_keys
    both = [export_public(keys.sender_home, each) for each in (keys.receiver, keys.two_user_ids)]
    part = await part_of(home, await file_of(home, *both), [keys.two_user_ids])
    assert [key.fingerprint for key in (await file_of(home, part.octets)).keys] == [keys.two_user_ids]
    assert (await load_index(home)).keys(NOW) == []
    with pytest.raises(KeyRefused):
        await part_of(home, part, [keys.receiver])
