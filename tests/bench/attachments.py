"""Looking into large attachments, as the daemon does it: how long, how much memory, and for how long at
most the event loop stood still meanwhile.
"""

import asyncio
import os
import tracemalloc
from collections.abc import Callable, Mapping

from rorpost_gateway.content import look_into
from rorpost_gateway.facts import Look
from rorpost_gateway.message import Message, parse_message
from tests.bench.ground import Ground
from tests.bench.section import MB, Plan, Say, Section, size, spread
from tests.peers.attached_files import DOCX, PDF, gzipped, message, part, tarred, tnef, zipped

_OCTETS = 18 * MB  # some 25 MB in base64
_TICK_SECONDS = 0.001
_JPEG = b"\xff\xd8\xff"


def _pictures(folder: str) -> dict[str, bytes]:
    return {f"{folder}{each}.jpg": _JPEG + os.urandom(MB) for each in range(_OCTETS // MB)}


_SHAPES: Mapping[str, Callable[[], bytes]] = {
    "picture": lambda: _JPEG + os.urandom(_OCTETS),
    "PDF": lambda: PDF + os.urandom(_OCTETS),
    "text": lambda: b"Hej, kan ni ringa?\r\n" * (_OCTETS // 20),
    "Word document": lambda: zipped({**DOCX, **_pictures("word/media/")}),
    "zip": lambda: zipped(_pictures("")),
    "tar.gz": lambda: gzipped(tarred(_pictures(""))),
    "winmail.dat": lambda: tnef(("a.jpg", _JPEG + os.urandom(_OCTETS))),
}


def measure(_on: Ground, plan: Plan, say: Say) -> Section:
    """Each shape in turn, alone; memory in a run of its own."""
    figures: dict[str, dict[str, list[float]]] = {}
    for name, make in _SHAPES.items():
        read = parse_message(message(part(make())))
        runs = [asyncio.run(_timed(read)) for _ in range(plan.runs)]
        figures[name] = {
            "ms": [1e3 * taken for taken, _ in runs],
            "stall_ms": [1e3 * stall for _, stall in runs],
            "memory_mb": [_memory(read) / MB],
        }
        say(f"{name}: {spread(figures[name]['ms'])} ms")
    return Section(
        name="attachments",
        title=f"Looking into one attachment of {size(_OCTETS)}, as decoded",
        columns=("what", "ms", "loop stood still, ms", "more memory, MB"),
        rows=[
            (name, spread(found["ms"]), spread(found["stall_ms"]), f"{found['memory_mb'][0]:.0f}")
            for name, found in figures.items()
        ],
        figures=figures,
        notes=("In a thread, as the daemon does it; the stall is the longest of a timer of a millisecond.",),
    )


async def _timed(read: Message) -> tuple[float, float]:
    """How long it took, and for how long at most a timer of a millisecond beside it was late."""
    loop = asyncio.get_running_loop()
    late, last = [0.0], loop.time()

    def tick() -> None:
        nonlocal last
        now = loop.time()
        late.append(now - last - _TICK_SECONDS)
        last = now
        if not done.is_set():
            loop.call_later(_TICK_SECONDS, tick)
        else:
            ticked.set()

    done, ticked = asyncio.Event(), asyncio.Event()
    tick()
    began = loop.time()
    await look_into(read, Look.ATTACHMENTS)
    taken = loop.time() - began
    done.set()
    await ticked.wait()
    return taken, max(late)


def _memory(read: Message) -> float:
    tracemalloc.start()
    try:
        asyncio.run(look_into(read, Look.ATTACHMENTS))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
