"""kill -9 while lines are being written: whatever was acknowledged is there, and the log goes on."""

import json
import subprocess
import sys
import textwrap

import pytest

WRITE = """
    import asyncio, os, sys, time
    from pathlib import Path
    from rorpost_gateway.decision_log.record import start
    from rorpost_gateway.decision_log.signing import read
    from rorpost_gateway.decision_log.writer import open_log

    async def send(log, name):
        number = 0
        while True:
            n = await log.append([start(version=f"{name}-{number}")])
            os.write(1, f"{n} {name}-{number}\\n".encode())
            number += 1

    async def main():
        # A clock that runs fast, so that midnight comes often.
        began = time.monotonic()
        log = await open_log(
            Path(sys.argv[1]),
            node="gw1",
            signing_key=read(Path(sys.argv[2])),
            now=lambda: 1778068800.0 + (time.monotonic() - began) * 3_000_000,
        )
        await asyncio.gather(*(send(log, name) for name in range(8)))

    asyncio.run(main())
"""


@pytest.mark.parametrize("lines", [1, 57, 700])
async def test_what_was_acknowledged_survives(workshop, lines) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITE), workshop.folder, workshop.key_file()],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    with process, process.stdout as output:
        heard = [next(output) for _ in range(lines)]
        process.kill()
        heard += output.read().splitlines()
    workshop.clock.now += 400 * 86_400
    verified = await workshop.reopen(workshop.folder)
    logged = {entry["n"]: entry.get("version") for entry in map(json.loads, filter(whole, workshop.lines()))}
    for line in heard:
        n, _, version = line.decode().strip().partition(" ")
        assert logged[int(n)] == version
    assert verified.entries > len(heard)
    assert verified.files >= 2


def whole(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
