"""Values that a client chose, made fit for a log that may be handed out. Pure.

What the policy knows is written as it is. Anything else is cut, and written as
`[redacted]` where it contains an identity number.
"""

from collections.abc import Callable

REDACTED = "[redacted]"
CLIENT_OCTETS = 254
_SPARE_CHARACTERS = 32  # more than an identity number takes, however it is written


def clean(
    value: str,
    *,
    known: bool,
    contains_identity_number: Callable[[str], bool],
    octets: int = CLIENT_OCTETS,
) -> str:
    """A value as the log may hold it: as it is where known, else cut and, if need be, redacted.

    `octets` bounds its UTF-8 form. An identity number that the cut would only
    divide counts too, so that no part of it is left.
    """
    if known:
        return value
    head = value[: octets + _SPARE_CHARACTERS]
    if contains_identity_number(head):
        return REDACTED
    kept = cut(head, octets)
    return REDACTED if kept != head and contains_identity_number(kept) else kept


def cut(text: str, octets: int) -> str:
    """The beginning of a text whose UTF-8 form takes at most `octets`; no character is divided."""
    if text.isascii():
        return text[:octets]
    return text.encode("utf-8", "replace")[:octets].decode("utf-8", "ignore")
