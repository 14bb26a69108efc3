"""Opened mail into a real Postfix over SMTP, as into an organisation's own mail server. Refusals first."""

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import pytest

from rorpost_gateway.delivery.base import DeferredDelivery, Delivered, FailedDelivery
from rorpost_gateway.delivery.smtp import SmtpDelivery
from rorpost_gateway.smtp_client.base import Route, TlsMode
from rorpost_gateway.smtp_client.connection import SmtpClient
from tests.peers.authority import Authority
from tests.peers.opened_message import BRINKEN, opened_message
from tests.peers.postfix import HOME_CARE, Postfix, without_trace

pytestmark = pytest.mark.root
UNKNOWN = "rorpost.okand@motala.se"
OTHER_DOMAIN = "rorpost.enhet@example.org"


@pytest.fixture
async def client() -> AsyncIterator[SmtpClient]:
    client = SmtpClient()
    yield client
    await client.close()


@pytest.fixture
def marker() -> str:
    return uuid4().hex


def route_to(postfix: Postfix, authority: Authority, listener: str = "sound") -> Route:
    return Route(
        host="localhost",
        port=postfix.ports[listener],
        hostname="gw.motala.se",
        tls=TlsMode.VERIFY,
        ca=authority.ca_file,
    )


async def deliver(client: SmtpClient, route: Route, recipient: str, octets: bytes) -> object:
    return await SmtpDelivery(client, route).deliver(
        recipient, octets, reverse_path=BRINKEN, unique=uuid4().hex
    )


@pytest.mark.parametrize(("recipient", "code"), [(UNKNOWN, "550 5.1.1 "), (OTHER_DOMAIN, "554 5.7.1 ")])
async def test_a_mailbox_that_is_not_there_is_refused_for_good(
    postfix: Postfix, authority: Authority, client: SmtpClient, marker: str, recipient: str, code: str
) -> None:
    outcome = await deliver(
        client, route_to(postfix, authority), recipient, opened_message(recipient, marker)
    )
    assert isinstance(outcome, FailedDelivery)
    assert outcome.reply.startswith(code)


@pytest.mark.parametrize("listener", ["expired", "wrong_name", "self_signed", "clear"])
async def test_tls_that_is_not_right_gets_nothing(
    postfix: Postfix, authority: Authority, client: SmtpClient, marker: str, listener: str
) -> None:
    route = route_to(postfix, authority, listener)
    outcome = await deliver(client, route, HOME_CARE, opened_message(HOME_CARE, marker))
    assert isinstance(outcome, DeferredDelivery)
    assert outcome.reply.startswith("4.7.")
    assert postfix.arrived(HOME_CARE, marker.encode()) == []


async def test_larger_than_the_server_takes_is_refused_before_it_is_sent(
    postfix: Postfix, authority: Authority, client: SmtpClient, marker: str
) -> None:
    route = route_to(postfix, authority, "small")
    outcome = await deliver(client, route, HOME_CARE, opened_message(HOME_CARE, marker))
    assert isinstance(outcome, FailedDelivery)
    assert outcome.reply.startswith("5.3.4 ")


@pytest.mark.parametrize("size", [0, 5_000_000])
async def test_an_opened_message_arrives_octet_by_octet(
    postfix: Postfix, authority: Authority, client: SmtpClient, marker: str, size: int
) -> None:
    octets = opened_message(HOME_CARE, marker, octets=size)
    route = route_to(postfix, authority)
    outcome = await deliver(client, route, HOME_CARE, octets)
    assert isinstance(outcome, Delivered)
    assert outcome.reply.startswith("250 2.0.0 Ok: queued as ")
    (arrived,) = await postfix.arrival(HOME_CARE, marker.encode())
    assert without_trace(arrived) == octets
    assert b"with ESMTPS" in arrived


async def test_the_server_is_given_the_null_path_and_can_bounce_nothing_to_the_partner(
    postfix: Postfix, authority: Authority, client: SmtpClient, marker: str
) -> None:
    outcome = await deliver(
        client, route_to(postfix, authority), HOME_CARE, opened_message(HOME_CARE, marker)
    )
    assert isinstance(outcome, Delivered)
    (arrived,) = await postfix.arrival(HOME_CARE, marker.encode())
    assert arrived.startswith(b"Return-Path: <>\n")
    queued_as = outcome.reply.rpartition(" ")[2]
    assert "from=<>" in await postfix.logged(f"{queued_as}: from=")


async def test_two_messages_on_one_connection(
    postfix: Postfix, authority: Authority, client: SmtpClient, marker: str
) -> None:
    route = replace(route_to(postfix, authority), connections=1)
    sent = [opened_message(HOME_CARE, f"{marker}.{number}") for number in range(2)]
    for octets in sent:
        assert isinstance(await deliver(client, route, HOME_CARE, octets), Delivered)
    arrived = await postfix.arrival(HOME_CARE, marker.encode(), count=2)
    assert sorted(without_trace(octets) for octets in arrived) == sorted(sent)
