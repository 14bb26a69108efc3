"""A clock that the demo sets and a daemon reads: real time, and what a file adds to it.

The file lies in the demo's own folder and is read at every look, so that the daemon's clock
jumps when the demo says so and ticks in between.
"""

import time
from datetime import datetime
from pathlib import Path


class Clock:
    """`file` holds the seconds that are added; without it there are none."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def now(self) -> float:
        """Seconds since 1970, by this clock."""
        return time.time() + self._added()

    def set(self, moment: datetime) -> None:
        """From now on it is this moment (aware), and time goes on from there."""
        written = self.file.with_suffix(".new")
        written.write_text(repr(moment.timestamp() - time.time()), encoding="ascii")
        written.replace(self.file)

    def _added(self) -> float:
        try:
            return float(self.file.read_text(encoding="ascii"))
        except FileNotFoundError:
            return 0.0
