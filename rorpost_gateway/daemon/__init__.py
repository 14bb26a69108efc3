"""The daemon: the parts put together, started in order, and stopped in order."""
