"""The verifier with a progress bar, where somebody looks on."""

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from rorpost_gateway.audit.verify import Verified, verify_log


def verify_with_progress(folder: Path, vkey: str | None) -> Verified:
    """As `verify_log`; on a terminal standard error shows how far it is. Raises Broken."""
    console = Console(stderr=True)
    if not console.is_terminal:
        return verify_log(folder, vkey=vkey)
    columns = (TextColumn("verifying"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("verify", total=None)
        return verify_log(
            folder, vkey=vkey, progress=lambda done, total: bar.update(task, completed=done, total=total)
        )
