"""What each step's fault comes to, and what must not have gone over the wire by then."""

import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rorpost_gateway.smtp_client.base import Deferred, Failed, Outgoing, Relayed, Route, TlsMode
from rorpost_gateway.smtp_client.connection import SmtpClient
from rorpost_gateway.smtp_client.timeouts import Timeouts
from tests.peers.authority import Authority
from tests.peers.sink import Script, Sink, StartSink

SECRET = "correct horse"
OUTGOING = Outgoing(
    reverse_path="rorpost.hemsjukvarden@motala.se",
    recipient="rorpost.vcbrinken@regionostergotland.se",
    octets=b"Subject: [...]\r\n\r\n" + b"MARKER sealed\r\n" * 20,
)
SHORT = Timeouts(
    connect_seconds=0.2,
    command_seconds=0.2,
    block_seconds=0.2,
    final_reply_seconds=0.2,
    probe_seconds=0.2,
    quit_seconds=0.2,
    attempt_seconds=20,
)
SESSION_STEPS = ("greeting", "EHLO", "MAIL", "RCPT", "DATA", "message")


def clear(sink: Sink) -> Route:
    return Route(host="127.0.0.1", port=sink.port, hostname="gw.motala.se", tls=TlsMode.OFF)


@pytest.fixture
async def client() -> AsyncIterator[SmtpClient]:
    client = SmtpClient()
    yield client
    await client.close()


@pytest.fixture
async def hasty() -> AsyncIterator[SmtpClient]:
    client = SmtpClient(timeouts=SHORT)
    yield client
    await client.close()


def printable(reply: str) -> bool:
    return 0 < len(reply) <= 510 and all(" " <= c <= "~" for c in reply)


# --- the next hop refuses


@pytest.mark.parametrize("code", [421, 450, 550, 554])
@pytest.mark.parametrize("step", ["greeting", "EHLO"])
async def test_a_refused_session_is_deferred_whatever_the_code(
    start_sink: StartSink, client: SmtpClient, step: str, code: int
) -> None:
    sink = await start_sink(Script(answers={step: b"%d 5.1.1 go away\r\n" % code}))
    outcome = await client.send(clear(sink), OUTGOING)
    assert isinstance(outcome, Deferred)
    assert outcome.reply.startswith("4.3.2 127.0.0.1:")
    assert "go away" in outcome.reply
    assert sink.octets_of_messages == 0
    assert "MAIL" not in sink.verbs


@pytest.mark.parametrize(("code", "kind"), [(421, Deferred), (450, Deferred), (530, Deferred), (550, Failed)])
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "message"])
async def test_a_refused_transaction_follows_the_code(
    start_sink: StartSink, client: SmtpClient, step: str, code: int, kind: type
) -> None:
    sink = await start_sink(Script(answers={step: b"%d 5.9.9 no\r\n" % code}))
    outcome = await client.send(clear(sink), OUTGOING)
    assert isinstance(outcome, kind)
    assert outcome.reply == f"{code} 5.9.9 no"
    assert outcome.next_hop == f"127.0.0.1:{sink.port}"
    assert (sink.octets_of_messages > 0) == (step == "message")


async def test_a_refusal_half_way_through_the_message_counts(
    start_sink: StartSink, client: SmtpClient
) -> None:
    sink = await start_sink(Script(refuse_half_way=b"552 5.3.4 enough\r\n"))
    outcome = await client.send(clear(sink), replace(OUTGOING, octets=b"x" * 76 + b"\r\n" * 400_000))
    assert outcome == Failed(reply="552 5.3.4 enough", next_hop=f"127.0.0.1:{sink.port}")


async def test_an_acceptance_half_way_through_the_message_is_not_believed(
    start_sink: StartSink, client: SmtpClient
) -> None:
    sink = await start_sink(Script(refuse_half_way=b"250 2.0.0 ok\r\n"))
    outcome = await client.send(clear(sink), replace(OUTGOING, octets=b"x" * 76 + b"\r\n" * 400_000))
    assert isinstance(outcome, Deferred)
    assert outcome.reply.startswith("4.5.0 ")


# --- the next hop breaks off, is silent, or talks nonsense


@pytest.mark.parametrize("step", SESSION_STEPS)
async def test_a_cut_is_deferred(start_sink: StartSink, client: SmtpClient, step: str) -> None:
    sink = await start_sink(Script(cut_at=step))
    outcome = await client.send(clear(sink), OUTGOING)
    assert isinstance(outcome, Deferred)
    assert outcome.reply.startswith("4.4.2 ")
    assert "closed the connection" in outcome.reply


async def test_a_cut_between_the_last_octet_and_the_answer_is_deferred(
    start_sink: StartSink, client: SmtpClient
) -> None:
    sink = await start_sink(Script(cut_at="message"))
    outcome = await client.send(clear(sink), OUTGOING)
    assert outcome == Deferred(
        reply=f"4.4.2 127.0.0.1:{sink.port} closed the connection at the message",
        next_hop=f"127.0.0.1:{sink.port}",
    )
    assert sink.messages == [OUTGOING.octets]  # so it may arrive twice, but is never lost


@pytest.mark.parametrize("step", SESSION_STEPS)
async def test_silence_is_deferred_after_a_bounded_time(
    start_sink: StartSink, hasty: SmtpClient, step: str
) -> None:
    sink = await start_sink(Script(silent_at=step))
    outcome = await hasty.send(clear(sink), OUTGOING)
    assert isinstance(outcome, Deferred)
    assert "did not answer" in outcome.reply


async def test_the_whole_attempt_is_bounded(start_sink: StartSink) -> None:
    sink = await start_sink(Script(silent_at="RCPT"))
    client = SmtpClient(timeouts=replace(Timeouts(), attempt_seconds=0.2))
    outcome = await client.send(clear(sink), OUTGOING)
    assert isinstance(outcome, Deferred)
    assert outcome.reply == f"4.4.2 127.0.0.1:{sink.port} did not answer RCPT in time"


@pytest.mark.parametrize("step", SESSION_STEPS)
async def test_an_endless_answer_is_deferred(start_sink: StartSink, client: SmtpClient, step: str) -> None:
    sink = await start_sink(Script(endless_at=step))
    outcome = await client.send(clear(sink), OUTGOING)
    assert isinstance(outcome, Deferred)
    assert outcome.reply.startswith("4.5.0 ")


@pytest.mark.parametrize(
    "nonsense",
    [
        *(b"HTTP/1.1 400 Bad Request\r\n", b"\x16\x03\x01\x02\r\n", b"\xff\xff\xff ok\r\n", b"\r\n"),
        *(b"2_5 ok\r\n", b"999 ok\r\n", b"-20 ok\r\n", b"000 ok\r\n", b"199 ok\r\n", b"354 not now\r\n"),
    ],
)
@pytest.mark.parametrize("step", [s for s in SESSION_STEPS if s != "DATA"])
async def test_nonsense_is_deferred_and_never_an_acceptance(
    start_sink: StartSink, client: SmtpClient, step: str, nonsense: bytes
) -> None:
    sink = await start_sink(Script(answers={step: nonsense}))
    outcome = await client.send(clear(sink), OUTGOING)
    assert isinstance(outcome, Deferred)
    assert outcome.reply.startswith("4.5.0 ")
    assert printable(outcome.reply)


async def test_an_acceptance_instead_of_354_is_nonsense(start_sink: StartSink, client: SmtpClient) -> None:
    sink = await start_sink(Script(answers={"DATA": b"250 ok\r\n"}))
    outcome = await client.send(clear(sink), OUTGOING)
    assert isinstance(outcome, Deferred)
    assert sink.octets_of_messages == 0


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (b"550 5.1.1 ok\x1b[2J\x00\x07evil\r\n", "550 5.1.1 ok?[2J??evil"),
        (b"550 5.1.1 ok\xe5\xff\r\n", "550 5.1.1 ok??"),
        ("550 5.1.1 okänd mottagare\r\n".encode(), "550 5.1.1 okand mottagare"),
        (b"550-5.1.1 one\r\n550-5.1.1 two\r\n550 5.1.1 three\r\n", "550 5.1.1 one 5.1.1 two 5.1.1 three"),
        (b"550 5.1.1 " + b"y" * 4000 + b"\r\n", "550 5.1.1 " + "y" * 500),
        (b"550\r\n", "550"),
        (b"550 5.1.1 a\rFrom: b\r\n", "550 5.1.1 a From: b"),
    ],
)
async def test_a_reply_becomes_one_line_of_printable_ascii(
    start_sink: StartSink, client: SmtpClient, answer: bytes, reply: str
) -> None:
    sink = await start_sink(Script(answers={"RCPT": answer}))
    outcome = await client.send(clear(sink), OUTGOING)
    assert isinstance(outcome, Failed)
    assert outcome.reply == reply
    assert printable(outcome.reply)


# --- there is no next hop


async def test_a_refused_connection_is_deferred(client: SmtpClient) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening
        port = taken.getsockname()[1]
        route = Route(host="127.0.0.1", port=port, hostname="gw.motala.se", tls=TlsMode.OFF)
        outcome = await client.send(route, OUTGOING)
    assert outcome == Deferred(
        reply=f"4.4.1 127.0.0.1:{port} refused the connection", next_hop=f"127.0.0.1:{port}"
    )


async def test_a_name_that_does_not_resolve_is_deferred(client: SmtpClient) -> None:
    route = Route(host="no label is this long" + "g" * 64, port=25, hostname="gw.motala.se")
    outcome = await client.send(route, OUTGOING)
    assert isinstance(outcome, Deferred)
    assert outcome.reply.startswith("4.4.")


# --- TLS


def secure(sink: Sink, ca: Path | None, *, host: str = "localhost", tls: TlsMode = TlsMode.VERIFY) -> Route:
    return Route(host=host, port=sink.port, hostname="gw.motala.se", tls=tls, ca=ca)


def expired(authority: Authority) -> ssl.SSLContext:
    now = datetime.now(UTC)
    leaf = authority.ca.issue_cert(
        "localhost", not_before=now - timedelta(days=9), not_after=now - timedelta(days=2)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    return context


def too_young(authority: Authority) -> ssl.SSLContext:
    now = datetime.now(UTC)
    leaf = authority.ca.issue_cert(
        "localhost", not_before=now + timedelta(days=2), not_after=now + timedelta(days=9)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    return context


def for_another_name(authority: Authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.ca.issue_cert("mx.example.org").configure_cert(context)
    return context


def old_protocol(authority: Authority) -> ssl.SSLContext:
    context = authority.server_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (expired, "its certificate has expired"),
        (too_young, "its certificate is not valid yet"),
        (for_another_name, "its certificate is not for the name localhost"),
        (old_protocol, "the handshake failed"),
    ],
)
async def test_a_certificate_fault_is_told_as_what_it_is_and_nothing_is_sent(
    start_sink: StartSink,
    client: SmtpClient,
    authority: Authority,
    make: Callable[[Authority], ssl.SSLContext],
    text: str,
) -> None:
    sink = await start_sink(Script(tls=make(authority)))
    outcome = await client.send(secure(sink, authority.ca_file), OUTGOING)
    assert isinstance(outcome, Deferred)
    assert outcome.reply.startswith("4.7.5 TLS to localhost:")
    assert text in outcome.reply
    assert "user" not in outcome.reply.lower()
    assert set(sink.verbs) == {"EHLO", "STARTTLS"}
    assert sink.octets_of_messages == 0


async def test_a_strangers_authority_is_not_trusted(
    start_sink: StartSink, client: SmtpClient, authority: Authority, stranger: Authority
) -> None:
    sink = await start_sink(Script(tls=stranger.server_context()))
    outcome = await client.send(secure(sink, authority.ca_file), OUTGOING)
    assert isinstance(outcome, Deferred)
    assert "not trusted here" in outcome.reply
    assert sink.octets_of_messages == 0


async def test_without_an_authority_file_the_systems_are_asked(
    start_sink: StartSink, client: SmtpClient, authority: Authority
) -> None:
    sink = await start_sink(Script(tls=authority.server_context()))
    outcome = await client.send(secure(sink, None), OUTGOING)
    assert isinstance(outcome, Deferred)
    assert "not trusted here" in outcome.reply


@pytest.mark.parametrize("tls", [TlsMode.VERIFY, TlsMode.ENCRYPT])
async def test_no_starttls_offered_means_nothing_is_sent(
    start_sink: StartSink, client: SmtpClient, authority: Authority, tls: TlsMode
) -> None:
    sink = await start_sink(Script())
    outcome = await client.send(secure(sink, authority.ca_file, tls=tls), OUTGOING)
    assert isinstance(outcome, Deferred)
    assert outcome.reply == f"4.7.4 localhost:{sink.port} does not offer STARTTLS"
    assert sink.verbs == ["EHLO"]


@pytest.mark.parametrize("answer", [b"454 4.7.0 not now\r\n", b"554 5.7.3 never\r\n", b"250 what\r\n"])
async def test_a_refused_starttls_means_nothing_is_sent(
    start_sink: StartSink, client: SmtpClient, authority: Authority, answer: bytes
) -> None:
    sink = await start_sink(Script(tls=authority.server_context(), answers={"STARTTLS": answer}))
    outcome = await client.send(secure(sink, authority.ca_file), OUTGOING)
    assert isinstance(outcome, Deferred)
    assert outcome.reply.startswith("4.7.4 " if answer[0] in b"45" else "4.5.0 ")
    assert sink.verbs == ["EHLO", "STARTTLS"]


async def test_what_is_injected_before_the_handshake_is_not_read_after_it(
    start_sink: StartSink, client: SmtpClient, authority: Authority
) -> None:
    """Commands or replies in the clear behind STARTTLS (2011, 2021)."""
    script = Script(tls=authority.server_context(), injected=b"550 5.1.1 forged\r\n")
    sink = await start_sink(script)
    outcome = await client.send(secure(sink, authority.ca_file), OUTGOING)
    assert isinstance(outcome, Relayed | Deferred)
    assert "forged" not in outcome.reply


@pytest.mark.parametrize("content", [None, b"not a certificate"])
async def test_an_authority_file_that_cannot_be_used_is_an_operators_matter(
    start_sink: StartSink, client: SmtpClient, tmp_path: Path, content: bytes | None
) -> None:
    sink = await start_sink(Script())
    ca = tmp_path / "ca.pem"
    if content is not None:
        ca.write_bytes(content)
    outcome = await client.send(secure(sink, ca), OUTGOING)
    assert isinstance(outcome, Deferred)
    assert outcome.reply.startswith("4.3.5 the file of authorities")
    assert sink.connections == []


def outside_address() -> str:
    """One of this machine's addresses that is not plainly loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return "::ffff:127.0.0.1"
        return str(probe.getsockname()[0])


async def test_clear_text_beyond_loopback_is_never_used(start_sink: StartSink, client: SmtpClient) -> None:
    sink = await start_sink(Script())
    route = replace(clear(sink), host=outside_address())
    outcome = await client.send(route, OUTGOING)
    assert isinstance(outcome, Deferred)
    assert outcome.reply.startswith("4.7.4 TLS to ")
    assert sink.verbs == []


async def test_encrypt_takes_any_certificate(
    start_sink: StartSink, client: SmtpClient, stranger: Authority
) -> None:
    sink = await start_sink(Script(tls=stranger.server_context()))
    outcome = await client.send(secure(sink, None, tls=TlsMode.ENCRYPT), OUTGOING)
    assert isinstance(outcome, Relayed)
    assert sink.connections[0].encrypted


# --- logins


def with_login(route: Route) -> Route:
    return replace(route, username="gw", password=SECRET)


async def test_no_password_goes_out_in_the_clear(start_sink: StartSink, client: SmtpClient) -> None:
    sink = await start_sink(Script())
    outcome = await client.send(with_login(clear(sink)), OUTGOING)
    assert isinstance(outcome, Deferred)
    assert outcome.reply.startswith("4.7.4 a login to ")
    assert sink.verbs == []


async def test_a_failed_login_is_the_operators_matter(
    start_sink: StartSink, client: SmtpClient, authority: Authority
) -> None:
    script = Script(tls=authority.server_context(), answers={"AUTH": b"535 5.7.8 wrong\r\n"})
    sink = await start_sink(script)
    outcome = await client.send(with_login(secure(sink, authority.ca_file)), OUTGOING)
    assert outcome == Deferred(
        reply=f"4.7.0 localhost:{sink.port} refused AUTH: 535 5.7.8 wrong", next_hop=f"localhost:{sink.port}"
    )
    assert "MAIL" not in sink.verbs


async def test_no_known_way_to_log_in_is_the_operators_matter(
    start_sink: StartSink, client: SmtpClient, authority: Authority
) -> None:
    sink = await start_sink(Script(tls=authority.server_context(), extensions=("AUTH CRAM-MD5 XOAUTH2",)))
    outcome = await client.send(with_login(secure(sink, authority.ca_file)), OUTGOING)
    assert isinstance(outcome, Deferred)
    assert "neither AUTH PLAIN nor AUTH LOGIN" in outcome.reply


@pytest.mark.parametrize("method", ["PLAIN", "LOGIN"])
async def test_a_login_goes_out_after_tls_only(
    start_sink: StartSink, client: SmtpClient, authority: Authority, method: str
) -> None:
    sink = await start_sink(Script(tls=authority.server_context(), extensions=(f"AUTH {method}",)))
    outcome = await client.send(with_login(secure(sink, authority.ca_file)), OUTGOING)
    assert isinstance(outcome, Relayed)
    verbs = sink.verbs
    assert verbs.index("STARTTLS") < verbs.index("AUTH") < verbs.index("MAIL")


def test_a_route_never_shows_its_password() -> None:
    route = Route(host="h", port=25, hostname="gw", username="gw", password=SECRET)
    assert SECRET not in repr(route)
    assert SECRET not in str(route)


# --- what is never tried


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"recipient": "a@b.se> NOTIFY=NEVER"}, "5.1.3"),
        ({"recipient": "a@b.se\r\nDATA"}, "5.1.3"),
        ({"recipient": ""}, "5.1.3"),
        ({"reverse_path": "a@b.se>\r\nRSET"}, "5.1.3"),
        ({"octets": b"a\n.\r\nMAIL\r\n"}, "5.6.0"),
        ({"octets": b"a\r.\r\n"}, "5.6.0"),
        ({"octets": b"a\r\nb"}, "5.6.0"),
        ({"octets": b""}, "5.6.0"),
    ],
)
async def test_an_unfit_envelope_or_message_opens_no_connection(
    start_sink: StartSink, client: SmtpClient, change: dict[str, object], status: str
) -> None:
    """SMTP smuggling (2023): no other line end than CRLF ever goes out."""
    sink = await start_sink(Script())
    outcome = await client.send(clear(sink), replace(OUTGOING, **change))  # type: ignore[arg-type]
    assert isinstance(outcome, Failed)
    assert outcome.reply.startswith(f"{status} ")
    assert sink.connections == []


async def test_larger_than_the_route_takes_opens_no_connection(
    start_sink: StartSink, client: SmtpClient
) -> None:
    sink = await start_sink(Script())
    outcome = await client.send(replace(clear(sink), max_size_octets=100), OUTGOING)
    assert isinstance(outcome, Failed)
    assert outcome.reply.startswith("5.3.4 ")
    assert sink.connections == []


async def test_larger_than_the_next_hop_says_it_takes_is_not_sent(
    start_sink: StartSink, client: SmtpClient
) -> None:
    sink = await start_sink(Script(extensions=("SIZE 100",)))
    outcome = await client.send(clear(sink), OUTGOING)
    assert isinstance(outcome, Failed)
    assert outcome.reply.startswith("5.3.4 ")
    assert "MAIL" not in sink.verbs


@pytest.mark.parametrize("size", ["SIZE", "SIZE 0", "SIZE many", "SIZE " + "9" * 40])
async def test_a_size_that_states_no_limit_limits_nothing(
    start_sink: StartSink, client: SmtpClient, size: str
) -> None:
    sink = await start_sink(Script(extensions=(size,)))
    assert isinstance(await client.send(clear(sink), OUTGOING), Relayed)


async def test_eight_bit_octets_need_8bitmime(start_sink: StartSink, client: SmtpClient) -> None:
    sink = await start_sink(Script(extensions=("DSN",)))
    outcome = await client.send(clear(sink), replace(OUTGOING, octets="å\r\n".encode()))
    assert isinstance(outcome, Failed)
    assert outcome.reply.startswith("5.6.3 ")
    assert "MAIL" not in sink.verbs
