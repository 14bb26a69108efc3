"""What `purged` entries tell of files that are not there, and whether they tell of all of them."""

from dataclasses import dataclass
from typing import Any

from rorpost_gateway.audit.folder import Broken

FILES = 100_000  # of days; hostile logs tell of more


@dataclass(frozen=True, kw_only=True)
class Purge:
    """Entries `first` to `last` were removed by a decision, which is told by its reference."""

    decision: str
    first: int
    last: int
    files: int


@dataclass(frozen=True, kw_only=True)
class _Told:
    n: int  # of the `purged` entry
    file: str
    first: int
    last: int
    sha256: str
    decision: str

    def fits(self, day: dict[str, Any]) -> bool:
        """Whether a `day` entry tells the same of the file before it."""
        return all(day[name] == getattr(self, name) for name in ("file", "first", "last", "sha256"))


class Purges:
    """The `purged` entries of one log."""

    def __init__(self) -> None:
        self._by_last: dict[int, _Told] = {}

    def told(self, n: int, entry: dict[str, Any]) -> bool:
        """Take an entry; False where there are more than there can be."""
        fields = {name: entry[name] for name in ("file", "first", "last", "sha256", "decision")}
        self._by_last[entry["last"]] = _Told(n=n, **fields)
        return len(self._by_last) <= FILES

    def of(self, first: int, day: dict[str, Any], *, file: str, covered: int) -> list[Purge]:
        """The purges that explain why the log begins with entry `first`, the oldest first. Raises Broken.

        `day` is the entry that opens `file`, the oldest one that is there. Whatever lies
        before the oldest file that is told of was purged earlier, by entries that
        have been purged themselves: files go oldest first.
        """
        found: list[Purge] = []
        end = first
        while end > 0 and (told := self._by_last.get(end - 1)) is not None and told.first < end:
            if end == first and not told.fits(day):
                raise _broken(file, first, "the purged entry tells of another file than the day entry")
            if told.n >= covered:
                raise _broken(file, first, "purged before a checkpoint covered the entry that tells of it")
            found.append(Purge(decision=told.decision, first=told.first, last=told.last, files=1))
            end = told.first
        if not found:
            raise _broken(file, first, f"{first} entries are not there, and no purged entry tells of them")
        return _joined(found[::-1])


def _joined(purges: list[Purge]) -> list[Purge]:
    """Neighbours by the same decision as one."""
    result = purges[:1]
    for purge in purges[1:]:
        before = result[-1]
        if before.decision == purge.decision:
            result[-1] = Purge(
                decision=before.decision, first=before.first, last=purge.last, files=before.files + 1
            )
        else:
            result.append(purge)
    return result


def _broken(file: str, first: int, text: str) -> Broken:
    return Broken(file=file, line=1, entry=first, check="purged", text=text)
