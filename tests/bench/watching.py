"""The watch over mailboxes: how long a round takes, and what the daemon takes for it in memory."""

import asyncio
import http.client
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

from rorpost_gateway.imap.base import Account, ImapTls, Server
from rorpost_gateway.imap.credentials import PasswordFile
from rorpost_gateway.imap.sessions import ImapSessions
from rorpost_gateway.openpgp.engines import SEQUOIA
from rorpost_gateway.supervision.base import DeadlineLine, Past, Settings, Trace, Watched
from rorpost_gateway.supervision.calendar import SwedishHolidays
from rorpost_gateway.supervision.contents import Contents
from rorpost_gateway.supervision.watch import Watch
from tests.bench.collecting import account
from tests.bench.cpu import Processes
from tests.bench.gateway import gateway
from tests.bench.ground import Ground
from tests.bench.section import Plan, Say
from tests.bench.sink import sink
from tests.peers.dovecot import WATCH, WATCH_PASSWORD, Dovecot, dovecot_over
from tests.peers.gateway_world import HOME_CARE
from tests.peers.two_gateways import FULL, PATIENT, agreed_policy
from tests.peers.whole_gateway import WholeGateway

MAILBOXES, IN_INBOX, IN_SENT = 500, 20, 5
LARGE = 100_000
_LOOKED = re.compile(r'(?m)^rorpost_mailbox_up\{mailbox="[^"]+"\} 1(?:\.0)?$')
_LOOK_AGAIN_SECONDS = 0.1
_SILENCE_SECONDS = 600
_ESTABLISHED = "01"


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """Of the watch alone. `first` asks about every message, `then` only about what is new or unread;
    each is seconds, and processor seconds.
    """

    what: str
    mailboxes: int
    messages: int
    first: tuple[float, float]
    then: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Daemon:
    """After a first round over everything: connections at a time, and octets of its processes."""

    mailboxes: int
    messages: int
    connections: int
    peak_octets: int
    proportional_octets: int


@dataclass(frozen=True, kw_only=True)
class Found:
    rounds: Sequence[Rounds]
    daemon: Daemon


def measure(on: Ground, plan: Plan, say: Say) -> Found:
    """Many mailboxes with a few messages each, and one with very many. Raises TimeoutError."""
    count, large = plan.messages(MAILBOXES), plan.messages(LARGE)
    many = [f"rorpost.enhet{number}@motala.se" for number in range(count)]
    empty = [FULL, PATIENT]
    with dovecot_over(on.authority, mailboxes=[HOME_CARE, *empty, *many]) as server:
        for address in many:
            _fill(server, address, IN_INBOX, "")
            _fill(server, address, IN_SENT, "Sent")
        _fill(server, HOME_CARE, large, "")
        rounds = [
            asyncio.run(_rounds(on, server, f"{count} mailboxes", many, count * (IN_INBOX + IN_SENT))),
            asyncio.run(_rounds(on, server, "one mailbox", [HOME_CARE], large)),
        ]
        for one in rounds:
            say(f"{one.what}: a first round in {one.first[0]:.1f} s, another in {one.then[0]:.1f} s")
        with _daemon(on, server, many) as made, _Connections(server.imap_port) as connections:
            watched = 1 + len(empty) + count
            _wait_until_looked(made, watched)
            processes = Processes(root=made.running.process.pid)
            daemon = Daemon(
                mailboxes=watched,
                messages=sum(one.messages for one in rounds),
                connections=connections.most,
                peak_octets=processes.peak_octets(),
                proportional_octets=processes.proportional_octets(),
            )
    return Found(rounds=rounds, daemon=daemon)


def _fill(server: Dovecot, address: str, count: int, folder: str) -> None:
    octets = (
        f"Message-ID: <{address}>\nFrom: <{HOME_CARE}>\nTo: <{address}>\nSubject: Hjalpmedel\n"
        "X-Rorpost-Verified: yes; decision=0190d2b4-7e57-7000-8000-000000000000\n\n" + "Hej\n" * 500
    )
    arrived_at = datetime.now(UTC) - timedelta(hours=1)
    server.deposit(address, octets.encode("ascii"), count=count, folder=folder, arrived_at=arrived_at)


class _AllKnown:
    """The parts that the watch has of others: a log that knows every message, and takes every line."""

    async def find(self, traces: Sequence[Trace]) -> Sequence[bool]:
        return [True] * len(traces)

    async def past(self, *, since: datetime) -> Past:
        return Past(judged={}, down_since=None)

    async def write(self, lines: Sequence[DeadlineLine]) -> None:
        return


async def _rounds(on: Ground, server: Dovecot, what: str, addresses: Sequence[str], messages: int) -> Rounds:
    roster = [_watched(on, server, address) for address in addresses]
    parts = _AllKnown()
    watch = Watch(
        roster=lambda: roster,
        sessions=ImapSessions(),
        known=parts,
        lines=parts,
        settings=Settings(),
        zone=ZoneInfo("Europe/Stockholm"),
        holidays=SwedishHolidays(),
        now=time.time,
        wait_until=_never,
    )
    await watch.begin()
    first, then = await _timed(watch), await _timed(watch)
    looks = [standing.look for standing in watch.standings]
    found = sum(
        look.inbox.messages + (look.sent.messages if look.sent else 0)
        for look in looks
        if isinstance(look, Contents)
    )
    if found != messages:
        raise RuntimeError(f"{found} of {messages} messages were found")
    return Rounds(what=what, mailboxes=len(roster), messages=messages, first=first, then=then)


async def _timed(watch: Watch) -> tuple[float, float]:
    began, before = time.perf_counter(), time.process_time()
    await watch.round()
    return time.perf_counter() - began, time.process_time() - before


async def _never(moment: float) -> None:
    raise AssertionError("a round waits for no moment")


def _watched(on: Ground, server: Dovecot, address: str) -> Watched:
    given = account(on, server, f"{address}*{WATCH}", WATCH_PASSWORD)
    place = Server(host=given["host"], port=given["port"], tls=ImapTls.IMPLICIT, ca=Path(given["tls"]["ca"]))
    credentials = PasswordFile(Path(given["password_file"]))
    return Watched(
        address=address,
        name=address,
        times=None,
        account=Account(server=place, username=given["username"], credentials=credentials),
    )


@contextmanager
def _daemon(on: Ground, server: Dovecot, many: Sequence[str]) -> Iterator[WholeGateway]:
    """As shipped, but for the addresses."""
    policy = agreed_policy(on.keys)
    ours = policy["mailboxes"][FULL] | {"read_at": ["08:00", "13:00"]}
    mailboxes = policy["mailboxes"] | dict.fromkeys(many, ours)
    changes: dict[str, Any] = {
        "supervision": {"imap": account(on, server, f"{{mailbox}}*{WATCH}", WATCH_PASSWORD)},
        "metrics": {"listen": "127.0.0.1:0"},
        "processes": None,
    }
    with (
        sink() as relay,
        gateway(
            on,
            engine=SEQUOIA,
            relay_port=relay.port,
            lmtp_port=relay.port,
            changes=changes,
            policy={**policy, "mailboxes": mailboxes},
        ) as made,
    ):
        yield made


def _wait_until_looked(made: WholeGateway, mailboxes: int) -> None:
    """Until its metrics say that it has looked into each. Raises TimeoutError."""
    port = int(made.running.wait_for_event("ready")["metrics"].rpartition(":")[2])
    pause, until = threading.Event(), time.monotonic() + _SILENCE_SECONDS
    while (looked := len(_LOOKED.findall(_page(port)))) < mailboxes:
        if time.monotonic() > until:
            raise TimeoutError(f"{looked} of {mailboxes} mailboxes were looked into")
        pause.wait(_LOOK_AGAIN_SECONDS)


def _page(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SILENCE_SECONDS)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


@dataclass
class _Connections:
    """Counts those to a port of loopback, again and again while the context lasts."""

    port: int
    most: int = 0
    _end: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._count, name="connections")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        if self._thread is not None:
            self._thread.join()

    def _count(self) -> None:
        peer = f":{self.port:04X}"
        while not self._end.wait(_LOOK_AGAIN_SECONDS):
            lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
            rows = [line.split() for line in lines]
            now = sum(row[2].endswith(peer) and row[3] == _ESTABLISHED for row in rows)
            self.most = max(self.most, now)
