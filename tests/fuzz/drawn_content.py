"""Random rules on attachments as plain data, and what random messages hold and quote.

By chance with a drawn seed: hundreds of them cost no more than one that is drawn piece by piece.
"""

from collections.abc import Callable
from random import Random
from typing import Any

from hypothesis import strategies as st

from rorpost_gateway.facts import Attachment, ContentFacts, Quotes

UNSTATED = "application/octet-stream"
KINDS = ["application/pdf", "image/png", "image/jpeg", "text/plain", UNSTATED]
WRITTEN_TYPES = ["application/pdf", "image/*", "IMAGE/PNG", "image/jpg", "text/plain", UNSTATED]
ENDINGS = [("pdf",), ("png",), ("pdf", "exe"), ("exe", "txt"), ()]
OCTETS = [1, 10, 11, 100, 101, 1000]


def _some_types(chance: Random) -> list[str]:
    return chance.sample(WRITTEN_TYPES, k=chance.choice([0, 1, 1, 2, 3]))


ATTACHMENT_CHOICES: dict[str, Callable[[Random], Any]] = {
    "max_bytes": lambda chance: chance.choice([0, 10, 100]),
    "max_total_bytes": lambda chance: chance.choice([0, 10, 100]),
    "deny_types": _some_types,
    "allow_types": _some_types,
    "deny_extensions": lambda chance: chance.sample(["exe", "PDF", "txt"], k=chance.choice([0, 1, 2])),
    "uninspectable": lambda chance: chance.choice(["reject", "allow"]),
}


def mostly(usual: Any, *others: Any) -> st.SearchStrategy[Any]:
    """A thing that is as it should be nine times of ten, so that the last rules are reached too."""
    return st.sampled_from([usual] * 9 * len(others) + list(others))


def some_attachment_rules(chance: Random) -> Any:
    """Now and then the word that allows anything; else a key or two, or none."""
    if chance.random() < 0.1:
        return "allow"
    names = chance.sample(list(ATTACHMENT_CHOICES), k=chance.choice([0, 1, 1, 2]))
    return {name: ATTACHMENT_CHOICES[name](chance) for name in names}


def attachment_rules() -> st.SearchStrategy[Any]:
    return st.integers(0, 2**32).map(lambda seed: some_attachment_rules(Random(seed)))


def an_attachment(chance: Random) -> Attachment:
    kind = chance.choice(KINDS)
    return Attachment(
        kind=kind,
        declared=chance.choice([kind, UNSTATED, *KINDS]),
        extensions=chance.choice(ENDINGS),
        octets=chance.choice(OCTETS),
        inspected=chance.random() < 0.8,
        depth=chance.choice([0, 0, 0, 1, 2]),
        identity_number_in_name=chance.random() < 0.1,
        disguised=chance.random() < 0.1,
    )


def a_quote(chance: Random, ends: tuple[str, str], people: list[str]) -> frozenset[str]:
    """Every other one of a message that both ends have had."""
    return frozenset([*chance.choice([ends, ()]), *chance.choices(people, k=chance.choice([0, 1, 1, 2]))])


def a_content(chance: Random, ends: tuple[str, str], people: list[str]) -> ContentFacts | None:
    """What somebody may have found, where somebody has looked; quoted are some of `people`."""
    if chance.random() < 0.05:
        return None
    attached = tuple(an_attachment(chance) for _ in range(chance.choice([0, 1, 1, 2])))
    quoted = tuple(a_quote(chance, ends, people) for _ in range(chance.choice([0, 0, 1, 2])))
    return ContentFacts(
        attachments=None if chance.random() < 0.05 else attached,
        quotes=None if chance.random() < 0.05 else Quotes(quoted=quoted, suspected=chance.choice([0, 2])),
        identity_number_in_name=chance.choice([False] * 8 + [True, None]),
    )


def contents(ends: tuple[str, str], people: list[str]) -> st.SearchStrategy[ContentFacts | None]:
    return st.integers(0, 2**32).map(lambda seed: a_content(Random(seed), ends, people))
