"""Connections that do nothing: what each costs the daemon in memory, in clear text and under TLS."""

import resource
import socket
import ssl
from contextlib import ExitStack

from tests.bench.cpu import Processes
from tests.bench.gateway import gateway
from tests.bench.ground import Ground
from tests.bench.section import Plan, Say, Section
from tests.bench.sink import sink

_TIMEOUT_SECONDS = 60
_SPARE_DESCRIPTORS = 256


def measure(on: Ground, plan: Plan, say: Say) -> Section:
    """Each kind on a daemon of its own; the connections have said EHLO, and wait."""
    many = plan.idle_connections
    _raise_descriptor_limit(many)
    rows, figures = [], []
    for tls in (False, True):
        before, after = _memory(on, many, tls=tls)
        name = "STARTTLS" if tls else "clear text"
        a_connection = (after - before) / many / 1024
        rows.append((name, str(many), f"{before / 2**20:.1f}", f"{after / 2**20:.1f}", f"{a_connection:.1f}"))
        figures.append({"tls": tls, "connections": many, "before": before, "after": after})
        say(f"{many} idle connections, {name}: {a_connection:.1f} KiB each")
    return Section(
        name="idle",
        title="Idle connections",
        columns=("kind", "connections", "before, MiB", "with them, MiB", "KiB a connection"),
        rows=rows,
        figures=figures,
        notes=("PSS of the daemon's processes; what the kernel keeps for sockets is not in it.",),
    )


def _memory(on: Ground, many: int, *, tls: bool) -> tuple[int, int]:
    """PSS in octets, before and with the connections."""
    limits = {"connections": many + 50, "connections_per_client": many + 50}
    with ExitStack() as open_now:
        relay, mailboxes = (open_now.enter_context(sink(*flags)) for flags in ((), ("-L",)))
        running = open_now.enter_context(
            gateway(
                on,
                engine="gnupg",
                relay_port=relay.port,
                lmtp_port=mailboxes.port,
                changes={"limits": limits},
            )
        )
        processes = Processes(root=running.running.process.pid)
        context = on.authority.client_context() if tls else None
        # The first connection of its kind loads what the others share.
        open_now.enter_context(_connect(running.submission, context))
        before = processes.proportional_octets()
        for _ in range(many):
            open_now.enter_context(_connect(running.submission, context))
        return before, processes.proportional_octets()


def _connect(place: tuple[str, int], context: ssl.SSLContext | None) -> socket.socket:
    connection = socket.create_connection(place, timeout=_TIMEOUT_SECONDS)
    _hear(connection)
    _say(connection, b"EHLO bench.motala.se\r\n")
    if context is None:
        return connection
    _say(connection, b"STARTTLS\r\n")
    secured = context.wrap_socket(connection, server_hostname="localhost")
    _say(secured, b"EHLO bench.motala.se\r\n")
    return secured


def _say(connection: socket.socket, line: bytes) -> None:
    connection.sendall(line)
    _hear(connection)


def _hear(connection: socket.socket) -> None:
    octets = b""
    while not octets.endswith(b"\r\n") or octets.rsplit(b"\r\n", 2)[-2][3:4] == b"-":
        octets += connection.recv(4096) or b"221 closed\r\n"
    assert octets[:1] == b"2", octets


def _raise_descriptor_limit(many: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = many + _SPARE_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
