"""What a dialogue with the whole gateway may find besides its replies: lines of the log, copies, traces.

@line EVENT name=value …   the next line of that event in the decision log; null, absent
@relayed N                 that many copies reach the next hop (none, where it is not said)
@same-queue-id             the lines so far are about one and the same message
@nowhere TEXT              no file under the gateway's folder, and no line of its log, holds the text
@crowd N                   that many other clients connect
@half-way N                another client is N octets into a message to two recipients
@stop                      SIGTERM
"""

import fcntl
import signal
import smtplib
import struct
import termios
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from tests.dialogs.runner import Check
from tests.peers import gateway_world as world
from tests.peers.submitting import TIMEOUT_SECONDS
from tests.peers.whole_gateway import WholeGateway

_BEFORE_ANY_MESSAGE = {"genesis", "start", "policy", "day", "heartbeat"}


@dataclass
class Watch:
    """What one dialogue may find, and has found, besides its replies."""

    gateway: WholeGateway
    stack: ExitStack
    relayed: int = 0
    consumed: list[int] = field(default_factory=list)  # entry numbers
    stopped: bool = False

    def __post_init__(self) -> None:
        self.first = len(self.gateway.log_lines())
        self.arrived = len(self.gateway.next_hop.arrivals)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines of this dialogue, but for those that would be there without it."""
        lines = self.gateway.log_lines()[self.first :]
        return [line for line in lines if line["event"] not in _BEFORE_ANY_MESSAGE and "count" not in line]

    def _count(self, event: str) -> int:
        return sum(line["event"] == event for line in self.lines)

    def checks(self) -> dict[str, Check]:
        names = ("line", "relayed", "nowhere", "crowd", "stop", "half_way", "same_queue_id")
        return {name.replace("_", "-"): getattr(self, f"check_{name}") for name in names}

    async def check_line(self, text: str) -> None:
        event, *pairs = text.split()
        wanted = {"because_of": "absent"} | dict(pair.split("=", 1) for pair in pairs)

        def following() -> dict[str, Any] | None:
            fresh = (line for line in self.lines if line["n"] not in self.consumed and line["event"] == event)
            return next(fresh, None)

        line = self.gateway.until(following, what=f"a line {event}")
        assert line is not None
        self.consumed.append(line["n"])
        shown = {name: _shown(line, name) for name in wanted}
        assert shown == wanted, f"{shown} is not {wanted}, in {line}"

    async def check_relayed(self, text: str) -> None:
        self.relayed = int(text)
        self.gateway.until(lambda: self._count("relayed") == self.relayed, what="relayed lines")
        self.gateway.wait_until_empty()

    async def check_same_queue_id(self, _: str) -> None:
        ids = [line["queue_id"] for line in self.lines if line["n"] in self.consumed]
        assert len(ids) > 1
        assert len(set(ids)) == 1, ids

    async def check_nowhere(self, text: str) -> None:
        assert not self.gateway.holds(text.encode())
        assert not [line for line in self.gateway.operator_lines if text in line]

    async def check_crowd(self, text: str) -> None:
        for _ in range(int(text)):
            client = smtplib.SMTP(*self.gateway.submission, timeout=TIMEOUT_SECONDS)
            self.stack.callback(_leave, client)

    async def check_half_way(self, text: str) -> None:
        client = self.stack.enter_context(self.gateway.connect())
        client.envelope(world.HOME_CARE, (world.BRINKEN, world.LYCKORNA))
        assert client.begin_data()[0] == 354
        client.send(b"x" * int(text))
        self.gateway.until(lambda: _unsent(client) == 0, what="the other client's octets to arrive")
        self.stack.callback(client.close)

    async def check_stop(self, _: str) -> None:
        self.gateway.running.send(signal.SIGTERM)
        self.stopped = True

    def finish(self) -> None:
        """Nothing but what the dialogue named has happened."""
        rest = [line for line in self.lines if line["n"] not in self.consumed]
        rest = [line for line in rest if line["event"] not in {"relayed", "stop"}]
        assert not rest, rest
        if self.stopped:
            assert self.gateway.running.wait() == 0
        assert not self.gateway.queue_rows()
        assert len(self.gateway.next_hop.arrivals) - self.arrived == self.relayed
        assert not [line for line in self.gateway.operator_lines if "Traceback" in line]


def _shown(line: dict[str, Any], name: str) -> str:
    if name not in line:
        return "absent"
    return "null" if line[name] is None else str(line[name])


def _leave(client: smtplib.SMTP) -> None:
    """Quit and see the connection closed, so that the gateway has stopped counting it."""
    client.putcmd("QUIT")
    client.getreply()
    assert client.sock is not None
    assert client.sock.recv(1) == b""
    client.close()


def _unsent(client: smtplib.SMTP) -> int:
    """Octets that the kernel has not handed to the other side yet."""
    assert client.sock is not None
    answer = fcntl.ioctl(client.sock.fileno(), termios.TIOCOUTQ, bytes(4))
    return int(struct.unpack("i", answer)[0])
