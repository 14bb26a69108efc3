"""What seals and what opens what; and what is heard of a key in every state. Real keys, real programs.

`python -m tests.contract.engine_table` prints both tables; test_engine_table.py holds them to what
they should say.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from rorpost_gateway.decision import KeyChoice, Reason
from rorpost_gateway.errors import GatewayError, SealingFailed
from rorpost_gateway.openpgp.base import Engine
from rorpost_gateway.openpgp.engines import open_engine
from rorpost_gateway.openpgp.exporting import export_keys
from rorpost_gateway.openpgp.gnupg import load_index
from rorpost_gateway.openpgp.index import ListedKeys
from rorpost_gateway.openpgp.opening import GnupgOpener
from rorpost_gateway.openpgp.packets import Tag, packets_of
from rorpost_gateway.openpgp.sequoia import SequoiaKeys
from rorpost_gateway.openpgp.transferable import read_keyring
from tests.peers.gnupg_home import (
    export_public,
    export_secret,
    gpg,
    make_home,
    open_with_gpg,
    remove_home,
    revoke_primary,
    revoke_subkey,
    subkeys,
)
from tests.peers.sq import KeyFiles, open_with_pysequoia, open_with_sq, seal_with_sq

ENGINES = ("gnupg", "sequoia")
PROGRAMS = ("gnupg engine", "sequoia engine", "gpg", "sq", "sq, padding")
OPENERS = ("gnupg opener", "pysequoia", "gpg", "sq")
STATES = ("valid", "expired primary", "expired subkey", "revoked primary", "revoked subkey")
USES = ("seal", "sign", "open")
OPENED = "yes"  # octet for octet, with one good signature by the sender
# One, two and three octets, and more than any program takes at a time: every way base64 can end.
PAYLOADS = (b"1", b"22", b"333", "räksmörgås\r\n".encode() * 20_000)
_LONG_AGO = "20200101T000000!"
_UNPROTECTED = ("--pinentry-mode", "loopback", "--passphrase", "")
_MARKER = b"a payload"
_LONGEST = 1 << 24

Seal = Callable[[bytes], Awaitable[bytes]]
Open = Callable[[bytes], Awaitable[bytes]]


@dataclass(frozen=True, kw_only=True)
class Keys:
    """One home with the secret keys of all. `by_state` has a mailbox for each of `STATES`."""

    home: Path
    sender: str
    by_state: Mapping[str, str]  # primary fingerprints

    @property
    def receiver(self) -> str:
        return self.by_state["valid"]


@contextmanager
def prepared() -> Iterator[Keys]:
    """Keys that can only certify, each with a subkey to sign and one to encrypt, of every state."""
    with ExitStack() as closing:
        home = make_home()
        closing.callback(remove_home, home)
        sender = _make_key(home, "sender")
        by_state = {
            state: _make_key(home, state.replace(" ", "-"), **_TIMES.get(state, {})) for state in STATES
        }
        revoke_primary(home, by_state["revoked primary"])
        for number in (1, 2):
            revoke_subkey(home, by_state["revoked subkey"], number)
        yield Keys(home=home, sender=sender, by_state=by_state)


_TIMES: Mapping[str, Mapping[str, str]] = {
    "expired primary": {"expires": "1d", "clock": _LONG_AGO},
    "expired subkey": {"subkeys_expire": "1d", "clock": _LONG_AGO},
}


def _make_key(
    home: Path, unit: str, *, expires: str = "never", subkeys_expire: str = "never", clock: str | None = None
) -> str:
    address = f"rorpost.{unit}@motala.se"
    gpg(home, *_UNPROTECTED, "--quick-generate-key", address, "ed25519", "cert", expires, clock=clock)
    listing = gpg(home, "--with-colons", "--list-keys", f"={address}").decode().splitlines()
    fingerprint = next(line.split(":")[9] for line in listing if line.startswith("fpr:"))
    for algorithm, usage in (("ed25519", "sign"), ("cv25519", "encr")):
        add = ("--quick-add-key", fingerprint, algorithm, usage, subkeys_expire)
        gpg(home, *_UNPROTECTED, *add, clock=clock)
    return fingerprint


# What seals, and what opens


async def interoperation(keys: Keys) -> dict[tuple[str, str], str]:
    """For each program that seals and each that opens: OPENED, or what went wrong first."""
    said = {}
    with ExitStack() as closing:
        files = closing.enter_context(_key_files(keys))
        engines = {name: await open_engine(name, keys.home, None, now=time.time) for name in ENGINES}
        opener = GnupgOpener(keys.home, None)
        seals = _seals(keys, engines, files)
        for program in PROGRAMS:
            sealed = [(payload, await seals[program](payload)) for payload in PAYLOADS]
            for how, open_it in _opens(keys, opener, files).items():
                said[program, how] = await _open_all(open_it, sealed)
        for each in (*engines.values(), opener):
            await each.close()
    return said


async def _open_all(open_it: Open, sealed: Sequence[tuple[bytes, bytes]]) -> str:
    for payload, armoured in sealed:
        try:
            if await open_it(armoured) != payload:
                return "another payload"
        except (RuntimeError, GatewayError) as error:
            return f"no: {_short(error)}"
    return OPENED


def _seals(keys: Keys, engines: Mapping[str, Engine], files: KeyFiles) -> dict[str, Seal]:
    signing, encrypting = _choices(keys, keys.sender)[0], _choices(keys, keys.receiver)[1]

    async def by_engine(name: str, payload: bytes) -> bytes:
        return (await engines[name].seal(payload, seal_to=encrypting, sign_with=signing)).armoured

    async def by_gpg(payload: bytes) -> bytes:
        to_whom = ("--recipient", keys.receiver, "--local-user", keys.sender)
        return await asyncio.to_thread(
            partial(gpg, keys.home, "--armor", "--sign", "--encrypt", *to_whom, stdin=payload)
        )

    async def by_sq(compression: str, payload: bytes) -> bytes:
        return await asyncio.to_thread(seal_with_sq, files, payload, compression)

    return {
        "gnupg engine": partial(by_engine, "gnupg"),
        "sequoia engine": partial(by_engine, "sequoia"),
        "gpg": by_gpg,
        "sq": partial(by_sq, "none"),
        "sq, padding": partial(by_sq, "pad"),  # what it does by itself
    }


def _opens(keys: Keys, opener: GnupgOpener, files: KeyFiles) -> dict[str, Open]:
    async def by_opener(armoured: bytes) -> bytes:
        opened = await opener.open(armoured, longest_octets=_LONGEST)
        if opened.signature is None or opened.signature.signer != keys.sender:
            raise RuntimeError("not the signature that was expected")
        return opened.payload

    async def in_thread(open_it: Callable[..., bytes], *given: object) -> bytes:
        return await asyncio.to_thread(open_it, *given)

    return {
        "gnupg opener": by_opener,
        "pysequoia": partial(in_thread, open_with_pysequoia, files),
        "gpg": partial(in_thread, open_with_gpg, keys.home),
        "sq": partial(in_thread, open_with_sq, files),
    }


@contextmanager
def _key_files(keys: Keys) -> Iterator[KeyFiles]:
    folder = make_home()  # with mode 0700
    try:
        made = {}
        for who, key in (("sender", keys.sender), ("receiver", keys.receiver)):
            for form, export in (("secret", export_secret), ("public", export_public)):
                made[f"{who}_{form}"] = folder / f"{who}-{form}.asc"
                made[f"{who}_{form}"].write_bytes(export(keys.home, key))
        yield KeyFiles(folder=folder, **made)
    finally:
        remove_home(folder)


# What is heard of a key


async def reasons(keys: Keys) -> dict[tuple[str, str, str], str]:
    """For each engine, state of a key and use: the reason of the index, and what the engine itself did.

    `seal` is to that key, `sign` with it. `open` is of a message that was sealed to it
    before it ended: such a message must stay readable.
    """
    index = await load_index(keys.home)
    now = datetime.now(UTC) + timedelta(seconds=1)
    opener = GnupgOpener(keys.home, None)
    said = {}
    for name in ENGINES:
        engine = await open_engine(name, keys.home, None, now=now.timestamp)
        for state in STATES:
            said[name, state, "seal"] = await _sealing(keys, engine, index, now, state)
            said[name, state, "sign"] = await _signing(keys, engine, index, now, state)
            said[name, state, "open"] = await _opening(keys, name, opener, state)
        await engine.close()
    await opener.close()
    return said


async def _sealing(keys: Keys, engine: Engine, index: ListedKeys, now: datetime, state: str) -> str:
    key = keys.by_state[state]
    chosen = index.for_sealing("x@y.se", (key,), now)
    signing = _choices(keys, keys.sender)[0]
    asked = engine.seal(_MARKER, seal_to=_choices(keys, key)[1], sign_with=signing)
    return await _heard(chosen, asked)


async def _signing(keys: Keys, engine: Engine, index: ListedKeys, now: datetime, state: str) -> str:
    key = keys.by_state[state]
    chosen = index.for_signing("x@y.se", (key,), now)
    asked = engine.seal(_MARKER, seal_to=_choices(keys, keys.receiver)[1], sign_with=_choices(keys, key)[0])
    return await _heard(chosen, asked)


async def _heard(chosen: KeyChoice | Reason, asked: Awaitable[object]) -> str:
    """The index's answer; then the engine is told to do it all the same."""
    reason = chosen.value if isinstance(chosen, Reason) else Reason.OK.value
    try:
        await asked
    except SealingFailed:
        return f"{reason}, engine refuses"
    return f"{reason}, engine obeys"


async def _opening(keys: Keys, name: str, opener: GnupgOpener, state: str) -> str:
    """Both engines leave opening to the gnupg opener; the message is made by what minds no state."""
    exported = await export_keys(keys.home, None, at=datetime.now(UTC))
    sealed = SequoiaKeys(
        read_keyring(_without_revocations(gpg(keys.home, "--export")), exported.secret), None
    ).seal_now(
        _MARKER,
        seal_to=_choices(keys, keys.by_state[state])[1],
        sign_with=_choices(keys, keys.sender)[0],
    )
    try:
        opened = await opener.open(sealed.armoured, longest_octets=_LONGEST)
    except GatewayError as error:
        return f"{name}: {_short(error)}"
    return "opened" if opened.payload == _MARKER and opened.signature else "another payload"


def _without_revocations(public: bytes) -> bytes:
    """As the certificates were before they were revoked (RFC 9580, section 5.2.1)."""
    kept, at = b"", 0
    for packet in packets_of(public, most=1000):
        end = packet.pieces[-1][1]
        if packet.tag != Tag.SIGNATURE or packet.start[1] not in (0x20, 0x28):
            kept += public[at:end]
        at = end
    return kept


def _choices(keys: Keys, primary: str) -> tuple[KeyChoice, KeyChoice]:
    """The parts of a key: to sign with, to encrypt to."""
    signing, encrypting = subkeys(keys.home, primary)
    return KeyChoice(primary=primary, subkey=signing), KeyChoice(primary=primary, subkey=encrypting)


def _short(error: Exception) -> str:
    """The first telling words of what a program said."""
    text = error.private if isinstance(error, GatewayError) else str(error)
    for sign, meaning in _MEANINGS.items():
        if sign in text:
            return meaning
    return text.partition("\n")[0][:60]


_MEANINGS = {
    "Unexpected message structure": "reads no compressed data",
    "something follows the compressed data": "something follows the compressed data",
    "BADMDC": "takes the padding for manipulation",
}


def print_tables(
    opened: Mapping[tuple[str, str], str], heard: Mapping[tuple[str, str, str], str], console: Console
) -> None:
    one = Table(title="Sealed by (down), opened by (across), signature verified")
    for title in ("", *OPENERS):
        one.add_column(title)
    for program in PROGRAMS:
        one.add_row(program, *(opened[program, how] for how in OPENERS))
    console.print(one)
    two = Table(title="What is heard of a key")
    for title in ("engine", "key", *USES):
        two.add_column(title)
    for name in ENGINES:
        for state in STATES:
            two.add_row(name, state, *(heard[name, state, use] for use in USES))
    console.print(two)


async def _main() -> None:
    with prepared() as keys:
        print_tables(await interoperation(keys), await reasons(keys), Console())


if __name__ == "__main__":
    asyncio.run(_main())
