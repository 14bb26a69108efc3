"""The verifier with a progress bar, where somebody looks on."""

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from rorpost_gateway.audit.checkpoints import CHECKPOINT, checkpoint_broken
from rorpost_gateway.audit.verify import Verified, verify_log


def verify_with_progress(folder: Path, vkey: str | None, *, since: bytes | None = None) -> Verified:
    """As `verify_log`; on a terminal standard error shows how far it is. Raises Broken.

    Where a key is known, a log in which nothing is signed does not hold: whoever can
    write lines can write its name into them.
    """
    verified = _verify(folder, vkey, since)
    if vkey is not None and not verified.covered:
        text = "there is no checkpoint, so that nothing is signed by that key"
        raise checkpoint_broken(text, file=CHECKPOINT, line=0)
    return verified


def _verify(folder: Path, vkey: str | None, since: bytes | None) -> Verified:
    console = Console(stderr=True)
    if not console.is_terminal:
        return verify_log(folder, vkey=vkey, since=since)
    columns = (TextColumn("verifying"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task("verify", total=None)

    def show(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)
        if done < total:
            bar.start()

    try:
        return verify_log(folder, vkey=vkey, since=since, progress=show)
    finally:
        bar.stop()
