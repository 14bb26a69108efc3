"""A process beside a test's: it answers, fails or dies, as it is asked."""

import os
import signal

from rorpost_gateway.beside.frames import Head
from rorpost_gateway.beside.inside import Answer, run


def prepare(greeting: Head) -> Answer:
    async def answer(head: Head, octets: bytes) -> tuple[Head, bytes]:
        match head["do"]:
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case "fail":
                raise ValueError("MARKER of what must not be told")
        return {"greeting": greeting, "pid": os.getpid(), "said": head["do"]}, octets

    return answer


if __name__ == "__main__":
    run(prepare)
