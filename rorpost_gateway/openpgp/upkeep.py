"""What operations do with the keys of a GnuPG home: import, export, generate, try.

Nothing is ever deleted. A key file is judged as a whole before anything is changed:
what is in it, whether it holds private keys, whether each key could be sealed to.
Keys that are already in the home are merged, so that a revocation or a new expiry
date can be brought in. Foreign signatures are left out: they only make keys large.

Passphrases reach gpg through a pipe.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from rorpost_gateway.decision import KeyChoice
from rorpost_gateway.errors import GatewayError, NotFound
from rorpost_gateway.openpgp.gnupg import load_index
from rorpost_gateway.openpgp.index import KeyState, KeySummary, ListedKeys
from rorpost_gateway.openpgp.listing import parse_listing
from rorpost_gateway.openpgp.process import LISTING, Run, reload_agent, run_gpg

KEY_FILE_OCTETS = 16 * 1024 * 1024
DEFAULT_EXPIRY = "2y"
_EXPIRY = re.compile(r"[1-9][0-9]{0,3}[dwmy]|20[0-9]{2}-[01][0-9]-[0-3][0-9]")
_NAME_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f<>]")
_PUBLIC_BLOCK = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"


class KeyRefused(GatewayError):
    """A key file or a wish that is not carried out; nothing was changed."""


@dataclass(frozen=True, kw_only=True)
class KeyFile:
    """What a key file holds, before it is imported."""

    octets: bytes = field(repr=False)
    keys: tuple[KeySummary, ...]
    private: bool


async def read_key_file(home: Path, octets: bytes, *, at: datetime) -> KeyFile:
    """Look into a key file without changing anything. Raises KeyRefused where it holds no key."""
    if len(octets) > KEY_FILE_OCTETS:
        raise KeyRefused("the file is larger than any key file should be")
    arguments = [*LISTING, "--import-options", "show-only,self-sigs-only", "--import"]
    run = await run_gpg(home, arguments, stdin=octets)
    listed = parse_listing(run.output.decode("utf-8", "replace"))
    if run.returncode or not listed:
        raise KeyRefused("the file holds no OpenPGP key, or more than keys")
    return KeyFile(
        octets=octets,
        keys=tuple(ListedKeys(listed).keys(at)),
        private=any(key.secret for key in listed),
    )


async def require_sound(home: Path, file: KeyFile, *, private: bool, at: datetime) -> None:
    """Raises KeyRefused where a file may not be imported into the home: see `import_keys`."""
    if file.private and not private:
        raise KeyRefused("the file holds a private key; ask for that in so many words")
    present = await load_index(home)
    for key in file.keys:
        if key.state is not KeyState.USABLE and present.key(key.fingerprint, at) is None:
            raise KeyRefused(f"the key {key.fingerprint} is {key.state}; nothing was imported")


async def import_keys(
    home: Path, file: KeyFile, *, private: bool = False, at: datetime
) -> Sequence[KeySummary]:
    """Bring the keys of a file into the home; return them as they are in the home afterwards.

    `private` allows private keys. A key that cannot be sealed to is refused, unless
    it is in the home already. Raises KeyRefused before anything is changed,
    NotFound where gpg did not take a key.
    """
    await require_sound(home, file, private=private, at=at)
    if file.private:
        await _make_private_keys_fast(home)
    await run_gpg(home, ["--import-options", "self-sigs-only", "--import"], stdin=file.octets)
    after = await load_index(home)
    found = [after.key(key.fingerprint, at) for key in file.keys]
    taken = [key for key in found if key is not None]
    if len(taken) != len(file.keys) or (file.private and not all(key.secret for key in taken)):
        raise NotFound("gpg did not take every key of the file")
    return taken


async def export_key(home: Path, fingerprint: str) -> bytes:
    """The armoured public key, without foreign signatures. Raises NotFound."""
    arguments = ["--armor", "--export-options", "export-minimal", "--export", fingerprint]
    run = await run_gpg(home, arguments)
    if run.returncode or not run.output.startswith(_PUBLIC_BLOCK):
        raise NotFound("there is no such key")
    return run.output


async def generate_key(
    home: Path,
    *,
    address: str,
    name: str,
    expires: str = DEFAULT_EXPIRY,
    passphrase: str | None = None,
) -> str:
    """Make a key for a mailbox: ed25519 signs, cv25519 encrypts. Returns the primary fingerprint.

    `expires` is a number of days, weeks, months or years (`90d`, `2y`) or a date.
    gpg leaves a revocation certificate in the home. Raises KeyRefused.
    """
    if not _EXPIRY.fullmatch(expires):
        raise KeyRefused("the expiry must look like 90d, 6m, 2y or 2030-12-31")
    if len(name.strip()) < 5 or _NAME_FORBIDDEN.search(name):
        raise KeyRefused("the name of the mailbox does not fit into a user id")
    parameters = [
        "Key-Type: EDDSA",
        "Key-Curve: ed25519",
        "Key-Usage: sign",
        "Subkey-Type: ECDH",
        "Subkey-Curve: cv25519",
        "Subkey-Usage: encrypt",
        f"Name-Real: {name.strip()}",
        f"Name-Email: {address}",
        f"Expire-Date: {expires}",
        "%commit",
    ]
    await _make_private_keys_fast(home)
    stdin = "\n".join([passphrase or "", *parameters, ""]).encode()
    run = await run_gpg(home, [*_PASSPHRASE, "--generate-key", "-"], stdin=stdin)
    created = [line.split()[2] for line in run.status if line.startswith("KEY_CREATED B ")]
    if run.returncode or len(created) != 1:
        raise _failed(run, "the key could not be made")
    return created[0]


async def try_signing(home: Path, key: KeyChoice, passphrase: str | None) -> bool:
    """Whether gpg can sign with that very key: its secret part is there and the passphrase opens it."""
    arguments = [*_PASSPHRASE, "--local-user", f"{key.subkey}!", "--detach-sign"]
    run = await run_gpg(home, arguments, stdin=f"{passphrase or ''}\n".encode())
    created = [line.split()[-1] for line in run.status if line.startswith("SIG_CREATED ")]
    return run.returncode == 0 and created == [key.subkey]


async def _make_private_keys_fast(home: Path) -> None:
    """Tell gpg-agent to spend little on stretching passphrases, unless it has been told something.

    By itself it spends 0.1 s and more on every use of a private key, that is on every
    message. The passphrase comes from a file: nobody has to remember it, so it can be
    long and random, and then stretching protects nothing.
    """
    settings = home / "gpg-agent.conf"
    if not settings.exists():
        settings.write_text("# least stretching: the passphrase file holds a random one\ns2k-count 65536\n")
        await reload_agent(home)


_PASSPHRASE = ("--pinentry-mode", "loopback", "--passphrase-fd", "0")


def _failed(run: Run, public: str) -> KeyRefused:
    return KeyRefused(public, private=f"gpg ended {run.returncode}: {' '.join(sorted(run.keywords()))}")
