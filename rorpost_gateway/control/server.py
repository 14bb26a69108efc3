"""The daemon's end of the control socket.

Invariants: requests and the time they take are bounded; the caller is who the
kernel says (SO_PEERCRED, unix(7)), never who the request says; whatever goes wrong
unforeseen is "internal fault" to the caller and one line in the operator's log.
"""

import asyncio
import contextlib
import json
import os
import pwd
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from rorpost_gateway.control import socket_file
from rorpost_gateway.control.base import REQUEST_OCTETS, ArgumentInvalid, Busy, Caller, Handler, kind_of
from rorpost_gateway.errors import GatewayError, NotFound

CONNECTIONS = 32

_log = structlog.get_logger()


class Forbidden(GatewayError):
    """The caller is neither root, nor the daemon's own user, nor let in by the socket's group."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    request_seconds: float = 10.0  # between connecting, or the last answer, and a whole request
    verb_seconds: float = 120.0
    answer_seconds: float = 30.0  # for the caller to take the answer
    closing_seconds: float = 5.0  # for what is in hand when the server closes


class ControlServer:
    """Serves `handlers`, a verb each, at the Unix socket `path`.

    `group`, where given, names a Unix group whose members may ask as well.
    """

    def __init__(
        self,
        path: Path,
        handlers: Mapping[str, Handler],
        *,
        group: str | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._path = path
        self._handlers = dict(handlers)
        self._group = group
        self._limits = limits or Limits()
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._idle: set[asyncio.Task[Any] | None] = set()
        self._inode = 0

    async def start(self) -> None:
        """Listen. Raises ConfigurationInvalid or Busy (see `socket_file.listen_at`)."""
        listening = socket_file.listen_at(self._path, group=self._group)
        self._inode = socket_file.inode_of(self._path)
        self._server = await asyncio.start_unix_server(self._connected, sock=listening, limit=REQUEST_OCTETS)

    async def close(self) -> None:
        """Stop listening, let what is in hand end, take the socket's file away. Idempotent."""
        if self._server is None:
            return
        socket_file.remove(self._path, self._inode)
        self._server.close()
        self._server = None
        for idle in tuple(self._idle):
            if idle is not None:
                idle.cancel()
        if self._connections:
            await asyncio.wait(self._connections, timeout=self._limits.closing_seconds)
        for task in tuple(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            caller = await self._admit(writer)
            while self._server is not None and (line := await self._request(reader)):
                await self._send(writer, await self._answer(caller, line))
        except GatewayError as error:  # nothing more is read from this connection
            await self._send(writer, _refusal(error))
        except (OSError, TimeoutError, asyncio.CancelledError):
            writer.transport.abort()  # the caller is gone or does not take its answer, or the daemon stops
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _admit(self, writer: asyncio.StreamWriter) -> Caller:
        peer = writer.get_extra_info("socket")
        _pid, uid, _gid = struct.unpack("iII", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if self._group is None and uid not in {0, os.geteuid()}:
            _log.warning("control-refused", uid=uid)
            raise Forbidden("only root and the daemon's own user may ask")
        if len(self._connections) > CONNECTIONS:
            raise Busy("too many callers at once")
        return Caller(uid=uid, name=await asyncio.to_thread(_user_name, uid))

    async def _request(self, reader: asyncio.StreamReader) -> bytes:
        """One line; empty at the end of the connection. Half a request is none."""
        task = asyncio.current_task()
        self._idle.add(task)
        try:
            async with asyncio.timeout(self._limits.request_seconds):
                line = await reader.readline()
        except ValueError as error:
            raise ArgumentInvalid(f"a request has at most {REQUEST_OCTETS} octets") from error
        except TimeoutError as error:
            raise Busy("no request came in time") from error
        finally:
            self._idle.discard(task)
        return line if line.endswith(b"\n") else b""

    async def _answer(self, caller: Caller, line: bytes) -> bytes:
        verb = ""
        try:
            verb, arguments = _parse(line)
            handler = self._handlers.get(verb, _unknown_verb)
            async with asyncio.timeout(self._limits.verb_seconds):
                result = await handler(caller, arguments)
            # A long listing takes time to write down; the event loop has other work.
            return await asyncio.to_thread(_encode, {"ok": True, "result": result})
        except GatewayError as error:
            return _refusal(error)
        except TimeoutError:
            _log.error("control-timeout", verb=verb, operator=caller.name)
            return _encode({"ok": False, "error": "it took too long and was given up", "kind": "timeout"})
        except Exception as error:  # noqa: BLE001 - the caller hears of it, without its text
            _log.error("control-fault", verb=verb, operator=caller.name, error=error)
            return _encode({"ok": False, "error": "internal fault", "kind": "internal-fault"})

    async def _send(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        writer.write(answer)
        async with asyncio.timeout(self._limits.answer_seconds):
            await writer.drain()


async def _unknown_verb(_: Caller, __: Mapping[str, Any]) -> Any:  # noqa: ANN401
    raise NotFound("the daemon does not know this verb")


def _parse(line: bytes) -> tuple[str, Mapping[str, Any]]:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ArgumentInvalid("the request is no JSON") from error
    match request:
        case {"verb": str(verb), "arguments": dict(arguments)} if len(request) == 2:
            return verb, arguments
    raise ArgumentInvalid('a request is {"verb": "...", "arguments": {...}}')


def _refusal(error: GatewayError) -> bytes:
    return _encode({"ok": False, "error": error.public, "kind": kind_of(error)})


def _encode(answer: Mapping[str, Any]) -> bytes:
    return json.dumps(answer, allow_nan=False).encode("ascii") + b"\n"


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
