"""Fixtures shared by the whole suite; the real peers stand in tests/peers, a file each."""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import settings

# A slow machine is no failure, and what fails once fails again.
settings.register_profile("suite", deadline=None, derandomize=True, database=None)
settings.load_profile("suite")

pytest_plugins: list[str] = [
    "tests.peers.rights",
    "tests.peers.gnupg_home",
    "tests.peers.authority",
    "tests.peers.queues",
    "tests.peers.sink",
    "tests.peers.postfix",
    "tests.peers.dovecot",
    "tests.peers.imap_simulator",
    "tests.peers.cyrus",
    "tests.peers.imap_sessions",
    "tests.peers.mutt",
    "tests.peers.whole_gateway",
    "tests.peers.two_gateways",
    "tests.peers.go_sumdb",
    "tests.peers.timestamp_authority",
    "tests.peers.bare_client",
    "tests.peers.outbound_house",
    "tests.peers.inbound_house",
]


@pytest.fixture(scope="session", autouse=True)
def loggers_that_are_not_kept() -> Iterator[None]:
    """A logger that a test has made once would never again say anything to `capture_logs`."""
    real = structlog.configure

    def configure(*given: Any, **named: Any) -> None:
        real(*given, **{**named, "cache_logger_on_first_use": False})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structlog, "configure", configure)
        yield
