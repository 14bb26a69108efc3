"""Whom a message is for and whom it came from, before anything is done with either. Pure.

An address is part of a path or of a command: what is none is refused for good.
"""

from rorpost_gateway.address import is_function_mailbox, parse_address
from rorpost_gateway.delivery.base import FailedDelivery
from rorpost_gateway.errors import AddressMalformed


def fault_of(recipient: str, *, next_hop: str, reverse_path: str = "") -> FailedDelivery | None:
    """Why it can never be delivered; None where nothing is against it. The null path is empty."""
    if not is_function_mailbox(recipient):
        return FailedDelivery(
            reply="5.1.1 not a function mailbox",
            next_hop=next_hop,
            private=f"not a function mailbox: {recipient!r:.80}",
        )
    if not _is_path(reverse_path):
        return FailedDelivery(
            reply="5.1.7 the reverse-path does not follow the grammar",
            next_hop=next_hop,
            private=f"{reverse_path!r:.80}",
        )
    return None


def _is_path(reverse_path: str) -> bool:
    try:
        return not reverse_path or bool(parse_address(reverse_path))
    except AddressMalformed:
        return False
