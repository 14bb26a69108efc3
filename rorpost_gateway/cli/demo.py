"""`rorpost demo`: see two gateways work together, on this machine alone, in under half a minute."""

import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console

from rorpost_gateway import operator_log
from rorpost_gateway.cli.demo_outcome import print_outcome
from rorpost_gateway.cli.demo_settings import print_settings
from rorpost_gateway.decision import Direction, Reason
from rorpost_gateway.demo.run import Demo
from rorpost_gateway.demo.running import running
from rorpost_gateway.demo.visiting import until_one_ends, write_greetings

_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Result = TypeVar("Result")


@click.command()
@click.option("--keep", is_flag=True, help="Leave both gateways running, for a mail client of your own.")
@click.option(
    "--expect",
    "expectations",
    multiple=True,
    metavar="[DIRECTION:]REASON=REASON",
    help="Want another outcome, to see the demo fail: --expect urgent=ok, --expect inbound:replayed=ok.",
)
def demo(*, keep: bool, expectations: tuple[str, ...]) -> None:
    """Run two organisations on loopback, send real messages through both, and check every outcome.

    Ends with 0 only if each outcome is the wanted one.
    """
    operator_log.mute_third_parties()
    console = Console()
    wanted = {key: want for text in expectations for key, want in _expectation(text).items()}
    folder = Path(tempfile.mkdtemp(prefix="rp", dir="/tmp"))
    ended_by: list[signal.Signals] = []
    try:
        if keep:
            asyncio.run(_until_told(_keep(folder, console), ended_by))
            return
        with console.status("starting") as status:
            outcome = asyncio.run(_until_told(Demo(folder, status.update).run(wanted), ended_by))
    except asyncio.CancelledError:
        console.print()  # the terminal has written ^C
        sys.exit(0 if keep else 128 + ended_by[0])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print_outcome(outcome, console)
    sys.exit(0 if outcome.as_expected else 1)


async def _until_told(work: Coroutine[None, None, Result], ended_by: list[signal.Signals]) -> Result:
    """Do the work; a signal cancels it, so that what it started ends in order, and is noted."""
    task = asyncio.create_task(work)

    def end(number: signal.Signals) -> None:
        if not ended_by:  # a second one would cut the orderly end short
            ended_by.append(number)
            task.cancel()

    for number in _ENDS:
        asyncio.get_running_loop().add_signal_handler(number, end, number)
    return await task


def _expectation(text: str) -> dict[tuple[Direction, Reason], Reason]:
    scene, _, wanted = text.partition("=")
    direction, colon, reason = scene.rpartition(":")
    try:
        directions = (Direction(direction),) if colon else tuple(Direction)
        return {(each, Reason(reason)): Reason(wanted) for each in directions}
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not [DIRECTION:]REASON=REASON", param_hint="--expect"
        ) from None


async def _keep(folder: Path, console: Console) -> None:
    async with running(folder, lambda text: console.print(text, style="dim"), for_mail_clients=True) as both:
        await write_greetings(both)
        print_settings(both, console)
        name = await until_one_ends(both)
        console.print(f"The gateway of {name} ended by itself; its log says why.", style="bold red")
        sys.exit(1)
