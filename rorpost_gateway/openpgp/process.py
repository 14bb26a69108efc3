"""The plain `gpg` command as a child process, for everything but sealing.

No shell, no secret in the arguments, nothing looked up anywhere, no gpg.conf. What
gpg says for people is thrown away; its status lines are what counts, and nothing
else can stand among them. A child that takes too long is killed.

Status lines: doc/DETAILS in GnuPG, section "Format of the --status-fd output".
"""

import asyncio
import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rorpost_gateway.errors import GatewayError

GPG = "gpg"
GPGCONF = "gpgconf"
LISTING = ("--with-colons", "--fixed-list-mode", "--with-subkey-fingerprint")
# Nothing from gpg.conf, nothing from the network, nothing beside the keyring of this home.
ALONE = ("--no-options", "--no-auto-key-locate", "--disable-dirmngr", "--no-auto-check-trustdb")
_STATUS = b"[GNUPG:] "


class GnupgFailed(GatewayError):
    """gpg could not be run, took too long, or said that it failed."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a run of gpg came to. `status` holds its status lines without their prefix."""

    returncode: int
    output: bytes
    status: tuple[str, ...]

    def keywords(self) -> frozenset[str]:
        return frozenset(line.partition(" ")[0] for line in self.status)


def environment() -> dict[str, str]:
    """What gpg and the agent it starts may know: the path and a plain locale, nothing of ours."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


async def run_gpg(
    home: Path, arguments: Sequence[str], *, stdin: bytes = b"", timeout_seconds: float = 120
) -> Run:
    """Run gpg in `home`. Raises GnupgFailed if it cannot start or takes longer than the bound.

    A return code other than 0 is the caller's to judge.
    """
    command = (GPG, "--batch", "--no-tty", "--homedir", str(home), *ALONE)
    quiet = ("--pinentry-mode", "error", "--log-file", os.devnull, "--status-fd", "2")
    returncode, output, said = await _run([*command, *quiet, *arguments], stdin, timeout_seconds)
    return Run(returncode=returncode, output=output, status=status_lines(said))


def status_lines(said: bytes) -> tuple[str, ...]:
    """The status lines among what gpg said, without their prefix."""
    lines = (line for line in said.split(b"\n") if line.startswith(_STATUS))
    return tuple(line.removeprefix(_STATUS).decode("utf-8", "replace") for line in lines)


async def reload_agent(home: Path) -> None:
    """Have the home's agent read its settings again, if one is running. Raises GnupgFailed."""
    await _run([GPGCONF, "--homedir", str(home), "--reload", "gpg-agent"], b"", 30)


async def _run(command: Sequence[str], stdin: bytes, timeout_seconds: float) -> tuple[int, bytes, bytes]:
    """Return code, standard output and standard error."""
    try:
        child = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(),
        )
    except OSError as error:
        raise GnupgFailed(f"{command[0]} cannot be run", private=str(error.strerror)) from error
    try:
        async with asyncio.timeout(timeout_seconds):
            output, said = await _talk(child, stdin)
    except TimeoutError as error:
        raise GnupgFailed(f"{command[0]} took over {timeout_seconds:g} s") from error
    finally:
        await _end(child)
    return child.returncode or 0, output, said


async def _talk(child: asyncio.subprocess.Process, stdin: bytes) -> tuple[bytes, bytes]:
    """Standard output and standard error of a child that was given `stdin`, and has ended."""
    if child.stdin is None or child.stdout is None or child.stderr is None:
        raise GnupgFailed("a child without its pipes")
    _, output, said = await asyncio.gather(
        _feed(child.stdin, stdin), child.stdout.read(), child.stderr.read()
    )
    await child.wait()
    return output, said


async def _feed(pipe: asyncio.StreamWriter, octets: bytes) -> None:
    """A child that ends without having read everything is no fault here: its return code says more.

    Where it ended before it was written to, uvloop raises RuntimeError, which `communicate` lets through.
    """
    with contextlib.suppress(OSError, RuntimeError):
        pipe.write(octets)
        await pipe.drain()
    pipe.close()
    with contextlib.suppress(OSError, RuntimeError):
        await pipe.wait_closed()


async def _end(child: asyncio.subprocess.Process) -> None:
    """Leave no child behind, also where the caller was cancelled."""
    if child.returncode is None:
        child.kill()
        await child.wait()
