"""Keys cut down to one part: over packets made by hand, and over what gpg exports."""

import pytest

from rorpost_gateway.decision import KeyChoice
from rorpost_gateway.errors import SealingFailed
from rorpost_gateway.openpgp.transferable import (
    Keyring,
    fingerprint_of,
    read_keyring,
    to_seal_to,
    to_sign_with,
)
from tests.peers.gnupg_home import PreparedKeys, gpg, subkeys

STUB = b"\xff\x00\x65\x00GNU\x01"
PRIMARY, FIRST, SECOND, OTHER = (b"\x04" + bytes([n]) * 4 + b"\x16public" for n in range(1, 5))
SELF, BINDING, NEWER, USER_ID = (bytes([0xC2 if n < 3 else 0xCD, 1]) + bytes([n]) for n in range(4))


def packet(tag: int, body: bytes) -> bytes:
    return bytes([0xC0 | tag, len(body)]) + body


PUBLIC = (
    *(packet(6, PRIMARY), USER_ID, SELF),
    *(packet(14, FIRST), BINDING, packet(14, SECOND), NEWER, BINDING),
    *(packet(6, OTHER), USER_ID),
)
NAMES = {each: fingerprint_of(each) for each in (PRIMARY, FIRST, SECOND, OTHER)}
SECRET_PRIMARY, SECRET_SECOND = packet(5, PRIMARY + b"\0secret"), packet(7, SECOND + b"\0secret")


def keyring(secret: bytes = SECRET_PRIMARY + USER_ID + SELF + SECRET_SECOND + NEWER) -> Keyring:
    return read_keyring(b"".join(PUBLIC), secret)


def choice(primary: bytes, part: bytes) -> KeyChoice:
    return KeyChoice(primary=NAMES[primary], subkey=NAMES[part])


@pytest.mark.parametrize(
    ("primary", "part"), [(OTHER, FIRST), (PRIMARY, OTHER), (FIRST, FIRST), (b"\x04absent", FIRST)]
)
def test_a_part_that_is_not_of_that_key(primary: bytes, part: bytes) -> None:
    wanted = KeyChoice(primary=fingerprint_of(primary), subkey=NAMES[part])
    for cut in (to_seal_to, to_sign_with):
        with pytest.raises(SealingFailed):
            cut(keyring(), wanted)


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(packet(5, PRIMARY + STUB), id="GnuPG's mark in its place"),
        pytest.param(packet(5, b"\x05" + PRIMARY[1:] + b"\0secret"), id="another version"),
        pytest.param(packet(5, PRIMARY[:-1] + b"?\0secret"), id="another public part"),
        pytest.param(packet(6, PRIMARY + b"\0secret"), id="not a secret packet"),
    ],
)
def test_a_secret_part_that_is_not_there(secret: bytes) -> None:
    with pytest.raises(SealingFailed):
        to_sign_with(keyring(secret), choice(PRIMARY, PRIMARY))


@pytest.mark.parametrize(
    "public",
    [
        pytest.param(USER_ID + packet(6, PRIMARY), id="begins within a key"),
        pytest.param(packet(14, FIRST), id="a subkey alone"),
        pytest.param(packet(6, PRIMARY)[:-1], id="cut short"),
        pytest.param(b"plain", id="no packets"),
    ],
)
def test_what_are_no_keys(public: bytes) -> None:
    with pytest.raises(SealingFailed):
        read_keyring(public, b"")


def test_one_part_and_what_binds_it() -> None:
    primary = packet(6, PRIMARY) + USER_ID + SELF
    assert to_seal_to(keyring(), choice(PRIMARY, FIRST)) == primary + packet(14, FIRST) + BINDING
    assert to_seal_to(keyring(), choice(PRIMARY, SECOND)) == primary + packet(14, SECOND) + NEWER + BINDING
    assert to_seal_to(keyring(), choice(PRIMARY, PRIMARY)) == primary
    assert to_seal_to(keyring(), choice(OTHER, OTHER)) == packet(6, OTHER) + USER_ID


def test_one_secret_part_and_what_binds_it() -> None:
    primary = packet(6, PRIMARY) + USER_ID + SELF
    assert to_sign_with(keyring(), choice(PRIMARY, PRIMARY)) == SECRET_PRIMARY + USER_ID + SELF
    assert to_sign_with(keyring(), choice(PRIMARY, SECOND)) == primary + SECRET_SECOND + NEWER + BINDING


def test_a_mark_does_not_take_the_place_of_the_secret_part() -> None:
    mark = packet(5, PRIMARY + STUB)
    for secret in (SECRET_PRIMARY + mark, mark + SECRET_PRIMARY):
        assert to_sign_with(keyring(secret), choice(PRIMARY, PRIMARY)).startswith(SECRET_PRIMARY)


def test_keys_of_other_versions_are_left_out() -> None:
    newer = packet(6, b"\x06" + b"n" * 40) + USER_ID
    ring = read_keyring(newer + b"".join(PUBLIC) + newer, b"")
    assert set(ring.certificates) == {NAMES[PRIMARY], NAMES[OTHER]}


def test_fingerprints_are_those_of_gpg(prepared_keys: PreparedKeys) -> None:
    home = prepared_keys.receiver_home
    ring = read_keyring(gpg(home, "--export"), b"")
    for primary, certificate in ring.certificates.items():
        assert list(certificate.subkeys) == subkeys(home, primary)
    assert prepared_keys.receiver in ring.certificates
