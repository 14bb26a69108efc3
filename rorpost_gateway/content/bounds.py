"""How far the content of one message is looked into."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """All of them hold for one message as a whole, unless said otherwise."""

    depth: int = 3  # messages within messages, archives within archives
    part_text_octets: int = 1024 * 1024  # of one text, as transferred, that is searched for quotes
    text_octets: int = 4 * 1024 * 1024
    entries: int = 10_000  # of archives, all together
    expanded_octets: int = 256 * 1024 * 1024  # all that is taken out of containers, one after the other
    entry_octets: int = 64 * 1024 * 1024  # of one entry, while it is in memory
    ratio: int = 200  # times its own size, of one entry that is larger than a few MiB


BOUNDS = Bounds()
