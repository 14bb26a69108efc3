"""Whose signature a checkpoint has, in the words of the commands."""

import click

from rorpost_gateway.audit.checkpoints import CHECKPOINT, Checkpoint, checkpoint_broken
from rorpost_gateway.audit.notes import NoteFault, verify_note
from rorpost_gateway.audit.signatures import KeyFault, VerifierKey, parse_vkey
from rorpost_gateway.cli.audit.source import Source, read_vkey


def keys_of(*vkeys: str | None) -> list[VerifierKey]:
    """The verifier keys that are known. Raises click.BadParameter."""
    try:
        return [parse_vkey(read_vkey(vkey)) for vkey in vkeys if vkey is not None]
    except KeyFault as fault:
        raise click.BadParameter(str(fault), param_hint="--vkey") from None


def require_signed(checkpoint: Checkpoint, source: Source) -> None:
    """A key that is known must have signed it. Raises Broken.

    With `--vkey` the whole log was verified first, and changes of the key followed.
    """
    keys = keys_of(source.known_vkey)
    if source.given_vkey is not None or not keys:
        return
    try:
        verify_note(checkpoint.note, keys)
    except NoteFault as fault:
        raise checkpoint_broken(str(fault), file=CHECKPOINT, line=1, entry=checkpoint.size) from None
