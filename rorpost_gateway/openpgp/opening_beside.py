"""Opening in a process beside the daemon's, so that starting gpg costs the daemon no time.

Opened there and opened here are the same: this is how it is asked for and told from
one process to the other. The passphrase goes over the socket between them, and nothing
else tells it. Large messages are opened by the daemon itself: gpg's own work is most of
it there, and another copy would cost memory. Where the process dies in the middle,
nothing was said of the message, and it may come again.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from rorpost_gateway.beside.frames import Head
from rorpost_gateway.beside.inside import Answer, run
from rorpost_gateway.beside.process import ENDING_SECONDS, Beside, Gone
from rorpost_gateway.decision import KeyChoice, Reason
from rorpost_gateway.openpgp.base import Opened, Opener, OpeningFailed, OpeningRefused, Signature
from rorpost_gateway.openpgp.opening import GnupgOpener

LARGE_OCTETS = 256 * 1024
ANSWER_SECONDS = 300.0  # more than what each gpg is given, one after the other
STUCK_SECONDS = 240.0  # of silence, with a question waiting; gpg is given less
_OPEN, _VERIFY, _CLOSE = "open", "verify", "close"
_OPENED, _SIGNATURE, _REFUSED, _FAILED = "opened", "signature", "refused", "failed"


class _Process(Protocol):
    """What is used of a `Beside`."""

    @property
    def pid(self) -> int | None: ...
    async def ask(self, head: Head, octets: bytes = b"") -> tuple[Head, bytes]: ...
    async def close(self) -> None: ...


class OpenerBeside:
    """Implements `Opener`. The process is started when it is first needed, and anew if it has died."""

    def __init__(self, here: Opener, process: _Process, *, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._here = here
        self._process = process
        self._answer_seconds = answer_seconds

    async def open(self, armoured: bytes, *, longest_octets: int) -> Opened:
        """See `Opener`. Raises OpeningRefused or OpeningFailed."""
        if len(armoured) > LARGE_OCTETS:
            opening = self._here.open(armoured, longest_octets=longest_octets)
            del armoured  # the other opener's now: a large message is in memory often enough
            return await opening
        told, payload = await self._ask({_OPEN: longest_octets}, armoured)
        return _opened(told[_OPENED], payload)

    async def verify_detached(self, signed: bytes, signature_armoured: bytes) -> Signature:
        """See `Opener`. Raises OpeningRefused or OpeningFailed."""
        if len(signed) + len(signature_armoured) > LARGE_OCTETS:
            return await self._here.verify_detached(signed, signature_armoured)
        told, _ = await self._ask({_VERIFY: len(signed)}, signed + signature_armoured)
        return _signature(told[_SIGNATURE])

    async def close(self) -> None:
        """Wait for what is being opened and end the process."""
        await self._here.close()
        if self._process.pid is not None:
            with suppress(Gone, TimeoutError):
                async with asyncio.timeout(ENDING_SECONDS):
                    await self._process.ask({_CLOSE: True})
        await self._process.close()

    async def _ask(self, head: Head, octets: bytes) -> tuple[Head, bytes]:
        try:
            async with asyncio.timeout(self._answer_seconds):
                told, given = await self._process.ask(head, octets)
        except Gone as error:
            raise OpeningFailed("the message cannot be opened now", private=error.private) from error
        except TimeoutError as error:
            raise OpeningFailed("the message cannot be opened now", private="no answer in time") from error
        if _REFUSED in told:
            raise OpeningRefused(Reason(told[_REFUSED]), private=told["private"])
        if _FAILED in told:
            raise OpeningFailed(told[_FAILED], private=told["private"])
        return told, given


def open_beside(home: Path, passphrase: str | None, *, sequoia: bool = False) -> OpenerBeside:
    """An opener with a process of its own."""
    greeting: Head = {"home": str(home), "passphrase": passphrase, "sequoia": sequoia}
    here = GnupgOpener(home, passphrase, sequoia=sequoia)
    return OpenerBeside(here, Beside(__name__, greeting=lambda: greeting, patience_seconds=STUCK_SECONDS))


def answering(opener: Opener) -> Answer:
    """What answers in the process: one message a question."""

    async def answer(head: Head, octets: bytes) -> tuple[Head, bytes]:
        if _CLOSE in head:
            await opener.close()
            return {}, b""
        if _VERIFY in head:
            at = head[_VERIFY]
            return await _told(_verified(opener, octets[:at], octets[at:]))
        return await _told(_opened_there(opener, octets, head[_OPEN]))

    return answer


async def _told(work: Awaitable[tuple[Head, bytes]]) -> tuple[Head, bytes]:
    try:
        return await work
    except OpeningRefused as error:
        # It says its reason itself, in front of what is private.
        private = error.private.removeprefix(f"{error.reason}: ")
        return {_REFUSED: error.reason.value, "private": private}, b""
    except OpeningFailed as error:
        return {_FAILED: error.public, "private": error.private}, b""


async def _opened_there(opener: Opener, armoured: bytes, longest_octets: int) -> tuple[Head, bytes]:
    opened = await opener.open(armoured, longest_octets=longest_octets)
    head: Head = {
        "signature": None if opened.signature is None else _signature_head(opened.signature),
        "opened_with": [opened.opened_with.primary, opened.opened_with.subkey],
        "encrypted_to": opened.encrypted_to,
        "packets_sha256": opened.packets_sha256,
    }
    return {_OPENED: head}, opened.payload


async def _verified(opener: Opener, signed: bytes, signature_armoured: bytes) -> tuple[Head, bytes]:
    return {_SIGNATURE: _signature_head(await opener.verify_detached(signed, signature_armoured))}, b""


def _signature_head(signature: Signature) -> Head:
    return {
        "signer": signature.signer,
        "signer_subkey": signature.signer_subkey,
        "signed_at": int(signature.signed_at.timestamp()),
        "intended_recipients": signature.intended_recipients,
    }


def _signature(head: Head) -> Signature:
    return Signature(
        signer=head["signer"],
        signer_subkey=head["signer_subkey"],
        signed_at=datetime.fromtimestamp(head["signed_at"], UTC),
        intended_recipients=tuple(head["intended_recipients"]),
    )


def _opened(head: dict[str, Any], payload: bytes) -> Opened:
    primary, subkey = head["opened_with"]
    return Opened(
        payload=payload,
        signature=None if head["signature"] is None else _signature(head["signature"]),
        opened_with=KeyChoice(primary=primary, subkey=subkey),
        encrypted_to=tuple(head["encrypted_to"]),
        packets_sha256=head["packets_sha256"],
    )


def _prepared(greeting: Head) -> Answer:
    home, passphrase = Path(greeting["home"]), greeting["passphrase"]
    return answering(GnupgOpener(home, passphrase, sequoia=greeting["sequoia"]))


def main() -> None:
    """The process."""
    run(_prepared)


if __name__ == "__main__":
    main()
