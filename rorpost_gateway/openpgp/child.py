"""A gpg child whose whole world is memory: what it reads, what it writes, what it says.

Standard input, standard output and the status lines are memory files (memfd_create(2)),
so plaintext meets no disk and no pipe has to be kept moving while gpg works. The
output file is sealed against growing: whatever gpg might be talked into, it can
write no further, and this bound is not inherited by an agent it starts, as a
resource limit would be. A child that takes too long is killed.

Blocking: made for a worker thread. The passphrase goes through a pipe.
"""

import fcntl
import os
import select
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rorpost_gateway.openpgp.process import ALONE, GnupgFailed, Run, environment, status_lines

_STATUS_OCTETS = 1 << 20
_CONNECT_AGENT = "gpg-connect-agent"


@dataclass(frozen=True, kw_only=True)
class Child:
    """How gpg is run: the program, its home, and the bound on its time."""

    home: Path
    binary: str
    timeout_seconds: float

    def run(
        self,
        arguments: Sequence[str],
        *,
        stdin: Sequence[bytes],
        longest_output: int = 0,
        passphrase: str | None = None,
    ) -> Run:
        """Run gpg over the octets of `stdin`, one after the other; at most `longest_output` octets come back.

        Raises GnupgFailed where gpg cannot run, crashes or takes too long. A return code
        other than 0, also for an output that would be longer, is the caller's to judge.
        """
        with ExitStack() as files:
            given = files.enter_context(_memory_file())
            output = files.enter_context(_memory_file(longest_output))
            status = files.enter_context(_memory_file(_STATUS_OCTETS))
            secret = files.enter_context(_pipe_with(f"{passphrase or ''}\n".encode()))
            _fill(given, stdin)
            command = [
                *(self.binary, "--batch", "--no-tty", "--homedir", str(self.home), *ALONE),
                *("--log-file", os.devnull, "--status-fd", str(status)),
                *("--pinentry-mode", "loopback", "--passphrase-fd", str(secret)),
                *arguments,
            ]
            returncode = self._wait(command, stdin=given, stdout=output, others=(status, secret))
            os.ftruncate(given, 0)  # before as much memory is needed for what came out
            return Run(returncode=returncode, output=_read(output), status=status_lines(_read(status)))

    def agent_answers(self) -> bool:
        """Whether the home's agent, without which no secret key can be found, is there or can be started."""
        try:
            done = subprocess.run(
                [_CONNECT_AGENT, "--homedir", str(self.home), "/bye"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self.timeout_seconds,
                env=environment(),
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0

    def _wait(self, command: Sequence[str], *, stdin: int, stdout: int, others: tuple[int, ...]) -> int:
        try:
            child = subprocess.Popen(
                command,
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.DEVNULL,
                pass_fds=others,
                env=environment(),
            )
        except OSError as error:
            raise GnupgFailed("gpg cannot be run", private=str(error.strerror)) from error
        try:
            if not _ended(child.pid, self.timeout_seconds):
                raise GnupgFailed(f"gpg took over {self.timeout_seconds:g} s")
        finally:
            if child.returncode is None:
                child.kill()  # does nothing to a child that has ended
            returncode = child.wait()
        if returncode < 0:
            raise GnupgFailed(f"gpg was ended by signal {-returncode}")
        return returncode


def _ended(pid: int, timeout_seconds: float) -> bool:
    """Wait for a child to end. Popen.wait with a timeout polls, which costs more than a small message."""
    watch = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(watch, select.POLLIN)
        return bool(poll.poll(timeout_seconds * 1000))
    finally:
        os.close(watch)


@contextmanager
def _memory_file(longest_octets: int | None = None) -> Iterator[int]:
    """A file in memory; one with a bound cannot be written beyond it, by anybody."""
    file = os.memfd_create("gpg", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        if longest_octets is not None:
            os.ftruncate(file, longest_octets)
            fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
        yield file
    finally:
        os.close(file)


@contextmanager
def _pipe_with(octets: bytes) -> Iterator[int]:
    """The reading end of a pipe that holds these octets, which fit into it, and nothing else."""
    reading, writing = os.pipe()
    try:
        try:
            os.set_blocking(writing, False)  # a passphrase too long for a pipe is an error, no standstill
            if os.write(writing, octets) < len(octets):
                raise GnupgFailed("the passphrase is too long")
        finally:
            os.close(writing)
        yield reading
    finally:
        os.close(reading)


def _fill(file: int, parts: Sequence[bytes]) -> None:
    for part in parts:
        view = memoryview(part)
        while view:
            view = view[os.write(file, view) :]
    os.lseek(file, 0, os.SEEK_SET)


def _read(file: int) -> bytes:
    """What the child wrote: the file's offset, which it shares, stands behind the last octet."""
    length = os.lseek(file, 0, os.SEEK_CUR)
    pieces, at = [], 0
    while at < length:
        pieces.append(os.pread(file, length - at, at))
        at += len(pieces[-1])
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
