"""What this room knows of the log that it speaks for."""

from typing import Protocol


class Published(Protocol):
    """A published checkpoint of ours: the signed note, and what stands in it."""

    @property
    def size(self) -> int: ...

    @property
    def root(self) -> bytes: ...

    @property
    def note(self) -> bytes: ...
