"""Opened mail into a real Dovecot over LMTP, read back from the Maildir and by IMAP. Refusals first."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from rorpost_gateway.delivery.base import DeferredDelivery, Delivered, DeliveryOutcome, FailedDelivery
from rorpost_gateway.delivery.lmtp import LmtpDelivery
from rorpost_gateway.delivery.maildir import MaildirDelivery
from rorpost_gateway.queue.base import Queue
from rorpost_gateway.smtp_client.base import MailProtocol, Route, Routes, TlsMode
from rorpost_gateway.smtp_client.connection import SmtpClient
from tests.peers.authority import Authority
from tests.peers.dovecot import (
    DISTRICT,
    HOME_CARE,
    PATIENT,
    QUOTA_OCTETS,
    SMALL,
    UNKNOWN,
    Dovecot,
    dovecot_over,
    without_trace,
)
from tests.peers.opened_message import BRINKEN, opened_message
from tests.peers.queues import NOW, SENDER, queue_id
from tests.peers.queues import copy as a_copy
from tests.peers.queues import message as a_message
from tests.peers.relaying import Tower
from tests.peers.sink import Script, StartSink


@pytest.fixture
async def client() -> AsyncIterator[SmtpClient]:
    client = SmtpClient()
    yield client
    await client.close()


@pytest.fixture
def marker() -> str:
    return uuid4().hex


def over_socket(dovecot: Dovecot) -> Route:
    return Route(
        host="localhost",
        port=24,
        hostname="gw.motala.se",
        tls=TlsMode.OFF,
        socket=dovecot.socket,
        protocol=MailProtocol.LMTP,
    )


def over_tls(dovecot: Dovecot) -> Route:
    return Route(
        host="localhost",
        port=dovecot.lmtp_port,
        hostname="gw.motala.se",
        tls=TlsMode.VERIFY,
        ca=dovecot.authority.ca_file,
        protocol=MailProtocol.LMTP,
    )


async def deliver(client: SmtpClient, route: Route, recipient: str, octets: bytes) -> DeliveryOutcome:
    return await LmtpDelivery(client, route).deliver(
        recipient, octets, reverse_path=BRINKEN, unique=uuid4().hex
    )


def arrived(dovecot: Dovecot, mailbox: str, marker: str) -> list[bytes]:
    return [octets for octets in dovecot.files(mailbox) if marker.encode() in octets]


# --- what Dovecot refuses


async def test_an_unknown_mailbox_is_refused_for_good(
    dovecot: Dovecot, client: SmtpClient, marker: str
) -> None:
    outcome = await deliver(client, over_socket(dovecot), UNKNOWN, opened_message(UNKNOWN, marker))
    assert isinstance(outcome, FailedDelivery)
    assert outcome.reply.startswith("550 5.1.1 ")
    assert not (dovecot.mail / UNKNOWN).exists()


@pytest.mark.parametrize(
    ("mailbox", "code", "kind"),
    [(SMALL, "552 5.2.2 ", FailedDelivery), (PATIENT, "452 4.2.2 ", DeferredDelivery)],
)
async def test_a_mailbox_over_quota_follows_the_code(
    dovecot: Dovecot, client: SmtpClient, marker: str, mailbox: str, code: str, kind: type
) -> None:
    octets = opened_message(mailbox, marker, octets=QUOTA_OCTETS)
    outcome = await deliver(client, over_socket(dovecot), mailbox, octets)
    assert isinstance(outcome, kind)
    assert outcome.reply.startswith(code), outcome
    assert "full" not in outcome.reply  # its words stay where they are: it has read the message
    assert arrived(dovecot, mailbox, marker) == []


async def test_a_store_that_cannot_write_is_deferred(
    authority: Authority, client: SmtpClient, marker: str
) -> None:
    with dovecot_over(authority) as dovecot:
        (dovecot.mail / HOME_CARE).mkdir(mode=0o500)
        dovecot.own(dovecot.mail / HOME_CARE)
        outcome = await deliver(client, over_socket(dovecot), HOME_CARE, opened_message(HOME_CARE, marker))
        assert isinstance(outcome, DeferredDelivery)
        assert outcome.reply.startswith("451 4.")
        (dovecot.mail / HOME_CARE).chmod(0o700)
        again = await deliver(client, over_socket(dovecot), HOME_CARE, opened_message(HOME_CARE, marker))
        assert isinstance(again, Delivered), again
        assert len(arrived(dovecot, HOME_CARE, marker)) == 1


async def test_of_two_mailboxes_one_is_refused_and_one_served(
    dovecot: Dovecot, client: SmtpClient, marker: str
) -> None:
    """A copy has one recipient: no mailbox's answer is taken for another's."""
    route = replace(over_socket(dovecot), connections=1)
    found = [
        type(await deliver(client, route, mailbox, opened_message(mailbox, marker, octets=QUOTA_OCTETS)))
        for mailbox in (SMALL, HOME_CARE, UNKNOWN, DISTRICT, PATIENT)
    ]
    assert found == [FailedDelivery, Delivered, FailedDelivery, Delivered, DeferredDelivery]
    assert [len(arrived(dovecot, mailbox, marker)) for mailbox in (HOME_CARE, DISTRICT)] == [1, 1]


async def test_a_certificate_that_is_not_trusted_gets_nothing(
    dovecot: Dovecot, client: SmtpClient, stranger: Authority, marker: str
) -> None:
    route = replace(over_tls(dovecot), ca=stranger.ca_file)
    outcome = await deliver(client, route, HOME_CARE, opened_message(HOME_CARE, marker))
    assert isinstance(outcome, DeferredDelivery)
    assert outcome.reply.startswith("4.7.5 ")
    assert "not trusted here" in outcome.reply
    assert arrived(dovecot, HOME_CARE, marker) == []


async def test_a_store_that_is_down_is_deferred_and_takes_it_later(
    authority: Authority, client: SmtpClient, marker: str
) -> None:
    octets = opened_message(HOME_CARE, marker)
    with dovecot_over(authority) as dovecot:
        route = over_socket(dovecot)
        assert isinstance(await deliver(client, route, HOME_CARE, octets), Delivered)
    outcome = await deliver(client, route, HOME_CARE, octets)
    assert isinstance(outcome, DeferredDelivery)
    assert outcome.reply == f"4.4.1 there is no socket {outcome.next_hop}"


# --- what it takes


@pytest.mark.parametrize("way", ["socket", "starttls"])
async def test_an_opened_message_arrives_octet_by_octet(
    dovecot: Dovecot, client: SmtpClient, marker: str, way: str
) -> None:
    octets = opened_message(HOME_CARE, marker)
    route = over_socket(dovecot) if way == "socket" else over_tls(dovecot)
    outcome = await deliver(client, route, HOME_CARE, octets)
    assert isinstance(outcome, Delivered), outcome
    assert outcome.reply.startswith("250 2.0.0 ")
    assert outcome.next_hop == route.next_hop
    (stored,) = arrived(dovecot, HOME_CARE, marker)
    assert without_trace(stored) == octets
    assert stored.startswith(b"Return-Path: <>\n")
    assert (b"with LMTPS" in stored) is (way == "starttls")
    (fetched,) = [found for found in dovecot.fetched(HOME_CARE) if marker.encode() in found]
    assert without_trace(fetched) == octets


async def test_a_large_message_arrives_octet_by_octet(
    dovecot: Dovecot, client: SmtpClient, marker: str
) -> None:
    octets = opened_message(DISTRICT, marker, octets=10_000_000)
    assert isinstance(await deliver(client, over_tls(dovecot), DISTRICT, octets), Delivered)
    (stored,) = arrived(dovecot, DISTRICT, marker)
    assert without_trace(stored) == octets


async def test_what_is_delivered_twice_cannot_be_told_apart_by_its_content(
    dovecot: Dovecot, client: SmtpClient, marker: str
) -> None:
    """An answer that was not heard makes a second attempt: the same octets, the same Message-ID."""
    octets = opened_message(DISTRICT, marker)
    delivery = LmtpDelivery(client, over_socket(dovecot))
    for _ in range(2):
        await delivery.deliver(DISTRICT, octets, reverse_path=BRINKEN, unique=marker)
    assert {without_trace(stored) for stored in arrived(dovecot, DISTRICT, marker)} == {octets}


@pytest.fixture
def own_maildirs() -> Iterator[Path]:
    """Directly under the temporary folder, so that Dovecot can enter it as whatever user it runs."""
    with tempfile.TemporaryDirectory(prefix="rorpost-mail-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "mail"


async def test_what_the_gateway_puts_into_maildirs_is_read_by_imap(
    authority: Authority, own_maildirs: Path, marker: str
) -> None:
    octets = opened_message(HOME_CARE, marker)
    delivery = MaildirDelivery(own_maildirs)
    for _ in range(2):
        outcome = await delivery.deliver(HOME_CARE, octets, reverse_path=BRINKEN, unique=f"1.{marker}")
        assert isinstance(outcome, Delivered)
    with dovecot_over(authority, mail=own_maildirs) as dovecot:
        dovecot.own(own_maildirs, *own_maildirs.rglob("*"))
        (fetched,) = dovecot.fetched(HOME_CARE)
        assert fetched == f"Return-Path: <{BRINKEN}>\r\n".encode() + octets
        (path,) = dovecot.paths(HOME_CARE)
        assert path.parent.name == "cur"


async def test_a_notice_reaches_a_mailbox_that_dovecot_keeps(
    dovecot: Dovecot, client: SmtpClient, queue: Queue, start_sink: StartSink, tmp_path: Path
) -> None:
    partner = await start_sink(Script(answers={"RCPT": b"550 5.1.1 nobody here\r\n"}))
    route = Route(host="127.0.0.1", port=partner.port, hostname="gw.motala.se", tls=TlsMode.OFF)
    tower = Tower(
        queue=queue,
        client=client,
        routes=Routes(default=route, by_domain={}),
        mail=tmp_path / "mail",
        delivery=LmtpDelivery(client, over_socket(dovecot)),
    )
    message = a_message(queue_id(NOW))
    await queue.insert_pending(message, [a_copy()])
    await queue.make_ready(message.queue_id, now=NOW)
    await tower.work()
    assert tower.lines.events == ["bounced"]
    assert await tower.copies() == []
    (notice,) = arrived(dovecot, SENDER, message.queue_id)
    assert notice.startswith(b"Return-Path: <>\n")
    assert b"Action: failed" in notice
