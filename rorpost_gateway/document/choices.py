"""What to say of a word that is none of the few that may stand in its place. Pure."""

from collections.abc import Collection

from rorpost_gateway.document.findings import Findings
from rorpost_gateway.document.node import Node

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
    return f"one of {len(choices)} words", meant, listed
