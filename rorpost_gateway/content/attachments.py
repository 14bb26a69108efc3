"""What is attached to a message, by what is found in it."""

from collections.abc import Sequence

from rorpost_gateway.content.bounds import Bounds
from rorpost_gateway.facts import Attachment
from rorpost_gateway.message import Message, Part


def read_attachments(message: Message, parts: Sequence[Part], bounds: Bounds) -> tuple[Attachment, ...]:  # noqa: ARG001
    """Every attachment, and what is in it as far as it can be looked into. Pure, bounded."""
    return ()
