"""Decision ids: one UUIDv7 per recipient and decision (RFC 9562, section 5.7)."""

import secrets
from collections.abc import Callable


def new_decision_id(now_ms: int, random: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """A UUIDv7 (RFC 9562, section 5.7): `now_ms` in front, 74 random bits behind.

    `random(n)` yields n bytes. Ids of different milliseconds sort by time.
    """
    bits = int.from_bytes(random(10), "big")
    value = (now_ms & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76 | (bits >> 68 & 0xFFF) << 64
    value |= 0b10 << 62 | (bits & ((1 << 62) - 1))
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
