"""Where found entries stand, kept in a few octets each, so that they can be counted before any is shown."""

from array import array
from collections.abc import Iterator
from pathlib import Path

from rorpost_gateway.audit.folder import Broken, open_file
from rorpost_gateway.audit.line import LineFault, parse_line
from rorpost_gateway.audit.search import Found


class Places:
    """A list of entries by file, offset and length."""

    def __init__(self) -> None:
        self._paths: list[Path] = []
        self._ends: list[int] = []  # how many were there when the file's last one had been added
        self._offsets = array("Q")
        self._lengths = array("H")

    def __len__(self) -> int:
        return len(self._offsets)

    def add(self, found: Found) -> None:
        """Add the next one; files come one after the other."""
        if not self._paths or self._paths[-1] != found.path:
            self._paths.append(found.path)
            self._ends.append(0)
        self._offsets.append(found.offset)
        self._lengths.append(len(found.octets))
        self._ends[-1] = len(self._offsets)

    def read(self) -> Iterator[Found]:
        """Read them again, in order. Raises Broken where one is not there any more."""
        begin = 0
        for path, end in zip(self._paths, self._ends, strict=True):
            with open_file(path) as file:
                for index in range(begin, end):
                    file.seek(self._offsets[index])
                    octets = file.read(self._lengths[index])
                    try:
                        entry = parse_line(octets)
                    except LineFault:
                        raise Broken(
                            file=path.name,
                            line=0,
                            entry=0,
                            check="file",
                            text="it was changed while it was read",
                        ) from None
                    yield Found(path=path, offset=self._offsets[index], octets=octets, entry=entry)
            begin = end
