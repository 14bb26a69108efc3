"""What to say of a word that is none of the few that may stand in its place. Pure."""

from collections.abc import Collection
from itertools import islice

from rorpost_gateway.document.findings import Findings
from rorpost_gateway.document.node import Node

FIRST_NAMED = 3
MOST_NAMED = 12  # in the text itself; more are advice, and only where no guess is better

_YES_AND_NO = frozenset(("yes", "no", "on", "off", "true", "false"))


def one_of(node: Node, choices: Collection[str], findings: Findings) -> tuple[str, str, str]:
    """What is wanted, what was probably meant, and advice, each for `Finding`."""
    if node.source.lower() in _YES_AND_NO:
        meant, advice = "", f"{node.source} is no answer here: say which of these is to happen"
    else:
        meant, advice = findings.nearest(node.source, choices), ""
    if len(choices) <= MOST_NAMED:
        return "one of: " + ", ".join(choices), meant, advice
    listed = "" if meant else "the words are: " + ", ".join(choices)
    first = ", ".join(islice(choices, FIRST_NAMED))
    return f"one of: {first} and {len(choices) - FIRST_NAMED} others", meant, listed
