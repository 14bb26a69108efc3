"""Signatures verified in process: when they are, when gpg is asked all the same, what is forgotten."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.openpgp.base import Opened, OpeningRefused
from rorpost_gateway.openpgp.known_signers import MOST_OCTETS
from rorpost_gateway.openpgp.opening import GnupgOpener
from tests.peers.gnupg_home import SENDER, generate, gpg
from tests.peers.openpgp_messages import literal, sealed, signature_packet, under_encryption

PAYLOAD = b"Subject: MARKER-0c77\r\n\r\nthe payload\r\n"
LONGEST = 1 << 24
MakeWatched = Callable[[Path], "Watched"]


class Watched:
    """An opener over a gpg that writes down what it was told."""

    def __init__(self, home: Path, folder: Path) -> None:
        self._told = folder / "told"
        binary = folder / "gpg"
        binary.write_text(f'#!/bin/sh\necho "$*" >> {self._told}\nexec gpg "$@"\n')
        binary.chmod(0o755)
        self.opener = GnupgOpener(home, None, binary=str(binary), sequoia=True)

    async def open(self, message: bytes) -> Opened:
        self._told.write_text("")
        return await self.opener.open(message, longest_octets=LONGEST)

    @property
    def told(self) -> list[str]:
        """What gpg was told to do since the last call, in order."""
        words = ("--unwrap", "--verify", "--export")
        lines = self._told.read_text().splitlines()
        return [next(word for word in words if word in line.split()) for line in lines]


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[MakeWatched]:
    made: list[Watched] = []

    def make(home: Path) -> Watched:
        made.append(Watched(home, tmp_path))
        return made[-1]

    yield make
    for each in made:
        await each.opener.close()


@pytest.fixture
def home(new_home: Callable[[], Path]) -> Path:
    return new_home()


async def test_gpg_verifies_first_and_never_again(watched: MakeWatched, home: Path) -> None:
    key = generate(home, SENDER)
    opener = watched(home)
    await opener.open(sealed(home, key, payload=PAYLOAD, signer=key))
    assert opener.told == ["--unwrap", "--verify", "--export"]
    for compress in ("none", "zip"):
        again = await opener.open(sealed(home, key, "--compress-algo", compress, payload=PAYLOAD, signer=key))
        assert opener.told == ["--unwrap"]
        assert again.signature is not None
        assert again.signature.signer == key
        assert again.payload == PAYLOAD


async def test_the_time_is_the_one_that_was_signed(watched: MakeWatched, home: Path) -> None:
    key = generate(home, SENDER)
    opener = watched(home)
    message = sealed(home, key, payload=PAYLOAD, signer=key)
    by_gpg, in_process = await opener.open(message), await opener.open(message)
    assert opener.told == ["--unwrap"]
    assert in_process == by_gpg


async def test_of_other_words_gpg_has_the_last_one(watched: MakeWatched, home: Path) -> None:
    """A sound signature by a known key, over another payload."""
    key = generate(home, SENDER)
    opener = watched(home)
    await opener.open(sealed(home, key, payload=PAYLOAD, signer=key))
    made = signature_packet(home, key, PAYLOAD)
    forged = under_encryption(home, key, made + literal(PAYLOAD + b"!"))
    with pytest.raises(OpeningRefused) as refused:
        await opener.open(forged)
    assert refused.value.reason is Reason.SIGNATURE_INVALID
    assert opener.told == ["--unwrap", "--verify"]


async def test_a_key_that_was_deleted_is_known_no_more(watched: MakeWatched, home: Path) -> None:
    signer, receiver = generate(home, SENDER), generate(home, "rorpost.b@x.se")
    opener = watched(home)
    message = sealed(home, receiver, payload=PAYLOAD, signer=signer)
    await opener.open(message)
    await opener.open(message)
    assert opener.told == ["--unwrap"]
    gpg(home, "--yes", "--delete-secret-and-public-key", signer)
    with pytest.raises(OpeningRefused) as refused:
        await opener.open(message)
    assert refused.value.reason is Reason.SIGNATURE_INVALID
    assert opener.told == ["--unwrap", "--verify"]


async def test_one_that_sequoia_does_not_take_stays_with_gpg(watched: MakeWatched, home: Path) -> None:
    """Its own signatures use SHA-1, which gpg accepts of a key of one's own."""
    weak = ("--cert-digest-algo", "SHA1", "--passphrase", "", "--pinentry-mode", "loopback")
    gpg(home, *weak, "--quick-generate-key", SENDER, "ed25519", "cert,sign", "1y")
    listed = gpg(home, "--with-colons", "--list-keys").decode().splitlines()
    key = next(line.split(":")[9] for line in listed if line.startswith("fpr:"))
    receiver = generate(home, "rorpost.b@x.se")
    opener = watched(home)
    exports = 0
    for _ in range(5):
        made = signature_packet(home, key, PAYLOAD)
        opened = await opener.open(under_encryption(home, receiver, made + literal(PAYLOAD)))
        assert opened.signature is not None
        assert opener.told[:2] == ["--unwrap", "--verify"]
        exports += opener.told.count("--export")
    assert exports <= 2, "asked for once, and once more when it had not held"


async def test_a_large_one_is_left_to_gpg(watched: MakeWatched, home: Path) -> None:
    """Which does not hold the interpreter meanwhile."""
    key = generate(home, SENDER)
    opener = watched(home)
    for _ in range(2):
        await opener.open(sealed(home, key, payload=bytes(MOST_OCTETS + 1), signer=key))
        assert opener.told == ["--unwrap", "--verify"]


async def test_many_at_once(watched: MakeWatched, home: Path) -> None:
    key = generate(home, SENDER)
    opener = watched(home)
    message = sealed(home, key, payload=PAYLOAD, signer=key)
    opened = await asyncio.gather(*(opener.open(message) for _ in range(8)))
    assert {each.signature for each in opened} == {opened[0].signature}
    assert opened[0].signature is not None
    await opener.open(message)
    assert opener.told == ["--unwrap"], "learnt by several at once, and known all the same"
