"""`rorpost access`: who may act as which mailbox, for the manager's review."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import click

from rorpost_gateway.audit.folder import Broken
from rorpost_gateway.audit.last_used import MailboxAndUser, last_used
from rorpost_gateway.cli.access_table import print_accesses
from rorpost_gateway.cli.audit.source import Source, leave_line, log_option, say_broken
from rorpost_gateway.cli.csv_text import csv_text
from rorpost_gateway.cli.loading import load_policy_of
from rorpost_gateway.cli.options import config_option, json_option
from rorpost_gateway.cli.plain_data import as_plain_data
from rorpost_gateway.config import load_config
from rorpost_gateway.config.model import Config
from rorpost_gateway.control.client import DaemonUnreachable
from rorpost_gateway.errors import ConfigurationInvalid
from rorpost_gateway.policy.access import Access, accesses
from rorpost_gateway.policy.model import Policy

Used = dict[MailboxAndUser, str]

_CSV_HEADER = (
    *("mailbox", "mailbox_name", "manager", "user", "name", "requested_by", "executed_by"),
    *("valid_from", "valid_until", "standing", "days_left", "renewed", "last_used"),
)


@click.group()
def access() -> None:
    """Who may act as which mailbox."""


@access.command()
@config_option
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, a row for each authorisation.")
@click.option("--mailbox", metavar="M", help="Of this mailbox only.")
@click.option(
    "--expiring",
    metavar="DAYS",
    type=click.IntRange(0, 3650),
    help="Only who will lose a mailbox in so many days or fewer, the first to lose it first.",
)
@log_option
def report(
    *,
    config_path: Path,
    as_json: bool,
    as_csv: bool,
    mailbox: str | None,
    expiring: int | None,
    folder: Path | None,
) -> None:
    """Who is authorised for what, on whose request, carried out by whom, until when, and last used when.

    When somebody last sent as a mailbox is taken from the decision log. On the live log that leaves a line
    in it, by the daemon; where none runs, it is left out unless --log names a copy.
    """
    if as_json and as_csv:
        raise click.UsageError("choose one of --json and --csv")
    config = load_config(config_path)
    policy = load_policy_of(config)
    if mailbox is not None and policy.mailbox(mailbox) is None:
        raise click.UsageError(f"{mailbox!r} is no mailbox of the policy")
    day = policy.day(datetime.now(tz=UTC))
    rows: Sequence[Access] = accesses(policy, day, mailbox=mailbox)
    if expiring is not None:
        rows = sorted((r for r in rows if r.ends_within(expiring)), key=lambda row: row.valid_until)
    used = _used(config, policy, rows, folder)
    if as_json:
        click.echo(json.dumps(_as_data(policy, day, rows, used), ensure_ascii=False, indent=2))
    elif as_csv:
        click.echo(csv_text(_CSV_HEADER, (_csv_row(row, used) for row in rows)), nl=False)
    else:
        print_accesses(rows, used, day=day, zone=config.timezone)


def _used(config: Config, policy: Policy, rows: Sequence[Access], copy: Path | None) -> Used | None:
    """When each was last used; None where no log could be asked, and why is said."""
    if not rows:
        return {}
    first = min(row.valid_from for row in rows)
    wanted = {(row.mailbox, row.user) for row in rows}
    source = Source(
        folder=copy or config.decision_log.dir,
        given_vkey=None,
        known_vkey=None,
        control_socket=None if copy else config.control_socket,
    )
    if copy is None and not source.folder.is_dir():
        click.echo("There is no decision log yet, so nothing is known of when each was last used", err=True)
        return None
    try:
        found = last_used(
            source.folder, wanted, since=datetime.combine(first, time.min, tzinfo=policy.timezone)
        )
        leave_line(source, verb="report", filters=["last-used"], entries=len(found.last))
    except Broken as broken:
        say_broken(broken)
    except (DaemonUnreachable, ConfigurationInvalid) as fault:  # the latter: no socket can have such a path
        click.echo(f"When each was last used is left out: {fault}", err=True)
        return None
    return found.last


def _as_data(policy: Policy, day: date, rows: Sequence[Access], used: Used | None) -> dict[str, Any]:
    return {
        "day": day.isoformat(),
        "timezone": str(policy.timezone),
        "policy": policy.revision,
        "log_asked": used is not None,
        "authorisations": [as_plain_data(row) | {"last_used": _last(row, used)} for row in rows],
    }


def _csv_row(row: Access, used: Used | None) -> tuple[str, ...]:
    values = (as_plain_data(row) | {"last_used": _last(row, used)}).items()
    by_name = {name: _text(value) for name, value in values}
    return tuple(by_name[name] for name in _CSV_HEADER)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _last(row: Access, used: Used | None) -> str | None:
    return (used or {}).get((row.mailbox, row.user))
