"""Questions to the log's own files at start-up, answered without holding them in memory."""

import json
from collections.abc import Collection
from pathlib import Path

from rorpost_gateway.decision import Action
from rorpost_gateway.decision_log.base import Event
from rorpost_gateway.decision_log.folder import SUFFIX, day_files
from rorpost_gateway.decision_log.line import LINE_OCTETS, day_of

# How far the clock may have jumped back between a message's arrival and its line.
CLOCK_MARGIN_SECONDS = 3600.0

# In a JSON string every quotation mark has a backslash before it, so no value can look like this.
_DECISION = f'"event":"{Event.DECISION}"'.encode()
_ACCEPT = f'"action":"{Action.ACCEPT}"'.encode()


def accepted_ids(folder: Path, *, since: float, among: Collection[str] | None = None) -> set[str]:
    """Decision ids of accepted decisions in the files that may hold lines of `since` or later.

    Only ids in `among`, where it is given (then memory does not depend on the log).
    A line that was refused or deferred after all does not count. Raises OSError, LogDamaged.
    """
    if among is not None and not among:
        return set()
    found: set[str] = set()
    oldest = f"{day_of(since - CLOCK_MARGIN_SECONDS)}{SUFFIX}"
    for path in day_files(folder):
        if path.name >= oldest:
            with path.open("rb") as file:
                while line := file.readline(LINE_OCTETS):
                    decision_id = _accepted_id(line)
                    if decision_id is not None and (among is None or decision_id in among):
                        found.add(decision_id)
    return found


def _accepted_id(line: bytes) -> str | None:
    if _DECISION not in line or _ACCEPT not in line or not line.endswith(b"\n"):
        return None
    try:
        value = json.loads(line).get("decision_id")
    except (ValueError, AttributeError, RecursionError):
        return None
    return value if isinstance(value, str) else None
