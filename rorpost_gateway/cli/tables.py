"""Where tables go: as wide as the terminal, and wide enough for a script that reads them."""

from rich.console import Console

FINGERPRINT_COLUMNS = 40  # a fingerprint is compared digit by digit: it is never cut
_PIPE_COLUMNS = 220  # a script's lines are not folded at 80


def shown(text: str) -> str:
    """On one line: what could move a terminal's cursor is a question mark."""
    return "".join(one if one.isprintable() else "?" for one in text)


def table_console() -> Console:
    """Standard output."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPE_COLUMNS)
