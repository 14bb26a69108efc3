"""The operator's log: JSON lines or for a terminal, no text of foreign exceptions, third parties muted."""

import io
import json
import logging
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from rorpost_gateway import operator_log
from rorpost_gateway.errors import QueueUnavailable

MARKER = "Markorord-som-ingen-far-se"


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Logging is the process's; other tests find it as they left it."""
    loggers = {name: logging.getLogger(name) for name in operator_log.MUTED}
    before = {name: (each.disabled, each.propagate) for name, each in loggers.items()}
    yield
    structlog.reset_defaults()
    for name, (disabled, propagate) in before.items():
        loggers[name].disabled, loggers[name].propagate = disabled, propagate


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def fail(error: Exception) -> Exception:
    """The error, with the traceback of having been raised."""
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    operator_log.configure(as_json=True)
    structlog.get_logger().warning("something", place="Östergötland", count=3)
    (line,) = said(capsys)
    assert (line["event"], line["level"], line["place"], line["count"]) == (
        "something",
        "warning",
        "Östergötland",
        3,
    )
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize("level", operator_log.LEVELS)
def test_what_is_below_the_level_is_not_told(capsys: pytest.CaptureFixture[str], level: str) -> None:
    operator_log.configure(as_json=True, level=level)
    for each in operator_log.LEVELS:
        getattr(structlog.get_logger(), each)("something")
    told = operator_log.LEVELS[operator_log.LEVELS.index(level) :]
    assert tuple(line["level"] for line in said(capsys)) == told


def test_debug_is_not_told_unless_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    operator_log.configure(as_json=True)
    structlog.get_logger().debug("something")
    assert said(capsys) == []


def test_lines_are_ascii_and_one_each(capsys: pytest.CaptureFixture[str]) -> None:
    operator_log.configure(as_json=True)
    structlog.get_logger().info("something", place="å\nä\x1b[31m\u2028")
    err = capsys.readouterr().err
    assert err.isascii()
    assert len(err.splitlines()) == 1
    assert "\x1b" not in err


def test_without_a_terminal_it_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    operator_log.configure()
    structlog.get_logger().info("something")
    assert said(capsys)[0]["event"] == "something"


def test_for_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    operator_log.configure(as_json=False)
    structlog.get_logger().info("something", count=3)
    err = capsys.readouterr().err
    assert "something" in err
    assert "count" in err


def test_bound_context_stands_in_each_line(capsys: pytest.CaptureFixture[str]) -> None:
    operator_log.configure(as_json=True)
    with structlog.contextvars.bound_contextvars(queue_id="Q1"):
        structlog.get_logger().info("something")
    structlog.get_logger().info("other")
    first, second = said(capsys)
    assert first["queue_id"] == "Q1"
    assert "queue_id" not in second


@pytest.mark.parametrize("as_json", [True, False])
def test_a_foreign_exception_is_told_by_type_and_place_never_by_its_text(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    operator_log.configure(as_json=as_json)
    structlog.get_logger().error("fault", error=fail(ValueError(MARKER)))
    err = capsys.readouterr().err
    assert MARKER not in err
    assert "ValueError" in err
    assert "test_operator_log.py" in err


def test_a_named_error_gives_its_private_reason(capsys: pytest.CaptureFixture[str]) -> None:
    operator_log.configure(as_json=True)
    structlog.get_logger().error("fault", error=fail(QueueUnavailable("public", private="disk I/O error")))
    (line,) = said(capsys)
    assert (line["error"], line["why"]) == ("QueueUnavailable", "disk I/O error")
    assert line["at"][-1].startswith("test_operator_log.py:")


def test_what_is_no_exception_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    operator_log.configure(as_json=True)
    structlog.get_logger().error("fault", error="TypeError")
    structlog.get_logger().error("fault")
    first, second = said(capsys)
    assert first["error"] == "TypeError"
    assert "error" not in second


def test_a_deep_traceback_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    def deep(levels: int) -> None:
        if levels:
            deep(levels - 1)
        raise ZeroDivisionError

    operator_log.configure(as_json=True)
    try:
        deep(50)
    except ZeroDivisionError as error:
        structlog.get_logger().error("fault", error=error)
    assert len(said(capsys)[0]["at"]) == 8


@pytest.mark.parametrize("name", operator_log.MUTED)
def test_third_parties_stay_silent_whatever_is_set_later(
    name: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    operator_log.configure(as_json=True)
    logger = logging.getLogger(name)
    handler = logging.StreamHandler(stream := io.StringIO())
    logger.addHandler(handler)
    try:
        with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, logger=name):
            for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
                logger.log(level, MARKER)
    finally:
        logger.removeHandler(handler)
    captured = capsys.readouterr()
    assert MARKER not in captured.err + captured.out + caplog.text + stream.getvalue()


class Full(io.StringIO):
    """A disk without room, or a reader that has gone."""

    def write(self, _: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk behind standard error must not turn every 250 into a 451."""
    monkeypatch.setattr(sys, "stderr", Full())
    operator_log.configure(as_json=True)
    structlog.get_logger().info("queued", queue_id="Q1")
    structlog.get_logger().error("fault", error=ValueError("x"))


def test_a_closed_standard_error_changes_nothing() -> None:
    program = """
        import os, structlog
        from rorpost_gateway import operator_log
        operator_log.configure(as_json=True)
        os.close(2)
        structlog.get_logger().info("queued")
        print("goes on")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == "goes on\n"
