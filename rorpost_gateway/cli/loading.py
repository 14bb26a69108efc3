"""Loading the policy for a command: a person who has to wait for it sees how far it has come."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from rorpost_gateway.config.model import Config
from rorpost_gateway.freed_memory import uncollected
from rorpost_gateway.policy import loading
from rorpost_gateway.policy.load import load_policy
from rorpost_gateway.policy.model import Policy

PATIENCE_SECONDS: Final = 0.5  # what is loaded sooner needs no bar


def load_policy_of(config: Config, path: Path | None = None, *, shown_as: str | None = None) -> Policy:
    """The policy that the configuration names, or another one by the same settings.

    `shown_as` is how findings name the path. Raises DocumentInvalid with every finding.
    """
    with uncollected(), shown() as progress:
        return load_policy(
            path or config.policies,
            own_domains=config.domains,
            timezone=config.timezone,
            shown_as=shown_as,
            progress=progress,
        )


@contextmanager
def shown(*, patience_seconds: float = PATIENCE_SECONDS) -> Iterator[loading.Progress]:
    """A bar on standard error, where that is a terminal; it is gone again when the policy is there."""
    if not sys.stderr.isatty():
        yield loading.in_silence
        return
    began = time.monotonic()
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task("", total=1.0)
    with ExitStack() as running:

        def tell(what: str, share: float) -> None:
            bar.update(task, description=what, completed=share)
            if not bar.live.is_started and time.monotonic() - began >= patience_seconds:
                running.enter_context(bar)

        yield tell
