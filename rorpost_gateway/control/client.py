"""The command line's end of the control socket. Synchronous: one question, one answer."""

import contextlib
import json
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rorpost_gateway.control.base import REQUEST_OCTETS, ArgumentInvalid, require_short_path
from rorpost_gateway.errors import GatewayError

TIMEOUT_SECONDS = 130.0  # a little more than the daemon gives itself

_CHUNK_OCTETS = 64 * 1024
_ANSWER_OCTETS = 512 * 1024 * 1024


class DaemonUnreachable(GatewayError):
    """No daemon there, none that lets this user in, or none that answers."""


class NoDaemon(DaemonUnreachable):
    """Nobody listens there: no daemon is running, or it has not come so far yet."""


class CallRefused(GatewayError):
    """The daemon said no; `kind` says why in one word (see `base.kind_of`)."""

    def __init__(self, public: str, *, kind: str) -> None:
        super().__init__(public)
        self.kind = kind


def call(
    path: Path,
    verb: str,
    arguments: Mapping[str, Any],
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Any:  # noqa: ANN401 - whatever JSON the verb answers with
    """Ask the daemon whose socket lies at `path`; return the result.

    Raises CallRefused for the daemon's own no, DaemonUnreachable where no answer
    came (NoDaemon where nobody listens), ArgumentInvalid for a request that is too
    large, ConfigurationInvalid for a path that is too long.
    """
    require_short_path(path)
    request = json.dumps({"verb": verb, "arguments": dict(arguments)}).encode("ascii") + b"\n"
    if len(request) > REQUEST_OCTETS:
        raise ArgumentInvalid(f"a request has at most {REQUEST_OCTETS} octets")
    return _result(_exchange(path, request, time.monotonic() + timeout_seconds))


def _exchange(path: Path, request: bytes, deadline: float) -> bytes:
    answer = bytearray()
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_left(deadline))
            connection.connect(os.fspath(path))
            # A daemon that refuses this caller says so without having read the request.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(request)
            while not answer.endswith(b"\n"):
                connection.settimeout(_left(deadline))
                chunk = connection.recv(_CHUNK_OCTETS)
                if not chunk or len(answer) > _ANSWER_OCTETS:
                    break
                answer += chunk
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise NoDaemon(f"no daemon is running here (nobody listens at {path})") from error
    except PermissionError as error:
        raise DaemonUnreachable(f"this user may not use {path}; ask root or a member of its group") from error
    except TimeoutError as error:
        raise DaemonUnreachable(
            "the daemon did not answer in time; it may still do what was asked"
        ) from error
    except BlockingIOError as error:
        raise DaemonUnreachable("the daemon has too many callers just now") from error
    except OSError as error:
        # The refusal may have come before the connection broke (a request that was not read to its end).
        if not answer.endswith(b"\n"):
            raise DaemonUnreachable(f"the daemon broke the connection off ({error.strerror})") from error
    return bytes(answer)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _result(answer: bytes) -> Any:  # noqa: ANN401
    try:
        parsed = json.loads(answer)
    except ValueError as error:
        raise DaemonUnreachable("the daemon closed the connection without an answer") from error
    match parsed:
        case {"ok": True, "result": result}:
            return result
        case {"ok": False, "error": str(text), "kind": str(kind)}:
            raise CallRefused(text, kind=kind)
    raise DaemonUnreachable("the daemon's answer cannot be understood")
