"""Named points at which a daemon under test is killed. Test-only: the package knows nothing of them.

A point is a real function of the package. `install` wraps it so that the process ends
by SIGKILL before or after its N-th call of the kind the point means, or in the middle
of a write, with a part of the octets on disk. What is said of a killed process on
standard error is the point's name, so that a test can tell that it was reached.
"""

import functools
import importlib
import inspect
import json
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Never

_ACCEPTED = b'"action":"accept"'

Told = Callable[[tuple[Any, ...]], bool]  # by the call's positional arguments


def _always(_: tuple[Any, ...]) -> bool:
    return True


def _lines(event: str, **fields: str) -> Told:
    """A call of LogWriter.append with such a line among its records."""

    def told(arguments: tuple[Any, ...]) -> bool:
        return any(
            record.event.value == event
            and all(str(record.fields.get(name)) == value for name, value in fields.items())
            for record in arguments[1]
        )

    return told


def _by_operator(event: str) -> Told:
    """A call of LogWriter.append with a line of what an operator did."""

    def told(arguments: tuple[Any, ...]) -> bool:
        return any(record.event.value == event and "operator" in record.fields for record in arguments[1])

    return told


def _given_up(arguments: tuple[Any, ...]) -> bool:
    """A call of LogWriter.append with a line of a copy that was put off until its time was over."""
    return any(
        record.event.value == "bounced" and str(record.fields.get("reply")).startswith("4")
        for record in arguments[1]
    )


def _octets(part: bytes) -> Told:
    """A call of Disk.write with such octets."""
    return lambda arguments: part in arguments[2]


def _reply(code: int, text: str) -> Told:
    return lambda arguments: arguments[1].code == code and text in arguments[1].line


@dataclass(frozen=True, kw_only=True)
class Point:
    """`owner` is a module, or a class as `module:Class`. `when` and `then` say which calls count.

    `then` looks at the result, and only of a kill after the call. `follows` names a
    point that must have been passed first.
    """

    owner: str
    attribute: str
    when: Told = _always
    then: Callable[[Any], bool] = lambda _: True
    follows: str | None = None

    def holder(self) -> Any:
        """The module or class whose attribute is wrapped."""
        module, _, name = self.owner.partition(":")
        holder = importlib.import_module(f"rorpost_gateway.{module}")
        return getattr(holder, name) if name else holder


_QUEUE = "queue.sqlite:SqliteQueue"
_TABLES = "queue.sqlite_operations"
_LOG = "decision_log.writer:LogWriter"
_DISK = "decision_log.folder:Disk"
_CONNECTION = "smtp.connection:Connection"
_GATEWAY = "daemon.gateway"
_MAILDIR = "delivery.maildir"
_IMAP = "imap.session:ImapSession"
_PUBLISHER = "decision_log.published.publisher:Publisher"
_KEPT = "daemon.kept_policies"

POINTS: Mapping[str, Point] = {
    # From an accepted message to its 250
    "pending": Point(owner=_QUEUE, attribute="insert_pending"),
    "pending-uncommitted": Point(owner=_TABLES, attribute="insert_pending"),
    "logged": Point(owner=_LOG, attribute="append", when=_lines("decision", action="accept")),
    "log-write": Point(owner=_DISK, attribute="write", when=_octets(_ACCEPTED)),
    "ready": Point(owner=_QUEUE, attribute="make_ready"),
    "ready-uncommitted": Point(owner=_TABLES, attribute="make_ready"),
    "answered": Point(owner=_CONNECTION, attribute="_answer", when=_reply(250, "queued as")),
    "answer-sent": Point(
        owner=_CONNECTION, attribute="_flush", when=lambda given: b"queued as" in given[0]._outbox
    ),
    # A partner's message, opened at the prompt; and again at delivery, where it is not still open
    "opened": Point(owner="inbound.transaction", attribute="open_message"),
    "opened-again": Point(owner="inbound.deliver:Deliverer", attribute="_opened"),
    "appended": Point(owner="delivery.appending:Appender", attribute="_once"),
    "delivered-logged": Point(owner=_LOG, attribute="append", when=_lines("delivered")),
    "delivered-written": Point(owner=_DISK, attribute="write", when=_octets(b'"event":"delivered"')),
    # A message that is collected from a mailbox
    "collected-fetched": Point(owner=_IMAP, attribute="fetch"),
    "collected-decided": Point(owner="collecting.offering:Offering", attribute="offer"),
    "collected-noted": Point(owner=_QUEUE, attribute="note_collected"),
    "collected-noted-uncommitted": Point(owner=_TABLES, attribute="note_collected"),
    "collected-folder": Point(owner=_IMAP, attribute="ensure_folder"),
    "collected-moved": Point(owner=_IMAP, attribute="move"),
    # From the queue to the next hop
    "claim": Point(owner=_QUEUE, attribute="claim", follows="ready", then=bool),
    "claim-uncommitted": Point(owner=_TABLES, attribute="claim", follows="ready", then=bool),
    "relayed": Point(owner="smtp_client.connection:SmtpClient", attribute="send"),
    "relayed-logged": Point(owner=_LOG, attribute="append", when=_lines("relayed")),
    "relayed-written": Point(owner=_DISK, attribute="write", when=_octets(b'"event":"relayed"')),
    "marked": Point(owner=_QUEUE, attribute="finish"),
    "marked-uncommitted": Point(owner=_TABLES, attribute="finish"),
    # What else becomes of a copy
    "deferred-logged": Point(owner=_LOG, attribute="append", when=_lines("deferred")),
    "put-back": Point(owner=_QUEUE, attribute="put_back"),
    "bounced-logged": Point(owner=_LOG, attribute="append", when=_lines("bounced")),
    "expired-logged": Point(owner=_LOG, attribute="append", when=_given_up),
    "mark-bounced": Point(owner=_QUEUE, attribute="mark_bounced"),
    "tell": Point(owner="relay.notices:Notices", attribute="tell"),
    "deliver": Point(owner=f"{_MAILDIR}:MaildirDelivery", attribute="deliver"),
    "deliver-written": Point(owner=_MAILDIR, attribute="_write"),
    "deliver-synced": Point(owner=_MAILDIR, attribute="sync_folder", follows="deliver-written"),
    "held-logged": Point(owner=_LOG, attribute="append", when=_lines("held")),
    "hold": Point(owner=_QUEUE, attribute="hold"),
    # What operators do to the queue
    "operator-held": Point(owner=_LOG, attribute="append", when=_by_operator("held")),
    "operator-released": Point(owner=_LOG, attribute="append", when=_by_operator("released")),
    "release": Point(owner=_QUEUE, attribute="release"),
    "operator-removed": Point(owner=_LOG, attribute="append", when=_by_operator("removed")),
    # The same again, and a refusal
    "duplicate-logged": Point(owner=_LOG, attribute="append", when=_lines("decision", reason="duplicate")),
    "refusal-logged": Point(owner=_LOG, attribute="append", when=_lines("decision", action="reject")),
    "refusal-answered": Point(owner=_CONNECTION, attribute="_answer", when=_reply(550, "[urgent]")),
    # A start, what it settles, and the policy in force, at a reload too
    "signing-key": Point(owner="decision_log.signing", attribute="create"),
    "verifier-key": Point(owner="decision_log.signing", attribute="write_vkey"),
    "log-created": Point(owner=_DISK, attribute="create"),
    "genesis": Point(owner=_DISK, attribute="write", when=_octets(b'"event":"genesis"')),
    "queue-schema": Point(owner="queue.sqlite_file", attribute="make_schema"),
    "queue-linked": Point(owner="queue.sqlite_file", attribute="sync_folder"),
    "started-logged": Point(owner=_LOG, attribute="append", when=_lines("start")),
    "torn-mended": Point(owner=_DISK, attribute="write", when=_octets(b'"event":"torn"')),
    "pending-removed": Point(owner=_QUEUE, attribute="discard_pending"),
    "pending-settled": Point(owner=_GATEWAY, attribute="settle_pending"),
    "claims-released": Point(owner=_QUEUE, attribute="release_claims"),
    "policy-file": Point(owner=_KEPT, attribute="put"),
    "policy-kept": Point(owner=f"{_KEPT}:KeptPolicies", attribute="keep"),
    "policy-logged": Point(owner=_LOG, attribute="append", when=_lines("policy")),
    # A checkpoint over an accepted message's lines: tiles, `checkpoints`, `checkpoint`, the copy elsewhere
    "tiles": Point(owner=_PUBLISHER, attribute="_put_tiles", follows="logged"),
    "checkpoints-appended": Point(owner=_PUBLISHER, attribute="_append", follows="logged"),
    "checkpoints-write": Point(
        owner=_DISK, attribute="write", when=_octets("\n\n\N{EM DASH} ".encode()), follows="logged"
    ),
    "checkpoint-shown": Point(owner=_PUBLISHER, attribute="_show_newest", follows="logged"),
    "checkpoint-kept": Point(owner=_PUBLISHER, attribute="_keep_elsewhere", follows="logged"),
    # An orderly end
    "stop-logged": Point(owner=_LOG, attribute="append", when=_lines("stop")),
}

# How many octets of a write reach the disk before the process is killed in it, by the
# lines' ends: in the middle of the first line, after it, and so on.
CUTS: Mapping[str, Callable[[bytes], int]] = {
    "in-first-line": lambda octets: _end(octets, 1) // 2,
    "before-first-newline": lambda octets: _end(octets, 1) - 1,
    "between-lines": lambda octets: _end(octets, 1),
    "in-second-line": lambda octets: (_end(octets, 1) + _end(octets, 2)) // 2,
    "before-second-newline": lambda octets: _end(octets, 2) - 1,
}


def _end(octets: bytes, line: int) -> int:
    """The offset behind that line's newline; lines count from 1."""
    return sum(len(each) + 1 for each in octets.split(b"\n")[:line])


def install(name: str, moment: str, nth: int) -> None:
    """Kill this process at the `nth` call; `moment` is `before`, `after` or one of CUTS."""
    point = POINTS[name]
    if point.follows is not None:
        _wrap(POINTS[point.follows], after=lambda: _passed.add(point.follows))
    calls = 0

    def reached() -> bool:
        nonlocal calls
        calls += 1
        return calls == nth

    def die() -> None:
        if reached():
            _kill(name, moment)

    def cut(arguments: tuple[Any, ...]) -> None:
        if reached():
            _, fd, octets = arguments
            os.write(fd, octets[: CUTS[moment](octets)])
            _kill(name, moment)

    if moment in CUTS:
        _wrap(point, cut=cut)
    elif moment == "before":
        _wrap(point, before=die)
    else:
        _wrap(point, after=die)


_passed: set[str | None] = {None}


def _nothing(*_: object) -> None:
    pass


def _wrap(
    point: Point,
    *,
    before: Callable[[], object] = _nothing,
    after: Callable[[], object] = _nothing,
    cut: Callable[[tuple[Any, ...]], object] = _nothing,
) -> None:
    holder = point.holder()
    real = getattr(holder, point.attribute)

    def enter(arguments: tuple[Any, ...]) -> bool:
        counts = point.follows in _passed and point.when(arguments)
        if counts:
            before()
            cut(arguments)
        return counts

    def leave(counts: bool, result: Any) -> Any:
        if counts and point.then(result):
            after()
        return result

    @functools.wraps(real)
    async def waiting(*arguments: Any, **named: Any) -> Any:
        return leave(enter(arguments), await real(*arguments, **named))

    @functools.wraps(real)
    def plain(*arguments: Any, **named: Any) -> Any:
        return leave(enter(arguments), real(*arguments, **named))

    setattr(holder, point.attribute, waiting if inspect.iscoroutinefunction(real) else plain)


def _kill(name: str, moment: str) -> Never:
    line = json.dumps({"event": "killed", "point": name, "moment": moment})
    # A line end first: the operator log may be in the middle of a line, in another thread.
    os.write(2, f"\n{line}\n".encode("ascii"))
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit("a killed process does not go on")
