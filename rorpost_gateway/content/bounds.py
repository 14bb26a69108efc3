"""How far the content of one message is looked into."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """All of them hold for one message as a whole, unless said otherwise."""

    depth: int = 3  # messages within messages, archives within archives
    part_text_octets: int = 1024 * 1024  # of one text, as transferred, that is searched for quotes
    text_octets: int = 4 * 1024 * 1024


BOUNDS = Bounds()
