"""GnuPG homes with real keys, made by the plain `gpg` command, independent of our own code.

Home paths are short, because gpg-agent cannot bind sockets beyond some 100
characters. The prepared keys are made once a session; a test that changes a home
takes a copy of it. Every agent a home started is ended by `gpgconf` for that home.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

_GPG = ("gpg", "--batch", "--yes", "--no-options", "--no-tty", "--quiet", "--trust-model", "always")
_LONG_AGO = "20200101T000000!"
SENDER = "rorpost.hemsjukvarden@motala.se"
RECEIVER = "rorpost.vcbrinken@regionostergotland.se"


@dataclass(frozen=True, kw_only=True)
class PreparedKeys:
    """Two homes and the primary fingerprints in them.

    `sender_home` holds the sender's secret key and everybody's public keys;
    `receiver_home` holds the secret parts of all the others, and the sender's public key.
    """

    sender_home: Path
    receiver_home: Path
    sender: str
    receiver: str
    expired_primary: str
    expired_subkey: str
    revoked_primary: str
    revoked_subkey: str
    sign_only: str
    two_user_ids: str


def gpg(home: Path, *arguments: str, stdin: bytes = b"", clock: str | None = None) -> bytes:
    """Standard output of the plain command; raises RuntimeError where it does not end 0.

    `clock` is a time as gpg wants it faked, such as `20200101T000000!`.
    """
    faked = ("--faked-system-time", clock) if clock else ()
    done = subprocess.run(
        [*_GPG, "--homedir", str(home), *faked, *arguments],
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"gpg {arguments} ended {done.returncode}: {done.stderr.decode(errors='replace')}")
    return done.stdout


def make_home() -> Path:
    """A new home without keys, with a short path and mode 0700. The caller ends it with `remove_home`.

    A low S2K count keeps keys with a passphrase fast; gpg-agent's own choice costs seconds.
    """
    home = Path(tempfile.mkdtemp(prefix="rp", dir="/tmp"))
    (home / "gpg-agent.conf").write_text("s2k-count 65536\n")
    return home


def stop_agent(home: Path) -> None:
    subprocess.run(
        ["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, timeout=30, capture_output=True
    )


def remove_home(home: Path) -> None:
    stop_agent(home)
    shutil.rmtree(home, ignore_errors=True)


def copy_home(home: Path) -> Path:
    """A copy that a test may change. Sockets and locks stay behind."""
    target = make_home()
    shutil.copytree(
        home, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("S.*", "*.lock", ".#*", "*~")
    )
    target.chmod(0o700)
    return target


def _with_passphrase(passphrase: str | None) -> tuple[tuple[str, ...], bytes]:
    options = ("--pinentry-mode", "loopback", "--passphrase-fd", "0")
    return options, f"{passphrase or ''}\n".encode()


def generate(
    home: Path,
    address: str,
    *,
    name: str = "",
    expires: str = "2y",
    passphrase: str | None = None,
    clock: str | None = None,
    encryption_expires: str | None = None,
    encrypts: bool = True,
) -> str:
    """Make a key (ed25519, with a cv25519 subkey where it `encrypts`); return its fingerprint.

    `expires` and `encryption_expires` are gpg's: `2y`, `1d`, `never`.
    """
    options, stdin = _with_passphrase(passphrase)
    user_id = f"{name} <{address}>" if name else address
    before = set(_primaries(home))
    create = ("--quick-generate-key", user_id, "ed25519", "cert,sign", expires)
    gpg(home, *options, *create, stdin=stdin, clock=clock)
    (fingerprint,) = set(_primaries(home)) - before
    if encrypts:
        add = ("--quick-add-key", fingerprint, "cv25519", "encr", encryption_expires or expires)
        gpg(home, *options, *add, stdin=stdin, clock=clock)
    return fingerprint


def _primaries(home: Path) -> list[str]:
    lines = gpg(home, "--with-colons", "--fixed-list-mode", "--list-keys").decode().splitlines()
    kinds = [line.split(":") for line in lines]
    return [fields[9] for above, fields in pairwise(kinds) if above[0] == "pub" and fields[0] == "fpr"]


def subkeys(home: Path, fingerprint: str) -> list[str]:
    """The fingerprints of the subkeys of one key, in the order of its packets."""
    listing = gpg(home, "--with-colons", "--with-subkey-fingerprint", "--list-keys", fingerprint).decode()
    return [line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:")][1:]


def add_subkey(home: Path, fingerprint: str, algorithm: str, usage: str, expires: str = "2y") -> str:
    """Add a subkey to an unprotected key; return the subkey's fingerprint."""
    options, stdin = _with_passphrase(None)
    before = set(subkeys(home, fingerprint))
    gpg(home, *options, "--quick-add-key", fingerprint, algorithm, usage, expires, stdin=stdin)
    (added,) = set(subkeys(home, fingerprint)) - before
    return added


def add_user_id(home: Path, fingerprint: str, user_id: str) -> None:
    gpg(home, "--quick-add-uid", fingerprint, user_id)


def revoke_primary(home: Path, fingerprint: str) -> None:
    """Import the revocation certificate that gpg left beside the key."""
    certificate = (home / "openpgp-revocs.d" / f"{fingerprint}.rev").read_bytes()
    gpg(home, "--import", stdin=certificate.replace(b":-----BEGIN", b"-----BEGIN"))


def revoke_subkey(home: Path, fingerprint: str, number: int = 1) -> None:
    """Revoke the subkey with that number (from 1) of an unprotected key."""
    dialog = f"key {number}\nrevkey\ny\n0\n\ny\nsave\n".encode()
    options = ("--pinentry-mode", "loopback", "--passphrase", "", "--command-fd", "0")
    gpg(home, *options, "--edit-key", fingerprint, stdin=dialog)


def revoke_user_id(home: Path, fingerprint: str, user_id: str) -> None:
    gpg(home, "--quick-revoke-uid", fingerprint, user_id)


def export_public(home: Path, fingerprint: str) -> bytes:
    """The armoured public key."""
    return gpg(home, "--armor", "--export", fingerprint)


def export_secret(home: Path, fingerprint: str) -> bytes:
    """The armoured private key, of a key without a passphrase."""
    options = ("--pinentry-mode", "loopback", "--passphrase", "")
    return gpg(home, *options, "--armor", "--export-secret-keys", fingerprint)


def export_secret_subkeys(home: Path, fingerprint: str) -> bytes:
    """As `export_secret`, with a stub in the primary's place."""
    options = ("--pinentry-mode", "loopback", "--passphrase", "")
    return gpg(home, *options, "--armor", "--export-secret-subkeys", fingerprint)


def import_key(home: Path, octets: bytes) -> None:
    gpg(home, "--import", stdin=octets)


def open_with_gpg(home: Path, armoured: bytes, *, passphrase: str | None = None) -> bytes:
    """What the sealed octets hold, decrypted by the plain command.

    Raises RuntimeError where gpg does not end 0, or where it did not see exactly one good signature.
    """
    options: tuple[str, ...] = ("--status-fd", "2")
    prefix = b""
    if passphrase is not None:
        extra, prefix = _with_passphrase(passphrase)
        options += extra
    done = subprocess.run(
        [*_GPG, "--homedir", str(home), *options, "--decrypt"],
        input=prefix + armoured,
        capture_output=True,
        timeout=60,
        check=False,
    )
    if done.returncode or done.stderr.count(b"[GNUPG:] GOODSIG ") != 1:
        raise RuntimeError(f"gpg ended {done.returncode}: {done.stderr.decode(errors='replace')}")
    return done.stdout


def running_children() -> list[str]:
    """The names of this process's children that are running, as the kernel says; agents are none."""
    names = []
    for task in Path("/proc/self/task").iterdir():
        try:
            for pid in (task / "children").read_text().split():
                name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
                if rest.split()[0] != "Z":
                    names.append(name)
        except (FileNotFoundError, ProcessLookupError):  # ended while we looked
            continue
    return names


@contextmanager
def prepared() -> Iterator[PreparedKeys]:
    """Keys of every state a test wants to meet, in two homes that are gone afterwards."""
    sender_home, receiver_home = make_home(), make_home()
    try:
        yield _prepare(sender_home, receiver_home)
    finally:
        remove_home(sender_home)
        remove_home(receiver_home)


@pytest.fixture(scope="session")
def prepared_keys() -> Iterator[PreparedKeys]:
    """See `prepared`; homes that no test may change."""
    with prepared() as keys:
        yield keys


def _prepare(sender_home: Path, receiver_home: Path) -> PreparedKeys:
    def make(unit: str, **options: object) -> str:
        return generate(receiver_home, f"rorpost.{unit}@regionostergotland.se", **options)  # type: ignore[arg-type]

    keys = PreparedKeys(
        sender_home=sender_home,
        receiver_home=receiver_home,
        sender=generate(sender_home, SENDER, name="Hemsjukvården, Motala kommun"),
        receiver=generate(receiver_home, RECEIVER, name="Vårdcentralen Brinken"),
        expired_primary=make("expired", expires="1d", clock=_LONG_AGO),
        expired_subkey=make("expiredsub", expires="never", encryption_expires="1d", clock=_LONG_AGO),
        revoked_primary=make("revoked"),
        revoked_subkey=make("revokedsub"),
        sign_only=make("signonly", encrypts=False),
        two_user_ids=make("first"),
    )
    revoke_primary(receiver_home, keys.revoked_primary)
    revoke_subkey(receiver_home, keys.revoked_subkey)
    add_user_id(receiver_home, keys.two_user_ids, "Andra <rorpost.second@regionostergotland.se>")
    import_key(sender_home, gpg(receiver_home, "--armor", "--export"))
    import_key(receiver_home, export_public(sender_home, keys.sender))
    return keys


@pytest.fixture
def new_home() -> Iterator[Callable[[], Path]]:
    """Makes empty homes; they and their agents are gone after the test."""
    homes: list[Path] = []

    def make() -> Path:
        homes.append(make_home())
        return homes[-1]

    yield make
    for home in homes:
        remove_home(home)


@pytest.fixture
def home_copy() -> Iterator[Callable[[Path], Path]]:
    """Makes copies of homes that the test may change."""
    homes: list[Path] = []

    def make(home: Path) -> Path:
        homes.append(copy_home(home))
        return homes[-1]

    yield make
    for home in homes:
        remove_home(home)
