"""`rorpost keys`: the OpenPGP keys, which mailbox uses them, and how long they last.

The daemon reads the GnuPG home when it starts and on SIGHUP; what these verbs
change counts for it from then on.
"""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rorpost_gateway.address import domain_of
from rorpost_gateway.cli.keys_logged import tell_log
from rorpost_gateway.cli.options import config_option, json_option
from rorpost_gateway.config.load import load_config
from rorpost_gateway.config.model import OpenPgp
from rorpost_gateway.decision import KeyChoice, Reason
from rorpost_gateway.errors import ConfigurationInvalid
from rorpost_gateway.openpgp.forecast import Forecast, MailboxKeys, Prospect, Use, prospects
from rorpost_gateway.openpgp.gnupg import load_index
from rorpost_gateway.openpgp.home import home_findings
from rorpost_gateway.openpgp.index import KeySummary, ListedKeys
from rorpost_gateway.openpgp.upkeep import (
    DEFAULT_EXPIRY,
    KEY_FILE_OCTETS,
    export_key,
    generate_key,
    import_keys,
    read_key_file,
    try_signing,
)
from rorpost_gateway.policy.load import load_policy


@dataclass(frozen=True, kw_only=True)
class OpenedKeys:
    """The GnuPG home of a configuration, and what the policy wants of it."""

    home: Path
    control_socket: Path
    passphrase: str | None
    mailboxes: Mapping[str, MailboxKeys]
    index: ListedKeys
    now: datetime


def open_keys(config_path: Path) -> OpenedKeys:
    """Read configuration, policy and GnuPG home. Raises ConfigurationInvalid."""
    config = load_config(config_path)
    now = datetime.fromtimestamp(time.time(), UTC)
    policy = load_policy(config.policies, own_domains=config.domains, timezone=config.timezone)
    findings = home_findings(config.openpgp.home)
    if findings:
        raise ConfigurationInvalid("\n".join(findings))
    day = now.astimezone(config.timezone).date()
    return OpenedKeys(
        home=config.openpgp.home,
        control_socket=config.control_socket,
        passphrase=_passphrase(config.openpgp),
        mailboxes={
            address: MailboxKeys(
                name=mailbox.name,
                pins=mailbox.keys_on(day),
                ours=domain_of(address) in config.domains,
                pins_over=bool(mailbox.keys) and not mailbox.keys_on(day),
            )
            for address, mailbox in policy.mailboxes.items()
        },
        index=asyncio.run(load_index(config.openpgp.home)),
        now=now,
    )


def _passphrase(settings: OpenPgp) -> str | None:
    try:
        return settings.passphrase()
    except OSError as error:
        raise ConfigurationInvalid(f"{settings.passphrase_file}: {error.strerror}") from error


@click.group()
def keys() -> None:
    """The OpenPGP keys: which are there, whose they are, and how long they last."""


@keys.command("list")
@config_option
@json_option
def list_(config_path: Path, as_json: bool) -> None:  # noqa: FBT001
    """Every key of the GnuPG home, and the mailboxes that use it."""
    opened = open_keys(config_path)
    summaries = opened.index.keys(opened.now)
    used = _mailboxes_by_key(opened)
    if as_json:
        click.echo(json.dumps([_summary_json(key, used) for key in summaries], ensure_ascii=False, indent=2))
        return
    table = Table("fingerprint", "state", "expires", "secret", "mailboxes", "user ids")
    for key in summaries:
        table.add_row(
            key.fingerprint,
            key.state,
            _day(key.expires),
            "yes" if key.secret else "no",
            "\n".join(used.get(key.fingerprint, ())),
            escape("\n".join(key.user_ids)),
        )
    Console(soft_wrap=False).print(table)


@keys.command()
@config_option
@json_option
@click.option("--days", default=30, show_default=True, type=click.IntRange(0, 3650), help="What soon means.")
def check(config_path: Path, as_json: bool, days: int) -> None:  # noqa: FBT001
    """Judge every key a mailbox depends on; exit 1 if one is missing, over, revoked or soon over."""
    opened = open_keys(config_path)
    found = prospects(opened.index, opened.mailboxes, at=opened.now, within=timedelta(days=days))
    locked = asyncio.run(_locked(opened, [one for one in found if one.use is Use.SIGN]))
    if as_json:
        rows = [_prospect_json(one, locked) for one in found]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        _print_prospects(found, locked)
    if locked or not all(one.fine for one in found):
        raise SystemExit(1)


@keys.command("import")
@config_option
@click.argument("file", type=click.File("rb"))
@click.option("--secret", is_flag=True, help="Allow private keys in the file.")
def import_(config_path: Path, file: BinaryIO, secret: bool) -> None:  # noqa: FBT001
    """Bring the keys of FILE (- for standard input) into the GnuPG home, once they are found sound."""
    opened = open_keys(config_path)
    octets = file.read(KEY_FILE_OCTETS + 1)
    taken = asyncio.run(_import(opened, octets, private=secret))
    tell_log(opened.control_socket, "import", [key.fingerprint for key in taken])


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


async def _import(opened: OpenedKeys, octets: bytes, *, private: bool) -> Sequence[KeySummary]:
    file = await read_key_file(opened.home, octets, at=opened.now)
    for key in file.keys:
        click.echo(f"{key.fingerprint}  {key.state}  expires {_day(key.expires)}  {'  '.join(key.user_ids)}")
    taken = await import_keys(opened.home, file, private=private, at=opened.now)
    click.echo(f"{len(taken)} imported or brought up to date", err=True)
    return taken


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


def _print_prospects(found: Sequence[Prospect], locked: frozenset[str]) -> None:
    table = Table("mailbox", "use", "finding", "expires", "key")
    for one in found:
        finding = _finding(one, locked)
        style = "" if finding == Forecast.FINE else "bold red"
        key = one.key.primary if one.key else one.pin or ""
        table.add_row(one.mailbox, one.use, finding, _day(one.expires), key, style=style)
    Console().print(table)


def _finding(one: Prospect, locked: frozenset[str]) -> str:
    if one.use is Use.SIGN and one.key is not None and one.key.subkey in locked:
        return "passphrase-wrong"
    return str(one.forecast)


def _prospect_json(one: Prospect, locked: frozenset[str]) -> dict[str, Any]:
    return {
        "mailbox": one.mailbox,
        "use": one.use,
        "finding": _finding(one, locked),
        "pin": one.pin,
        "fingerprint": one.key.primary if one.key else None,
        "subkey": one.key.subkey if one.key else None,
        "expires": one.expires.isoformat() if one.expires else None,
    }


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


def _day(moment: datetime | None) -> str:
    return moment.date().isoformat() if moment else "never"
