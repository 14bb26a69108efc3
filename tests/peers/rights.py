"""Tests marked `root` need to be root: skipped and counted by hand, failing in CI."""

import os
from enum import Enum

import pytest


class Without(Enum):
    """What becomes of a test that needs root."""

    RUN = "run"
    SKIP = "skip"
    FAIL = "fail"


def without_root(*, is_root: bool, in_ci: bool) -> Without:
    if is_root:
        return Without.RUN
    return Without.FAIL if in_ci else Without.SKIP


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("root") is None:
        return
    match without_root(is_root=os.geteuid() == 0, in_ci=bool(os.environ.get("CI"))):
        case Without.FAIL:
            pytest.fail("needs to be root, and CI leaves nothing out", pytrace=False)
        case Without.SKIP:
            pytest.skip("needs to be root")
        case Without.RUN:
            pass
