"""What a mail server is told of opened mail, and what its answers come to. Refusals first."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from rorpost_gateway.delivery.base import DeferredDelivery, Delivered, FailedDelivery
from rorpost_gateway.delivery.lmtp import LmtpDelivery
from rorpost_gateway.delivery.smtp import SmtpDelivery
from rorpost_gateway.smtp_client.base import MailProtocol, Route, TlsMode
from rorpost_gateway.smtp_client.connection import SmtpClient
from tests.peers.authority import Authority
from tests.peers.opened_message import BRINKEN, opened_message
from tests.peers.sink import EXTENSIONS, Script, Sink, StartSink

HOME_CARE = "rorpost.hemsjukvarden@motala.se"
OPENED = opened_message(HOME_CARE, "marker")
KINDS = {MailProtocol.SMTP: SmtpDelivery, MailProtocol.LMTP: LmtpDelivery}
BOTH = pytest.mark.parametrize("protocol", MailProtocol)


@pytest.fixture
async def client() -> AsyncIterator[SmtpClient]:
    client = SmtpClient()
    yield client
    await client.close()


def route_to(sink: Sink, protocol: MailProtocol = MailProtocol.SMTP, **more: object) -> Route:
    route = Route(
        host="127.0.0.1", port=sink.port, hostname="gw.motala.se", tls=TlsMode.OFF, protocol=protocol
    )
    return replace(route, **more)  # type: ignore[arg-type]


def delivery(client: SmtpClient, sink: Sink, protocol: MailProtocol) -> SmtpDelivery:
    return KINDS[protocol](client, route_to(sink, protocol))


@BOTH
@pytest.mark.parametrize("address", ["anna.berg@motala.se", "rorpost.a@motala.se\r\nRCPT TO:<b@c.d>", ""])
async def test_what_is_no_function_mailbox_is_never_asked_for(
    start_sink: StartSink, client: SmtpClient, protocol: MailProtocol, address: str
) -> None:
    sink = await start_sink(Script())
    outcome = await delivery(client, sink, protocol).deliver(
        address, OPENED, reverse_path=BRINKEN, unique="u1"
    )
    assert isinstance(outcome, FailedDelivery)
    assert outcome.reply == "5.1.1 not a function mailbox"
    assert sink.connections == []


async def test_opened_mail_takes_no_unverified_route(start_sink: StartSink, client: SmtpClient) -> None:
    sink = await start_sink(Script())
    with pytest.raises(ValueError, match="not verified"):
        SmtpDelivery(client, route_to(sink, tls=TlsMode.ENCRYPT))
    with pytest.raises(ValueError, match="speaks smtp, not lmtp"):
        LmtpDelivery(client, route_to(sink))


async def test_without_starttls_not_an_octet_is_sent(start_sink: StartSink, client: SmtpClient) -> None:
    sink = await start_sink(Script())
    to = SmtpDelivery(client, route_to(sink, tls=TlsMode.VERIFY, username="gw1", password="secret"))
    outcome = await to.deliver(HOME_CARE, OPENED, reverse_path=BRINKEN, unique="u1")
    assert isinstance(outcome, DeferredDelivery)
    assert "does not offer STARTTLS" in outcome.reply
    assert sink.verbs == ["EHLO"]


@BOTH
async def test_what_is_not_8_bit_clean_gets_no_8_bit_message(
    start_sink: StartSink, client: SmtpClient, protocol: MailProtocol
) -> None:
    sink = await start_sink(Script(extensions=tuple(set(EXTENSIONS) - {"8BITMIME"})))
    outcome = await delivery(client, sink, protocol).deliver(
        HOME_CARE, OPENED, reverse_path=BRINKEN, unique="u1"
    )
    assert isinstance(outcome, FailedDelivery)
    assert "does not take 8-bit messages" in outcome.reply
    assert sink.octets_of_messages == 0


@BOTH
@pytest.mark.parametrize("octets", [b"a\nb\r\n", b"a\rb\r\n", b"no end"])
async def test_line_ends_that_a_server_would_mend_are_refused(
    start_sink: StartSink, client: SmtpClient, protocol: MailProtocol, octets: bytes
) -> None:
    sink = await start_sink(Script())
    outcome = await delivery(client, sink, protocol).deliver(
        HOME_CARE, octets, reverse_path=BRINKEN, unique="u1"
    )
    assert isinstance(outcome, FailedDelivery)
    assert outcome.reply.startswith("5.6.0 ")
    assert sink.connections == []


@BOTH
@pytest.mark.parametrize(
    ("step", "reply", "kind"),
    [
        ("RCPT", "550 5.1.1 unknown", FailedDelivery),
        ("RCPT", "451 4.3.0 later", DeferredDelivery),
        ("RCPT", "530 5.7.0 log in", DeferredDelivery),
        ("message", "452 4.2.2 full", DeferredDelivery),
        ("message", "552 5.2.2 full", FailedDelivery),
        ("message", "250 2.0.0 saved", Delivered),
    ],
)
async def test_an_answer_follows_the_code(
    start_sink: StartSink, client: SmtpClient, protocol: MailProtocol, step: str, reply: str, kind: type
) -> None:
    sink = await start_sink(Script(answers={step: reply.encode() + b"\r\n"}))
    outcome = await delivery(client, sink, protocol).deliver(
        HOME_CARE, OPENED, reverse_path=BRINKEN, unique="u1"
    )
    assert isinstance(outcome, kind)
    codes = " ".join(reply.split()[:2])
    assert outcome.reply == (reply if kind is Delivered else f"{codes} the mailbox did not take the message")
    assert outcome.next_hop == f"127.0.0.1:{sink.port}"


@BOTH
async def test_an_answer_that_was_not_heard_is_deferred_and_the_second_attempt_is_the_same(
    start_sink: StartSink, client: SmtpClient, protocol: MailProtocol
) -> None:
    sink = await start_sink(Script(cut_at="message"))
    to = delivery(client, sink, protocol)
    first = await to.deliver(HOME_CARE, OPENED, reverse_path=BRINKEN, unique="u1")
    assert isinstance(first, DeferredDelivery)
    assert first.reply.startswith("4.4.2 ")
    sink.script.cut_at = None
    second = await to.deliver(HOME_CARE, OPENED, reverse_path=BRINKEN, unique="u1")
    assert isinstance(second, Delivered)
    assert sink.messages == [OPENED, OPENED]
    assert sink.connections[0].lines == sink.connections[1].lines


@BOTH
async def test_a_server_is_told_nothing_by_which_it_could_answer(
    start_sink: StartSink, client: SmtpClient, protocol: MailProtocol
) -> None:
    """A bounce or an absence notice about an opened message would leave in clear text."""
    sink = await start_sink(Script())
    await delivery(client, sink, protocol).deliver(HOME_CARE, OPENED, reverse_path=BRINKEN, unique="1.0123ab")
    (connection,) = sink.connections
    assert connection.lines[1:3] == [
        f"MAIL FROM:<> SIZE={len(OPENED)} BODY=8BITMIME RET=HDRS ENVID=1.0123ab",
        f"RCPT TO:<{HOME_CARE}> NOTIFY=NEVER",
    ]
    assert BRINKEN not in " ".join(connection.lines)
    assert connection.messages == [OPENED]


async def test_a_login_comes_after_tls(
    start_sink: StartSink, client: SmtpClient, authority: Authority
) -> None:
    sink = await start_sink(Script(tls=authority.server_context()))
    route = route_to(sink, tls=TlsMode.VERIFY, ca=authority.ca_file, username="gw1", password="secret")
    outcome = await SmtpDelivery(client, route).deliver(HOME_CARE, OPENED, reverse_path=BRINKEN, unique="u1")
    assert isinstance(outcome, Delivered)
    (connection,) = sink.connections
    assert connection.verbs[:5] == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL"]
    assert connection.encrypted


async def test_a_login_that_is_refused_is_for_operators_to_mend(
    start_sink: StartSink, client: SmtpClient, authority: Authority
) -> None:
    sink = await start_sink(Script(tls=authority.server_context(), answers={"AUTH": b"535 5.7.8 no\r\n"}))
    route = route_to(sink, tls=TlsMode.VERIFY, ca=authority.ca_file, username="gw1", password="secret")
    outcome = await SmtpDelivery(client, route).deliver(HOME_CARE, OPENED, reverse_path=BRINKEN, unique="u1")
    assert isinstance(outcome, DeferredDelivery)
    assert "refused AUTH" in outcome.reply
    assert "secret" not in outcome.reply
    assert sink.octets_of_messages == 0
