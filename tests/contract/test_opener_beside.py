"""The opener in a process of its own: what goes between the two, and what where it dies in the middle."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from rorpost_gateway.beside.frames import Frames, Head, frame
from rorpost_gateway.beside.process import Beside, Gone
from rorpost_gateway.decision import Reason
from rorpost_gateway.openpgp.base import Opened, Opener, OpeningFailed, OpeningRefused, Signature
from rorpost_gateway.openpgp.opening import GnupgOpener
from rorpost_gateway.openpgp.opening_beside import LARGE_OCTETS, OpenerBeside, answering, open_beside
from tests.peers.gnupg_home import SENDER, PreparedKeys, generate, stop_agent
from tests.peers.openpgp_messages import (
    armoured,
    literal,
    packet,
    sealed,
    signature_body,
    signature_packet,
    subpacket,
    under_encryption,
)

PAYLOAD = b"Subject: MARKER-6c11\r\n\r\nthe payload\r\n"
LONGEST = 1 << 24
BROKEN = b"-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----"
SECRET = "hush-5b0d räksmörgås"


class Nobody:
    """An opener or a process that must not be asked."""

    pid: int | None = None

    async def open(self, armoured: bytes, *, longest_octets: int) -> Opened:
        raise AssertionError("opened here")

    async def verify_detached(self, signed: bytes, signature_armoured: bytes) -> Signature:
        raise AssertionError("verified here")

    async def ask(self, head: Head, octets: bytes = b"") -> tuple[Head, bytes]:
        raise AssertionError("asked there")

    async def close(self) -> None:
        pass


class Deaf(Nobody):
    """A process that never answers, or has gone."""

    def __init__(self, fault: Exception | None = None) -> None:
        self._fault = fault

    async def ask(self, head: Head, octets: bytes = b"") -> tuple[Head, bytes]:
        if self._fault is not None:
            raise self._fault
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


class Told:
    """In the place of a process: its answers, through the frames that go between the two."""

    pid = None

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._answer = answering(opener)

    async def ask(self, head: Head, octets: bytes = b"") -> tuple[Head, bytes]:
        return _through_frames(*await self._answer(*_through_frames(head, octets)))

    async def close(self) -> None:
        await self._opener.close()


def _through_frames(head: Head, octets: bytes) -> tuple[Head, bytes]:
    (one,) = Frames().feed(b"".join(frame(head, octets)))
    return one


@pytest.fixture
async def told(prepared_keys: PreparedKeys) -> AsyncIterator[OpenerBeside]:
    opener = GnupgOpener(prepared_keys.receiver_home, None)
    made = OpenerBeside(Nobody(), Told(opener))
    yield made
    await opener.close()


@pytest.fixture
async def here(prepared_keys: PreparedKeys) -> AsyncIterator[GnupgOpener]:
    opener = GnupgOpener(prepared_keys.receiver_home, None)
    yield opener
    await opener.close()


@pytest.fixture
def message(prepared_keys: PreparedKeys) -> bytes:
    return sealed(
        prepared_keys.sender_home, prepared_keys.receiver, payload=PAYLOAD, signer=prepared_keys.sender
    )


@pytest.fixture
async def process(prepared_keys: PreparedKeys) -> AsyncIterator[Beside]:
    home = str(prepared_keys.receiver_home)
    made = Beside(
        "rorpost_gateway.openpgp.opening_beside",
        greeting=lambda: {"home": home, "passphrase": SECRET, "sequoia": True},
    )
    yield made
    await made.close()


async def test_what_is_told_is_what_was_opened(
    told: OpenerBeside, here: GnupgOpener, prepared_keys: PreparedKeys, message: bytes
) -> None:
    home, key = prepared_keys.sender_home, prepared_keys.receiver
    unsigned = sealed(home, key, "--hidden-encrypt-to", key, payload=PAYLOAD)
    made = signature_body(
        home,
        prepared_keys.sender,
        PAYLOAD,
        signed_at=int(time.time()),
        hashed=subpacket(35, b"\x04" + bytes.fromhex(key)),
    )
    for_somebody = under_encryption(home, key, packet(2, made) + literal(PAYLOAD))
    for octets in (message, unsigned, for_somebody):
        opened = await told.open(octets, longest_octets=LONGEST)
        assert opened == await here.open(octets, longest_octets=LONGEST)
    assert opened.signature is not None
    assert opened.signature.intended_recipients == (key,)


async def test_a_detached_signature_too(
    told: OpenerBeside, here: GnupgOpener, prepared_keys: PreparedKeys
) -> None:
    made = armoured(signature_packet(prepared_keys.sender_home, prepared_keys.sender, PAYLOAD), "SIGNATURE")
    assert await told.verify_detached(PAYLOAD, made) == await here.verify_detached(PAYLOAD, made)
    with pytest.raises(OpeningRefused) as refused:
        await told.verify_detached(PAYLOAD + b"!", made)
    assert refused.value.reason is Reason.SIGNATURE_INVALID


@pytest.mark.parametrize(
    ("octets", "longest", "reason"),
    [
        (b"hello", LONGEST, Reason.NOT_ENCRYPTED),
        (
            b"-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----",
            LONGEST,
            Reason.DECRYPTION_FAILED,
        ),
        (None, 3, Reason.MESSAGE_TOO_LARGE),
    ],
)
async def test_refusals_are_the_same(
    told: OpenerBeside, here: GnupgOpener, message: bytes, octets: bytes | None, longest: int, reason: Reason
) -> None:
    heard = []
    for opener in (told, here):
        with pytest.raises(OpeningRefused) as refused:
            await opener.open(octets or message, longest_octets=longest)
        heard.append((refused.value.reason, refused.value.public, refused.value.private))
    assert heard[0] == heard[1]
    assert heard[0][0] is reason


async def test_the_gateways_own_trouble_is_the_same(prepared_keys: PreparedKeys, message: bytes) -> None:
    opener = GnupgOpener(prepared_keys.receiver_home, None, binary="/nowhere/gpg")
    with pytest.raises(OpeningFailed) as failed:
        await OpenerBeside(Nobody(), Told(opener)).open(message, longest_octets=LONGEST)
    assert failed.value.public == "gpg does not work"
    await opener.close()


async def test_opened_there_and_nothing_of_it_here(process: Beside, message: bytes) -> None:
    opener = OpenerBeside(Nobody(), process)
    opened = await asyncio.gather(*(opener.open(message, longest_octets=LONGEST) for _ in range(4)))
    assert {one.payload for one in opened} == {PAYLOAD}
    assert process.pid is not None
    seen = b"".join(Path(f"/proc/{process.pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
    assert b"hush" not in seen


async def test_killed_in_the_middle_it_says_nothing_of_the_message_and_is_started_anew(
    process: Beside, message: bytes
) -> None:
    opener = OpenerBeside(Nobody(), process)
    await opener.open(message, longest_octets=LONGEST)
    first = process.pid
    assert first is not None
    os.kill(first, signal.SIGSTOP)
    asked = asyncio.create_task(opener.open(message, longest_octets=LONGEST))
    await asyncio.sleep(0)
    os.kill(first, signal.SIGKILL)
    async with asyncio.timeout(30):
        with pytest.raises(OpeningFailed):
            await asked
        assert (await opener.open(message, longest_octets=LONGEST)).payload == PAYLOAD
    assert process.pid not in (None, first)


async def test_the_passphrase_arrives(new_home: Callable[[], Path]) -> None:
    home = new_home()
    key = generate(home, SENDER, passphrase=SECRET)
    octets = sealed(home, key, payload=PAYLOAD)
    stop_agent(home)  # which remembers passphrases
    opener = open_beside(home, SECRET)
    try:
        assert (await opener.open(octets, longest_octets=LONGEST)).payload == PAYLOAD
    finally:
        await opener.close()


@pytest.mark.parametrize("fault", [None, Gone("a part of the gateway has ended")])
async def test_no_answer_is_the_gateways_own_trouble(fault: Exception | None) -> None:
    opener = OpenerBeside(Nobody(), Deaf(fault), answer_seconds=0)
    with pytest.raises(OpeningFailed):
        await opener.open(b"x", longest_octets=LONGEST)
    with pytest.raises(OpeningFailed):
        await opener.verify_detached(b"x", b"y")


async def test_a_large_message_is_opened_here() -> None:
    class Here(Nobody):
        async def open(self, armoured: bytes, *, longest_octets: int) -> Opened:
            raise OpeningFailed("here")

        async def verify_detached(self, signed: bytes, signature_armoured: bytes) -> Signature:
            raise OpeningFailed("here")

    here: Opener = Here()
    opener = OpenerBeside(here, Nobody())
    with pytest.raises(OpeningFailed):
        await opener.open(bytes(LARGE_OCTETS + 1), longest_octets=LONGEST)
    with pytest.raises(OpeningFailed):
        await opener.verify_detached(bytes(LARGE_OCTETS), b"xx")
