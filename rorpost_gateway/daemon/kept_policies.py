"""Every policy revision ever loaded, kept as STATE_DIR/policies/REVISION.json.

The decision log names revisions; these files say, years later, what they allowed.
`in-force` beside them names the last one, so that a start can tell what changed
while the daemon was down.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rorpost_gateway.durable import PRIVATE_MODE, put
from rorpost_gateway.errors import GatewayError

_REVISION = re.compile(r"[0-9a-f]{64}")
_IN_FORCE = "in-force"


class NotKept(GatewayError):
    """The folder of revisions cannot be written."""


class KeptPolicies:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, revision: str, canonical: bytes) -> None:
        """Write a revision durably, unless it is there; then note that it is in force.

        Raises NotKept.
        """
        file = self._folder / f"{revision}.json"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not file.exists():
                put(file, canonical, mode=PRIVATE_MODE)
            put(self._folder / _IN_FORCE, f"{revision}\n".encode(), mode=PRIVATE_MODE)
        except OSError as error:
            cause = f"{file}: {error.strerror}"
            raise NotKept("the policy's revision cannot be kept", private=cause) from error

    def last(self) -> tuple[str, Mapping[str, Any]] | None:
        """The revision that was in force last, and what it said; None where nothing is kept."""
        try:
            revision = (self._folder / _IN_FORCE).read_text(encoding="ascii").strip()
            if not _REVISION.fullmatch(revision):
                return None
            octets = (self._folder / f"{revision}.json").read_bytes()
        except (OSError, ValueError):
            return None  # a lost note costs a count in a log line, nothing more
        # A revision is the digest of its own file: what was changed is not believed.
        return (revision, json.loads(octets)) if hashlib.sha256(octets).hexdigest() == revision else None


def changes(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> dict[str, int]:
    """How much a change gained and lost: mailboxes, users, channels, keys, what is read when, not lines."""
    before = _held(old) if old is not None else {}
    counts = {}
    for what, now_held in _held(new).items():
        held = before.get(what, frozenset())
        counts[f"{what}_gained"] = len(now_held - held)
        counts[f"{what}_lost"] = len(held - now_held)
    return counts


def _held(policy: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """What a policy's plain form holds, each thing as canonical text."""
    mailboxes = policy.get("mailboxes") or {}
    users = {f"{name} {_text(user)}" for name, box in mailboxes.items() for user in box.get("users") or ()}
    keys = {f"{name} {_text(key)}" for name, box in mailboxes.items() for key in _listed(box.get("key"))}
    channels = {_text(channel) for channel in policy.get("channels") or ()}
    return {
        "mailboxes": frozenset(mailboxes),
        "users": frozenset(users),
        "channels": frozenset(channels),
        "keys": frozenset(keys),
        "deadlines": frozenset(_deadlines(mailboxes)),
        "on_duty": frozenset(
            f"{name} {_text(person)}"
            for name, box in mailboxes.items()
            for person in box.get("on_duty") or ()
        ),
    }


def _deadlines(mailboxes: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Each time of day with the days it holds on: other days are other deadlines."""
    for name, box in mailboxes.items():
        days = box.get("read_on") or "working-days"
        written = _text(sorted(days) if isinstance(days, list) else days)
        yield from (f"{name} {_text(at)} {written}" for at in box.get("read_at") or ())


def _listed(value: object) -> list[object]:
    """One key or several, as a policy may write them."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)
