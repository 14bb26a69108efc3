"""The keys of both organisations: made by gpg, a quarter of a year old, each half where it belongs.

They are dated back so that a partner can also sign with a clock that was right three weeks ago.
"""

import asyncio
import shutil
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from rorpost_gateway.demo import names
from rorpost_gateway.errors import GatewayError
from rorpost_gateway.openpgp.process import environment, run_gpg
from rorpost_gateway.openpgp.upkeep import export_key

KEPT = "kept"  # beside the home: the private keys that are not taken away
_WHOLE, _SIGNING_ONLY = "future-default", "ed25519"  # the former: ed25519 with cv25519
_AGE = timedelta(days=90)
_LONG_AGO = "20200101T000000!"
_NOT_MADE = "0123456789ABCDEF0123456789ABCDEF01234567"
_THEIRS = (
    *(names.BRINKEN, names.LYCKORNA, names.HOSPITAL, names.OFFICE, names.NO_CHANNEL, names.CLOSED),
    names.KEY_REVOKED,
)
_QUIET = ("--pinentry-mode", "loopback", "--passphrase", "")


def gpg_clock(at: datetime) -> str:
    """An instant as `--faked-system-time` takes it."""
    return f"{at:%Y%m%dT%H%M%S}!"


async def make_keys(ours: Path, theirs: Path, *, today: datetime) -> dict[str, str]:
    """Primary fingerprints by address. Secret halves stay in their home, public ones go to both."""
    mine, others = await asyncio.gather(_make_ours(ours, today), _make_theirs(theirs, today))
    # All is read before anything is written: gpg reads no keyring that is just being replaced.
    to_them, to_us = await asyncio.gather(_public(ours, mine), _public(theirs, others))
    await asyncio.gather(
        run_gpg(theirs, ["--import"], stdin=to_them), run_gpg(ours, ["--import"], stdin=to_us)
    )
    revocation = (theirs / "openpgp-revocs.d" / f"{others[names.KEY_REVOKED]}.rev").read_bytes()
    await run_gpg(ours, ["--import"], stdin=revocation.replace(b":-----BEGIN", b"-----BEGIN"))
    return mine | others | {names.KEY_MISSING: _NOT_MADE}


def take_secret_key_away(home: Path) -> None:
    """One mailbox's private keys vanish, as after a restore that forgot them."""
    kept = {path.name for path in (home.parent / KEPT).iterdir()}
    for path in (home / "private-keys-v1.d").iterdir():
        if path.name not in kept:
            path.unlink()


async def stop_agents(home: Path) -> None:
    """End the key agent that a home has started."""
    with suppress(FileNotFoundError):  # without GnuPG there are no agents
        ending = await asyncio.create_subprocess_exec(
            "gpgconf", "--homedir", str(home), "--kill", "all", env=environment()
        )
        await ending.wait()


async def _make_ours(home: Path, today: datetime) -> dict[str, str]:
    made = {
        address: await _make(home, address, today - _AGE) for address in (names.HOME_CARE, names.ASSISTANCE)
    }
    shutil.copytree(home / "private-keys-v1.d", home.parent / KEPT)
    return made | {names.BROKEN: await _make(home, names.BROKEN, today - _AGE)}


async def _make_theirs(home: Path, today: datetime) -> dict[str, str]:
    made = {address: await _make(home, address, today - _AGE) for address in _THEIRS}
    made[names.KEY_EXPIRED] = await _quick_key(home, names.KEY_EXPIRED, _WHOLE, "1y", _LONG_AGO)
    made[names.KEY_UNUSABLE] = await _quick_key(
        home, names.KEY_UNUSABLE, _SIGNING_ONLY, "2y", gpg_clock(today - _AGE)
    )
    return made


async def _make(home: Path, address: str, at: datetime) -> str:
    return await _quick_key(home, address, _WHOLE, "2y", gpg_clock(at))


async def _quick_key(home: Path, address: str, algorithm: str, expires: str, clock: str) -> str:
    usage = "default" if algorithm == _WHOLE else "cert,sign"
    what = ("--quick-generate-key", address, algorithm, usage, expires)
    run = await run_gpg(home, ["--faked-system-time", clock, *_QUIET, *what])
    created = [line.split()[2] for line in run.status if line.startswith("KEY_CREATED ")]
    if len(created) != 1:
        raise GatewayError("gpg made no key for the demo", private=" ".join(sorted(run.keywords())))
    return created[0]


async def _public(home: Path, made: dict[str, str]) -> bytes:
    """The public keys, for the other side."""
    return b"".join([await export_key(home, each) for each in made.values()])
