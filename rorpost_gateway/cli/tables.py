"""Where tables go: as wide as the terminal, and wide enough for a script that reads them."""

from rich.console import Console

FINGERPRINT_COLUMNS = 40  # a fingerprint is compared digit by digit: it is never cut
_PIPE_COLUMNS = 220  # a script's lines are not folded at 80


def table_console() -> Console:
    """Standard output."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_PIPE_COLUMNS)
