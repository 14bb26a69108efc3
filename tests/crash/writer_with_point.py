"""A decision log without a daemon, killed at a point: writer_with_point.py FOLDER KEY POINT MOMENT."""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from rorpost_gateway.decision_log.signing import read
from tests.crash.points import install
from tests.peers.log_workshop import Workshop

LINES = 2  # the second fills a tile


async def main(folder: Path, key_file: Path, point: str, moment: str) -> None:
    workshop = Workshop(folder)
    workshop.witness_file = folder.with_name("decision-log.last")
    log = await workshop.open(signing_key=read(key_file))
    install(point, moment, 1)
    await log.append([workshop.decision()] * LINES)
    await log.publish_now()
    await log.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:5]))
