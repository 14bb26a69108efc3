"""Reads the named statements of this room's .sql files.

A statement begins with a line `-- name: NAME`; comment lines that follow say why.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def load_statements(file: str) -> Mapping[str, str]:
    """The statements of `file`, by name, in the file's order."""
    text = resources.files(__package__).joinpath(file).read_text(encoding="utf-8")
    _, *rest = _NAME.split(text)
    return {name: body.strip() for name, body in zip(rest[::2], rest[1::2], strict=True)}
