"""`rorpost keys import`, `confirm`, `discard`: what comes into the GnuPG home, and what waits before it.

A key counts as confirmed where its full fingerprint stands in the policy, or is typed. Any other key that
speaks for a mailbox of the policy, or for an address that has a key already, waits.
"""

import asyncio
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import BinaryIO

import click

from rorpost_gateway.cli.key_home import OpenedKeys, day_of, open_keys
from rorpost_gateway.cli.keys_logged import tell_log
from rorpost_gateway.cli.options import config_option
from rorpost_gateway.document.findings import printable
from rorpost_gateway.openpgp.index import KeySummary
from rorpost_gateway.openpgp.upkeep import (
    KEY_FILE_OCTETS,
    KeyFile,
    KeyRefused,
    import_keys,
    read_key_file,
    require_sound,
)
from rorpost_gateway.openpgp.waiting import confirm_key, discard_key, let_wait, part_of
from rorpost_gateway.policy.model import Policy

_FINGERPRINT = re.compile(r"[0-9A-F]{40}")


@click.command("import")
@config_option
@click.argument("file", type=click.File("rb"))
@click.option("--secret", is_flag=True, help="Allow private keys in the file.")
@click.option(
    "--confirm",
    "confirmed",
    multiple=True,
    metavar="FINGERPRINT",
    help="Do not let the key of this full fingerprint wait.",
)
def import_(*, config_path: Path, file: BinaryIO, secret: bool, confirmed: tuple[str, ...]) -> None:
    """Bring the keys of FILE (- for standard input) into the GnuPG home, once they are found sound.

    A new key for a mailbox of the policy, or for an address that has a key, waits for `keys confirm`,
    unless the policy names its fingerprint. Private keys do not wait: --confirm names them.
    """
    opened = open_keys(config_path)
    given = [fingerprint_of(text) for text in confirmed]
    taken = asyncio.run(_import(opened, file.read(KEY_FILE_OCTETS + 1), private=secret, confirmed=given))
    if taken:
        tell_log(opened.control_socket, "import", [key.fingerprint for key in taken])


@click.command()
@config_option
@click.argument("fingerprint", nargs=-1, required=True)
def confirm(config_path: Path, fingerprint: tuple[str, ...]) -> None:
    """Take in the key that waits with this FINGERPRINT: all 40 digits, as they were read to you."""
    opened = open_keys(config_path)
    wanted = fingerprint_of(" ".join(fingerprint))
    key = asyncio.run(confirm_key(opened.home, wanted, at=opened.now))
    click.echo(_line(key))
    tell_log(opened.control_socket, "confirm", [key.fingerprint])
    for address in _not_pinned(opened, key):
        click.echo(f"{address} uses it once `key` names it in the policy", err=True)


@click.command()
@config_option
@click.argument("fingerprint", nargs=-1, required=True)
def discard(config_path: Path, fingerprint: tuple[str, ...]) -> None:
    """Let the key with this FINGERPRINT wait no longer, and do not take it in."""
    opened = open_keys(config_path)
    discard_key(opened.home, fingerprint_of(" ".join(fingerprint)))


def fingerprint_of(text: str) -> str:
    """A full fingerprint as people type it: in groups, in small letters. Raises click.UsageError."""
    digits = "".join(text.split()).upper()
    if not _FINGERPRINT.fullmatch(digits):
        raise click.UsageError(
            f"a fingerprint is typed in full, 40 hexadecimal digits; {len(digits)} were given"
        )
    return digits


async def _import(
    opened: OpenedKeys, octets: bytes, *, private: bool, confirmed: Collection[str]
) -> Sequence[KeySummary]:
    file = await read_key_file(opened.home, octets, at=opened.now)
    for key in file.keys:
        click.echo(_line(key))
    waiting = [key.fingerprint for key in file.keys if must_wait(opened, key, confirmed)]
    await require_sound(opened.home, file, private=private, at=opened.now)
    if waiting and file.private:
        raise KeyRefused(
            f"{waiting[0]} speaks for a mailbox of the policy, or for an address that has a key. "
            "Private keys do not wait: compare it, and add --confirm with its fingerprint. "
            "Nothing was imported"
        )
    if waiting:
        await let_wait(opened.home, file, waiting)
        click.echo(f"{len(waiting)} must wait: compare, then `rorpost keys confirm FINGERPRINT`", err=True)
    others = [key.fingerprint for key in file.keys if key.fingerprint not in waiting]
    if not others:
        return ()
    rest = await part_of(opened.home, file, others) if waiting else file
    return await _take(opened, rest, private=private)


async def _take(opened: OpenedKeys, file: KeyFile, *, private: bool) -> Sequence[KeySummary]:
    taken = await import_keys(opened.home, file, private=private, at=opened.now)
    click.echo(f"{len(taken)} imported or brought up to date", err=True)
    return taken


def must_wait(opened: OpenedKeys, key: KeySummary, confirmed: Collection[str]) -> bool:
    """Whether nobody has confirmed a new key that could come to be used."""
    if opened.index.key(key.fingerprint, opened.now) is not None:
        return False  # the same key as before: a new date, a new subkey, a revocation
    if key.fingerprint in confirmed or key.fingerprint in _named_by(opened.policy):
        return False
    known = {address for each in opened.index.keys(opened.now) for address in each.addresses}
    return any(address in known or address in opened.mailboxes for address in key.addresses)


def _named_by(policy: Policy) -> frozenset[str]:
    """Every fingerprint of the policy, of mailboxes and of persons."""
    mailboxes = policy.mailboxes.values()
    pins = {key.fingerprint for mailbox in mailboxes for key in mailbox.keys}
    persons = {
        one.key
        for mailbox in mailboxes
        for periods in mailbox.users.values()
        for one in periods
        if one.key is not None
    }
    return frozenset(pins | persons)


def _not_pinned(opened: OpenedKeys, key: KeySummary) -> list[str]:
    found = (address for address in key.addresses if address in opened.mailboxes)
    return [address for address in found if key.fingerprint not in opened.mailboxes[address].pins]


def _line(key: KeySummary) -> str:
    user_ids = "  ".join(map(printable, key.user_ids))
    return f"{key.fingerprint}  {key.state}  expires {day_of(key.expires)}  {user_ids}"
