"""Once a day (UTC) an authority's time-stamp of the newest checkpoint: it stood like this at that time.

`timestamps/SIZE.checkpoint` is what was stamped, `timestamps/SIZE.tsr` the authority's whole
answer. An answer is checked before it is kept. An authority that does not answer, or not
rightly, is asked again later; it never stops anything.

RFC 3161, section 3.4 (over HTTP).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import structlog

from rorpost_gateway.durable import SHARED_MODE, put, sync_folder
from rorpost_gateway.http.client import HttpFailed, Url, post
from rorpost_gateway.witness.base import Published
from rorpost_gateway.witness.timestamp import (
    ANSWER_TYPE,
    QUESTION_TYPE,
    Question,
    Roots,
    check_answer,
    make_question,
    time_of,
)

log = structlog.get_logger()

LOOK_SECONDS: Final = 60.0
AGAIN_SECONDS: Final = 900.0  # after an authority that did not do it
APART_SECONDS: Final = 300.0  # between its clock and ours, without a word about it
FOLDER_MODE: Final = 0o750


@dataclass(frozen=True, kw_only=True)
class Stamped:
    """The newest time-stamp: of how many entries, and when, by the authority's clock."""

    size: int
    at: datetime


class Stamper:
    """One authority, one folder. `newest` is the newest checkpoint; `now` seconds since the epoch."""

    def __init__(
        self,
        *,
        folder: Path,
        url: Url,
        roots: Roots,
        newest: Callable[[], Published | None],
        now: Callable[[], float],
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._folder = folder
        self._url = url
        self._roots = roots
        self._newest = newest
        self._now = now
        self._wait = wait
        self._day: date | None = None  # by our clock, of the newest time-stamp
        self._looked = False
        self.last: Stamped | None = None
        self.failures = 0

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            await self._wait(await self.round())

    async def round(self) -> float:
        """Have the newest checkpoint stamped if none was today; in how many seconds to look again."""
        try:
            if not self._looked:
                self.last = await asyncio.to_thread(newest_stamp, self._folder)
                self._day = self.last.at.date() if self.last else None
                self._looked = True
            checkpoint = self._newest()
            if checkpoint is not None and self._is_due(checkpoint.size):
                await self._stamp(checkpoint)
        except Exception as error:  # noqa: BLE001 - an authority must not stop the gateway, whatever it does
            self.failures += 1
            log.warning("timestamp-failed", error=error)
            return AGAIN_SECONDS
        return LOOK_SECONDS

    def _is_due(self, size: int) -> bool:
        return self.last is None or (self._day != self._today() and self.last.size < size)

    def _today(self) -> date:
        return datetime.fromtimestamp(self._now(), UTC).date()

    async def _stamp(self, checkpoint: Published) -> None:
        question = make_question(checkpoint.note)
        answer = await self._ask(question)
        at = await asyncio.to_thread(check_answer, question, answer, self._roots)
        if abs(at.timestamp() - self._now()) > APART_SECONDS:
            # Kept all the same: where our clock is wrong, this is what shows it.
            log.warning("timestamp-apart-from-clock", seconds=round(at.timestamp() - self._now()))
        await asyncio.to_thread(_keep, self._folder, checkpoint, answer)
        self.last, self._day = Stamped(size=checkpoint.size, at=at), self._today()
        log.info("timestamp-kept", size=checkpoint.size)

    async def _ask(self, question: Question) -> bytes:
        heard = await post(self._url, question.octets, content_type=QUESTION_TYPE, tls=None)
        if heard.status != 200 or heard.content_type != ANSWER_TYPE:
            raise HttpFailed(f"{self._url.authority}: no time-stamp, HTTP status {heard.status}")
        return heard.body


def newest_stamp(folder: Path) -> Stamped | None:
    """The time-stamp of the largest checkpoint in the folder; None where none can be read. Raises OSError."""
    sizes = {path.stem for path in folder.glob("*.tsr")} if folder.is_dir() else set()
    for size in sorted((int(stem) for stem in sizes if stem.isdecimal()), reverse=True):
        at = time_of((folder / f"{size}.tsr").read_bytes())
        if at is not None:
            return Stamped(size=size, at=at)
    return None


def _keep(folder: Path, checkpoint: Published, answer: bytes) -> None:
    if not folder.exists():
        folder.mkdir()
        folder.chmod(FOLDER_MODE)
        sync_folder(folder.parent)
    put(folder / f"{checkpoint.size}.checkpoint", checkpoint.note, mode=SHARED_MODE)
    put(folder / f"{checkpoint.size}.tsr", answer, mode=SHARED_MODE)
