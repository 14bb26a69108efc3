"""`rorpost demo`: see the gateway work, on this machine alone, in under a minute."""

import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from rorpost_gateway import operator_log
from rorpost_gateway.decision import Reason
from rorpost_gateway.demo import names
from rorpost_gateway.demo.run import Arrived, Demo, Outcome, Played
from rorpost_gateway.demo.stage import Stage

HEAD_LINES = 14
Result = TypeVar("Result")


@click.command()
@click.option("--keep", is_flag=True, help="Leave the gateway running and say how to connect a mail client.")
@click.option(
    "--expect",
    "expectations",
    multiple=True,
    metavar="REASON=REASON",
    help="Want another outcome than REASON, to see the demo fail: --expect urgent=ok.",
)
def demo(*, keep: bool, expectations: tuple[str, ...]) -> None:
    """Run a gateway on loopback, send real messages through it, and check every outcome.

    Ends with 0 only if each outcome is the wanted one.
    """
    operator_log.mute_third_parties()
    console = Console()
    wanted = dict(_expectation(text) for text in expectations)
    folder = Path(tempfile.mkdtemp(prefix="rp", dir="/tmp"))
    try:
        if keep:
            asyncio.run(_until_sigterm(_keep(folder, console)))
            return
        with console.status("starting") as status:
            outcome = asyncio.run(_until_sigterm(Demo(folder, status.update).run(wanted)))
    except asyncio.CancelledError:
        sys.exit(128 + signal.SIGTERM)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _print(outcome, console)
    sys.exit(0 if outcome.as_expected else 1)


async def _until_sigterm(work: Coroutine[None, None, Result]) -> Result:
    """Do the work; SIGTERM cancels it, so that what it started ends in order."""
    task = asyncio.create_task(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


def _expectation(text: str) -> tuple[Reason, Reason]:
    scene, _, wanted = text.partition("=")
    try:
        return Reason(scene), Reason(wanted)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not REASON=REASON", param_hint="--expect") from None


def _print(outcome: Outcome, console: Console) -> None:
    table = Table(title="What was submitted, and what the gateway answered", title_justify="left")
    for column, ratio in (("", 1), ("scene", 14), ("wanted", 10), ("the client heard", 26)):
        table.add_column(column, ratio=ratio, overflow="fold")
    for each in outcome.played:
        table.add_row(_mark(each), Text(each.scene.story), Text(each.wanted), Text(each.reply))
    console.print(table)
    _print_first(outcome.arrived, console)
    console.print(f"Arrived at the partner: {len(outcome.arrived)} copies, each opened by plain gpg.")
    if outcome.log is not None:
        log = outcome.log
        console.print(f"Decision log: {log.entries} entries in {log.files} file(s), chain whole.")
    for finding in outcome.findings:
        console.print(Text(f"✗ {finding}", "bold red"))
    if outcome.as_expected:
        console.print(Text("Every outcome is as expected.", "bold green"))


def _mark(played: Played) -> Text:
    return Text("✓", "green") if played.as_wanted else Text("✗", "bold red")


def _print_first(arrived: Sequence[Arrived], console: Console) -> None:
    """One message twice: as everybody on the way saw it, and as the recipient reads it."""
    if not arrived:
        return
    first = arrived[0]
    for title, octets in (
        ("What went over the wire", first.outer),
        (f"What arrived, opened by gpg, signed by {first.signed_by}", first.opened),
    ):
        lines = octets.decode("utf-8", "replace").split("\r\n")
        shown = lines if octets is first.opened else [*lines[:HEAD_LINES], "…"]
        console.print(Panel(Text("\n".join(line[:110] for line in shown)), title=title, title_align="left"))


async def _keep(folder: Path, console: Console) -> None:
    async with Demo(folder, console.print).running() as (_, daemon, stage):
        _print_settings(stage, folder, console)
        await daemon.ended_by_itself()


def _print_settings(stage: Stage, folder: Path, console: Console) -> None:
    table = Table(title="Connect a mail client; Ctrl-C ends the demo", title_justify="left")
    table.add_column("setting")
    table.add_column("value")
    for setting, value in (
        ("e-mail address", names.HOME_CARE),
        ("outgoing server", f"{stage.host}, port {stage.port}, STARTTLS"),
        ("certificate authority to trust", str(folder / "ca.pem")),
        ("login and password", f"anna, {names.PASSWORD}"),
        ("write to", names.BRINKEN),
        ("configuration", str(folder / "rorpost.yaml")),
        ("log of the gateway", str(folder / "gateway.log")),
        ("decision log", str(folder / "state" / "decisions")),
    ):
        table.add_row(setting, Text(value))
    console.print(table)
