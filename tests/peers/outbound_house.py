"""The way out, in process: the real queue, log, engine, policy and logins behind `Outbound`, without SMTP.

Every call of a step is noted in `steps`, in order; `faults` makes a step fail before it does anything,
`late_faults` after it has done its work. The clock moves only when told; chance is a counter. When a test
ends, the log is verified, and what is ready in the queue must have its line.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rorpost_gateway.audit.verify import verify_log
from rorpost_gateway.decision_log.folder import Disk
from rorpost_gateway.decision_log.record import Records
from rorpost_gateway.decision_log.signing import load_or_create
from rorpost_gateway.decision_log.writer import LogWriter, open_log
from rorpost_gateway.envelope import Client, Login, Recipient, ReversePath, TrustedNetwork
from rorpost_gateway.identity_number import contains_identity_number
from rorpost_gateway.logins import Logins, load_users
from rorpost_gateway.openpgp.gnupg import GnupgEngine, load_index
from rorpost_gateway.openpgp.index import ListedKeys
from rorpost_gateway.outbound.receiver import Outbound
from rorpost_gateway.policy.load import load_policy
from rorpost_gateway.queue.base import Copy, Queue, State
from rorpost_gateway.queue.sqlite import open_sqlite_queue
from rorpost_gateway.reception.house import House, InForce
from rorpost_gateway.reception.refusals import Refusals
from rorpost_gateway.reply import Language, Reply
from tests.peers import gateway_world as world
from tests.peers.gnupg_home import PreparedKeys
from tests.peers.submitting import make_message

ORIGIN = "motala.se/rorpost/gw1"
EXCHANGE = TrustedNetwork(network="192.0.2.0/28")
SHARED_EXCHANGE = TrustedNetwork(network="192.0.0.0/8", originator_org="motala.se")


class Clock:
    """Begins at the real time, which GnuPG's own signatures have, and then stands still."""

    def __init__(self) -> None:
        self.now = float(int(time.time()))

    def __call__(self) -> float:
        return self.now


class Chance:
    """Octets that never repeat, and are the same in every run."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, octets: int) -> bytes:
        self.asked += 1
        return self.asked.to_bytes(octets)


class FailingDisk(Disk):
    """The log's disk; it fails for good once `broken`."""

    broken = False

    def sync(self, fd: int) -> None:
        if self.broken:
            raise OSError(5, "Input/output error")
        super().sync(fd)


class Recorded:
    """Stands before a part and notes each step; see the module."""

    def __init__(self, part: object, house: "OutboundHouse") -> None:
        self._part = part
        self._house = house

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._part, name)
        if not asyncio.iscoroutinefunction(inner):
            return inner

        async def step(*arguments: Any, **named: Any) -> Any:
            house = self._house
            house.steps.append(name)
            if (hook := house.before.get(name)) is not None:
                await hook()
            if (fault := house.faults.get(name)) is not None:
                raise fault
            done = await inner(*arguments, **named)
            if (fault := house.late_faults.pop(name, None)) is not None:
                raise fault
            return done

        return step


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What a whole submission heard: the last reply, and those at RCPT."""

    reply: Reply
    at_rcpt: tuple[Reply, ...] = ()

    @property
    def reason(self) -> str:
        return str(self.reply.reason)

    @property
    def queue_id(self) -> str:
        return self.reply.text.rpartition("queued as ")[2]


class OutboundHouse:
    def __init__(self, folder: Path, keys: PreparedKeys, index: ListedKeys) -> None:
        self.folder = folder
        self.keys = keys
        self.index = index
        self.clock = Clock()
        self.disk = FailingDisk()
        self.steps: list[str] = []
        self.faults: dict[str, Exception] = {}
        self.late_faults: dict[str, Exception] = {}
        self.before: dict[str, Callable[[], Any]] = {}
        self.told_relay = 0
        self.sealed_size = 54_525_952
        self.policy_data = world.make_policy(keys)
        (folder / "users.yaml").write_text(world.users_file(), encoding="utf-8")

    async def open(self, *, reserve_octets: int = 0) -> None:
        key_file = self.folder / "decision-log.key"
        signing_key = load_or_create(key_file, ORIGIN)
        self.vkey = signing_key.vkey
        self.in_force = self._in_force()
        self.records = Records(
            contains_identity_number=contains_identity_number,
            is_known=lambda value: self.in_force.policy.knows(value) or self.in_force.logins.knows(value),
        )
        self.log: LogWriter = await open_log(
            self.folder / "decisions",
            node="gw1",
            signing_key=signing_key,
            now=self.clock,
            disk=self.disk,
        )
        self.queue: Queue = await open_sqlite_queue(self.folder / "queue.db", reserve_octets=reserve_octets)
        self.engine = GnupgEngine(self.keys.sender_home, None)
        self.house = House(
            hostname="gw.motala.se",
            own_domains=frozenset({world.OURS}),
            language=Language.SV,
            message_size=2_000_000,
            sealed_size_for=lambda _domain: self.sealed_size,
            in_force=lambda: self.in_force,
            records=self.records,
            engine=Recorded(self.engine, self),
            queue=Recorded(self.queue, self),
            log=Recorded(self.log, self),
            relay_has_work=self._relay_has_work,
            now=self.clock,
            random=Chance(),
        )
        self.refusals = Refusals(self.log, self.records, self.clock)
        self.outbound = Outbound(self.house, self.refusals)

    async def close(self) -> None:
        await self.refusals.flush(everything=True)
        await self.log.close()
        await self.queue.close()
        await self.engine.close()

    def set_policy(self, data: dict[str, Any]) -> None:
        """From now on; a transaction that has begun keeps what it began with."""
        self.policy_data = data
        self.in_force = self._in_force()

    def change(self, **parts: Any) -> None:
        """Other parts in the house, from the next transaction on (`language`, `message_size`, ...)."""
        self.house = replace(self.house, **parts)
        self.outbound = Outbound(self.house, self.refusals)

    # Submitting

    def client(
        self,
        login: str | None = "anna",
        *,
        aliases: tuple[str, ...] = (),
        trusted: tuple[TrustedNetwork, ...] = (),
    ) -> Client:
        known = None
        if login is not None:
            known = Login(name=login, address=world.LOGINS[login], aliases=frozenset(aliases))
        return Client(ip="192.0.2.7", tls="TLSv1.3", helo="klient", login=known, trusted=trusted)

    async def submit(
        self,
        octets: bytes | None = None,
        *,
        recipients: tuple[str, ...] = (world.BRINKEN,),
        sender: str = world.HOME_CARE,
        reverse_path: str | None = None,
        client: Client | None = None,
        **message: Any,
    ) -> Answered:
        """MAIL, every RCPT, and the message where one was taken."""
        if octets is None:
            octets = make_message(recipients=recipients, sender=sender, **message)
        path = ReversePath(address=sender if reverse_path is None else reverse_path)
        transaction = await self.outbound.begin(client or self.client(), path)
        if isinstance(transaction, Reply):
            return Answered(reply=transaction)
        heard = [await transaction.recipient(Recipient(address=each)) for each in recipients]
        if not any(reply.positive for reply in heard):
            return Answered(reply=heard[-1], at_rcpt=tuple(heard))
        return Answered(reply=await transaction.message(octets), at_rcpt=tuple(heard))

    # Looked at afterwards

    def lines(self, event: str | None = "decision") -> list[dict[str, Any]]:
        files = sorted((self.folder / "decisions").glob("*.jsonl"))
        octets = b"".join(path.read_bytes() for path in files)
        entries = [json.loads(line) for line in octets.split(b"\n")[:-1]]
        return [entry for entry in entries if event is None or entry["event"] == event]

    async def copies(self, state: State | None = None) -> list[Copy]:
        return [copy for copy in await self.queue.list() if state is None or copy.state is state]

    async def require_sound(self) -> None:
        """The chain holds, and nothing may leave that has no accepted line."""
        if not self.disk.broken:
            verify_log(self.folder / "decisions", vkey=self.vkey)
        accepted = {line["decision_id"] for line in self.lines() if line["action"] == "accept"}
        for copy in await self.copies():
            assert copy.state is State.PENDING or copy.decision_id in accepted, copy.name

    def holds(self, marker: bytes) -> list[str]:
        """Files that contain the octets: none, for a word of the plaintext."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return [path.name for path in files if marker in path.read_bytes()]

    def _in_force(self) -> InForce:
        file = self.folder / "policy.yaml"
        file.write_text(world.as_yaml(self.policy_data), encoding="utf-8")
        return InForce(
            policy=load_policy(
                file, own_domains=frozenset({world.OURS}), timezone=ZoneInfo("Europe/Stockholm")
            ),
            keys=self.index,
            logins=Logins(load_users(self.folder / "users.yaml")),
        )

    def _relay_has_work(self) -> None:
        self.told_relay += 1
        self.steps.append("relay_has_work")


@pytest.fixture(scope="session")
def prepared_index(prepared_keys: PreparedKeys) -> ListedKeys:
    return asyncio.run(load_index(prepared_keys.sender_home))


@pytest.fixture
async def house(
    tmp_path: Path, prepared_keys: PreparedKeys, prepared_index: ListedKeys
) -> AsyncIterator[OutboundHouse]:
    it = OutboundHouse(tmp_path, prepared_keys, prepared_index)
    await it.open()
    yield it
    try:
        await it.require_sound()
    finally:
        await it.close()
