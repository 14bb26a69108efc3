"""The operator's log: structlog on standard error, as JSON lines or for a terminal.

It tells what the daemon does and what troubles it. It is not the decision log, and
it holds no content, no subject, no identity number and no secret: event names are
fixed words, values are names, counts, reason codes and addresses the policy knows.

Loggers of third parties are turned down for good: at DEBUG some of them write the
very octets that this house exists to protect.
"""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

# aiosmtpd logs message lines, python-gnupg plaintext chunks, asyncio's debug mode handles.
MUTED = ("mail.log", "mail.debug", "mail.error", "gnupg", "aiosmtplib")


def configure(*, as_json: bool | None = None) -> None:
    """Set up structlog for the process. `as_json` None: JSON unless standard error is a terminal."""
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
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
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
    error = event.pop("error", None)
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
