"""Sealing by GnuPG through python-gnupg, which is known in this module only.

Each seal is one gpg process, told by full fingerprint (with `!`, so that gpg
chooses nothing) whom to encrypt to and whom to sign as. Compression is off: it
leaks size and costs time. Plaintext goes through pipes only. What comes out is
believed only if gpg ended well, named the right signing key and algorithms, and
the packets are what they should be.

Processes are bounded by a thread pool of their own; the event loop never waits.

python-gnupg 0.5.7, and what is overridden of it: `_collect_output` (a bound on
time), `result_map` (status lines it drops) and its logger, which would repeat
what is sealed.
"""

import asyncio
import functools
import logging
import os
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gnupg

from rorpost_gateway.decision import KeyChoice
from rorpost_gateway.errors import SealingFailed
from rorpost_gateway.openpgp.armour import with_crlf
from rorpost_gateway.openpgp.base import Sealed
from rorpost_gateway.openpgp.index import ListedKeys
from rorpost_gateway.openpgp.listing import parse_listing, with_secrets
from rorpost_gateway.openpgp.packets import check_sealed
from rorpost_gateway.openpgp.process import ALONE, GPG, LISTING, GnupgFailed, environment, run_gpg

_BUFFER_OCTETS = 1 << 20
_ALGORITHMS = ("--cipher-algo", "AES256", "--digest-algo", "SHA512", "--compress-algo", "none")
_FORM = (
    "--rfc4880",  # integrity-protected data of version 1, whatever a key's preferences offer
    "--force-mdc",
    "--no-textmode",
    "--no-throw-keyids",
    "--no-encrypt-to",
    "--no-emit-version",
    "--no-comments",
    "--set-filename",
    "",
)
_ASK_NOBODY = ("--pinentry-mode", "error")
_QUIET = ("--log-file", os.devnull)  # so that nothing but status lines stands on standard error
_MDC_METHOD = "2"
_AES256, _SHA512 = "9", "10"  # RFC 9580, sections 9.3 and 9.5


class _Silent(logging.Logger):
    """Stands in no registry, so that no logging configuration can give it a voice."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: ARG002, N802
        return False

    def handle(self, record: logging.LogRecord) -> None:
        """Drop the record."""


gnupg.logger = _Silent("gnupg")


class _Outcome(gnupg.Crypt):  # type: ignore[misc]
    """Keeps what gpg says of the signature and the encryption."""

    def __init__(self, gpg: gnupg.GPG) -> None:
        super().__init__(gpg)
        self.seen: dict[str, list[str]] = {}

    def handle_status(self, key: str, value: str) -> None:
        """Note the line; python-gnupg's own reading of it is not used."""
        self.seen.setdefault(key, []).append(value)


class _BoundedGpg(gnupg.GPG):  # type: ignore[misc]
    """python-gnupg with an end to its patience: a gpg that takes too long is killed."""

    result_map = gnupg.GPG.result_map | {"crypt": _Outcome}
    buffer_size = _BUFFER_OCTETS

    def __init__(self, home: Path, binary: str, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        super().__init__(gpgbinary=binary, gnupghome=str(home), options=[*ALONE, *_QUIET], env=environment())

    def _collect_output(self, process: subprocess.Popen[bytes], *rest: object, **named: object) -> int:
        late = threading.Event()
        bound = threading.Timer(self._timeout_seconds, _kill, [process, late])
        bound.daemon = True
        bound.start()
        try:
            returncode: int = super()._collect_output(process, *rest, **named)
        finally:
            bound.cancel()
        if late.is_set():
            raise _failed(f"gpg took over {self._timeout_seconds:g} s and was killed")
        return returncode


def _kill(process: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    process.kill()


class GnupgEngine:
    """Seals with the keys of one GnuPG home; implements `Engine`.

    `workers` bounds the gpg processes at a time: one a core is best. `passphrase`
    opens the private keys and reaches gpg through a pipe.
    """

    def __init__(
        self,
        home: Path,
        passphrase: str | None,
        *,
        workers: int = 2,
        timeout_seconds: float = 120,
        binary: str = GPG,
    ) -> None:
        self._home = home
        self._binary = binary
        self._timeout_seconds = timeout_seconds
        # python-gnupg writes latin-1; gpg must see the octets of the UTF-8 form. An empty
        # passphrase would make gpg take the first line of the message for it: None instead.
        self._passphrase = passphrase.encode().decode("latin-1") if passphrase else None
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="seal")
        self._making = threading.Lock()
        self._gpg: _BoundedGpg | None = None

    async def seal(self, payload: bytes, *, seal_to: KeyChoice, sign_with: KeyChoice) -> Sealed:
        """See `Engine`. Raises SealingFailed."""
        work = functools.partial(self._seal, payload, seal_to, sign_with)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except SealingFailed:
            raise
        except (OSError, ValueError, RuntimeError) as error:
            raise _failed(f"gpg did not run to its end: {type(error).__name__}") from error

    async def read_keys(self) -> Callable[[], None]:
        """See `Engine`. gpg reads its home for every message: there is nothing to put in force."""
        return _nothing

    async def close(self) -> None:
        """Wait for what is being sealed; what waits for its turn is cancelled."""
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)

    def _seal(self, payload: bytes, seal_to: KeyChoice, sign_with: KeyChoice) -> Sealed:
        outcome = self._process().encrypt(
            payload,
            f"{seal_to.subkey}!",
            sign=True,  # never a name here: python-gnupg would make it --default-key, which is a mere wish
            always_trust=True,
            armor=True,
            passphrase=self._passphrase,
            extra_args=[
                *("--local-user", f"{sign_with.subkey}!"),
                *_ALGORITHMS,
                *_FORM,
                *(() if self._passphrase else _ASK_NOBODY),
            ],
        )
        _check_outcome(outcome, sign_with)
        armoured = with_crlf(outcome.data)
        outcome.data = b""  # a large message should not be held twice while it is checked
        digest = check_sealed(armoured, subkey_fingerprint=seal_to.subkey)
        return Sealed(armoured=armoured, packets_sha256=digest)

    def _process(self) -> _BoundedGpg:
        """python-gnupg asks gpg for its version when it is made: once, not for every message."""
        with self._making:
            if self._gpg is None:
                self._gpg = _BoundedGpg(self._home, self._binary, self._timeout_seconds)
            return self._gpg


async def load_index(home: Path) -> ListedKeys:
    """Read every key of a GnuPG home. Raises GnupgFailed or ListingMalformed."""
    public = await _list(home, "--list-keys")
    secret = await _list(home, "--list-secret-keys")
    return ListedKeys(with_secrets(parse_listing(public), parse_listing(secret)))


async def _list(home: Path, command: str) -> str:
    run = await run_gpg(home, [*LISTING, command])
    if run.returncode:
        private = f"{home}: gpg {command} ended {run.returncode}"
        raise GnupgFailed("the keys cannot be listed", private=private)
    return run.output.decode("utf-8", "replace")


def _check_outcome(outcome: _Outcome, sign_with: KeyChoice) -> None:
    """Every status must be right: each kind once, with the values that were asked for."""
    if outcome.returncode != 0:
        raise _failed(f"gpg ended {outcome.returncode}; status {_codes(outcome)}")
    created = outcome.seen.get("SIG_CREATED", [])
    fields = created[0].split() if len(created) == 1 else []
    # type, key algorithm, digest, class, time, fingerprint; S is a standard signature, 00 over binary
    if len(fields) != 6 or (fields[0], fields[2], fields[3]) != ("S", _SHA512, "00"):
        raise _failed(f"the signature is not as asked for; status {_codes(outcome)}")
    if fields[5].upper() != sign_with.subkey:
        raise _failed("another key signed")
    if [value.split()[:2] for value in outcome.seen.get("BEGIN_ENCRYPTION", [])] != [[_MDC_METHOD, _AES256]]:
        raise _failed(f"the encryption is not as asked for; status {_codes(outcome)}")
    if len(outcome.seen.get("END_ENCRYPTION", [])) != 1 or outcome.seen.keys() & _NEVER:
        raise _failed(f"the encryption did not end well; status {_codes(outcome)}")


_NEVER = frozenset({"INV_RECP", "INV_SGNR", "NO_RECP", "NO_SGNR", "FAILURE", "ERROR", "NODATA"})


def _codes(outcome: _Outcome) -> str:
    """What gpg said, for the operator: keywords, and the codes of what went wrong."""
    wrong = sorted(_NEVER & outcome.seen.keys())
    details = [f"({key} {value[:80]})" for key in wrong for value in outcome.seen[key]]
    return " ".join([*outcome.seen, *details])


def _nothing() -> None:
    pass


def _failed(private: str) -> SealingFailed:
    return SealingFailed("the message could not be sealed", private=private)
