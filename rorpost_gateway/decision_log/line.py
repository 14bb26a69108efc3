"""The bytes of a line: one JSON object, ASCII, no spaces, at most 16 KiB with its newline.

Pure. A line's *leaf* is the SHA-256 of 0x00 and its bytes without the newline
(RFC 6962, section 2.1); `prev` holds the leaf of the line before. A line is put
together in two steps: its body when it is asked for, its head (`n`, `prev`,
`time`, `node`) when it is written, since only the writer knows those.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache

from rorpost_gateway.decision_log.base import JsonValue

FIRST_PREV = "0" * 64
LINE_OCTETS = 16 * 1024  # with the newline
BODY_OCTETS = LINE_OCTETS - 512  # the head takes less than 512: n 20, prev 64, time 24, node 64
HEAD_FIELDS = ("n", "prev", "time", "node", "event")

_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_ENCODER = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False)
_NODE = re.compile(r"[A-Za-z0-9._-]{1,64}")


def leaf(line: bytes) -> str:
    """The leaf hash of a line without its newline, lower-case hex (RFC 6962, section 2.1)."""
    return leaf_hash(line).hex()


def leaf_hash(line: bytes) -> bytes:
    """The same, its 32 octets."""
    return hashlib.sha256(b"\x00" + line).digest()


def timestamp(seconds: float) -> str:
    """RFC 3339, UTC, milliseconds (cut, never rounded up into the future)."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


def day_of(seconds: float) -> str:
    """The UTC day, `YYYY-MM-DD`."""
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def valid_node(node: str) -> bool:
    """Whether a gateway's name can stand in the head as it is."""
    return _NODE.fullmatch(node) is not None


def encode_body(event: str, fields: Mapping[str, JsonValue]) -> bytes:
    """`"event":…}`: what follows the head. Texts are cut, longest first, until the line fits.

    Raises ValueError for a field name that is none, or that belongs to the head,
    and where no cutting of texts makes the line fit.
    """
    for name in fields:
        if not _is_field_name(name):
            raise ValueError(f"not a field name: {name!r}")
    values: dict[str, JsonValue] = {"event": str(event)}
    values |= {name: _plain(value) for name, value in fields.items()}
    body = _json(values)
    while len(body) > BODY_OCTETS:
        values |= _shortened(values)
        body = _json(values)
    return body[1:]


def encode_line(*, n: int, prev: str, time: str, node: str, body: bytes) -> bytes:
    """A whole line without its newline; `node` must be `valid_node`."""
    return b'{"n":%d,"prev":"%b","time":"%b","node":"%b",%b' % (
        n,
        prev.encode("ascii"),
        time.encode("ascii"),
        node.encode("ascii"),
        body,
    )


def head_before_time(n: int, prev: str) -> bytes:
    """What entry `n` begins with, whatever its time, node and event are."""
    return b'{"n":%d,"prev":"%b","time":"' % (n, prev.encode("ascii"))


@lru_cache(maxsize=256)  # the same forty names, line after line
def _is_field_name(name: str) -> bool:
    return name not in HEAD_FIELDS and _FIELD_NAME.fullmatch(name) is not None


def _json(values: Mapping[str, JsonValue]) -> bytes:
    return _ENCODER.encode(values).encode("ascii")


def _plain(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return _well_formed(value)
    if isinstance(value, list):
        return [_well_formed(item) for item in value]
    if isinstance(value, Mapping):
        return {_well_formed(key): int(number) for key, number in value.items()}
    if value is None or isinstance(value, (bool, int)):
        return value
    raise ValueError("a field holds a text, a whole number, a truth value, a list of texts or a count table")


def _well_formed(text: str) -> str:
    # A lone surrogate can be written in JSON's escapes, but other readers refuse or change it.
    text = text[:BODY_OCTETS]
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _shortened(values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    name, text = max(
        ((name, value) for name, value in values.items() if isinstance(value, str) and name != "event"),
        key=lambda item: len(json.dumps(item[1])),
        default=("", ""),
    )
    if len(text) < 2:
        raise ValueError("a line over 16 KiB that is not long for its texts")
    return {name: text[: len(text) // 2]}
