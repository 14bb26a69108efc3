"""Queue ids: 16 characters that sort by time and can be read out over the telephone. Pure.

48 bits of milliseconds since the epoch and 32 random bits, in Crockford's base32
(no I, L, O or U), upper case. Two ids collide only within one millisecond, and
then with a chance of one in four thousand million; the store refuses the second.
"""

import re

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 16
RANDOM_OCTETS = 4

_TIME_BITS = 48
_QUEUE_ID = re.compile(rf"[{ALPHABET}]{{{LENGTH}}}")


def new_queue_id(now_ms: int, random: bytes) -> str:
    """The queue id of a message taken at `now_ms` (milliseconds since the epoch, UTC).

    `random` is four octets from a good source. Raises ValueError for other lengths
    and for a time that does not fit 48 bits (until the year 10889).
    """
    if len(random) != RANDOM_OCTETS:
        raise ValueError("a queue id takes exactly 4 random octets")
    if not 0 <= now_ms < 1 << _TIME_BITS:
        raise ValueError("time does not fit a queue id")
    number = now_ms << (8 * RANDOM_OCTETS) | int.from_bytes(random)
    return "".join(ALPHABET[number >> shift & 31] for shift in range(5 * (LENGTH - 1), -1, -5))


def is_queue_id(text: str) -> bool:
    """Whether `text` has the shape of a queue id (upper case)."""
    return bool(_QUEUE_ID.fullmatch(text))
