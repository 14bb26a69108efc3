"""What `rorpost demo` shows of its outcome. One line a scene, also in a terminal of 80 columns."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from rorpost_gateway.cli.demo_reading_day import print_reading_day
from rorpost_gateway.decision import Direction, Reason
from rorpost_gateway.demo.arrivals import Delivered, comparable_sha256
from rorpost_gateway.demo.logs import Log
from rorpost_gateway.demo.run import Outcome, Played
from rorpost_gateway.demo.wire import OnTheWire

WIRE_LINES = 25
SHOWN_HEX = 12
_TITLES = {
    Direction.OUTBOUND: "Outbound: what people submit to their own gateway, and what they hear",
    Direction.INBOUND: "Inbound: what a careless or hostile partner brings to Motala, and what it hears",
}


def print_outcome(outcome: Outcome, console: Console) -> None:
    """Two tables of scenes, the wire, what arrived, the day of the watch, the logs, and the verdict."""
    for direction in Direction:
        played = [each for each in outcome.played if each.scene.direction is direction]
        _print_scenes(direction, played, console)
    _print_whole_reply(outcome.played, console)
    for seen in outcome.wire[:1]:
        _print_wire(seen, console)
    for each in _first_each_way(outcome.delivered):
        _print_reader(each, console)
    _print_delivered(outcome.delivered, console)
    _print_watch(outcome, console)
    _print_logs(outcome, console)
    for finding in outcome.findings:
        console.print(Text(f"✗ {finding}", "bold red"))
    if outcome.as_expected:
        console.print(Text("Every outcome is as expected.", "bold green"))


def _print_scenes(direction: Direction, played: Sequence[Played], console: Console) -> None:
    table = _table(_TITLES[direction], expand=True)
    table.add_column("")
    table.add_column("scene", ratio=5)
    table.add_column("answer", ratio=6, no_wrap=True, overflow="ellipsis")
    for each in played:
        table.add_row(_mark(good=each.as_wanted), Text(each.scene.story), _answer(each))
    console.print(table)


def _answer(played: Played) -> Text:
    if played.as_wanted:
        positive = played.heard in (Reason.OK, Reason.DUPLICATE)
        return Text(played.reply, "green" if positive else "")
    return Text(f"wanted {played.wanted}, heard {played.reply}", "bold red")


def _print_whole_reply(played: Sequence[Played], console: Console) -> None:
    """One refusal as the person at the screen reads it, whole."""
    refusal = next((each.reply for each in played if each.heard is Reason.LEGAL_BASIS_MISSING), None)
    if refusal is not None:
        console.print(Text("An answer in full: ", "bold") + Text(refusal, "not bold"))
        console.print()


def _print_wire(seen: OnTheWire, console: Console) -> None:
    lines = seen.octets.decode("ascii", "replace").split("\r\n")
    _print_panel("What went over the wire, for everybody on the way", [*lines[:WIRE_LINES], "…"], console)


def _first_each_way(delivered: Sequence[Delivered]) -> list[Delivered]:
    """The first message there and the first one back."""
    sealed = [each for each in delivered if not each.expected.by_hand and each.arrived is not None]
    return sealed[:2]


def _print_reader(each: Delivered, console: Console) -> None:
    if each.arrived is not None:
        lines = (*each.arrived.as_read(), "", *each.arrived.body.rstrip().splitlines())
        _print_panel(f"What arrived, as it is read: {each.expected.story}", lines, console)


def _print_panel(title: str, lines: Sequence[str], console: Console) -> None:
    text = Text("\n".join(lines), no_wrap=True, overflow="ellipsis")
    console.print(Panel(text, title=title, title_align="left"))


def _print_delivered(delivered: Sequence[Delivered], console: Console) -> None:
    table = _table("In the mailboxes: what was submitted is what was delivered, and whom the reader sees")
    table.add_column("")
    for column in ("mailbox", "From shows", "X-Rorpost-Verified"):
        table.add_column(column)
    table.add_column("SHA-256", no_wrap=True)
    for each in delivered:
        arrived = each.arrived
        table.add_row(
            _mark(good=not list(each.findings())),
            _short(each.expected.recipient),
            Text(arrived.author[0] if arrived else "–"),
            Text(_verified(arrived.verified) if arrived else "–"),
            _hashes(each),
        )
    console.print(table)
    console.print(
        "SHA-256: of the message without From, Return-Path and X-Rorpost-Verified, the same on both sides.",
        style="dim",
    )
    console.print()


def _verified(fields: Sequence[str]) -> str:
    """The word and the person's name in their address, of a field that says more."""
    parts = [part.strip() for part in "; ".join(fields).split(";")]
    said = (part.removeprefix("sending-user=") for part in parts if part.startswith("sending-user="))
    users = [user.split("@")[0] for user in said]
    return "; ".join((*parts[:1], *users))


def _print_watch(outcome: Outcome, console: Console) -> None:
    if outcome.reading_day is not None:
        print_reading_day(outcome.reading_day, console)
        return
    console.print(
        "Left out: the watch over reading deadlines, which needs Debian's dovecot-imapd and dovecot-lmtpd.",
        style="yellow",
    )
    console.print()


def _print_logs(outcome: Outcome, console: Console) -> None:
    for log in outcome.logs:
        console.print(_said_of(log, log.organisation.name))
    if outcome.reading_day is not None:
        console.print(_said_of(outcome.reading_day.log, "the watched day"))
    console.print(
        f"{outcome.joined} copies stand in both logs with the same content_sha256 and sealed_sha256, "
        "keys and sending user."
    )
    refused = [each for each in outcome.played if each.heard not in (None, Reason.OK, Reason.DUPLICATE)]
    console.print(
        f"{len(outcome.delivered)} copies were accepted and {len(refused)} attempts refused; "
        "nothing else arrived."
        if outcome.as_expected
        else f"{len(outcome.findings)} findings:"
    )


def _said_of(log: Log, whose: str) -> Text:
    if log.verified is None:
        return Text(f"Decision log of {whose}: does not hold", "bold red")
    verified = log.verified
    return Text(
        f"Decision log of {whose}: {verified.entries} entries in {verified.files} file(s), chain whole."
    )


def _table(title: str, *, expand: bool = False) -> Table:
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
        expand=expand,
    )


def _mark(*, good: bool) -> Text:
    return Text("✓", "green") if good else Text("✗", "bold red")


def _short(address: str) -> str:
    return address.removeprefix("rorpost.").split("@")[0]


def _hashes(each: Delivered) -> str:
    sent = comparable_sha256(each.expected.message)
    got = each.arrived.sha256 if each.arrived else "–"
    return sent[:SHOWN_HEX] if sent == got else f"{sent[:SHOWN_HEX]} ≠ {got[:SHOWN_HEX]}"
