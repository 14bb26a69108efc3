"""`rorpost audit report`: a month in figures."""

import json
import sys
from dataclasses import asdict
from datetime import tzinfo
from pathlib import Path
from typing import Any

import click

from rorpost_gateway.audit.extent import extent
from rorpost_gateway.audit.folder import Broken
from rorpost_gateway.audit.report import as_data, figures_of
from rorpost_gateway.audit.search import Criteria, Search, timestamp
from rorpost_gateway.cli.audit import times
from rorpost_gateway.cli.audit.report_tables import print_report
from rorpost_gateway.cli.audit.source import find_source, leave_line, say_broken, source_options, verify_first
from rorpost_gateway.cli.options import json_option


@click.command()
@click.option("--month", required=True, metavar="YYYY-MM", help="The month.")
@times.timezone_option
@source_options
@json_option
def report(
    *, month: str, zone: tzinfo, folder: Path | None, vkey: str | None, config_path: Path, as_json: bool
) -> None:
    """The month in figures: sent, refused by reason, by channel, by user; reading deadlines met and missed.

    A figure counts decisions, one a recipient. On the live log a report leaves a
    line in it: who asked. Exit 1 where the log has no entry of that month.
    """
    since, until = times.month(month, zone, option="--month")
    source = find_source(folder=folder, vkey=vkey, config_path=config_path)
    verify_first(source)
    looking = Search(Criteria(since=since, until=until))
    try:
        figures = figures_of(found.entry for found in looking.run(source.folder))
        whole = extent(source.folder)
    except Broken as broken:
        say_broken(broken)
    leave_line(source, verb="report", filters=["month"], entries=figures.entries)
    data: dict[str, Any] = {
        "month": month,
        "timezone": str(zone),
        "from": timestamp(since),
        "until": timestamp(until),
        "verified": source.given_vkey is not None,
        "lines_passed_over": looking.skipped,
        "log": None if whole is None else asdict(whole),
    } | as_data(figures)
    if as_json:
        click.echo(json.dumps(data, indent=2))
    else:
        print_report(data)
    sys.exit(0 if figures.entries else 1)
