"""`rorpost audit search`: matching entries, newest last."""

import re
import sys
from collections.abc import Iterable, Sequence
from datetime import tzinfo
from pathlib import Path

import click

from rorpost_gateway.audit.extent import Extent, extent
from rorpost_gateway.audit.folder import Broken
from rorpost_gateway.audit.places import Places
from rorpost_gateway.audit.search import Criteria, Found, Search, kinds
from rorpost_gateway.cli.audit import times
from rorpost_gateway.cli.audit.entry_text import Printer, number
from rorpost_gateway.cli.audit.source import (
    Source,
    find_source,
    leave_line,
    say_broken,
    source_options,
    verify_first,
)
from rorpost_gateway.cli.options import json_option
from rorpost_gateway.decision import Reason
from rorpost_gateway.decision_log.base import Event

# As the log has them: an address, the null path, or what a client sent as one and was taken out.
_ADDRESS = re.compile(r"[^\s@<>]{1,254}@[^\s@<>]{1,254}|<>|\[redacted\]")


def _address(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _ADDRESS.fullmatch(value):
        raise click.BadParameter("not an address; one is rorpost.hemsjukvarden@motala.se")
    return value


@click.command()
@click.option("--sender", metavar="A", callback=_address, help="The reverse-path: the sending mailbox.")
@click.option("--recipient", metavar="B", callback=_address, help="The receiving mailbox.")
@click.option("--user", metavar="U", help="The person: declared as sending, or logged in.")
@click.option(
    "--reason",
    metavar="R",
    type=click.Choice([each.value for each in Reason]),
    help="A reason code, such as urgent.",
)
@click.option("--queue-id", metavar="Q", help="Our own id: QUEUE_ID, or QUEUE_ID/recipient.")
@click.option("--message-id", metavar="M", help="The message's id, with or without its brackets.")
@click.option(
    "--event",
    metavar="E",
    type=click.Choice([each.value for each in Event]),
    help="What happened, such as relayed.",
)
@click.option("--channel", metavar="C", help="The channel's name.")
@click.option("--from", "from_", metavar="T", help="The first day, or time: 2026-05-06, 2026-05-06T08:00.")
@click.option("--to", "to", metavar="T", help="The last day, or time; it is included.")
@times.timezone_option
@source_options
@json_option
def search(
    *,
    from_: str | None,
    to: str | None,
    zone: tzinfo,
    folder: Path | None,
    vkey: str | None,
    config_path: Path,
    as_json: bool,
    **criteria: str | None,
) -> None:
    """Entries that match all of what is given, newest last; exit 1 where there is none.

    With --json each is the log's own line, octet for octet, so that it can be proved.
    On the live log a search leaves a line in it: who asked, and by which kinds of filter.
    """
    since = None if from_ is None else times.since(from_, zone, option="--from")
    until = None if to is None else times.until(to, zone, option="--to")
    wanted = Criteria(since=since, until=until, **criteria)
    source = find_source(folder=folder, vkey=vkey, config_path=config_path)
    verify_first(source)
    looking, printer, count = Search(wanted), Printer(as_json=as_json), 0
    try:
        for found in _given_out(looking, source, filters=kinds(wanted)):
            printer.print(found.octets, found.entry)
            count += 1
    except Broken as broken:
        say_broken(broken)
    printer.flush()
    _conclude(count, skipped=looking.skipped, whole=extent(source.folder))


def _given_out(looking: Search, source: Source, *, filters: Sequence[str]) -> Iterable[Found]:
    """What is found; of a live log not before a line of its own says how much that is."""
    found = looking.run(source.folder)
    if source.control_socket is None:
        return found
    places = Places()
    for each in found:
        places.add(each)
    leave_line(source, verb="search", filters=filters, entries=len(places))
    return places.read()


def _conclude(count: int, *, skipped: int, whole: Extent | None) -> None:
    if whole is not None and whole.first:
        before = f"{number(whole.first)}, {whole.first_time}"
        click.echo(f"entries before {before}, are not there (purged)", err=True)
    if skipped:
        lines = "line that is no entry" if skipped == 1 else "lines that are no entries"
        why = "torn writes, or tampering; rorpost audit verify tells"
        click.echo(f"passed over {skipped} {lines}: {why}", err=True)
    click.echo(f"{count} {'entry' if count == 1 else 'entries'} found", err=True)
    if not count:
        sys.exit(1)
