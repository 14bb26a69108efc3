"""Lines about the log's own keeping: its key, its purges, its extracts, and the OpenPGP keys. Pure.

Each names the operator, by the word of the kernel (the control socket's peer
credentials, or the user of an offline command), never by the operator's own.
"""

import re
from collections.abc import Sequence

from rorpost_gateway.decision_log.base import Event, Record
from rorpost_gateway.decision_log.record import ordered
from rorpost_gateway.decision_log.tail import FileSummary

REFERENCE_OCTETS = 200
_REFERENCE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def valid_reference(text: str) -> bool:
    """Whether a text can stand as the reference of a formal decision: one line, 200 octets at most."""
    return (
        text.strip() == text
        and _REFERENCE.fullmatch(text) is not None
        and len(text.encode("utf-8")) <= REFERENCE_OCTETS
    )


def rotated(*, vkey: str, previous: str, operator: str) -> Record:
    """From the next checkpoint on `vkey` signs; `previous` signs that one too, and then no more."""
    return ordered(Event.KEY, {"vkey": vkey, "previous": previous, "operator": operator})


def purged(file: FileSummary, *, decision: str, operator: str) -> Record:
    """A day file is about to be removed: its name, entries and SHA-256, and who decided it."""
    return ordered(
        Event.PURGED,
        {
            "file": file.name,
            "first": file.first,
            "last": file.last,
            "sha256": file.sha256,
            "decision": decision,
            "operator": operator,
        },
    )


def extract(*, operator: str, verb: str, filters: Sequence[str], entries: int) -> Record:
    """Somebody took lines out: by which verb and kinds of filter (never their values), and how many."""
    return ordered(
        Event.EXTRACT, {"operator": operator, "verb": verb, "filters": list(filters), "entries": entries}
    )


def keyring(*, operator: str, verb: str, fingerprints: Sequence[str]) -> Record:
    """An operator's command changed the GnuPG home: `import` or `generate`, and of which keys it says so."""
    return ordered(Event.KEYRING, {"operator": operator, "verb": verb, "fingerprints": list(fingerprints)})
