"""A scene for a test: a whole gateway, not started yet."""

import pytest

from tests.crash.scene import Scene
from tests.peers.whole_gateway import MakeGateway


@pytest.fixture
def scene(whole_gateway: MakeGateway) -> Scene:
    return Scene(gateway=whole_gateway())
