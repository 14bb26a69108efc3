"""Stands in for Cyrus SASL's saslauthd: takes one password, for whatever login.

The protocol of its Unix socket: login, password, service and realm come as strings behind two
octets of length; `OK` or `NO` goes back the same way.
"""

import contextlib
import socketserver
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

_FIELDS = 4
_EVERYBODY = 0o777  # the server that asks runs as another user than the tests


@contextlib.contextmanager
def saslauthd(folder: Path, password: str) -> Iterator[None]:
    """Answer at FOLDER/mux while the context lasts."""
    taken = password.encode()

    class Login(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            login = [self._read() for _ in range(_FIELDS)]
            answer = b"OK" if login[1] == taken else b"NO"
            self.wfile.write(struct.pack("!H", len(answer)) + answer)

        def _read(self) -> bytes:
            (length,) = struct.unpack("!H", self.rfile.read(2))
            return self.rfile.read(length)

    path = folder / "mux"
    with socketserver.ThreadingUnixStreamServer(str(path), Login) as server:
        path.chmod(_EVERYBODY)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
