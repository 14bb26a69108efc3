"""The decision log's verbs: log-extract, log-keyring, log-new-key, log-purge.

    log-extract  {"verb": "search", "filters": ["sender", "from"], "entries": 12}  → {"n": 4711}
    log-keyring  {"verb": "import", "fingerprints": ["0F1E…"]}                      → {"n": 4711}
    log-new-key  {}                                      → {"vkey": "…", "previous": "…"}
    log-purge    {"before": "2021-01-01", "decision": "KS 2026/117"}
                                         → {"files": ["2020-01-01.jsonl"], "entries": 90211}

What is asked for here stands in the log with the caller's name, durably, before the
answer is given; only kinds of filter are taken, so that no value can reach the log.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from rorpost_gateway.control.base import ArgumentInvalid, Caller, Handler

EXTRACTS = frozenset({"search", "report", "export", "prove"})
KEYRING_CHANGES = frozenset({"import", "generate", "confirm"})
FINGERPRINTS = 64  # in one line; who has more asks for several

_FILTER = re.compile(r"[a-z][a-z-]{0,31}")
_FILTERS = 32
_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")


class LogUpkeep(Protocol):
    """What the daemon does for these verbs. Each raises LogUnavailable and writes its line itself."""

    async def extract(self, operator: str, verb: str, filters: Sequence[str], entries: int) -> int: ...

    async def keyring(self, operator: str, verb: str, fingerprints: Sequence[str]) -> int: ...

    async def new_key(self, operator: str) -> Mapping[str, str]: ...

    async def purge(self, operator: str, before: date, decision: str) -> Mapping[str, Any]:
        """Raises ArgumentInvalid for a reference that cannot stand in the log, LogDamaged."""
        ...


@dataclass(frozen=True, kw_only=True)
class LogVerbs:
    upkeep: LogUpkeep

    def handlers(self) -> dict[str, Handler]:
        """For `ControlServer`."""
        return {
            "log-extract": self.extract,
            "log-keyring": self.keyring,
            "log-new-key": self.new_key,
            "log-purge": self.purge,
        }

    async def extract(self, caller: Caller, arguments: Mapping[str, Any]) -> dict[str, int]:
        match arguments:
            case {"verb": str(verb), "filters": list(filters), "entries": int(entries)} if (
                len(arguments) == 3
                and verb in EXTRACTS
                and _all_match(_FILTER, filters, most=_FILTERS)
                and type(entries) is int
                and 0 <= entries < 1 << 53
            ):
                return {"n": await self.upkeep.extract(caller.name, verb, filters, entries)}
        raise ArgumentInvalid("log-extract takes verb (search, report, export, prove), filters and entries")

    async def keyring(self, caller: Caller, arguments: Mapping[str, Any]) -> dict[str, int]:
        match arguments:
            case {"verb": str(verb), "fingerprints": list(fingerprints)} if (
                len(arguments) == 2
                and verb in KEYRING_CHANGES
                and _all_match(_FINGERPRINT, fingerprints, most=FINGERPRINTS)
            ):
                return {"n": await self.upkeep.keyring(caller.name, verb, fingerprints)}
        raise ArgumentInvalid("log-keyring takes verb (import, generate, confirm) and fingerprints")

    async def new_key(self, caller: Caller, arguments: Mapping[str, Any]) -> Mapping[str, str]:
        if arguments:
            raise ArgumentInvalid("log-new-key takes no arguments")
        return await self.upkeep.new_key(caller.name)

    async def purge(self, caller: Caller, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        match arguments:
            case {"before": str(before), "decision": str(decision)} if len(arguments) == 2:
                return await self.upkeep.purge(caller.name, _day(before), decision)
        raise ArgumentInvalid("log-purge takes before (YYYY-MM-DD) and decision")


def _all_match(pattern: re.Pattern[str], texts: Sequence[object], *, most: int) -> bool:
    return len(texts) <= most and all(isinstance(text, str) and pattern.fullmatch(text) for text in texts)


def _day(text: str) -> date:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ArgumentInvalid("before is a day, YYYY-MM-DD")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentInvalid("before is a day, YYYY-MM-DD") from error
