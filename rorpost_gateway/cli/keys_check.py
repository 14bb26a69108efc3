"""`rorpost keys check`: every key a mailbox depends on, and the channels that stop when one ends."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rorpost_gateway.cli.key_home import OpenedKeys, day_of, open_keys
from rorpost_gateway.cli.options import config_option, json_option
from rorpost_gateway.cli.tables import FINGERPRINT_COLUMNS, table_console
from rorpost_gateway.daemon.key_forecast import forecast
from rorpost_gateway.openpgp.forecast import Forecast, Prospect, Use, prospects
from rorpost_gateway.openpgp.upkeep import try_signing
from rorpost_gateway.policy.channel_stops import ChannelStop

ACCEPT_UNTIL = "accept-until"  # the policy lets the last key count no longer
MOST_CHANNELS = 200  # rows that a person is shown


@click.command()
@config_option
@json_option
@click.option("--days", default=30, show_default=True, type=click.IntRange(0, 3650), help="What soon means.")
def check(config_path: Path, as_json: bool, days: int) -> None:  # noqa: FBT001
    """Judge every key a mailbox depends on, and say which channels stop when one ends.

    Exit 1 if a key is missing, over, revoked or soon over, or a channel stops soon.
    """
    opened = open_keys(config_path)
    soon = timedelta(days=days)
    found = prospects(opened.index, opened.mailboxes, at=opened.now, within=soon)
    locked = asyncio.run(_locked(opened, [one for one in found if one.use is Use.SIGN]))
    stops = forecast(opened.index, opened.policy, opened.own_domains, at=opened.now, within=soon)
    until = _accepted_until(opened)
    if as_json:
        rows = [_prospect_json(one, locked, until) | {"stops": _stops_of(one, found, stops)} for one in found]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        console = table_console()
        _print_prospects(console, found, locked, until, opened.policy.day(opened.now))
        _print_stops(console, stops, opened.policy.timezone)
    if locked or stops or not all(one.fine for one in found):
        raise SystemExit(1)


async def _locked(opened: OpenedKeys, signing: list[Prospect]) -> frozenset[str]:
    """The signing keys (by subkey) that the configured passphrase does not open."""
    choices = {one.key.subkey: one.key for one in signing if one.key is not None}
    return frozenset(
        [
            subkey
            for subkey, choice in choices.items()
            if not await try_signing(opened.home, choice, opened.passphrase)
        ]
    )


def _accepted_until(opened: OpenedKeys) -> Mapping[tuple[str, str], date]:
    """The last days of pins that have one, by mailbox and fingerprint."""
    return {
        (mailbox.address, key.fingerprint): key.accept_until
        for mailbox in opened.policy.mailboxes.values()
        for key in mailbox.keys
        if key.accept_until is not None
    }


def _print_prospects(
    console: Console,
    found: Sequence[Prospect],
    locked: frozenset[str],
    until: Mapping[tuple[str, str], date],
    today: date,
) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Mailbox and key", min_width=FINGERPRINT_COLUMNS, overflow="fold")
    for name in ("Use", "Finding", "Expires"):
        table.add_column(name, overflow="fold")
    for one in found:
        finding = _finding(one, locked)
        style = "" if finding == Forecast.FINE else "bold red"
        last = until.get((one.mailbox, one.pin or ""))
        which = [one.mailbox, _fingerprint(one), *([] if last is None else [_accepted(last)])]
        expires = day_of(one.expires) if one.key is not None else ""
        table.add_row("\n".join(filter(None, which)), one.use, finding, expires, style=style)
    console.print(table)
    for (mailbox, fingerprint), last in sorted(until.items()):
        if last < today:
            text = f"{mailbox}: {fingerprint} has not counted since {last}; its line may go from the policy"
            console.print(Text(text, style="yellow"), soft_wrap=True)


def _accepted(last: date) -> str:
    return f"accepted until {last}, then it may go"


def _print_stops(console: Console, stops: Sequence[ChannelStop], zone: tzinfo) -> None:
    if not stops:
        return
    console.print(Text("\nChannels that stop, unless a key comes in time", style="bold"))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Stops", no_wrap=True)
    table.add_column("Channel, because of", min_width=FINGERPRINT_COLUMNS, overflow="fold")
    for stop in stops[:MOST_CHANNELS]:
        when, cause = _local(stop, zone), f"{stop.mailbox}: {_why(stop)}"
        table.add_row(
            Text(when, style="bold red" if stop.end.at is None else "yellow"),
            Text("\n".join(filter(None, (_channel(stop), cause, stop.end.fingerprint)))),
        )
    console.print(table)
    if len(stops) > MOST_CHANNELS:
        console.print(f"and {len(stops) - MOST_CHANNELS} more; --json has them all")


def _local(stop: ChannelStop, zone: tzinfo) -> str:
    return "has stopped" if stop.end.at is None else f"{stop.end.at.astimezone(zone):%Y-%m-%d %H:%M}"


def _channel(stop: ChannelStop) -> str:
    if len(stop.pairs) == len(stop.channel.pairs):
        return stop.channel.name
    return f"{stop.channel.name} ({', '.join(f'{one} → {other}' for one, other in stop.pairs)})"


def _why(stop: ChannelStop) -> str:
    return ACCEPT_UNTIL if stop.end.by_policy else str(stop.end.reason)


def _finding(one: Prospect, locked: frozenset[str]) -> str:
    if one.use is Use.SIGN and one.key is not None and one.key.subkey in locked:
        return "passphrase-wrong"
    return str(one.forecast)


def _fingerprint(one: Prospect) -> str:
    return one.key.primary if one.key else one.pin or ""


def _prospect_json(
    one: Prospect, locked: frozenset[str], until: Mapping[tuple[str, str], date]
) -> dict[str, Any]:
    last = until.get((one.mailbox, one.pin or ""))
    return {
        "mailbox": one.mailbox,
        "use": one.use,
        "finding": _finding(one, locked),
        "pin": one.pin,
        "fingerprint": one.key.primary if one.key else None,
        "subkey": one.key.subkey if one.key else None,
        "expires": _iso(one.expires),
        "accept_until": last.isoformat() if last else None,
    }


def _stops_of(
    one: Prospect, found: Sequence[Prospect], stops: Sequence[ChannelStop]
) -> list[dict[str, str | None]]:
    """The channels that stop because of this mailbox: with the row of its key, else with its first row."""
    rows = [other for other in found if other.mailbox == one.mailbox]

    def home_of(stop: ChannelStop) -> Prospect:
        return next((row for row in rows if _fingerprint(row) == stop.end.fingerprint), rows[0])

    return [
        {"channel": stop.channel.name, "at": _iso(stop.end.at), "reason": _why(stop)}
        for stop in stops
        if stop.mailbox == one.mailbox and home_of(stop) is one
    ]


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
