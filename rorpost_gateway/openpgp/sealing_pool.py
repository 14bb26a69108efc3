"""Children that seal, at most so many at a time; a thread waits for each, the event loop for none.

A child is started when there is none to spare, kept for the next message, and ended
when it fails in any way: the message it had then fails too, the next one gets a new
child. Before a message a child is given the keys in force, if it has others.
"""

import os
import socket
import subprocess
import sys
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor

from rorpost_gateway.decision import KeyChoice
from rorpost_gateway.errors import SealingFailed
from rorpost_gateway.openpgp.base import Sealed
from rorpost_gateway.openpgp.exporting import ExportedKeys
from rorpost_gateway.openpgp.frames import Kind, PeerGone, bound_time, receive, send
from rorpost_gateway.openpgp.process import environment

_ENDING_SECONDS = 5.0
_MODULE = "rorpost_gateway.openpgp.sealing_child"


class SealingPool:
    """`executor` runs `seal`; its threads are as many as children may be at work."""

    def __init__(self, *, workers: int, timeout_seconds: float) -> None:
        self.executor = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="seal")
        self._timeout_seconds = timeout_seconds
        self._idle: deque[_SealingChild] = deque()
        self._lock = threading.Lock()
        self._closed = False

    def seal(
        self, given: list[bytes], keys: ExportedKeys, *, seal_to: KeyChoice, sign_with: KeyChoice
    ) -> Sealed:
        """Seal the one payload that `given` holds, and is taken out of, in a child; blocking.

        Raises SealingFailed.
        """
        child = self._take()
        try:
            sealed = child.seal(given.pop(), keys, seal_to=seal_to, sign_with=sign_with)
        except PeerGone as error:
            child.kill()
            raise _failed(f"the sealing child failed ({error})") from error
        except SealingFailed:
            self._give_back(child)
            raise
        except BaseException:
            child.kill()
            raise
        self._give_back(child)
        return sealed

    def close(self) -> None:
        """Wait for what is being sealed, then end every child; blocking."""
        self.executor.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            self._closed = True
            idle = list(self._idle)
            self._idle.clear()
        for child in idle:
            child.end()

    def _take(self) -> "_SealingChild":
        """The child that was used last: the others may stay asleep."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return _SealingChild(self._timeout_seconds)

    def _give_back(self, child: "_SealingChild") -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(child)
                return
        child.end()


class _SealingChild:
    """One child process and the socket to it. Raises SealingFailed where it cannot be started."""

    def __init__(self, timeout_seconds: float) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                bound_time(ours, timeout_seconds)
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", _MODULE],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,  # where the native code would say why it panicked
                    env=_environment(),
                )
            except OSError as error:
                ours.close()
                raise _failed(f"no sealing child can be started: {error.strerror}") from error
        self._socket = ours
        self._keys: ExportedKeys | None = None

    def seal(self, payload: bytes, keys: ExportedKeys, *, seal_to: KeyChoice, sign_with: KeyChoice) -> Sealed:
        """Raises SealingFailed for the message, PeerGone for the child."""
        if self._keys is not keys:
            passphrase = (keys.passphrase or "").encode()
            send(self._socket, Kind.KEYS, keys.public, keys.secret, passphrase)
            self._keys = keys
        wanted = f"{seal_to.primary} {seal_to.subkey} {sign_with.primary} {sign_with.subkey}"
        send(self._socket, Kind.SEAL, wanted.encode(), payload)
        del payload
        kind, fields = receive(self._socket)
        if kind is Kind.REFUSED and len(fields) == 1:
            raise _failed(fields[0].decode("utf-8", "replace"))
        if kind is not Kind.SEALED or len(fields) != 2:
            raise PeerGone("no answer to a message")
        digest, armoured = fields
        return Sealed(armoured=armoured, packets_sha256=digest.decode("ascii"))

    def end(self) -> None:
        """Close the socket, which ends the child; one that does not end is killed."""
        self._socket.close()
        try:
            self._process.wait(_ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End a child that is of no more use, whatever it does."""
        self._socket.close()
        self._process.kill()
        self._process.wait()


def _environment() -> dict[str, str]:
    """As gpg's, and where the packages are, if that was told by the environment."""
    path = os.environ.get("PYTHONPATH")
    return environment() | ({"PYTHONPATH": path} if path else {})


def _failed(private: str) -> SealingFailed:
    return SealingFailed("the message could not be sealed", private=private)
