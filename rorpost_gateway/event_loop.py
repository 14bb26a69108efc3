"""The event loop that a process of ours runs on: uvloop where it is installed, asyncio's own elsewhere.

uvloop carries more connections and octets for the same time, and leaves the read buffer of
an idle TLS connection untouched, where asyncio's fills 256 KiB with zeros. Nothing in the
house may rely on either of them: what the other one lacks is not used.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

try:
    from uvloop import new_event_loop
except ImportError:  # not CPython, or not Linux
    new_loop: Callable[[], asyncio.AbstractEventLoop] | None = None
else:
    new_loop = new_event_loop

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, on the loop that serves best here."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(work)
