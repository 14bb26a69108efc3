"""The SMTP client in a process beside the daemon's, so that speaking to next hops costs it no time.

The attempt's outcome is the same as the client's own (`connection`): this is how it is
asked for and told from one process to the other. Large messages are sent by the daemon
itself: there the network is what takes time, and another copy would cost memory. If the
process dies in the middle of an attempt, nobody knows whether the next hop took the
message: it is deferred and tried again, as after a connection that was cut.
"""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

from rorpost_gateway.beside.frames import Head
from rorpost_gateway.beside.inside import Answer, run
from rorpost_gateway.beside.process import ENDING_SECONDS, Beside, Gone
from rorpost_gateway.envelope import Notify
from rorpost_gateway.smtp_client import verdict
from rorpost_gateway.smtp_client.base import (
    Attempt,
    Deferred,
    Failed,
    MailProtocol,
    Outgoing,
    Relayed,
    Route,
    TlsMode,
)
from rorpost_gateway.smtp_client.connection import SmtpClient

LARGE_OCTETS = 32 * 1024
_CLOSE = "close"
_KINDS: dict[str, type[Relayed | Deferred | Failed]] = {
    kind.__name__: kind for kind in (Relayed, Deferred, Failed)
}


class ClientBeside:
    """A `base.Client` for the daemon; made when it is first needed."""

    def __init__(self, here: SmtpClient, beside: Beside | None = None) -> None:
        self._here = here
        self._beside = beside or Beside(__name__)
        self._told: dict[Route, Head] = {}

    async def send(self, route: Route, outgoing: Outgoing) -> Attempt:
        """See `base.Client`."""
        if len(outgoing.octets) > LARGE_OCTETS:
            return await self._here.send(route, outgoing)
        head = {"route": self._told.setdefault(route, _route_head(route)), **_outgoing_head(outgoing)}
        try:
            told, _ = await self._beside.ask(head, outgoing.octets)
        except Gone:
            text = "the connection broke off; whether the message was taken is not known"
            return Deferred(reply=verdict.own_line("4.4.2", text), next_hop=route.next_hop)
        return _attempt(told)

    async def close(self) -> None:
        """See `base.Client`."""
        await self._here.close()
        if self._beside.pid is not None:
            with suppress(Gone, TimeoutError):
                async with asyncio.timeout(ENDING_SECONDS):
                    await self._beside.ask({_CLOSE: True})
        await self._beside.close()


def _route_head(route: Route) -> Head:
    return {
        "host": route.host,
        "port": route.port,
        "hostname": route.hostname,
        "tls": route.tls.value,
        "ca": None if route.ca is None else str(route.ca),
        "username": route.username,
        "password": route.password,
        "max_size_octets": route.max_size_octets,
        "connections": route.connections,
        "socket": None if route.socket is None else str(route.socket),
        "protocol": route.protocol.value,
    }


def _route(head: Head) -> Route:
    return Route(
        **{
            **head,
            "tls": TlsMode(head["tls"]),
            "ca": _path(head["ca"]),
            "socket": _path(head["socket"]),
            "protocol": MailProtocol(head["protocol"]),
        }
    )


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def _outgoing_head(outgoing: Outgoing) -> Head:
    return {
        "reverse_path": outgoing.reverse_path,
        "recipient": outgoing.recipient,
        "envid": outgoing.envid,
        "notify": None if outgoing.notify is None else sorted(each.value for each in outgoing.notify),
        "ret": outgoing.ret,
        "original_recipient": outgoing.original_recipient,
    }


def _outgoing(head: Head, octets: bytes) -> Outgoing:
    notify = head.pop("notify")
    return Outgoing(**head, octets=octets, notify=None if notify is None else frozenset(map(Notify, notify)))


def _attempt_head(attempt: Attempt) -> Head:
    head: dict[str, Any] = {
        "kind": type(attempt).__name__,
        "reply": attempt.reply,
        "next_hop": attempt.next_hop,
    }
    if isinstance(attempt, Relayed):
        head["notify_taken"] = attempt.notify_taken
    return head


def _attempt(head: Head) -> Attempt:
    return _KINDS[head.pop("kind")](**head)


def answering(client: SmtpClient) -> Answer:
    """What answers in the process: one attempt a question."""
    routes: dict[tuple[Any, ...], Route] = {}

    async def answer(head: Head, octets: bytes) -> tuple[Head, bytes]:
        if _CLOSE in head:
            await client.close()
            return {}, b""
        told = head.pop("route")
        key = tuple(told.values())
        if key not in routes:
            routes[key] = _route(told)
        return _attempt_head(await client.send(routes[key], _outgoing(head, octets))), b""

    return answer


def main() -> None:
    """The process."""
    run(lambda _greeting: answering(SmtpClient()))


if __name__ == "__main__":
    main()
