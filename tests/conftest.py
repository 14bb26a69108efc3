"""Fixtures shared by the whole suite; the real peers stand in tests/peers, a file each."""

pytest_plugins: list[str] = []
