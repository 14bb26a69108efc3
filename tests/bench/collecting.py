"""Collecting a folder of sealed messages: the whole gateway, beside loops that only fetch or move them."""

import imaplib
import os
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rorpost_gateway.openpgp.engines import GNUPG, SEQUOIA
from tests.bench.cpu import Processes
from tests.bench.gateway import gateway
from tests.bench.ground import Ground
from tests.bench.sealed import Partner
from tests.bench.section import Plan, Say, rate
from tests.bench.sink import SILENCE_SECONDS, sink
from tests.peers.dovecot import PASSWORD, Dovecot, dovecot_over
from tests.peers.gateway_world import HOME_CARE
from tests.peers.imap_server import ANSWER_SECONDS

OCTETS = 4096
FOLDER_OF = 10_000
# The folder is as full for all, but for some the clock stops earlier.
TIMED = {SEQUOIA: 1000, GNUPG: 300}
_TIMED_BY_ONE = 500
_BY_HUNDREDS = 100
_LONG_AGO = 1_700_000_000  # seconds since the epoch
_LINE_END = b"\n"
_TAKEN = "Rorpost.Collected"  # as Dovecot names its folder in a Maildir
_LOOK_AGAIN_SECONDS = 0.02


@dataclass(frozen=True, kw_only=True)
class Collected:
    """`messages` in `seconds`; `cpu_ms` a message, of the client's processes; `server_ms` of Dovecot's."""

    who: str
    messages: int
    seconds: float
    cpu_ms: float
    server_ms: float

    @property
    def rate(self) -> float:
        return self.messages / self.seconds


def measure(on: Ground, plan: Plan, say: Say) -> list[Collected]:
    """By turns, each from a mailbox of its own with the same messages. Raises TimeoutError."""
    contenders: dict[str, Callable[[Dovecot, str], Collected]] = {
        each.who: each
        for each in (
            _Loop(who="imaplib, fetches", timed=plan.messages(FOLDER_OF)),
            _Loop(who="imaplib, fetches, moves each", timed=plan.messages(_TIMED_BY_ONE), at_a_time=1),
            _Loop(
                who="imaplib, fetches, moves by hundreds",
                timed=plan.messages(FOLDER_OF),
                at_a_time=_BY_HUNDREDS,
            ),
        )
    }
    for engine in plan.engines:
        timed = plan.messages(TIMED[engine])
        contenders[f"gateway, {engine}"] = _Gateway(on=on, engine=engine, timed=timed)
    turns = [(number, who) for number in range(plan.runs) for who in contenders]
    mailboxes = {turn: f"sealed{place}@motala.se" for place, turn in enumerate(turns)}
    found = []
    with dovecot_over(on.authority, mailboxes=tuple(mailboxes.values())) as server:
        sealed = _sealed(on, server, plan.messages(FOLDER_OF))
        for turn, mailbox in mailboxes.items():
            _fill(server, mailbox, sealed)
            found.append(contenders[turn[1]](server, mailbox))
            say(f"{turn[1]}, run {turn[0] + 1}: {rate(found[-1].rate)} messages a second")
            shutil.rmtree(server.mail / mailbox)
    return found


def _sealed(on: Ground, server: Dovecot, count: int) -> Sequence[Path]:
    """Files with LF line ends, as a Maildir has them, for every mailbox the same."""
    partner = Partner(on.keys)
    folder = server.base / "sealed"
    folder.mkdir()
    paths = [folder / f"{number}" for number in range(count)]
    for path in paths:
        path.write_bytes(partner.seal(OCTETS).replace(b"\r\n", b"\n"))
    server.own(folder, *paths)
    return paths


def _fill(server: Dovecot, mailbox: str, sealed: Sequence[Path]) -> None:
    new = server.mail / mailbox / "new"
    new.mkdir(parents=True)
    server.own(server.mail / mailbox, new)
    for number, path in enumerate(sealed):
        # Sizes in the names, as whatever Dovecot delivers itself has them: it need not look into the files.
        octets = path.read_bytes()
        sizes = f"S={len(octets)},W={len(octets) + octets.count(_LINE_END)}"
        # The number stands once: in Dovecot's hash of names two would undo each other, at a high price.
        os.link(path, new / f"{_LONG_AGO + number}.M1P1.bench,{sizes}")


@dataclass(frozen=True, kw_only=True)
class _Loop:
    """What a script would do: one message after the other, and nothing with it."""

    who: str
    timed: int
    at_a_time: int = 0  # moved by one command; none where 0

    def __call__(self, server: Dovecot, mailbox: str) -> Collected:
        context = server.authority.client_context()
        with imaplib.IMAP4_SSL(
            "localhost", server.imap_port, ssl_context=context, timeout=ANSWER_SECONDS
        ) as session:
            session.login(mailbox, PASSWORD)
            session.create("Taken")
            session.select("INBOX")
            clock, before = _Clock(Processes(root=server.process.pid)), time.process_time()
            uids = [uid.decode() for uid in session.uid("SEARCH", "ALL")[1][0].split()][: self.timed]
            for begin in range(0, self.timed, self.at_a_time or self.timed):
                group = uids[begin : begin + (self.at_a_time or self.timed)]
                for uid in group:
                    _expect_ok(session.uid("FETCH", uid, "(BODY.PEEK[])"))
                if self.at_a_time:
                    _expect_ok(session.uid("MOVE", ",".join(group), "Taken"))
            cpu_seconds = time.process_time() - before
            return clock.stop(who=self.who, messages=self.timed, cpu_seconds=cpu_seconds)


def _expect_ok(answer: tuple[str, list[Any]]) -> None:
    if answer[0] != "OK":
        raise RuntimeError(f"the server answered {answer}")


@dataclass(frozen=True, kw_only=True)
class _Gateway:
    """The daemon, with one mailbox to collect from. The clock runs from the first message at the sink until
    as many were delivered and lie in the folder for what was taken.
    """

    on: Ground
    engine: str
    timed: int

    def __call__(self, server: Dovecot, mailbox: str) -> Collected:
        with (
            sink() as relay,
            sink("-L") as mailboxes,
            gateway(
                self.on,
                engine=self.engine,
                relay_port=relay.port,
                lmtp_port=mailboxes.port,
                changes=_config(self.on, server, mailbox),
            ) as made,
        ):
            processes = Processes(root=made.running.process.pid, folder=made.home)
            mailboxes.wait_for(1)
            already = mailboxes.count
            clock, before = _Clock(Processes(root=server.process.pid)), processes.cpu_seconds()
            mailboxes.wait_for(self.timed)
            _wait_until_moved(server, mailbox, self.timed)
            return clock.stop(
                who=f"gateway, {self.engine}",
                messages=max(1, self.timed - already),
                cpu_seconds=processes.cpu_seconds() - before,
            )


class _Clock:
    """Runs from when it is made."""

    def __init__(self, server: Processes) -> None:
        self._server, self._before = server, server.cpu_seconds()
        self._began = time.perf_counter()

    def stop(self, *, who: str, messages: int, cpu_seconds: float) -> Collected:
        """`cpu_seconds` of the client."""
        return Collected(
            who=who,
            messages=messages,
            seconds=time.perf_counter() - self._began,
            cpu_ms=1e3 * cpu_seconds / messages,
            server_ms=1e3 * (self._server.cpu_seconds() - self._before) / messages,
        )


def _wait_until_moved(server: Dovecot, mailbox: str, count: int) -> None:
    """The Maildir cannot tell of news, so it is looked at again and again. Raises TimeoutError."""
    places = [server.mail / mailbox / f".{_TAKEN}" / part for part in ("new", "cur")]
    pause, until = threading.Event(), time.monotonic() + SILENCE_SECONDS
    while sum(1 for place in places if place.exists() for _ in place.iterdir()) < count:
        if time.monotonic() > until:
            raise TimeoutError("what was delivered was not moved")
        pause.wait(_LOOK_AGAIN_SECONDS)


def account(on: Ground, server: Dovecot, username: str, password: str) -> dict[str, Any]:
    """As the configuration names it: implicit TLS, verified."""
    path = on.folder / f"{password}.password"
    path.touch(mode=0o600)
    path.write_text(f"{password}\n", encoding="ascii")
    return {
        "host": "localhost",
        "port": server.imap_port,
        "tls": {"mode": "implicit", "ca": str(on.authority.ca_file)},
        "username": username,
        "password_file": str(path),
    }


def _config(on: Ground, server: Dovecot, mailbox: str) -> dict[str, Any]:
    imap = account(on, server, mailbox, PASSWORD) | {"recipient": HOME_CARE}
    return {"inbound": {"smtp": None, "imap": [imap]}, "processes": None}
