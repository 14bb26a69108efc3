"""The child process that seals large messages: one at a time, for the parent at its standard input.

pysequoia holds the interpreter while it works; in here that stalls nobody. Keys and
passphrase come over the socket, and nothing of them is ever written anywhere. The
child ends when the socket does, so it never outlives its parent; signals that are
meant for the daemon's whole group do not end it before its work is done. It leaves
no core file.
"""

import resource
import signal
import socket

from rorpost_gateway.decision import KeyChoice
from rorpost_gateway.errors import SealingFailed
from rorpost_gateway.freed_memory import give_back_large_blocks
from rorpost_gateway.openpgp.frames import Kind, PeerGone, receive, send
from rorpost_gateway.openpgp.sequoia import SequoiaKeys
from rorpost_gateway.openpgp.transferable import read_keyring

_FOR_THE_DAEMON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> None:
    """Serve the parent until it is gone."""
    for number in _FOR_THE_DAEMON:
        signal.signal(number, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    give_back_large_blocks()
    with socket.socket(fileno=0) as parent:
        try:
            serve(parent)
        except PeerGone:
            return


def serve(parent: socket.socket) -> None:
    """Answer frame after frame. Raises PeerGone in the end."""
    keys: SequoiaKeys | SealingFailed = SealingFailed("the message could not be sealed", private="no keys")
    while True:
        kind, fields = receive(parent)
        if kind is Kind.KEYS:
            keys = _read_keys(*fields)
        elif kind is Kind.SEAL:
            _seal(parent, keys, fields)
        else:
            raise PeerGone("no frame for a child")
        del fields  # or the last message would be kept until the next one is there


def _read_keys(public: bytes, secret: bytes, passphrase: bytes) -> SequoiaKeys | SealingFailed:
    try:
        return SequoiaKeys(read_keyring(public, secret), passphrase.decode() or None)
    except SealingFailed as error:
        return error


def _seal(parent: socket.socket, keys: SequoiaKeys | SealingFailed, fields: list[bytes]) -> None:
    try:
        if isinstance(keys, SealingFailed):
            raise keys
        to_primary, to_subkey, with_primary, with_subkey = fields[0].decode().split(" ")
        sealed = keys.seal_now(
            fields.pop(),
            seal_to=KeyChoice(primary=to_primary, subkey=to_subkey),
            sign_with=KeyChoice(primary=with_primary, subkey=with_subkey),
        )
    except SealingFailed as error:
        send(parent, Kind.REFUSED, error.private.encode())
    else:
        send(parent, Kind.SEALED, sealed.packets_sha256.encode(), sealed.armoured)


if __name__ == "__main__":
    main()
