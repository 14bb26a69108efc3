"""The words of the control socket, for both of its ends.

One request is one line of JSON, and so is its answer:

    {"verb": "queue.hold", "arguments": {"id": "06GC8M3C00000006"}}
    {"ok": true, "result": {"changed": 1, "of": 1}}
    {"ok": false, "error": "no 06GC8M3C00000006 in the queue", "kind": "not-found"}

A connection may carry several, one after the other.
"""

import os
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rorpost_gateway.errors import ConfigurationInvalid, GatewayError

REQUEST_OCTETS = 64 * 1024
PATH_OCTETS = 100  # the kernel takes 107; the rest is for other systems' smaller limits


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks, by the kernel's word: the user id, and its name (the number where it has none)."""

    uid: int
    name: str


Handler = Callable[[Caller, Mapping[str, Any]], Awaitable[Any]]
"""Does one verb; returns what JSON can carry. Its named errors' public text reaches the caller."""


class ArgumentInvalid(GatewayError):
    """The request cannot be understood: a wrong argument, or one that is missing."""


class Busy(GatewayError):
    """Not now: what was asked about is in use. Trying again later may help."""


def kind_of(error: GatewayError) -> str:
    """An error's name as scripts see it: `NotFound` is `not-found`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", type(error).__name__).lower()


def require_short_path(path: Path) -> None:
    """Raises ConfigurationInvalid where the kernel could not take the socket's path."""
    octets = len(os.fsencode(path))
    if octets > PATH_OCTETS:
        raise ConfigurationInvalid(
            f"state_dir: the path of the control socket has {octets} octets, at most {PATH_OCTETS} "
            f"are possible; choose a state_dir with a shorter path ({path})"
        )
