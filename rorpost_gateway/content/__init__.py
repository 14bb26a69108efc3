"""The content of a message: what it quotes, and what is attached to it.

Pure and bounded, whatever comes. What is found is handed on as facts (`facts.ContentFacts`):
addresses in reply headers, types, sizes; never words, never a name. Nothing here logs.
"""

from rorpost_gateway.content.bounds import BOUNDS, Bounds
from rorpost_gateway.content.kinds import canonical as canonical_type
from rorpost_gateway.content.read import look_into, read_content

__all__ = ["BOUNDS", "Bounds", "canonical_type", "look_into", "read_content"]
