"""`rorpost policy explain`: why a message may or may not be sent, decided by the daemon's own code."""

from rorpost_gateway.cli.explain.command import explain

__all__ = ["explain"]
