"""A next hop that outlives the daemon: the small sink, in a thread of its own.

Tests that start the daemon as a process are written without an event loop; this is
the partner's server for them. What it was given can be read at any time.
"""

import asyncio
import base64
import concurrent.futures
import hashlib
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from email import message_from_bytes
from typing import Any

from tests.peers.sink import Connection, Script, Sink

BOUND_SECONDS = 20


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """One message as it came in. `recipient` is the To field's, of which a sealed copy has exactly one."""

    octets: bytes

    @property
    def recipient(self) -> str:
        return str(message_from_bytes(self.octets)["To"])

    @property
    def outer_message_id(self) -> str:
        return str(message_from_bytes(self.octets)["Message-ID"])

    @property
    def sealed(self) -> bytes:
        """The armoured OpenPGP message in it, for `gnupg_home.open_with_gpg`."""
        part = message_from_bytes(self.octets).get_payload(1)
        return bytes(part.get_payload(decode=True))  # type: ignore[union-attr]

    @property
    def sealed_sha256(self) -> str:
        """Of the OpenPGP packets without armour, as the decision log names a copy; lower-case hex."""
        lines = self.sealed.splitlines()
        body = lines[lines.index(b"") + 1 :]
        packets = [line for line in body if not line.startswith((b"=", b"-----"))]
        return hashlib.sha256(base64.b64decode(b"".join(packets), validate=True)).hexdigest()


class NextHop:
    """Listens on a port of loopback until `close`. Answers as `script` says, which may be changed."""

    def __init__(self, script: Script | None = None) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="next hop", daemon=True)
        self._thread.start()
        self._sink = Sink(script or Script())
        self._call(self._sink.start())

    @property
    def script(self) -> Script:
        return self._sink.script

    @script.setter
    def script(self, script: Script) -> None:
        self._sink.script = script

    @property
    def port(self) -> int:
        return self._sink.port

    @property
    def connections(self) -> list[Connection]:
        return list(self._sink.connections)

    @property
    def octets(self) -> bytes:
        """Everything that came over the wire in clear text, or under TLS: lines and messages."""
        lines = "\n".join(line for each in self.connections for line in each.lines)
        return lines.encode("utf-8", "surrogateescape") + b"\n".join(self._sink.messages)

    @property
    def arrivals(self) -> list[Arrival]:
        """Without the lone dots that end a transaction nobody is left in (RFC 2920, section 3.1)."""
        return [Arrival(octets=octets) for octets in list(self._sink.messages) if octets]

    def let_go(self) -> None:
        """End every silence (`Script.silent_at`): what was waited for is answered now."""
        self._sink.script.silent_at = None
        self._loop.call_soon_threadsafe(self._sink._over.set)

    def close(self) -> None:
        self._call(self._sink.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(BOUND_SECONDS)
        self._loop.close()

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        done: concurrent.futures.Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        done.result(BOUND_SECONDS)
