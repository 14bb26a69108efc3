"""Keys out of a GnuPG home, for an engine that holds them itself.

gpg hands over the certificates without foreign signatures, and those secret parts
that may sign now, no others; they leave gpg protected by the passphrase, which
reaches it through a pipe. Whether every part came is the engine's to find out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from rorpost_gateway.decision import KeyChoice
from rorpost_gateway.openpgp.gnupg import load_index
from rorpost_gateway.openpgp.index import ListedKeys
from rorpost_gateway.openpgp.process import GnupgFailed, run_gpg

_PUBLIC = ("--export-options", "export-minimal,no-export-attributes", "--export")
_PASSPHRASE = ("--pinentry-mode", "loopback", "--passphrase-fd", "0")
_AT_A_TIME = 500  # fingerprints in one command


@dataclass(frozen=True, kw_only=True)
class ExportedKeys:
    """The octets of a home's keys. `secret` holds the `signing` parts, where gpg handed them over."""

    public: bytes = field(repr=False)
    secret: bytes = field(repr=False)
    passphrase: str | None = field(repr=False)
    index: ListedKeys = field(repr=False)
    signing: tuple[KeyChoice, ...]


async def export_keys(home: Path, passphrase: str | None, *, at: datetime) -> ExportedKeys:
    """Read every certificate of a home and every secret part that may sign at a moment.

    Raises GnupgFailed or ListingMalformed where the home cannot be read.
    """
    index = await load_index(home)
    signing = tuple(index.signing_parts(at))
    public = await run_gpg(home, _PUBLIC)
    if public.returncode:
        raise GnupgFailed(
            "the keys cannot be exported", private=f"{home}: gpg --export ended {public.returncode}"
        )
    primaries = [each.subkey for each in signing if each.subkey == each.primary]
    subkeys = [each.subkey for each in signing if each.subkey != each.primary]
    secret = [
        await _export_secret(home, passphrase, command, some)
        for command, all_of_them in (
            ("--export-secret-keys", primaries),
            ("--export-secret-subkeys", subkeys),
        )
        for some in _slices(all_of_them)
    ]
    return ExportedKeys(
        public=public.output, secret=b"".join(secret), passphrase=passphrase, index=index, signing=signing
    )


async def _export_secret(
    home: Path, passphrase: str | None, command: str, fingerprints: Sequence[str]
) -> bytes:
    """Its return code says that some part was refused, not which: what is missing shows that."""
    exact = [f"{fingerprint}!" for fingerprint in fingerprints]
    run = await run_gpg(home, [*_PASSPHRASE, command, *exact], stdin=f"{passphrase or ''}\n".encode())
    return run.output


def _slices(fingerprints: Sequence[str]) -> Iterator[Sequence[str]]:
    return (fingerprints[at : at + _AT_A_TIME] for at in range(0, len(fingerprints), _AT_A_TIME))
