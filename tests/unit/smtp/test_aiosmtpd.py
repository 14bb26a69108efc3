"""What is relied on of aiosmtpd is there, and nothing of its own shows."""

import inspect
import logging
from importlib.metadata import version

import aiosmtpd.smtp
import pytest

from rorpost_gateway.smtp.connection import Connection
from rorpost_gateway.smtp.session import ServerSession


def test_the_version_is_the_one_that_was_read() -> None:
    assert version("aiosmtpd") == "1.4.6"


@pytest.mark.parametrize(
    "name",
    ["_handle_client", "_cb_client_connected", "_reset_timeout", "_set_rset_state", "_create_session"],
)
def test_a_private_method_that_is_used_is_there(name: str) -> None:
    assert callable(getattr(aiosmtpd.smtp.SMTP, name))


@pytest.mark.parametrize("name", ["_smtp_methods", "_handler_coroutine", "_writer"])
def test_a_private_attribute_that_is_used_is_there(name: str) -> None:
    assert f"self.{name}" in inspect.getsource(aiosmtpd.smtp.SMTP)


def test_no_command_of_aiosmtpd_is_left_as_it_was() -> None:
    theirs = {name for name in dir(aiosmtpd.smtp.SMTP) if name.startswith("smtp_")}
    assert theirs <= vars(ServerSession).keys()


@pytest.mark.parametrize(
    "name", ["handle_exception", "push", "_handle_client", "eof_received", "connection_lost"]
)
def test_nothing_that_speaks_or_cancels_is_left_as_it_was(name: str) -> None:
    assert name in vars(Connection)


def test_its_logger_stays_silent_however_logging_is_configured(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("mail.log")
    log.disabled = False
    log.propagate = True
    try:
        with caplog.at_level(logging.DEBUG, logger="mail.log"):
            log.error("a line of a message")
    finally:
        log.disabled, log.propagate = True, False
    assert not caplog.records
