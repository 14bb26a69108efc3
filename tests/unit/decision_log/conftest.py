"""The workshop for logs, in one test's own folder."""

import asyncio
from pathlib import Path

import pytest

from rorpost_gateway.decision_log.folder import Disk
from tests.peers.log_workshop import NoSync, Workshop


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "decisions")


@pytest.fixture
def no_sync() -> Disk:
    return NoSync()


@pytest.fixture
async def two_days(workshop: Workshop) -> Workshop:
    async with asyncio.timeout(10):
        await workshop.write(days=2)
    return workshop
