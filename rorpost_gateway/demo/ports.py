"""Ports for servers that must be known before those servers run."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def reserved_ports(count: int) -> Iterator[tuple[int, ...]]:
    """Free loopback ports that nobody else is given until the end.

    Each is bound here and never listened on. Linux lets a server bind it as well, since both
    ask for SO_REUSEADDR and only one listens (socket(7)), and gives it to nobody who asks for any.
    """
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            each.bind(("127.0.0.1", 0))
        yield tuple(each.getsockname()[1] for each in sockets)
