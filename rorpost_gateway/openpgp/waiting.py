"""Keys that wait beside a home's own until somebody confirms them by their full fingerprint.

One file a key, in a folder of the home that gpg knows nothing of. A key that waits is neither sealed to
nor accepted nor found by any index. It is judged anew when it is confirmed: what lay there is not trusted
to be what was laid there. Only public keys wait.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rorpost_gateway.durable import PRIVATE_MODE, put, sync_folder
from rorpost_gateway.errors import GatewayError, NotFound
from rorpost_gateway.openpgp.index import KeySummary
from rorpost_gateway.openpgp.process import run_gpg
from rorpost_gateway.openpgp.transferable import Certificate, read_keyring
from rorpost_gateway.openpgp.upkeep import KEY_FILE_OCTETS, KeyFile, KeyRefused, import_keys, read_key_file

FOLDER = "waiting-keys"
_SUFFIX = ".pgp"
_NAME = re.compile(r"[0-9A-F]{40}")


@dataclass(frozen=True, kw_only=True)
class WaitingKey:
    """A key that waits, and since when (UTC)."""

    key: KeySummary
    since: datetime


async def part_of(home: Path, file: KeyFile, fingerprints: Collection[str]) -> KeyFile:
    """The file with no other keys than these, in binary form. Raises KeyRefused; changes nothing."""
    if file.private:
        raise KeyRefused("a file with private keys is taken as a whole, or not at all")
    # gpg takes armour and foreign signatures away, and writes the keys out instead of keeping them.
    arguments = ["--import-options", "import-export,self-sigs-only", "--import"]
    octets = (await run_gpg(home, arguments, stdin=file.octets)).output
    try:
        certificates = read_keyring(octets, b"").certificates
    except GatewayError as error:
        raise KeyRefused("the keys of the file cannot be told apart", private=error.private) from error
    missing = [each for each in fingerprints if each not in certificates]
    if missing:
        raise KeyRefused(f"the key {missing[0]} cannot be taken out of the file")
    return KeyFile(
        octets=b"".join(_octets(certificates[each]) for each in fingerprints),
        keys=tuple(key for key in file.keys if key.fingerprint in set(fingerprints)),
        private=False,
    )


async def let_wait(home: Path, file: KeyFile, fingerprints: Collection[str]) -> None:
    """Lay these keys of the file aside; one that waits already is replaced. Raises KeyRefused, OSError."""
    apart = {each: (await part_of(home, file, (each,))).octets for each in fingerprints}
    folder = home / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(home)
    for fingerprint, octets in apart.items():
        put(_path(home, fingerprint), octets, mode=PRIVATE_MODE)


def waiting_fingerprints(home: Path) -> list[str]:
    """Of the keys that wait. Raises OSError where the folder is there but cannot be read."""
    try:
        names = [path.name for path in (home / FOLDER).iterdir()]
    except FileNotFoundError:
        return []
    found = (name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))
    return sorted(name for name in found if _NAME.fullmatch(name))


async def waiting_keys(home: Path, *, at: datetime) -> Sequence[WaitingKey]:
    """Every key that waits, as it would be judged now. Raises KeyRefused for a file that is no such key."""
    found = []
    for fingerprint in waiting_fingerprints(home):
        file = await _read(home, fingerprint, at)
        since = datetime.fromtimestamp(_path(home, fingerprint).stat().st_mtime, UTC)
        found.append(WaitingKey(key=file.keys[0], since=since))
    return found


async def confirm_key(home: Path, fingerprint: str, *, at: datetime) -> KeySummary:
    """Take a key that waits into the home. Raises NotFound where none waits by that name, KeyRefused."""
    (taken,) = await import_keys(home, await _read(home, fingerprint, at), at=at)
    discard_key(home, fingerprint)
    return taken


def discard_key(home: Path, fingerprint: str) -> None:
    """Let a key wait no longer; it is not taken in. Raises NotFound, OSError."""
    try:
        _path(home, fingerprint).unlink()
    except FileNotFoundError:
        raise NotFound("no key with that fingerprint waits") from None
    sync_folder(home / FOLDER)


async def _read(home: Path, fingerprint: str, at: datetime) -> KeyFile:
    try:
        with _path(home, fingerprint).open("rb") as stream:
            octets = stream.read(KEY_FILE_OCTETS + 1)
    except FileNotFoundError:
        raise NotFound("no key with that fingerprint waits") from None
    file = await read_key_file(home, octets, at=at)
    if file.private or [key.fingerprint for key in file.keys] != [fingerprint]:
        raise KeyRefused(f"what waits as {fingerprint} is not that key")
    return file


def _path(home: Path, fingerprint: str) -> Path:
    if not _NAME.fullmatch(fingerprint):
        raise NotFound("a fingerprint has 40 hexadecimal digits")
    return home / FOLDER / f"{fingerprint}{_SUFFIX}"


def _octets(certificate: Certificate) -> bytes:
    parts = (certificate.primary, *certificate.subkeys.values())
    return b"".join(part.packet + part.following for part in parts)
