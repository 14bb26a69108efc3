"""`rorpost keys`: the OpenPGP keys, which mailbox uses them, and how long they last.

The daemon reads the GnuPG home when it starts and on SIGHUP; what these verbs
change counts for it from then on.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from rorpost_gateway.cli.key_home import OpenedKeys, day_of, open_keys
from rorpost_gateway.cli.keys_check import check
from rorpost_gateway.cli.keys_logged import tell_log
from rorpost_gateway.cli.keys_waiting import confirm, discard, import_
from rorpost_gateway.cli.options import config_option, json_option
from rorpost_gateway.cli.tables import FINGERPRINT_COLUMNS, table_console
from rorpost_gateway.decision import KeyChoice, Reason
from rorpost_gateway.document.findings import printable
from rorpost_gateway.openpgp.index import KeySummary
from rorpost_gateway.openpgp.upkeep import DEFAULT_EXPIRY, export_key, generate_key
from rorpost_gateway.openpgp.waiting import WaitingKey, waiting_keys

WAITING = "waiting"  # the state of a key that nobody has confirmed


@click.group()
def keys() -> None:
    """The OpenPGP keys: which are there, whose they are, and how long they last."""


for command in (check, import_, confirm, discard):
    keys.add_command(command)


@keys.command("list")
@config_option
@json_option
def list_(config_path: Path, as_json: bool) -> None:  # noqa: FBT001
    """Every key of the GnuPG home, and the mailboxes that use it; then those that wait for `confirm`."""
    opened = open_keys(config_path)
    summaries = opened.index.keys(opened.now)
    waiting = asyncio.run(waiting_keys(opened.home, at=opened.now))
    used = _mailboxes_by_key(opened)
    if as_json:
        rows = [_summary_json(key, used) for key in summaries]
        rows += [_summary_json(each.key, used) | {"state": WAITING} for each in waiting]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Key, its user ids, who uses it", min_width=FINGERPRINT_COLUMNS, overflow="fold")
    for name in ("State", "Expires", "Secret"):
        table.add_column(name, overflow="fold")
    for key in summaries:
        _add(table, key, str(key.state), used)
    for each in waiting:
        _add(table, each.key, _since(each), used, style="yellow")
    table_console().print(table)


def _add(
    table: Table, key: KeySummary, state: str, used: Mapping[str, Sequence[str]], style: str = ""
) -> None:
    users = [f"used by {mailbox}" for mailbox in used.get(key.fingerprint, ())]
    table.add_row(
        Text("\n".join([key.fingerprint, *map(printable, key.user_ids), *users])),
        Text(state),
        day_of(key.expires),
        "yes" if key.secret else "no",
        style=style,
    )


def _since(each: WaitingKey) -> str:
    return f"{WAITING} since {each.since:%Y-%m-%d}"


@keys.command()
@config_option
@click.argument("address")
def export(config_path: Path, address: str) -> None:
    """Print the public key that ADDRESS is sealed to, armoured."""
    opened = open_keys(config_path)
    choice = _sealing_key(opened, address)
    if isinstance(choice, Reason):
        raise click.ClickException(f"{address}: {choice}")
    click.echo(asyncio.run(export_key(opened.home, choice.primary)), nl=False)


@keys.command()
@config_option
@click.argument("address")
@click.option("--expires", default=DEFAULT_EXPIRY, show_default=True, help="90d, 6m, 2y, or a date.")
@click.option("--replace", is_flag=True, help="Make a new key although the mailbox has a usable one.")
def generate(config_path: Path, address: str, expires: str, replace: bool) -> None:  # noqa: FBT001
    """Make a key for ADDRESS, a mailbox of the policy behind this gateway; print its fingerprint."""
    opened = open_keys(config_path)
    address = address.lower()
    mailbox = opened.mailboxes.get(address)
    if mailbox is None or not mailbox.ours:
        raise click.ClickException(f"{address} is no mailbox of the policy behind this gateway")
    if not replace and isinstance(opened.index.for_signing(address, mailbox.pins, opened.now), KeyChoice):
        raise click.ClickException(
            f"{address} has a usable key; without a pin the new one would count at once, "
            "so let the partner have it first, then use --replace"
        )
    made = generate_key(
        opened.home, address=address, name=mailbox.name, expires=expires, passphrase=opened.passphrase
    )
    fingerprint = asyncio.run(made)
    click.echo(fingerprint)
    tell_log(opened.control_socket, "generate", [fingerprint])
    click.echo(f"Keep its revocation certificate apart: {opened.home}/openpgp-revocs.d", err=True)


def _sealing_key(opened: OpenedKeys, address: str) -> KeyChoice | Reason:
    mailbox = opened.mailboxes.get(address.lower())
    return opened.index.for_sealing(address, mailbox.pins if mailbox else (), opened.now)


def _mailboxes_by_key(opened: OpenedKeys) -> dict[str, list[str]]:
    """Primary fingerprint → the mailboxes that are pinned to it or sealed to with it."""
    used: dict[str, list[str]] = {}
    for address, mailbox in sorted(opened.mailboxes.items()):
        choice = None if mailbox.pins else _sealing_key(opened, address)
        chosen = [choice.primary] if isinstance(choice, KeyChoice) else []
        for fingerprint in [*mailbox.pins, *chosen]:
            used.setdefault(fingerprint.upper(), []).append(address)
    return used


def _summary_json(key: KeySummary, used: Mapping[str, list[str]]) -> dict[str, Any]:
    return {
        "fingerprint": key.fingerprint,
        "state": key.state,
        "created": key.created.isoformat(),
        "expires": key.expires.isoformat() if key.expires else None,
        "secret": key.secret,
        "addresses": list(key.addresses),
        "user_ids": list(key.user_ids),
        "mailboxes": used.get(key.fingerprint, []),
    }
