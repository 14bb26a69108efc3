"""Which of the names there are was probably meant. Pure.

Addresses share most of their letters, so that two of them are close only where the parts before
and after the @ are close each for itself.
"""

from collections.abc import Iterable
from difflib import SequenceMatcher
from operator import itemgetter

CLOSE = 0.6  # of 1: how much of two words must be the same
CLOSE_PART = 0.75  # the same for each half of an address
LONGEST = 100

_PREFIX = "rorpost."  # what all function mailboxes begin with says nothing


def nearest(word: str, words: Iterable[str]) -> str:
    """The closest of `words`, first in their order among equals; empty where none is close."""
    if len(word) > LONGEST or not word:
        return ""
    if "@" in word:
        return _nearest_address(word.lower(), words)
    matcher: SequenceMatcher[str] = SequenceMatcher(b=word.lower(), autojunk=False)
    scored = [(_likeness(matcher, other.lower(), CLOSE), other) for other in words if other != word]
    return _best(scored)


def _nearest_address(word: str, words: Iterable[str]) -> str:
    local, domain = _halves(word)
    of_local: SequenceMatcher[str] = SequenceMatcher(b=local, autojunk=False)
    of_domain: SequenceMatcher[str] = SequenceMatcher(b=domain, autojunk=False)
    domains: dict[str, float] = {}
    scored = []
    for other in words:
        other_local, other_domain = _halves(other.lower())
        likeness = domains.get(other_domain)
        if likeness is None:
            likeness = domains[other_domain] = _likeness(of_domain, other_domain, CLOSE_PART)
        if likeness:
            scored.append((likeness * _likeness(of_local, other_local, CLOSE_PART), other))
    return _best(scored)


def _halves(address: str) -> tuple[str, str]:
    local, _, domain = address.partition("@")
    return local.removeprefix(_PREFIX), domain


def _likeness(matcher: "SequenceMatcher[str]", other: str, least: float) -> float:
    """From 0 to 1; 0 for whatever is below `least`. The cheap bounds are asked first."""
    matcher.set_seq1(other)
    if matcher.real_quick_ratio() < least or matcher.quick_ratio() < least:
        return 0.0
    ratio = matcher.ratio()
    return ratio if ratio >= least else 0.0


def _best(scored: Iterable[tuple[float, str]]) -> str:
    likeness, word = max(scored, key=itemgetter(0), default=(0.0, ""))
    return word if likeness else ""
