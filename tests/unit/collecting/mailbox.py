"""A mailbox in memory, and a way in that answers by script: for the order of the steps, and nothing else.

Every call is noted in `steps`; `faults` are raised by the next calls of a step, one each. What a real
server does is seen in tests/integration.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from rorpost_gateway.collecting.base import Refused, Source, TrueSender
from rorpost_gateway.decision import Reason
from rorpost_gateway.envelope import Client, Recipient, ReversePath
from rorpost_gateway.imap.base import (
    Account,
    ImapFolderMissing,
    ImapRefused,
    ImapTooLarge,
    Peer,
    Selected,
    Server,
    Summary,
)
from rorpost_gateway.reply import Language, Reply, reply_for

BRINKEN = "rorpost.vcbrinken@regionostergotland.se"
HOME_CARE = "rorpost.hemsjukvarden@motala.se"
NOW = 1_790_000_000.0


class NoCredentials:
    async def password(self) -> str | None:
        return "throw-away"

    async def token(self) -> str | None:
        return None


SOURCE = Source(
    name="post@partner.se@imap.partner.se:993/INBOX",
    account=Account(
        server=Server(host="imap.partner.se", port=993),
        username="post@partner.se",
        credentials=NoCredentials(),
    ),
    folder="INBOX",
    recipient=HOME_CARE,
)


def letter(word: str, sender: str = BRINKEN) -> bytes:
    """`word` is what the way in is to answer, and a name for it."""
    return f"From: {sender}\r\nTo: {HOME_CARE}\r\n\r\n{word}\r\n".encode()


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@dataclass(kw_only=True)
class Mailbox:
    """Implements `imap.base.Sessions`."""

    steps: list[str] = field(default_factory=list)
    folders: dict[str, dict[int, bytes]] = field(default_factory=lambda: {"INBOX": {}})
    faults: dict[str, deque[Exception]] = field(default_factory=dict)
    uid_validity: int = 7
    idles: bool = True
    sizes: dict[int, int] = field(default_factory=dict)  # what the server says, where that is not so
    next_uid: int = 1
    happened: asyncio.Event = field(default_factory=asyncio.Event)
    opened: int = 0
    when_idle: Callable[[], object] = lambda: None

    def put(self, *words: str) -> list[int]:
        return [self.put_octets(letter(word)) for word in words]

    def put_octets(self, octets: bytes) -> int:
        uid, self.next_uid = self.next_uid, self.next_uid + 1
        self.folders["INBOX"][uid] = octets
        self.happened.set()
        return uid

    def fail(self, step: str, *errors: Exception) -> None:
        self.faults.setdefault(step, deque()).extend(errors)

    def step(self, name: str, *details: object) -> None:
        self.steps.append(" ".join([name, *map(str, details)]))
        for key in (self.steps[-1], name):
            if self.faults.get(key):
                raise self.faults[key].popleft()

    def words(self, folder: str = "INBOX") -> list[str]:
        """What lies there, by the words of `letter`."""
        return [octets.split()[-1].decode() for octets in self.folders.get(folder, {}).values()]

    @property
    def collected(self) -> list[str]:
        return self.words("Rorpost/Collected")

    @property
    def refused(self) -> list[str]:
        return self.words("Rorpost/Refused")

    def open(self, account: Account) -> AbstractAsyncContextManager["MemorySession"]:
        return self._open(account)

    @asynccontextmanager
    async def _open(self, account: Account) -> AsyncIterator["MemorySession"]:
        assert account is SOURCE.account
        self.step("open")
        self.opened += 1
        yield MemorySession(self)


class MemorySession:
    """Implements `imap.base.Session`."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self.inbox = mailbox.folders["INBOX"]

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"MOVE", "IDLE"})

    @property
    def peer(self) -> Peer:
        return Peer(ip="192.0.2.143", tls="TLSv1.3")

    async def examine(self, folder: str) -> Selected:
        raise AssertionError(folder)

    async def select(self, folder: str) -> Selected:
        self.mailbox.step("select", folder)
        if folder not in self.mailbox.folders:
            raise ImapFolderMissing("no such folder")
        self.inbox = self.mailbox.folders[folder]
        return Selected(
            name=folder,
            exists=len(self.inbox),
            uid_validity=self.mailbox.uid_validity,
            uid_next=None,
            read_only=False,
        )

    async def uids(self, *, after: int = 0) -> Sequence[int]:
        self.mailbox.step("uids")
        self.mailbox.happened.clear()
        return sorted(uid for uid in self.inbox if uid > after)

    async def unseen(self) -> Sequence[int]:
        raise AssertionError("not asked for here")

    async def find_header(self, field_name: str, text: str, *, since: date | None = None) -> Sequence[int]:
        raise AssertionError(field_name, text, since)

    async def summaries(self, uids: Sequence[int], *, fields: Sequence[str] = ()) -> AsyncIterator[Summary]:
        self.mailbox.step("header" if fields else "sizes", *uids)
        for uid in uids:
            if uid in self.inbox:
                octets = self.inbox[uid]
                yield Summary(
                    uid=uid,
                    flags=frozenset(),
                    arrived_at=datetime.fromtimestamp(NOW, UTC),
                    size=self.mailbox.sizes.get(uid, len(octets)),
                    header=octets.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if fields else b"",
                )

    async def fetch(self, uid: int, *, most_octets: int) -> bytes | None:
        self.mailbox.step("fetch", uid)
        octets = self.inbox.get(uid)
        if octets is not None and len(octets) > most_octets:
            raise ImapTooLarge("too large")
        return octets

    async def move(self, uids: int | Sequence[int], folder: str) -> None:
        which = [uids] if isinstance(uids, int) else uids
        self.mailbox.step("move", *which, folder)
        if folder not in self.mailbox.folders:
            raise ImapRefused("no such folder", code="TRYCREATE")
        for uid in which:
            self.mailbox.folders[folder][uid] = self.inbox.pop(uid)

    async def ensure_folder(self, folder: str) -> None:
        self.mailbox.step("folder", folder)
        self.mailbox.folders.setdefault(folder, {})

    async def sent_folder(self) -> str | None:
        raise AssertionError("not asked for here")

    async def append(
        self, folder: str, octets: bytes, *, flags: Sequence[str] = (), arrived_at: datetime | None = None
    ) -> int | None:
        raise AssertionError(folder, octets, flags, arrived_at)

    async def idle(self, *, most_seconds: float) -> bool:
        self.mailbox.step("idle", most_seconds)
        if not self.mailbox.idles:
            raise ImapRefused("no IDLE")
        self.mailbox.when_idle()
        await asyncio.sleep(0)  # a real one waits for the network, whatever has happened
        await self.mailbox.happened.wait()
        return True

    async def noop(self) -> None:
        self.mailbox.step("noop")


_REASONS = {
    "taken": Reason.OK,
    "duplicate": Reason.DUPLICATE,
    "refused": Reason.URGENT,
    "deferred": Reason.GATEWAY_FAULT,
}


@dataclass(kw_only=True)
class ScriptedWayIn:
    """Answers by the last word of the message, up to a hyphen: `taken-1`, `refused`, `breaks`.

    `hold` is waited for before each answer.
    """

    steps: list[str]
    clients: list[Client] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    true_sender: TrueSender | None = None
    hold: asyncio.Event | None = None
    deciding: int = 0
    most_deciding: int = 0

    async def begin(self, client: Client, path: ReversePath) -> "ScriptedTransaction | Reply":
        self.clients.append(client)
        self.paths.append(path.address)
        if path.address != BRINKEN:
            return reply_for(Reason.SENDER_NOT_A_MAILBOX, Language.SV)
        return ScriptedTransaction(self)


class ScriptedTransaction:
    def __init__(self, way_in: ScriptedWayIn) -> None:
        self._way_in = way_in

    @property
    def true_sender(self) -> TrueSender | None:
        return self._way_in.true_sender

    async def recipient(self, recipient: Recipient) -> Reply:
        assert recipient.address == HOME_CARE
        return Reply(code=250, enhanced="2.1.5", text="Recipient ok")

    async def message(self, octets: bytes) -> Reply:
        way_in = self._way_in
        word = octets.split()[-1].decode()
        way_in.deciding += 1
        way_in.most_deciding = max(way_in.most_deciding, way_in.deciding)
        try:
            if way_in.hold is not None:
                await way_in.hold.wait()
        finally:
            way_in.deciding -= 1
        way_in.steps.append(f"decided {word}")
        if word.startswith("breaks"):
            raise RuntimeError("unforeseen")
        return reply_for(_REASONS[word.partition("-")[0]], Language.SV, queue_id="06GC8M3C00000001")

    async def refuse(self, reason: Reason) -> Reply:
        self._way_in.steps.append(f"refused for {reason}")
        return reply_for(reason, Language.SV)

    async def abort(self) -> None:
        self._way_in.steps.append("aborted")


@dataclass(kw_only=True)
class Told:
    told: list[Refused] = field(default_factory=list)

    def tell(self, refused: Refused) -> None:
        self.told.append(refused)
