"""The real `rorpost`, whose decision log writes nothing: without_log.py serve --config FILE.

It decides, seals and relays as ever; an append gives back the next number at once. What
is faster by that is what the log costs: encoding, hashing, waiting for the disk, publishing.
"""

import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from rorpost_gateway.cli import main
from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.decision_log.writer import LogWriter

_numbers = itertools.count()


async def _append(_: LogWriter, records: Sequence[Record]) -> int:
    return [next(_numbers) for _ in records][-1]


if __name__ == "__main__":
    LogWriter.append = _append  # type: ignore[method-assign]
    main()
