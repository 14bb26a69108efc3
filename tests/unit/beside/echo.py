"""A process beside a test's: it answers, fails or dies, as it is asked."""

import asyncio
import logging
import os
import signal

from rorpost_gateway.beside.frames import HEAD_OCTETS, Head
from rorpost_gateway.beside.inside import Answer, run


def prepare(greeting: Head) -> Answer:
    async def answer(head: Head, octets: bytes) -> tuple[Head, bytes]:
        match head["do"]:
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case "forget":
                await asyncio.Event().wait()
            case "speak":
                print("MARKER printed", flush=True)  # noqa: T201
                logging.getLogger("of.a.library").critical("MARKER logged")
            case "fail":
                raise ValueError("MARKER of what must not be told")
            case "tell too much":
                return {"text": "x" * HEAD_OCTETS}, b""
        return {"greeting": greeting, "pid": os.getpid(), "said": head["do"]}, octets

    return answer


if __name__ == "__main__":
    run(prepare)
