"""One witness from the log's side: it is sent a checkpoint and a proof, and answers with a cosignature.

What it has cosigned before is not written down here: a witness that is asked from another
size says which one it holds, and is asked again from there. What it holds must be a
beginning of this log. Where it is not, the log was cut, rolled back or forked, or somebody
else signs in its name: that is a `WitnessConflict`, which no repetition mends.

c2sp.org/tlog-witness, "add-checkpoint".
"""

import ssl
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Final

from rorpost_gateway.audit.signatures import VerifierKey
from rorpost_gateway.errors import GatewayError
from rorpost_gateway.http.client import Heard, Url, post
from rorpost_gateway.witness.base import Published
from rorpost_gateway.witness.cosignature import Cosignature, find_cosignature
from rorpost_gateway.witness.request import PATH, SIZE_TYPE, read_size, write_request

Proof = Callable[[int, int], Awaitable[Sequence[bytes]]]
"""The consistency proof between two sizes of the log's tree. Raises GatewayError, OSError."""

_CONTENT_TYPE: Final = "application/octet-stream"
_SAYS: Final = {
    400: "it does not understand the request",
    403: "it does not know the key that signed the checkpoint",
    404: "it does not know this log, or its url is another",
}


class WitnessRefused(GatewayError):
    """The witness answered, and not with a cosignature that holds."""


class WitnessConflict(GatewayError):
    """The witness holds a checkpoint of which this log is no continuation."""


class Witness:
    """One witness. `size` is what it has cosigned, as far as is known; 0 before it was asked."""

    def __init__(self, *, key: VerifierKey, url: Url, tls: ssl.SSLContext | None, proof: Proof) -> None:
        self.key = key
        self.size = 0
        self._url = Url(tls=url.tls, host=url.host, port=url.port, target=url.target.removesuffix("/") + PATH)
        self._tls = tls
        self._proof = proof

    async def cosign(self, checkpoint: Published, *, now: float) -> Cosignature:
        """Its cosignature on the checkpoint. `now` is seconds since the epoch.

        Raises HttpFailed, WitnessRefused, WitnessConflict, and what the proof raises.
        """
        heard = await self._send(checkpoint, self.size)
        if heard.status == HTTPStatus.CONFLICT:
            self.size = self._held(heard, checkpoint.size, asked_from=self.size)
            heard = await self._send(checkpoint, self.size)
        if heard.status == HTTPStatus.CONFLICT:
            self._held(heard, checkpoint.size, asked_from=self.size)
            raise WitnessRefused(f"{self.key.name}: it cosigned for somebody else meanwhile")
        if heard.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            raise WitnessConflict(
                f"{self.key.name}: the {self.size} entries that it cosigned are not the first of this log"
            )
        if heard.status != HTTPStatus.OK:
            says = _SAYS.get(heard.status, "it does not cosign")
            raise WitnessRefused(f"{self.key.name}: {says} (HTTP status {heard.status})")
        text = checkpoint.note[: checkpoint.note.rindex(b"\n\n") + 1]
        found = find_cosignature(heard.body, text, self.key, now=now)
        if found is None:
            raise WitnessRefused(f"{self.key.name}: no cosignature by its key in its answer")
        self.size = checkpoint.size
        return found

    async def _send(self, checkpoint: Published, old: int) -> Heard:
        proof = await self._proof(old, checkpoint.size) if 0 < old < checkpoint.size else ()
        body = write_request(old, proof, checkpoint.note)
        return await post(self._url, body, content_type=_CONTENT_TYPE, tls=self._tls)

    def _held(self, heard: Heard, size: int, *, asked_from: int) -> int:
        """What a 409 says that the witness holds, where the log may go on from there."""
        held = read_size(heard.body) if heard.content_type == SIZE_TYPE else None
        if held is None:
            raise WitnessRefused(f"{self.key.name}: HTTP status 409 without a size")
        if held > size:
            raise WitnessConflict(
                f"{self.key.name}: it cosigned {held} entries of this log, which has {size}: "
                "the log was cut or an old one put back, or somebody else signs in its name"
            )
        if held == asked_from == size:
            raise WitnessConflict(f"{self.key.name}: it cosigned {size} other entries than these")
        if held < asked_from:
            self.size = held  # it is asked from there next time; but that it happened has to be told
            raise WitnessRefused(
                f"{self.key.name}: it had cosigned {asked_from} entries and remembers {held}"
            )
        return held
