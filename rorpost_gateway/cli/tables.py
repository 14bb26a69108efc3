"""Where tables go: as wide as the terminal, and wide enough for a script that reads them."""

from rich.console import Console

_PIPE_COLUMNS = 220  # a script's lines are not folded at 80


def table_console() -> Console:
    """Standard output."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPE_COLUMNS)
