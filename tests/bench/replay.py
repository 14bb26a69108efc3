"""A load generator for messages that must differ: `python -m tests.bench.replay`, a process of its own.

`smtp-source` sends the same octets again and again; sealed messages may come once. So they are
made beforehand, and this sends them over ten connections that stay open, one command at a time,
as `smtp-source` does. It says what its own processor time was, so that nobody takes it for the
server's.
"""

import json
import re
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.load import CONNECTIONS, Sent

_LENGTH_OCTETS = 8
_DOT = re.compile(rb"(?m)^\.")
_REPLY_OCTETS = 4096
TIMEOUT_SECONDS = 300


class Refused(Exception):
    """The server did not say what it should."""


def write_messages(path: Path, messages: Sequence[bytes]) -> None:
    """Each with its length before it, dot-stuffed and ended as DATA wants it (RFC 5321, section 4.5.2)."""
    with path.open("wb") as file:
        for octets in messages:
            on_the_wire = _DOT.sub(b"..", octets) + b".\r\n"
            file.write(len(on_the_wire).to_bytes(_LENGTH_OCTETS) + on_the_wire)


def replay(
    path: Path,
    port: int,
    *,
    sender: str,
    recipient: str,
    connections: int = CONNECTIONS,
    greeting: str = "EHLO",
) -> Sent:
    """Send every message of the file to a port of loopback. Raises RuntimeError on any refusal."""
    arguments = [str(path), str(port), sender, recipient, str(connections), greeting]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.replay", *arguments],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()  # everything is read into memory
    output, error = process.communicate("go\n")
    if process.returncode:
        raise RuntimeError(f"the load generator ended {process.returncode}: {error}")
    # time.perf_counter is the system's monotonic clock, the same in both processes.
    told = json.loads(output)
    return Sent(began=told["began"], accepted=told["accepted"], cpu_seconds=told["cpu_seconds"])


def _read_messages(path: Path) -> list[bytes]:
    octets, found, at = path.read_bytes(), [], 0
    while at < len(octets):
        end = at + _LENGTH_OCTETS + int.from_bytes(octets[at : at + _LENGTH_OCTETS])
        found.append(octets[at + _LENGTH_OCTETS : end])
        at = end
    return found


def _expect(connection: socket.socket, code: bytes) -> None:
    """Read one reply, of one line or several."""
    octets = b""
    while not octets.endswith(b"\r\n") or octets.rsplit(b"\r\n", 2)[-2][3:4] == b"-":
        chunk = connection.recv(_REPLY_OCTETS)
        if not chunk:
            raise Refused("the connection was closed")
        octets += chunk
    if not octets.startswith(code):
        raise Refused(octets.decode("ascii", "replace"))


def _send_all(port: int, messages: Iterator[bytes], path: tuple[bytes, bytes], greeting: str) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def say(line: bytes, code: bytes) -> None:
            connection.sendall(line)
            _expect(connection, code)

        _expect(connection, b"220")
        say(f"{greeting} bench.regionostergotland.se\r\n".encode("ascii"), b"250")
        for octets in messages:
            say(b"MAIL FROM:<%s>\r\n" % path[0], b"250")
            say(b"RCPT TO:<%s>\r\n" % path[1], b"250")
            say(b"DATA\r\n", b"354")
            say(octets, b"250")
        say(b"QUIT\r\n", b"221")


class _Shared:
    """An iterator that several threads may draw from."""

    def __init__(self, messages: list[bytes]) -> None:
        self._messages = iter(messages)
        self._turn = threading.Lock()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        with self._turn:
            return next(self._messages)


def main(arguments: list[str]) -> int:
    file, port, sender, recipient, connections, greeting = arguments
    messages = _Shared(_read_messages(Path(file)))
    path = (sender.encode("ascii"), recipient.encode("ascii"))
    failed: list[BaseException] = []

    def work() -> None:
        try:
            _send_all(int(port), messages, path, greeting)
        except (OSError, Refused) as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(int(connections))]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    used, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    accepted, now = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    if failed:
        sys.stderr.write(f"{failed[0]!r}\n")
        return 1
    cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    sys.stdout.write(json.dumps({"began": began, "accepted": accepted, "cpu_seconds": cpu}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
