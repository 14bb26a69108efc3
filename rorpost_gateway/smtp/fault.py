"""What an operator is told of an unforeseen exception: its type and where it was, never its text.

The text and the local variables of an exception may hold content or a secret.
"""

import traceback
from pathlib import PurePath


def describe_fault(error: BaseException) -> dict[str, str | None]:
    """`error` and `cause` are type names; `where` lists `file:line function`, outermost first."""
    frames = traceback.extract_tb(error.__traceback__)
    cause = error.__cause__ or error.__context__
    return {
        "error": type(error).__name__,
        "cause": type(cause).__name__ if cause else None,
        "where": ", ".join(_place(frame) for frame in frames),
    }


def _place(frame: traceback.FrameSummary) -> str:
    return f"{'/'.join(PurePath(frame.filename).parts[-2:])}:{frame.lineno} {frame.name}"
