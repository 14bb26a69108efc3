"""`rorpost audit`: what an auditor asks of the decision log, and its keeping. One file a group of verbs."""

from rorpost_gateway.cli.audit.group import audit

__all__ = ["audit"]
