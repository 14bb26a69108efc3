"""The entries that concern more than their own place: what a log says of itself.

Whose it is and by which keys (`genesis`, `key`), what the file before was (`day`),
which files were removed (`purged`), what of `checkpoints` is torn (`torn`).
"""

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from rorpost_gateway.audit.folder import Broken
from rorpost_gateway.audit.key_chain import KeyChain, KeyChainFault
from rorpost_gateway.audit.purges import Purges
from rorpost_gateway.audit.reading import Notable
from rorpost_gateway.audit.vouching import Vouching


@dataclass(frozen=True, kw_only=True)
class FileBefore:
    """A file that was read to its end, as the `day` entry of the next must tell of it."""

    file: str
    first: int
    last: int
    sha256: Future[str]


class Events:
    """Takes them in order. `vouching` is None for a log that has no checkpoint."""

    def __init__(self, vouching: Vouching | None, *, vkey: str | None) -> None:
        self.genesis: dict[str, Any] = {}  # where it was read
        self.first_day: dict[str, Any] = {}  # where reading begins with another file than the first
        self.before: FileBefore | None = None
        self.purges = Purges()
        self._vouching = vouching
        self._vkey = vkey

    def take(self, file: str, lines: int, notable: Notable) -> None:
        """Take an entry of a part that has `lines` lines of its file before it. Raises Broken."""
        entry = notable.entry
        place = Broken(file=file, line=lines + notable.line, entry=entry["n"], check="", text="")
        match entry["event"]:
            case "genesis":
                self._genesis(entry, place)
            case "day":
                self._day(entry, place)
            case "key":
                self._key(entry, place)
            case "torn":
                self._torn(entry, place)
            case _:
                if not self.purges.told(entry["n"], entry):
                    raise place.because("purged", "it tells of more files than there can be")

    def _genesis(self, entry: dict[str, Any], place: Broken) -> None:
        self.genesis = entry
        if self._vouching is not None:
            try:
                self._vouching.keys = KeyChain(entry["vkey"], origin=entry["origin"])
            except KeyChainFault as fault:
                raise place.because("key", str(fault)) from None
        elif self._vkey not in (None, entry["vkey"]):
            raise place.because("vkey", "the genesis entry names another verifier key")

    def _day(self, entry: dict[str, Any], place: Broken) -> None:
        before = self.before
        if before is None:
            self.first_day = entry
            return
        told = tuple(entry[name] for name in ("file", "first", "last", "sha256"))
        if told != (before.file, before.first, before.last, before.sha256.result()):
            raise place.because("day", "the file before is not as the day entry tells of it")

    def _key(self, entry: dict[str, Any], place: Broken) -> None:
        keys = None if self._vouching is None else self._vouching.keys
        if keys is None:
            raise place.because("key", "a change of key in a log without checkpoints")
        try:
            keys.rotated(entry["n"], entry)
        except KeyChainFault as fault:
            raise place.because("key", str(fault)) from None

    def _torn(self, entry: dict[str, Any], place: Broken) -> None:
        if self._vouching is None:
            raise place.because("torn", "there is no file of checkpoints")
        self._vouching.torn(entry["offset"], entry["length"], entry["sha256"], place=place)
