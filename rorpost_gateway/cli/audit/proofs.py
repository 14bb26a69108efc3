"""`rorpost audit prove`, `check-proof` and `consistency`: what can be shown to somebody who has no log."""

import sys
from pathlib import Path
from typing import BinaryIO, NoReturn

import click

from rorpost_gateway.audit import proofs
from rorpost_gateway.audit.checkpoints import (
    Checkpoint,
    Listed,
    checkpoint_broken,
    parse_checkpoint,
    read_checkpoint,
    read_checkpoints,
)
from rorpost_gateway.audit.entries import EntryMissing, find
from rorpost_gateway.audit.folder import Broken, open_file
from rorpost_gateway.audit.line import LineFault, parse_line
from rorpost_gateway.audit.notes import NOTE_OCTETS, NoteFault, verify_note
from rorpost_gateway.cli.audit.entry_text import Printer
from rorpost_gateway.cli.audit.signers import keys_of
from rorpost_gateway.cli.audit.source import find_source, leave_line, log_option, say_broken, source_options
from rorpost_gateway.cli.options import config_option

LINE_OCTETS = 16 * 1024

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_ENTRY_NUMBERS = click.IntRange(0, (1 << 63) - 1)


@click.command()
@click.argument("n", metavar="N", type=_ENTRY_NUMBERS)
@click.option(
    "--entry", "entry_file", metavar="FILE", type=click.File("wb"), help="Write the entry's line there."
)
@source_options
def prove(
    *, n: int, entry_file: BinaryIO | None, folder: Path | None, vkey: str | None, config_path: Path
) -> None:
    """A proof that entry N is in the log under its newest checkpoint, on standard output.

    It is a c2sp.org/tlog-proof. With the line (--entry FILE) and the verifier key anybody
    can check it, without the log: see `rorpost audit check-proof`.
    """
    source = find_source(folder=folder, vkey=vkey, config_path=config_path)
    try:
        proof = proofs.prove(source.folder, n)
        octets = find(source.folder, n)
        if source.vkey is not None:
            proofs.check_proof(proof, octets, keys=keys_of(source.vkey))
    except EntryMissing as missing:
        _negative(str(missing))
    except proofs.ProofFault as fault:
        _negative(f"{fault}; if the log's key was changed, give the one that is in force now (--vkey)")
    except Broken as broken:
        say_broken(broken)
    leave_line(source, verb="prove", filters=["entry"], entries=1)
    if entry_file is not None:
        entry_file.write(octets + b"\n")
    Printer(out=sys.stderr).print(octets, parse_line(octets))
    click.echo(proof, nl=False)


@click.command("check-proof")
@click.argument("proof", metavar="PROOF", type=_FILE)
@click.argument("entry", metavar="LINE", type=_FILE)
@click.option(
    "--vkey",
    "vkeys",
    metavar="KEY",
    multiple=True,
    required=True,
    help="The log's verifier key, or a file with it; repeated where the key was changed.",
)
def check_proof(*, proof: Path, entry: Path, vkeys: tuple[str, ...]) -> None:
    """Check a proof (c2sp.org/tlog-proof) of an entry, without the log; exit 1 where it does not hold.

    LINE is a file with the entry's line, octet for octet as in the log.
    """
    keys = keys_of(*vkeys)
    try:
        octets = _read(entry, LINE_OCTETS).removesuffix(b"\n")
        proved = proofs.check_proof(_read(proof, proofs.PROOF_OCTETS), octets, keys=keys)
        said = parse_line(octets)
        if said["n"] != proved.index:
            _negative("does not hold: the line has another number than the proof")
    except proofs.ProofFault as fault:
        _negative(f"does not hold: {fault}")
    except LineFault as fault:
        _negative(f"does not hold: the line is no entry: {fault}")
    except Broken as broken:
        say_broken(broken)
    checkpoint = proved.checkpoint
    click.echo(
        f"holds: entry {proved.index} of the {checkpoint.size} that {checkpoint.origin} has signed for"
    )
    Printer().print(octets, said)


@click.command()
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="[NEW]", required=False)
@log_option
@click.option(
    "--vkey",
    "vkeys",
    metavar="KEY",
    multiple=True,
    help="Who must have signed both; repeated where the log's key was changed between them.",
)
@config_option
def consistency(
    *, old: str, new: str | None, folder: Path | None, vkeys: tuple[str, ...], config_path: Path
) -> None:
    """A proof that the log of checkpoint OLD has become that of NEW: nothing changed, nothing removed.

    Each is a number of entries for which the log has a checkpoint, or a file with a
    checkpoint that somebody else kept. NEW is the newest unless it is given. What comes
    on standard output has the form of c2sp.org/tlog-witness: `old`, the proof, NEW.
    """
    source = find_source(folder=folder, vkey=None, config_path=config_path)
    keys = keys_of(*vkeys)
    try:
        older = _checkpoint(source.folder, old)
        newer = _newest(source.folder) if new is None else _checkpoint(source.folder, new)
        for each in (older, newer) if keys else ():
            verify_note(each.note, keys)
        hashes = proofs.consistency(source.folder, older, newer)
    except NoteFault as fault:
        _negative(f"does not hold: {fault}")
    except Broken as broken:
        say_broken(broken)
    click.echo(f"old {older.size}\n{proofs.consistency_text(hashes)}\n".encode() + newer.octets, nl=False)
    signed = "" if keys else " (signatures not checked, give --vkey)"
    click.echo(f"holds: a log of {older.size} has become one of {newer.size} entries{signed}", err=True)


def _checkpoint(folder: Path, text: str) -> Checkpoint:
    """Of so many entries, or in a file of that name. Raises Broken, NoteFault, click.BadParameter."""
    if text.isascii() and text.isdigit():
        return _of_size(folder, text)
    if not Path(text).is_file():
        raise click.BadParameter(f"{text!r} is neither a number of entries nor a file")
    return parse_checkpoint(_read(Path(text), NOTE_OCTETS))


def _of_size(folder: Path, text: str) -> Checkpoint:
    for listed in read_checkpoints(folder):
        if isinstance(listed, Listed) and str(listed.checkpoint.size) == text:
            return listed.checkpoint
    raise checkpoint_broken(f"no checkpoint of {text[:20]} entries", line=0)


def _newest(folder: Path) -> Checkpoint:
    newest = read_checkpoint(folder)
    if newest is None:
        raise checkpoint_broken("there is no checkpoint yet", line=0)
    return newest


def _read(path: Path, octets: int) -> bytes:
    """What the file holds; one octet more than `octets` where it holds more than that."""
    with open_file(path) as file:
        return file.read(octets + 1)


def _negative(text: str) -> NoReturn:
    click.echo(text, err=True)
    sys.exit(1)
