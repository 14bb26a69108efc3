"""One line of the log as the verifier reads it: is it an entry, and of a known shape?

Shares no code with the writer. Names that this version does not know are let
through if their values are flat, so that a later version's log can be read.
"""

import json
import re
from datetime import datetime
from typing import Any, NoReturn

_HEAD = ["n", "prev", "time", "node", "event"]
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_HASH = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

EVENTS: dict[str, tuple[str, ...]] = {  # each with the fields it cannot do without
    "genesis": ("vkey", "origin", "version"),
    "start": ("version",),
    "stop": (),
    "policy": ("revision",),
    "decision": ("direction", "action", "reason"),
    "login-failed": ("client", "reason"),
    "relayed": ("decision_id", "queue_id"),
    "deferred": ("decision_id", "queue_id"),
    "bounced": ("decision_id", "queue_id"),
    "delivered": ("decision_id", "queue_id"),
    "read": (),
    "expired": (),
    "held": ("decision_id", "queue_id"),
    "released": ("decision_id", "queue_id"),
    "removed": ("decision_id", "queue_id"),
    "mailbox": ("mailbox", "outcome", "deadline"),
    "reminder": ("recipient", "declared_user", "mailbox", "valid_until", "days_left"),
    "extract": (),
    "key": ("vkey", "previous", "operator"),
    "keyring": ("operator", "verb", "fingerprints"),
    "purged": ("file", "first", "last", "sha256", "decision", "operator"),
    "heartbeat": (),
    "torn": ("file", "offset", "length", "sha256"),
    "day": ("file", "first", "last", "sha256"),
}
NUMBERS = frozenset(
    {
        *("size", "attempt", "count", "first", "last", "offset", "length", "entries", "previous_entries"),
        *("unread", "in_inbox", "in_sent", "foreign", "days_left"),
    }
)
HASHES = frozenset({"content_sha256", "sealed_sha256", "sha256", "previous_head"})
CHOICES = {
    "direction": {"outbound", "inbound"},
    "action": {"accept", "reject", "defer"},
    "declared_by": {"header", "sender", "login", "signature"},
    "outcome": {"met", "missed", "unknown"},
}
_TABLES = frozenset({"counts"})
_LISTS = frozenset({"filters", "fingerprints"})
TEXTS = frozenset(
    {
        *("decision_id", "reason", "because_of", "channel", "policy", "legal_basis"),
        *("reverse_path", "recipient", "declared_user", "login", "client", "tls"),
        *("queue_id", "message_id", "encrypted_to", "signed_by", "next_hop", "reply", "rule"),
        *("operator", "since", "revision", "previous", "vkey", "origin", "version", "file"),
        *("verb", "decision", "previous_origin"),
        *("mailbox", "deadline", "oldest_unread", "oldest", "cause", "valid_until"),
    }
)


class LineFault(Exception):
    """Why a line is no entry. `is_json` tells a wrong entry from bytes that are none at all."""

    def __init__(self, text: str, *, is_json: bool) -> None:
        super().__init__(text)
        self.is_json = is_json


def parse_line(octets: bytes) -> dict[str, Any]:
    """The entry in a line (without its newline). Raises LineFault, nothing else."""
    try:
        entry = json.loads(
            octets.decode("ascii"),
            object_pairs_hook=_without_doubles,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
    except UnicodeDecodeError:
        raise LineFault("not ASCII", is_json=False) from None
    except (ValueError, RecursionError):
        raise LineFault("not a JSON object", is_json=False) from None
    if not isinstance(entry, dict):
        raise LineFault("not a JSON object", is_json=True)
    _check_head(entry)
    _check_fields(entry)
    return entry


def begins_with_object(octets: bytes) -> bool:
    """Whether a whole JSON object stands in front and something other than zero bytes behind it."""
    try:
        _, end = json.JSONDecoder().raw_decode(octets.decode("ascii"))
    except (ValueError, RecursionError):
        return False
    return bool(octets[end:].strip(b"\0"))


def _check_head(entry: dict[str, Any]) -> None:
    if list(entry)[:5] != _HEAD:
        _wrong("does not begin with n, prev, time, node, event")
    if type(entry["n"]) is not int or entry["n"] < 0:
        _wrong("n is not an entry number")
    if not isinstance(entry["prev"], str) or not _HASH.fullmatch(entry["prev"]):
        _wrong("prev is not a SHA-256 in lower-case hex")
    _check_time(entry["time"])
    if not isinstance(entry["node"], str) or not entry["node"]:
        _wrong("node is not a name")
    event = entry["event"]
    if not isinstance(event, str) or event not in EVENTS:
        _wrong("unknown event")
    for name in EVENTS[event]:
        if entry.get(name) is None:
            _wrong(f"{event} without {name}")


def _check_time(time: object) -> None:
    if not isinstance(time, str) or not _TIME.fullmatch(time):
        _wrong("time is not RFC 3339 in UTC with milliseconds")
    try:
        datetime.fromisoformat(time)
    except ValueError:
        _wrong("time does not exist")


def _check_fields(entry: dict[str, Any]) -> None:
    for name, value in list(entry.items())[5:]:
        if value is not None and not _fits(name, value):
            _wrong(f"{name if _NAME.fullmatch(name) else 'a field name'} is not what it should be")
    decision_id = entry.get("decision_id")
    if decision_id is not None and not _UUID7.fullmatch(decision_id):
        _wrong("decision_id is not a UUIDv7")


def _fits(name: str, value: object) -> bool:
    if name in TEXTS:
        return isinstance(value, str)
    if name in NUMBERS:
        return type(value) is int and value >= 0
    if name in HASHES:
        return isinstance(value, str) and _HASH.fullmatch(value) is not None
    if name in CHOICES:
        return isinstance(value, str) and value in CHOICES[name]
    if name in _TABLES or name in _LISTS:
        return isinstance(value, dict if name in _TABLES else list) and _flat(value)
    return _NAME.fullmatch(name) is not None and _flat(value)


def _flat(value: object) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    if isinstance(value, dict):
        return all(type(item) is int for item in value.values())
    return isinstance(value, (str, int))


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        # Two readers may take different ones of the two, so it says nothing certain.
        raise LineFault("a name stands twice", is_json=True)
    return result


def _no_float(_: str) -> NoReturn:
    raise LineFault("a number that is not whole", is_json=True)


def _wrong(text: str) -> NoReturn:
    raise LineFault(text, is_json=True)
