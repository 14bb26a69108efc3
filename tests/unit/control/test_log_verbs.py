"""The decision log's verbs: what they refuse before anything is done, and what they hand on."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pytest

from rorpost_gateway.control.base import ArgumentInvalid, Caller
from rorpost_gateway.control.log_verbs import FINGERPRINTS, LogVerbs

CALLER = Caller(uid=1000, name="revision")
KEY = "0F1E2D3C4B5A69788796A5B4C3D2E1F001234567"


class Upkeep:
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []

    async def extract(self, operator: str, verb: str, filters: Sequence[str], entries: int) -> int:
        self.asked.append((operator, verb, *filters, entries))
        return 7

    async def keyring(self, operator: str, verb: str, fingerprints: Sequence[str]) -> int:
        self.asked.append((operator, verb, *fingerprints))
        return 8

    async def new_key(self, operator: str) -> Mapping[str, str]:
        self.asked.append((operator,))
        return {"vkey": "new", "previous": "old"}

    async def purge(self, operator: str, before: date, decision: str) -> Mapping[str, Any]:
        self.asked.append((operator, before, decision))
        return {"files": [], "entries": 0}


@pytest.fixture
def upkeep() -> Upkeep:
    return Upkeep()


async def ask(upkeep: Upkeep, verb: str, arguments: Mapping[str, Any]) -> Any:
    return await LogVerbs(upkeep=upkeep).handlers()[verb](CALLER, arguments)


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("log-extract", {}),
        ("log-extract", {"verb": "follow", "filters": [], "entries": 0}),
        ("log-extract", {"verb": "search", "filters": "sender", "entries": 0}),
        ("log-extract", {"verb": "search", "filters": ["anna.berg@motala.se"], "entries": 0}),
        ("log-extract", {"verb": "search", "filters": ["sender=1"], "entries": 0}),
        ("log-extract", {"verb": "search", "filters": ["sender"] * 33, "entries": 0}),
        ("log-extract", {"verb": "search", "filters": [["sender"]], "entries": 0}),
        ("log-extract", {"verb": "search", "filters": [], "entries": -1}),
        ("log-extract", {"verb": "search", "filters": [], "entries": True}),
        ("log-extract", {"verb": "search", "filters": [], "entries": 1 << 60}),
        ("log-extract", {"verb": "search", "filters": [], "entries": 0, "operator": "root"}),
        ("log-keyring", {"verb": "delete", "fingerprints": [KEY]}),
        ("log-keyring", {"verb": "import", "fingerprints": [KEY[-16:]]}),
        ("log-keyring", {"verb": "import", "fingerprints": [KEY] * (FINGERPRINTS + 1)}),
        ("log-new-key", {"operator": "root"}),
        ("log-purge", {}),
        ("log-purge", {"before": "2026-02-30", "decision": "KS 1"}),
        ("log-purge", {"before": "20260101", "decision": "KS 1"}),
        ("log-purge", {"before": "2026-01-01", "decision": 1}),
    ],
)
async def test_what_cannot_be_understood_is_refused(
    upkeep: Upkeep, verb: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ArgumentInvalid):
        await ask(upkeep, verb, arguments)
    assert upkeep.asked == []


async def test_the_operator_is_who_the_kernel_says(upkeep: Upkeep) -> None:
    filters = ["sender", "from"]
    assert await ask(upkeep, "log-extract", {"verb": "search", "filters": filters, "entries": 12}) == {"n": 7}
    assert await ask(upkeep, "log-keyring", {"verb": "import", "fingerprints": [KEY]}) == {"n": 8}
    assert await ask(upkeep, "log-new-key", {}) == {"vkey": "new", "previous": "old"}
    await ask(upkeep, "log-purge", {"before": "2021-01-01", "decision": "KS 2026/117"})
    assert upkeep.asked == [
        ("revision", "search", "sender", "from", 12),
        ("revision", "import", KEY),
        ("revision",),
        ("revision", date(2021, 1, 1), "KS 2026/117"),
    ]
