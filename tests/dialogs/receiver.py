"""A small Receiver for tests of the protocol: it decides by rote and remembers everything."""

import asyncio
import re
from dataclasses import dataclass, field

from rorpost_gateway.decision import Reason
from rorpost_gateway.envelope import Client, Envelope, Login, Recipient, ReversePath
from rorpost_gateway.reply import Language, Reply, reply_for

PASSWORDS = {"anna.berg": b"correct horse battery", "åsa": "lösenord på svenska".encode()}
LIMIT_OCTETS = 1_000_000
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")


@dataclass
class RoteReceiver:
    """`denied` recipients are refused; `fail_in` names methods that raise; `hold` delays `message`."""

    denied: frozenset[str] = frozenset({"rorpost.nobody@regionostergotland.se"})
    fail_in: set[str] = field(default_factory=set)
    hold: asyncio.Event | None = None
    clients: list[Client] = field(default_factory=list)
    logins: list[tuple[str, bytes]] = field(default_factory=list)
    taken: list[tuple[Envelope, bytes]] = field(default_factory=list)
    refused: list[Reason] = field(default_factory=list)
    aborted: int = 0
    busy: asyncio.Event = field(default_factory=asyncio.Event)  # set while `message` is at work
    ended: asyncio.Event = field(default_factory=asyncio.Event)  # set by the end of any transaction

    def _perhaps_fail(self, where: str) -> None:
        if where in self.fail_in:
            raise RuntimeError("MARKER-OF-AN-INNER-SECRET")

    async def connected(self, client: Client) -> None:
        self._perhaps_fail("connected")
        self.clients.append(client)

    async def authenticate(self, client: Client, name: str, password: bytes) -> Login | Reply:
        self._perhaps_fail("authenticate")
        self.logins.append((name, password))
        if PASSWORDS.get(name.lower()) != password:
            return self.refusal(client, Reason.LOGIN_FAILED)
        return Login(name=name, address=f"{name.lower()}@motala.se")

    async def begin(self, client: Client, path: ReversePath) -> "RoteTransaction | Reply":
        self._perhaps_fail("begin")
        if not path.address:
            return self.refusal(client, Reason.SENDER_NOT_A_MAILBOX)
        if (path.size_octets or 0) > LIMIT_OCTETS:
            return self.refusal(client, Reason.MESSAGE_TOO_LARGE)
        return RoteTransaction(self, client, path)

    async def turn_away(self, client: Client, reason: Reason) -> Reply:
        return self.refusal(client, reason)

    def refusal(self, client: Client, reason: Reason) -> Reply:
        self._perhaps_fail("refusal")
        self.refused.append(reason)
        return reply_for(reason, Language.EN)


@dataclass
class RoteTransaction:
    receiver: RoteReceiver
    client: Client
    path: ReversePath
    recipients: list[Recipient] = field(default_factory=list)

    async def recipient(self, recipient: Recipient) -> Reply:
        self.receiver._perhaps_fail("recipient")
        if recipient.address in self.receiver.denied:
            return reply_for(Reason.RECIPIENT_NOT_A_MAILBOX, Language.EN)
        self.recipients.append(recipient)
        return Reply(code=250, enhanced="2.1.5", text="OK")

    async def message(self, octets: bytes) -> Reply:
        self.receiver.busy.set()
        if self.receiver.hold is not None:
            await self.receiver.hold.wait()
        try:
            self.receiver._perhaps_fail("message")
            if _BARE.search(octets):
                return reply_for(Reason.MESSAGE_MALFORMED, Language.EN, close=True)
            envelope = Envelope(client=self.client, reverse_path=self.path, recipients=tuple(self.recipients))
            self.receiver.taken.append((envelope, octets))
            return reply_for(Reason.OK, Language.EN, queue_id="Q1")
        finally:
            self.receiver.ended.set()

    async def refuse(self, reason: Reason) -> Reply:
        self.receiver.ended.set()
        return self.receiver.refusal(self.client, reason)

    async def abort(self) -> None:
        self.receiver.aborted += 1
        self.receiver.ended.set()
        self.receiver._perhaps_fail("abort")
