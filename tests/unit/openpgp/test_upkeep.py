"""Import, export and generation, over real homes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rorpost_gateway.decision import KeyChoice
from rorpost_gateway.errors import NotFound
from rorpost_gateway.openpgp.gnupg import load_index
from rorpost_gateway.openpgp.index import KeyState
from rorpost_gateway.openpgp.upkeep import (
    KEY_FILE_OCTETS,
    KeyRefused,
    export_key,
    generate_key,
    import_keys,
    read_key_file,
    try_signing,
)
from tests.peers.gnupg_home import (
    SENDER,
    PreparedKeys,
    export_public,
    export_secret,
    generate,
    gpg,
    revoke_primary,
)


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"hello\n", id="text"),
        pytest.param(bytes(range(256)), id="binary garbage"),
        pytest.param(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n", id="an empty shell"),
        pytest.param(b"x" * (KEY_FILE_OCTETS + 1), id="too large"),
    ],
)
async def test_what_is_no_key_is_refused(new_home: Callable[[], Path], now: datetime, octets: bytes) -> None:
    with pytest.raises(KeyRefused):
        await read_key_file(new_home(), octets, at=now)


async def test_a_message_is_no_key(
    prepared_keys: PreparedKeys, new_home: Callable[[], Path], now: datetime
) -> None:
    message = gpg(prepared_keys.sender_home, "--armor", "-e", "-r", prepared_keys.receiver, stdin=b"x")
    with pytest.raises(KeyRefused):
        await read_key_file(new_home(), message, at=now)


async def test_looking_changes_nothing(
    prepared_keys: PreparedKeys, new_home: Callable[[], Path], now: datetime
) -> None:
    home = new_home()
    file = await read_key_file(home, export_public(prepared_keys.sender_home, prepared_keys.sender), at=now)
    assert [key.fingerprint for key in file.keys] == [prepared_keys.sender]
    assert (await load_index(home)).keys(now) == []


@pytest.mark.parametrize(
    "key", ["expired_primary", "expired_subkey", "revoked_primary", "revoked_subkey", "sign_only"]
)
async def test_a_new_key_that_cannot_be_sealed_to_is_refused(
    prepared_keys: PreparedKeys, new_home: Callable[[], Path], now: datetime, key: str
) -> None:
    home = new_home()
    octets = export_public(prepared_keys.sender_home, getattr(prepared_keys, key))
    octets += export_public(prepared_keys.sender_home, prepared_keys.receiver)
    file = await read_key_file(home, octets, at=now)
    with pytest.raises(KeyRefused):
        await import_keys(home, file, at=now)
    assert (await load_index(home)).keys(now) == []


async def test_a_subkey_that_somebody_put_there_is_not_believed(
    prepared_keys: PreparedKeys, new_home: Callable[[], Path], now: datetime
) -> None:
    octets = bytearray(gpg(prepared_keys.sender_home, "--export", prepared_keys.receiver))
    octets[-20] ^= 1  # within the signature that binds the subkey
    (key,) = (await read_key_file(new_home(), bytes(octets), at=now)).keys
    assert key.state is KeyState.UNUSABLE


async def test_a_private_key_is_refused_unless_asked_for(
    prepared_keys: PreparedKeys, new_home: Callable[[], Path], now: datetime
) -> None:
    home = new_home()
    secret = export_secret(prepared_keys.sender_home, prepared_keys.sender)
    file = await read_key_file(home, secret, at=now)
    assert file.private
    assert "PRIVATE" not in repr(file)
    with pytest.raises(KeyRefused):
        await import_keys(home, file, at=now)
    assert (await load_index(home)).keys(now) == []
    (key,) = await import_keys(home, file, private=True, at=now)
    assert key.secret
    own = KeyChoice(primary=key.fingerprint, subkey=key.fingerprint)
    assert await try_signing(home, own, None)


async def test_a_revocation_reaches_a_key_that_is_there(new_home: Callable[[], Path], now: datetime) -> None:
    partner, home = new_home(), new_home()
    key = generate(partner, SENDER)
    await import_keys(home, await read_key_file(home, export_public(partner, key), at=now), at=now)
    revoke_primary(partner, key)
    (summary,) = await import_keys(
        home, await read_key_file(home, export_public(partner, key), at=now), at=now
    )
    assert summary.state is KeyState.REVOKED


async def test_export_gives_the_public_key_only(
    prepared_keys: PreparedKeys, new_home: Callable[[], Path], now: datetime
) -> None:
    armoured = await export_key(prepared_keys.sender_home, prepared_keys.sender)
    file = await read_key_file(new_home(), armoured, at=now)
    assert not file.private
    assert [key.fingerprint for key in file.keys] == [prepared_keys.sender]


async def test_nothing_to_export(new_home: Callable[[], Path]) -> None:
    with pytest.raises(NotFound):
        await export_key(new_home(), "0" * 40)


@pytest.mark.parametrize("expires", ["0", "never", "", "2", "0y", "2y\nName-Comment: x", "1999-01-01", "-1d"])
async def test_generation_without_an_end_is_refused(new_home: Callable[[], Path], expires: str) -> None:
    with pytest.raises(KeyRefused):
        await generate_key(new_home(), address=SENDER, name="Hemsjukvården", expires=expires)


@pytest.mark.parametrize("name", ["", "abc", "Hemsjuk\nExpire-Date: 0", "Hem <x@y.se>", "Hemsjuk\x00vård"])
async def test_a_name_that_is_more_than_a_name_is_refused(new_home: Callable[[], Path], name: str) -> None:
    with pytest.raises(KeyRefused):
        await generate_key(new_home(), address=SENDER, name=name)


@pytest.mark.parametrize("passphrase", [None, "Räksmörgås 1"])
async def test_a_generated_key_is_at_once_what_the_mailbox_uses(
    new_home: Callable[[], Path], now: datetime, passphrase: str | None
) -> None:
    home = new_home()
    made = await generate_key(home, address=SENDER, name="Hemsjukvården, Motala", passphrase=passphrase)
    index = await load_index(home)
    summary = index.key(made, now)
    assert summary is not None
    assert summary.expires is not None
    assert timedelta(days=700) < summary.expires - now < timedelta(days=732)
    signing = index.for_signing(SENDER, (), now)
    assert isinstance(signing, KeyChoice)
    assert isinstance(index.for_sealing(SENDER, (), now), KeyChoice)
    assert await try_signing(home, signing, passphrase)
    assert (home / "openpgp-revocs.d" / f"{made}.rev").exists()


async def test_trying_with_the_wrong_passphrase_says_so(new_home: Callable[[], Path], now: datetime) -> None:
    home = new_home()
    made = await generate_key(home, address=SENDER, name="Hemsjukvården", passphrase="right")
    own = KeyChoice(primary=made, subkey=made)
    assert not await try_signing(home, own, "wrong")
    assert not await try_signing(home, own, None)
    assert await try_signing(home, own, "right")


async def test_the_agent_is_told_to_stretch_little_unless_it_was_told_something(
    new_home: Callable[[], Path],
) -> None:
    fresh, settled = new_home(), new_home()
    (fresh / "gpg-agent.conf").unlink()
    (settled / "gpg-agent.conf").write_text("s2k-count 70000\n")
    for home in (fresh, settled):
        await generate_key(home, address=SENDER, name="Hemsjukvården")
    assert "s2k-count 65536" in (fresh / "gpg-agent.conf").read_text()
    assert (settled / "gpg-agent.conf").read_text() == "s2k-count 70000\n"
