"""A scene for a test: a whole gateway, not started yet. Its daemons are forked, not started cold."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.crash.scene import Scene
from tests.peers.warm_start import WarmStart
from tests.peers.whole_gateway import MakeGateway, WholeGateway


@pytest.fixture(scope="session")
def warm_start() -> Iterator[WarmStart]:
    with WarmStart() as warm:
        yield warm


@pytest.fixture
def whole_gateway(whole_gateway: MakeGateway, warm_start: WarmStart) -> MakeGateway:
    """See `tests/peers/whole_gateway.py`."""

    def make(**options: Any) -> WholeGateway:
        return whole_gateway(launch=warm_start.launch, **options)

    return make


@pytest.fixture
def scene(whole_gateway: MakeGateway) -> Scene:
    return Scene(gateway=whole_gateway())
