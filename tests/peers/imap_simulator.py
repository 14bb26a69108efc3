"""A small IMAP server in memory that does what a test tells it to do wrong, and everything else right.

Folders are kept by their name on the wire. `on` hangs a fault (see `imap_faults`) on a command, or on
one of the places GREETING, LITERAL (before the octets of an APPEND are read) and DONE.
"""

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rorpost_gateway.imap.base import Account, Credentials, ImapTls, Server
from tests.peers.authority import Authority

USERNAME = "rorpost.hemsjukvarden@motala.se"
PASSWORD = "throw-away"
TOKEN = "ya29.throw-away-token"
CAPABILITIES = (
    "IMAP4rev1 ESEARCH IDLE LITERAL+ MOVE NAMESPACE SASL-IR SPECIAL-USE UIDPLUS AUTH=PLAIN AUTH=XOAUTH2"
)
GREETING, LITERAL, DONE = "GREETING", "LITERAL", "DONE"
ARRIVED = datetime(2026, 5, 6, 7, 30, tzinfo=UTC)
_WORD = re.compile(rb' *("(?:[^"\\]|\\.)*"|\((?:[^()]|\([^()]*\))*\)|[^ ]+)')
_LITERAL = re.compile(rb"\{(\d+)(\+?)\}\Z")


@dataclass(kw_only=True)
class Stored:
    octets: bytes
    flags: set[str] = field(default_factory=set)
    arrived_at: datetime = ARRIVED


@dataclass(kw_only=True)
class Folder:
    uid_validity: int = 1
    messages: dict[int, Stored] = field(default_factory=dict)
    uid_next: int = 1

    def add(self, octets: bytes, *, flags: set[str] | None = None, arrived_at: datetime = ARRIVED) -> int:
        uid = self.uid_next
        self.uid_next += 1
        self.messages[uid] = Stored(octets=octets, flags=set(flags or ()), arrived_at=arrived_at)
        return uid


class Given:
    """Credentials that a test simply has."""

    def __init__(self, *, password: str | None = PASSWORD, token: str | None = None) -> None:
        self._password, self._token = password, token

    async def password(self) -> str | None:
        return None if self._token else self._password

    async def token(self) -> str | None:
        return self._token


class Connection:
    """One client. Faults use `say`, `cut` and what they know of the command."""

    def __init__(
        self, simulator: "Simulator", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.simulator = simulator
        self.reader = reader
        self.writer = writer
        self.selected: Folder | None = None
        self.read_only = False
        self.tag = ""
        self.arguments: list[bytes] = []
        self.deaf = False  # the answer to the command in hand is not sent: the connection is cut

    async def say(self, *lines: str | bytes) -> None:
        if self.deaf:
            return
        for line in lines:
            self.writer.write((line.encode() if isinstance(line, str) else line) + b"\r\n")
        await self.writer.drain()

    async def raw(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()

    async def ok(self, text: str = "done") -> None:
        await self.say(f"{self.tag} OK {text}")

    async def no(self, text: str) -> None:
        await self.say(f"{self.tag} NO {text}")

    def cut(self) -> None:
        self.writer.transport.abort()

    async def line(self) -> bytes:
        line = await self.reader.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError
        return line[:-2]

    async def command(self) -> str:
        """The next one's name, without UID; its tag and arguments are kept."""
        words: list[bytes] = []
        while True:
            line = await self.line()
            literal = _LITERAL.search(line)
            words += _WORD.findall(line[: literal.start()] if literal else line)
            self.tag = words[0].decode()
            if literal is None:
                break
            if not literal[2]:
                if await self.simulator.misbehaves(self, LITERAL):
                    return ""
                await self.say("+ go on")
            words.append(await self.reader.readexactly(int(literal[1])))
        del words[0]
        name = words.pop(0).decode().upper()
        if name == "UID":
            name = words.pop(0).decode().upper()
        self.arguments = [_unquoted(word) for word in words]
        self.simulator.commands.append((name, *(word.decode("utf-8", "replace") for word in words)))
        return name

    def text(self, place: int) -> str:
        return self.arguments[place].decode()

    def folder(self, place: int) -> Folder | None:
        return self.simulator.folders.get(self.text(place))

    def uids(self, text: str) -> list[int]:
        messages = self.selected.messages if self.selected else {}
        found = []
        for part in text.split(","):
            first, _, last = part.partition(":")
            top = max(messages, default=0)
            low, high = sorted(top if end == "*" else int(end) for end in (first, last or first))
            found += [uid for uid in sorted(messages) if low <= uid <= high]
        return found

    def number(self, uid: int) -> int:
        return sorted(self.selected.messages).index(uid) + 1 if self.selected else 0


Fault = Callable[[Connection], Awaitable[bool]]
"""True where it answered in the command's place."""


@dataclass(kw_only=True)
class Simulator:
    """`commands` is all that was asked, in order; `connections` how many there were."""

    host: str
    port: int
    tls: ImapTls
    context: ssl.SSLContext | None
    ca: Path
    capabilities: str = CAPABILITIES
    separator: str = "/"
    prefix: str = ""
    folders: dict[str, Folder] = field(default_factory=lambda: {"INBOX": Folder()})
    sent: str | None = None
    commands: list[tuple[str, ...]] = field(default_factory=list)
    connections: int = 0
    open_now: set[Connection] = field(default_factory=set)
    _faults: dict[str, list[Fault]] = field(default_factory=dict)

    @property
    def inbox(self) -> Folder:
        return self.folders["INBOX"]

    def on(self, command: str, *faults: Fault) -> None:
        """Each is used once, in this order."""
        self._faults.setdefault(command, []).extend(faults)

    def account(self, credentials: Credentials | None = None, *, username: str = USERNAME) -> Account:
        server = Server(host=self.host, port=self.port, tls=self.tls, ca=self.ca)
        return Account(server=server, username=username, credentials=credentials or Given())

    async def arrive(self, octets: bytes) -> int:
        """A new message in INBOX; whoever is idle there hears of it."""
        uid = self.inbox.add(octets)
        for connection in self.open_now:
            if connection.selected is self.inbox:
                await connection.say(f"* {len(self.inbox.messages)} EXISTS")
        return uid

    def asked(self, name: str) -> list[tuple[str, ...]]:
        return [command for command in self.commands if command[0] == name]

    async def misbehaves(self, connection: Connection, place: str) -> bool:
        waiting = self._faults.get(place)
        return await waiting.pop(0)(connection) if waiting else False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, reader, writer)
        self.connections += 1
        self.open_now.add(connection)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                await self._serve(connection)
        finally:
            self.open_now.discard(connection)
            writer.transport.abort()

    async def _serve(self, connection: Connection) -> None:
        if not await self.misbehaves(connection, GREETING):
            in_clear = self.tls is ImapTls.STARTTLS
            told = "IMAP4rev1 X-BEFORE-TLS" if in_clear else self.capabilities
            await connection.say(f"* OK [CAPABILITY {told}] welcome")
        while True:
            name = await connection.command()
            if name and not await self.misbehaves(connection, name):
                answer = getattr(self, f"_{name.lower()}", None)
                if answer is None:
                    await connection.say(f"{connection.tag} BAD what?")
                else:
                    await answer(connection)
            if name == "LOGOUT" or connection.deaf:
                return

    # The commands, done right

    async def _starttls(self, to: Connection) -> None:
        if self.context is None or self.tls is not ImapTls.STARTTLS:
            return await to.no("no TLS here")
        await to.ok("begin")
        await to.writer.start_tls(self.context)
        return None

    async def _capability(self, to: Connection) -> None:
        await to.say(f"* CAPABILITY {self.capabilities}")
        await to.ok()

    async def _login(self, to: Connection) -> None:
        right = to.arguments == [USERNAME.encode(), PASSWORD.encode()]
        await (to.ok() if right else to.no("[AUTHENTICATIONFAILED] no"))

    async def _authenticate(self, to: Connection) -> None:
        if len(to.arguments) < 2:
            await to.say("+ ")
            to.arguments.append(await to.line())
        await to.ok()

    async def _namespace(self, to: Connection) -> None:
        await to.say(f'* NAMESPACE (("{self.prefix}" "{self.separator}")) NIL NIL')
        await to.ok()

    async def _list(self, to: Connection) -> None:
        for name in self.folders:
            special = "\\Sent" if name == self.sent else "\\HasNoChildren"
            await to.say(f'* LIST ({special}) "{self.separator}" "{name}"')
        await to.ok()

    async def _status(self, to: Connection) -> None:
        await (to.ok() if to.folder(0) is not None else to.no("[NONEXISTENT] no"))

    async def _create(self, to: Connection) -> None:
        self.folders[to.text(0)] = Folder(uid_validity=len(self.folders) + 1)
        await to.ok()

    async def _subscribe(self, to: Connection) -> None:
        await to.ok()

    async def _noop(self, to: Connection) -> None:
        await to.ok()

    async def _logout(self, to: Connection) -> None:
        await to.say("* BYE so long")
        await to.ok()

    async def _select(self, to: Connection, *, read_only: bool = False) -> None:
        to.selected, to.read_only = to.folder(0), read_only
        if to.selected is None:
            return await to.no("[NONEXISTENT] no")
        await to.say(
            r"* FLAGS (\Seen \Deleted)",
            f"* {len(to.selected.messages)} EXISTS",
            f"* OK [UIDVALIDITY {to.selected.uid_validity}] valid",
            f"* OK [UIDNEXT {to.selected.uid_next}] next",
        )
        return await to.ok("[READ-ONLY] open" if read_only else "[READ-WRITE] open")

    async def _examine(self, to: Connection) -> None:
        await self._select(to, read_only=True)

    async def _search(self, to: Connection) -> None:
        words = [word.decode() for word in to.arguments]
        extended = words[:1] == ["RETURN"]
        found = self._found(to, words[2:] if extended else words)
        if extended:
            listed = f" ALL {','.join(map(str, found))}" if found else ""
            await to.say(f'* ESEARCH (TAG "{to.tag}") UID{listed}')
        else:
            await to.say(f"* SEARCH {' '.join(map(str, found))}".rstrip())
        await to.ok()

    def _found(self, to: Connection, words: list[str]) -> list[int]:
        messages = to.selected.messages if to.selected else {}
        found = sorted(messages)
        while words:
            match words.pop(0):
                case "UID":
                    found = [uid for uid in to.uids(words.pop(0)) if uid in found]
                case "UNSEEN":
                    found = [uid for uid in found if "\\Seen" not in messages[uid].flags]
                case "SINCE":
                    day = datetime.strptime(words.pop(0), "%d-%b-%Y").replace(tzinfo=UTC)
                    found = [uid for uid in found if messages[uid].arrived_at >= day]
                case "HEADER":
                    name, text = words.pop(0).lower(), words.pop(0)
                    found = [uid for uid in found if text in header_value(messages[uid].octets, name)]
        return found

    async def _fetch(self, to: Connection) -> None:
        for uid in to.uids(to.text(0)):
            await self.tell(to, uid, to.text(1))
        await to.ok()

    async def tell(self, to: Connection, uid: int, items: str) -> None:
        """The FETCH response of one message."""
        stored = to.selected.messages[uid] if to.selected else Stored(octets=b"")
        written = stored.arrived_at.strftime("%d-%b-%Y %H:%M:%S %z")
        told = [f"UID {uid}".encode()]
        if "FLAGS" in items:
            told.append(f"FLAGS ({' '.join(sorted(stored.flags))})".encode())
            told.append(f'INTERNALDATE "{written}" RFC822.SIZE {len(stored.octets)}'.encode())
        if fields := re.search(r"HEADER\.FIELDS \(([^)]*)\)", items):
            header = header_fields(stored.octets, fields[1].lower().split())
            told.append(b"BODY[%s]<0> {%d}\r\n%s" % (fields[0].encode(), len(header), header))
        if "BODY.PEEK[]" in items:
            told.append(b"BODY[] {%d}\r\n%s" % (len(stored.octets), stored.octets))
        await to.say(b"* %d FETCH (%s)" % (to.number(uid), b" ".join(told)))

    async def _move(self, to: Connection) -> None:
        await self._copy(to, moved=True)

    async def _copy(self, to: Connection, *, moved: bool = False) -> None:
        target = to.folder(1)
        if target is None or to.selected is None:
            return await to.no("[TRYCREATE] no such folder")
        for uid in to.uids(to.text(0)):
            stored = to.selected.messages[uid]
            target.add(stored.octets, flags=stored.flags, arrived_at=stored.arrived_at)
            if moved:
                await self._gone(to, to.selected, uid)
        return await to.ok()

    async def _gone(self, to: Connection, folder: Folder, uid: int) -> None:
        number = to.number(uid)
        del folder.messages[uid]
        await to.say(f"* {number} EXPUNGE")

    async def _store(self, to: Connection) -> None:
        for uid in to.uids(to.text(0)):
            if to.selected is not None:
                to.selected.messages[uid].flags |= set(to.text(2).strip("()").split())
        await to.ok()

    async def _expunge(self, to: Connection) -> None:
        for uid in to.uids(to.text(0)):
            if to.selected is not None and "\\Deleted" in to.selected.messages[uid].flags:
                await self._gone(to, to.selected, uid)
        await to.ok()

    async def _append(self, to: Connection) -> None:
        target = to.folder(0)
        if target is None:
            return await to.no("[TRYCREATE] no such folder")
        options = [word.decode() for word in to.arguments[1:-1]]
        flags = {flag for word in options if word.startswith("(") for flag in word.strip("()").split()}
        dates = [word for word in options if not word.startswith("(")]
        arrived_at = datetime.strptime(dates[0], "%d-%b-%Y %H:%M:%S %z") if dates else ARRIVED
        uid = target.add(to.arguments[-1], flags=flags, arrived_at=arrived_at)
        return await to.ok(f"[APPENDUID {target.uid_validity} {uid}] there")

    async def _idle(self, to: Connection) -> None:
        tag = to.tag
        await to.say("+ idling")
        if await to.line() == b"DONE" and not await self.misbehaves(to, DONE):
            await to.say(f"{tag} OK done")


def header_fields(octets: bytes, names: list[str]) -> bytes:
    header = octets.partition(b"\r\n\r\n")[0]
    lines = re.split(rb"\r\n(?![ \t])", header)
    wanted = [line for line in lines if line.partition(b":")[0].decode("latin-1").lower() in names]
    return b"".join(line + b"\r\n" for line in wanted) + b"\r\n"


def header_value(octets: bytes, name: str) -> str:
    return header_fields(octets, [name]).partition(b":")[2].decode("latin-1")


def _unquoted(word: bytes) -> bytes:
    if word[:1] == b'"':
        return re.sub(rb"\\(.)", rb"\1", word[1:-1])
    return word


@contextlib.asynccontextmanager
async def simulating(
    authority: Authority, *, tls: ImapTls = ImapTls.STARTTLS, context: ssl.SSLContext | None = None
) -> AsyncIterator[Simulator]:
    """One on a free port, with the authority's certificate unless `context` has another.

    At the end every connection is cut.
    """
    context = (context or authority.server_context()) if tls is not ImapTls.OFF else None
    host = "127.0.0.1" if tls is ImapTls.OFF else "localhost"
    simulator = Simulator(host=host, port=0, tls=tls, context=context, ca=authority.ca_file)
    implicit = context if tls is ImapTls.IMPLICIT else None
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        # Cancelled below, which is the end of it; asyncio would complain of a task that says so.
        with contextlib.suppress(asyncio.CancelledError):
            await simulator.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=implicit, limit=2**20)
    simulator.port = server.sockets[0].getsockname()[1]
    try:
        yield simulator
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await server.wait_closed()


@pytest.fixture
async def imap_simulator(authority: Authority) -> AsyncIterator[Simulator]:
    """One in the clear, which is allowed to loopback."""
    async with simulating(authority, tls=ImapTls.OFF) as running:
        yield running
