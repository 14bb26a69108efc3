"""The operator's log: structlog on standard error, as JSON lines or for a terminal.

It tells what the daemon does and what troubles it. It is not the decision log, and
it holds no content, no subject, no identity number and no secret: event names are
fixed words, values are names, counts, reason codes and addresses the policy knows.

A standard error that cannot be written (its reader has gone or does not read, its disk
is full) stops nothing: lines are lost then, and no message is refused, kept waiting or
sent again for their sake.

Loggers of third parties are turned down for good: at DEBUG some of them write the
very octets that this house exists to protect.
"""

import logging
import select
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

import structlog

PIECE_CHARACTERS = 1024  # at most 4,096 octets, which a pipe or socket with room takes whole
PATIENCE_MILLISECONDS = 50

LEVELS = ("debug", "info", "warning", "error", "critical")

# aiosmtpd logs message lines, python-gnupg plaintext chunks, asyncio's debug mode handles.
MUTED = ("mail.log", "mail.debug", "mail.error", "gnupg", "aiosmtplib")


class _Lossy:
    """Standard error, as it is at each line; never an error, and never a long wait.

    The event loop writes here. A pipe that is full is waited for once, briefly, and not
    again until it has room; a piece is small enough to fit where there is room at all.
    """

    def __init__(self) -> None:
        self._stalled = False
        self._torn = False

    def write(self, text: str) -> None:
        if self._torn:
            text = f"\n{text}"
        with suppress(OSError, ValueError):
            for start in range(0, len(text), PIECE_CHARACTERS):
                if not self._has_room():
                    self._torn = self._torn or start > 0
                    return
                sys.stderr.write(text[start : start + PIECE_CHARACTERS])
                sys.stderr.flush()
            self._torn = False

    def flush(self) -> None:
        """Nothing: what was written is out."""

    def _has_room(self) -> bool:
        try:
            descriptor = sys.stderr.fileno()
        except (OSError, ValueError):  # no file at all
            return True
        room = select.poll()
        room.register(descriptor, select.POLLOUT)
        self._stalled = not room.poll(0 if self._stalled else PATIENCE_MILLISECONDS)
        return not self._stalled


def configure(*, as_json: bool | None = None, level: str = "info") -> None:
    """Set up structlog for the process. `as_json` None: JSON unless standard error is a terminal.

    Lines below `level`, one of `LEVELS`, cost nothing.
    """
    if as_json is None:
        as_json = not sys.stderr.isatty()
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=True) if as_json else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _name_exception,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _Lossy())),
        cache_logger_on_first_use=True,
    )
    mute_third_parties()


def mute_third_parties() -> None:
    """No record of these loggers goes anywhere, whatever level somebody sets later."""
    for name in MUTED:
        logger = logging.getLogger(name)
        logger.disabled = True
        logger.propagate = False


def _name_exception(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """An exception is logged as its type and the places it came through, never as its text.

    The text of a foreign exception may quote what it choked on.
    """
    error = event.get("error")
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["at"] = _places(error)
        private = getattr(error, "private", None)
        if private:
            event["why"] = private
    return event


def _places(error: BaseException) -> list[str]:
    places = []
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('/')[2]}:{traceback.tb_lineno} {code.co_qualname}")
        traceback = traceback.tb_next
    return places[-8:]


@contextmanager
def silent() -> Iterator[None]:
    """No line from this process: for a command that works with the daemon's parts and tells itself."""
    before = structlog.get_config()["processors"]
    structlog.configure(processors=[_drop])
    try:
        yield
    finally:
        structlog.configure(processors=before)


def _drop(_logger: object, _method: str, _event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    raise structlog.DropEvent
