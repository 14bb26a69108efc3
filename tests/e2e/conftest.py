"""The fixture of the scenarios."""

from tests.e2e.scenario import scenario

__all__ = ["scenario"]
