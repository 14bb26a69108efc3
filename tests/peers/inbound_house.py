"""The way in, in process: `OutboundHouse` with an opener and `Inbound` on it, and the partner's GnuPG home.

What the partner sends is sealed by the plain `gpg` command and put together here, line by line;
only where a test says so is it our own gateway's work. Every payload holds `MARKER`: when a test
ends, no file of the gateway and no line of its operators' log may hold it.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import pytest
from structlog.testing import capture_logs

from rorpost_gateway.delivery.base import Delivery
from rorpost_gateway.delivery.maildir import MaildirDelivery
from rorpost_gateway.envelope import Client, Recipient, ReversePath, TrustedNetwork
from rorpost_gateway.inbound.deliver import Deliverer
from rorpost_gateway.inbound.receiver import Inbound
from rorpost_gateway.inbound.still_open import StillOpen
from rorpost_gateway.inbound.taking import Means
from rorpost_gateway.inbound.transaction import InboundTransaction
from rorpost_gateway.openpgp.base import Opener
from rorpost_gateway.openpgp.gnupg import load_index
from rorpost_gateway.openpgp.index import ListedKeys
from rorpost_gateway.openpgp.opening import GnupgOpener
from rorpost_gateway.queue.base import Copy
from rorpost_gateway.reception.promise import Promise
from rorpost_gateway.reply import Reply
from tests.peers import gateway_world as world
from tests.peers import gnupg_home as gnupg
from tests.peers.gnupg_home import PreparedKeys
from tests.peers.openpgp_messages import (
    armoured,
    literal,
    one_pass,
    packet,
    sealed,
    signature_body,
    under_encryption,
)
from tests.peers.outbound_house import Answered, OutboundHouse, Recorded

MARKER = "KLARTEXT-4711"
DORIS = f"doris.ek@{world.THEIRS}"
ERIK = f"erik.ask@{world.THEIRS}"
REHAB = f"rorpost.rehab@{world.OURS}"  # another mailbox of our own
ONE_WAY = f"rorpost.enkelriktad@{world.THEIRS}"  # we may write to it, it may not write to us
LISTED = f"rorpost.folktandvarden@{world.THEIRS}"  # lists its people, some with keys of their own
UNPROTECTED = f"rorpost.arkivet@{world.THEIRS}"  # whose header fields need not be protected
OPTIONAL = f"rorpost.larmet@{world.THEIRS}"  # that need not state a person
PHONE_OURS, PHONE_REHAB = "0141-22 50 00", "0141-22 52 00"
PARTNERS = TrustedNetwork(network="192.0.2.0/24")
MAX_AGE = timedelta(days=14)
INNER_ID = "<inre.1@ws17.regionostergotland.se>"
OUTER_ID = "<00112233445566778899aabbccddeeff@regionostergotland.se>"


@dataclass(frozen=True, kw_only=True)
class InboundKeys(PreparedKeys):
    """`sender_home` is ours, `receiver_home` the partner's."""

    rehab: str
    old: str  # Brinken's, which was accepted until yesterday
    stranger: str  # with Brinken's user id, and pinned nowhere
    doris: str  # her own; she is authorised for LISTED
    erik: str  # his own; his authorisation is over


@pytest.fixture(scope="session")
def inbound_keys(prepared_keys: PreparedKeys) -> Iterator[InboundKeys]:
    ours, theirs = gnupg.copy_home(prepared_keys.sender_home), gnupg.copy_home(prepared_keys.receiver_home)
    try:
        yield _prepare(prepared_keys, ours, theirs)
    finally:
        gnupg.remove_home(ours)
        gnupg.remove_home(theirs)


def _prepare(keys: PreparedKeys, ours: Path, theirs: Path) -> InboundKeys:
    named = {each.name: getattr(keys, each.name) for each in fields(PreparedKeys)}
    made = InboundKeys(
        **(named | {"sender_home": ours, "receiver_home": theirs}),
        rehab=gnupg.generate(ours, REHAB),
        old=gnupg.generate(theirs, world.BRINKEN, name="Brinken, forut"),
        stranger=gnupg.generate(theirs, world.BRINKEN, name="Vårdcentralen Brinken"),
        doris=gnupg.generate(theirs, DORIS),
        erik=gnupg.generate(theirs, ERIK),
    )
    gnupg.import_key(ours, gnupg.gpg(theirs, "--armor", "--export"))
    gnupg.import_key(theirs, gnupg.export_public(ours, made.rehab))
    return made


def make_policy(keys: InboundKeys) -> dict[str, Any]:
    """As `gateway_world.make_policy`, with channels into our mailboxes."""
    policy = world.make_policy(keys)
    mailboxes: dict[str, Any] = policy["mailboxes"]
    day = _day(-1)
    mailboxes[world.BRINKEN]["key"] = [keys.receiver, {"fingerprint": keys.old, "accept_until": day}]
    mailboxes[REHAB] = {"name": "Rehab, Motala", "phone": PHONE_REHAB}
    mailboxes[REHAB]["users"] = mailboxes[world.HOME_CARE]["users"]
    for address in (ONE_WAY, LISTED, UNPROTECTED, OPTIONAL):
        mailboxes[address] = {"name": address, "phone": world.PHONE_THEIRS, "key": keys.receiver}
    mailboxes[LISTED]["users"] = [
        _person(DORIS, "Doris Ek", keys.doris, 300),
        _person(ERIK, "Erik Ask", keys.erik, -2),
    ]
    both = [world.HOME_CARE, REHAB]
    policy["channels"] = [
        {"name": "brinken", "between": [world.HOME_CARE, world.BRINKEN]},
        {"name": "brinken-rehab", "between": [REHAB, world.BRINKEN]},
        {"name": "lyckorna", "from": world.LYCKORNA, "to": both},
        {"name": "enkelriktad", "from": world.HOME_CARE, "to": [ONE_WAY]},
        {"name": "utgangen", "from": world.KEY_EXPIRED, "to": both},
        {"name": "aterkallad", "from": world.KEY_REVOKED, "to": both},
        {
            "name": "lasarettet",
            "between": [world.HOME_CARE, world.HOSPITAL],
            "rules": {"legal_basis": ["samtycke", "menprovning"]},
        },
        {
            "name": "stangd",
            "between": [world.HOME_CARE, world.CLOSED],
            "valid_from": _day(-400),
            "valid_until": _day(-10),
        },
        {
            "name": "tandvarden",
            "from": LISTED,
            "to": both,
            "rules": {"declared_user": {"sources": ["header", "sender", "signature"]}},
        },
        {
            "name": "arkivet",
            "from": UNPROTECTED,
            "to": [world.HOME_CARE],
            "rules": {"unprotected_headers": "allow", "declared_user": {"inbound": "optional"}},
        },
        {"name": "arkivet-rehab", "from": UNPROTECTED, "to": [REHAB]},
        {
            "name": "larmet",
            "from": OPTIONAL,
            "to": [world.HOME_CARE],
            "rules": {"declared_user": {"inbound": "optional"}},
        },
        {"name": "hemsjukvarden-rehab", "between": [world.HOME_CARE, REHAB]},
    ]
    return policy


def _person(address: str, name: str, key: str, last: int) -> dict[str, Any]:
    return {
        "user": address,
        "name": name,
        "key": key,
        "requested_by": f"eva.ek@{world.OURS}",
        "executed_by": f"it.drift@{world.OURS}",
        "valid_from": _day(-60),
        "valid_until": _day(last),
    }


def _day(days: int) -> date:
    return date.today() + timedelta(days=days)


def header(said: dict[str, Any], changes: dict[str, Any]) -> bytes:
    """Header lines; `_` stands for `-`, None leaves a field out, a list writes it several times."""
    lines = []
    for name, value in (said | {name.replace("_", "-"): value for name, value in changes.items()}).items():
        values = value if isinstance(value, list) else [] if value is None else [value]
        lines += [f"{name}: {each}\r\n" for each in values]
    return "".join(lines).encode("utf-8")


class Partner:
    """What a partner without a gateway like ours writes, signs and seals."""

    def __init__(self, keys: InboundKeys, now: float) -> None:
        self.keys = keys
        self.now = now
        self.date = format_datetime(datetime.fromtimestamp(now, tz=UTC))

    def payload(
        self,
        sender: str = world.BRINKEN,
        *,
        to: tuple[str, ...] = (world.HOME_CARE,),
        protection: str = '; hp="cipher"',
        body: str = f"Hej, {MARKER}.\r\n",
        **fields: Any,
    ) -> bytes:
        """What is to be signed, with protected header fields where not told otherwise."""
        said = {
            "From": f'"Vardcentralen" <{sender}>',
            "To": ", ".join(to),
            "Date": self.date,
            "Message-ID": INNER_ID,
            "Subject": f"Hemtagning {MARKER}",
            "X-Rorpost-Sending-User": DORIS,
            "MIME-Version": "1.0",
            "Content-Type": f"text/plain; charset=utf-8{protection}",
        }
        return header(said, fields) + b"\r\n" + body.encode("utf-8")

    def seal(self, payload: bytes, *options: str, signer: str | None = None, to: str | None = None) -> bytes:
        """Signed by `signer` (Brinken's key, "" for nobody), encrypted to `to` (home care's key)."""
        keys = self.keys
        signed_by = keys.receiver if signer is None else signer or None
        return sealed(
            keys.receiver_home, to or keys.sender, *options, payload=payload, signer=signed_by
        ).replace(b"\n", b"\r\n")

    def sealed_by_hand(
        self,
        payload: bytes,
        *,
        signer: str | None = None,
        signed_at: float | None = None,
        over: bytes | None = None,
        to: str | None = None,
        **more: Any,
    ) -> bytes:
        """With a signature that gpg would not make: at any time, by any key, over something else."""
        home, key = self.keys.receiver_home, signer or self.keys.receiver
        made = signature_body(
            home, key, payload if over is None else over, signed_at=int(signed_at or self.now), **more
        )
        inner = one_pass(made, key) + literal(payload) + packet(2, made)
        return under_encryption(home, to or self.keys.sender, inner).replace(b"\n", b"\r\n")

    def outer(
        self,
        block: bytes,
        sender: str = world.BRINKEN,
        *,
        to: tuple[str, ...] = (world.HOME_CARE,),
        **fields: Any,
    ) -> bytes:
        """PGP/MIME around the block (RFC 3156)."""
        said = {
            "Received": f"by mx.{world.THEIRS} id 4711; {self.date}",
            "From": sender,
            "To": ", ".join(to),
            "Date": self.date,
            "Message-ID": OUTER_ID,
            "Subject": "[...]",
            "MIME-Version": "1.0",
            "Content-Type": 'multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b',
        }
        return header(said, fields) + (
            b"\r\n--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--b\r\n"
            b'Content-Type: application/octet-stream; name="encrypted.asc"\r\n\r\n' + block + b"\r\n--b--\r\n"
        )

    def message(
        self,
        sender: str = world.BRINKEN,
        *,
        to: tuple[str, ...] = (world.HOME_CARE,),
        signer: str | None = None,
        key: str | None = None,
        outside: dict[str, Any] | None = None,
        **inside: Any,
    ) -> bytes:
        """A whole sound message, with changes to what it says inside and outside."""
        block = self.seal(self.payload(sender, to=to, **inside), signer=signer, to=key)
        return self.outer(block, sender, to=to, **(outside or {}))

    def signed_inside(self, signed: bytes, *, signer: str | None = None, before: bytes = b"") -> bytes:
        """The payload of a multipart/signed; `before` is what nobody signed, in front of the part."""
        made = signature_body(
            self.keys.receiver_home, signer or self.keys.receiver, signed, signed_at=int(self.now)
        )
        block = armoured(packet(2, made), "SIGNATURE").replace(b"\n", b"\r\n")
        return (
            b'Content-Type: multipart/signed; micalg=pgp-sha512; protocol="application/pgp-signature";'
            b" boundary=s\r\n\r\n" + before + b"--s\r\n" + signed + b"\r\n--s\r\n"
            b"Content-Type: application/pgp-signature\r\n\r\n" + block + b"\r\n--s--\r\n"
        )


class InboundHouse(OutboundHouse):
    keys: InboundKeys

    def __init__(self, folder: Path, keys: InboundKeys, index: ListedKeys) -> None:
        folder.mkdir()
        super().__init__(folder, keys, index)
        self.policy_data = make_policy(keys)
        self.mail = folder.parent / "mail"
        self.partner = Partner(keys, self.clock.now)

    async def open(self, *, reserve_octets: int = 0) -> None:
        await super().open(reserve_octets=reserve_octets)
        self.opener = GnupgOpener(self.keys.sender_home, None)
        self.means = Means(
            opener=Recorded(self.opener, self),
            message_size=2_000_000,
            longest_octets=1_000_000,
            max_age=MAX_AGE,
            taking=WeakValueDictionary(),
            promise=Promise(self.house),
        )
        self.inbound = Inbound(self.house, self.means, self.refusals)

    async def close(self) -> None:
        await self.opener.close()
        await super().close()

    def change(self, **parts: Any) -> None:
        self.house = replace(self.house, **parts)
        self.inbound = Inbound(self.house, self.means, self.refusals)

    def use_opener(self, opener: Opener) -> None:
        """Another one, from the next message on; whoever made it closes it."""
        self.means = replace(self.means, opener=opener)
        self.inbound = Inbound(self.house, self.means, self.refusals)

    def use_still_open(self, still_open: StillOpen) -> None:
        """Of what is opened from now on; without it everything is opened again for its delivery."""
        self.means = replace(self.means, still_open=still_open)
        self.inbound = Inbound(self.house, self.means, self.refusals)

    def peer(self, *, allowed: bool = True) -> Client:
        return Client(
            ip="192.0.2.25",
            tls="TLSv1.3",
            helo=f"mx.{world.THEIRS}",
            trusted=(PARTNERS,) if allowed else (),
        )

    async def begin(self, sender: str = world.BRINKEN, *recipients: str) -> InboundTransaction:
        """A transaction that has come as far as DATA."""
        transaction = await self.inbound.begin(self.peer(), ReversePath(address=sender))
        assert isinstance(transaction, InboundTransaction)
        for recipient in recipients or (world.HOME_CARE,):
            assert (await transaction.recipient(Recipient(address=recipient))).positive
        return transaction

    async def receive(
        self,
        octets: bytes,
        *,
        sender: str = world.BRINKEN,
        recipients: tuple[str, ...] = (world.HOME_CARE,),
        client: Client | None = None,
    ) -> Answered:
        """MAIL, every RCPT, and the message where one was taken."""
        transaction = await self.inbound.begin(client or self.peer(), ReversePath(address=sender))
        if isinstance(transaction, Reply):
            return Answered(reply=transaction)
        heard = [await transaction.recipient(Recipient(address=each)) for each in recipients]
        if not any(reply.positive for reply in heard):
            return Answered(reply=heard[-1], at_rcpt=tuple(heard))
        return Answered(reply=await transaction.message(octets), at_rcpt=tuple(heard))

    # What lies in the queue, on to the mailbox

    def deliverer(self, *, delivery: Delivery | None = None, show_person: bool = False) -> Deliverer:
        """Over the real Maildir, where no other delivery is given; `house.open` may be made to fail."""
        self.mail.mkdir(exist_ok=True)
        return Deliverer(
            opener=self.means.opener,
            delivery=delivery or MaildirDelivery(self.mail),
            in_force=lambda: self.in_force,
            now=self.clock,
            hostname=self.house.hostname,
            own_domains=self.house.own_domains,
            longest_octets=self.means.longest_octets,
            show_person=show_person,
            still_open=self.means.still_open,
        )

    async def taken(self, octets: bytes, *, sender: str = world.BRINKEN) -> tuple[Copy, bytes]:
        """Receive it, and give back the one new copy with its octets as they are queued."""
        before = {copy.name for copy in await self.copies()}
        heard = await self.receive(octets, sender=sender)
        assert heard.reason == "ok", heard
        (copy,) = [copy for copy in await self.copies() if copy.name not in before]
        return copy, await self.queue.sealed(copy.message.queue_id, copy.recipient)

    def delivered(self, mailbox: str = world.HOME_CARE) -> list[bytes]:
        """What lies in the mailbox: with CRLF again, and without the Return-Path in front of it."""
        found = []
        for path in sorted((self.mail / mailbox / "new").glob("*")):
            path_field, _, octets = path.read_bytes().partition(b"\n")
            assert path_field.startswith(b"Return-Path: <")
            found.append(octets.replace(b"\n", b"\r\n"))
        return found


@pytest.fixture(scope="session")
def inbound_index(inbound_keys: InboundKeys) -> ListedKeys:
    return asyncio.run(load_index(inbound_keys.sender_home))


@pytest.fixture
async def way_in(
    tmp_path: Path, inbound_keys: InboundKeys, inbound_index: ListedKeys
) -> AsyncIterator[InboundHouse]:
    it = InboundHouse(tmp_path / "gateway", inbound_keys, inbound_index)
    with capture_logs() as told:
        await it.open()
        yield it
        try:
            await it.require_sound()
            assert not it.holds(MARKER.encode())
            assert MARKER not in repr(told)
        finally:
            await it.close()
