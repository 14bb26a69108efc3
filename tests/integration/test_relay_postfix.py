"""From the queue through the relay to a real Postfix over verified TLS, and back as a DSN."""

import email
import email.policy
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from rorpost_gateway.envelope import Notify
from rorpost_gateway.queue.base import Queue
from rorpost_gateway.smtp_client.base import Route, Routes, TlsMode
from rorpost_gateway.smtp_client.connection import SmtpClient
from tests.peers.authority import Authority
from tests.peers.postfix import BRINKEN, HOME_CARE, LYCKORNA, UNKNOWN, Postfix, without_trace
from tests.peers.queues import NOW, copy, message, queue_id
from tests.peers.relaying import Tower

pytestmark = pytest.mark.root


def sealed_looking(recipient: str, marker: str, *, lines: int = 20) -> bytes:
    """The shape of what the gateway sends: RFC 3156, ASCII, CRLF; with lines that begin with dots."""
    return (
        f"From: <{HOME_CARE}>\r\n"
        f"To: <{recipient}>\r\n"
        "Date: Wed, 06 May 2026 08:00:00 +0200\r\n"
        f"Message-ID: <{marker}@gw.motala.se>\r\n"
        "Subject: [...]\r\n"
        "MIME-Version: 1.0\r\n"
        'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted";\r\n'
        ' boundary="=_b"\r\n'
        "\r\n"
        "--=_b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n"
        "--=_b\r\nContent-Type: application/octet-stream\r\n\r\n"
        "-----BEGIN PGP MESSAGE-----\r\n\r\n"
        + "".join(f"{'.' * (n % 3)}{marker}{n:048}\r\n" for n in range(lines))
        + "-----END PGP MESSAGE-----\r\n\r\n--=_b--\r\n"
    ).encode("ascii")


@pytest.fixture
async def client() -> AsyncIterator[SmtpClient]:
    client = SmtpClient()
    yield client
    await client.close()


@pytest.fixture
def tower(queue: Queue, client: SmtpClient, postfix: Postfix, authority: Authority, tmp_path: Path) -> Tower:
    return tower_to(postfix, "sound", queue, client, authority, tmp_path)


def tower_to(
    postfix: Postfix,
    listener: str,
    queue: Queue,
    client: SmtpClient,
    authority: Authority,
    folder: Path,
    tls: TlsMode = TlsMode.VERIFY,
) -> Tower:
    route = Route(
        host="localhost",
        port=postfix.ports[listener],
        hostname="gw.motala.se",
        tls=tls,
        ca=authority.ca_file,
        connections=1,
    )
    routes = Routes(default=None, by_domain={"regionostergotland.se": route})
    return Tower(queue=queue, client=client, routes=routes, mail=folder / "mail")


async def put(queue: Queue, *recipients: str, lines: int = 20, **more: object) -> str:
    """A message with a copy per recipient; its queue id also marks its octets."""
    it = message(queue_id(NOW))
    copies = [
        copy(recipient, sealed=sealed_looking(recipient, it.queue_id, lines=lines), **more)
        for recipient in recipients
    ]
    await queue.insert_pending(it, copies)
    await queue.make_ready(it.queue_id, now=NOW)
    return it.queue_id


@pytest.mark.parametrize(
    ("listener", "text"),
    [
        ("expired", "its certificate has expired"),
        ("wrong_name", "its certificate is not for the name localhost"),
        ("self_signed", "its certificate is self-signed and not trusted here"),
        ("clear", "does not offer STARTTLS"),
    ],
)
async def test_tls_that_is_not_right_defers_and_sends_nothing(
    queue: Queue,
    client: SmtpClient,
    postfix: Postfix,
    authority: Authority,
    tmp_path: Path,
    listener: str,
    text: str,
) -> None:
    """An expired certificate reported as an unknown recipient; mail that leaves all the same."""
    tower = tower_to(postfix, listener, queue, client, authority, tmp_path)
    mark = await put(queue, BRINKEN)
    await tower.work()
    (kept,) = await tower.copies()
    assert kept.last_reply is not None
    assert text in kept.last_reply
    assert "user" not in kept.last_reply.lower()
    assert tower.lines.events == ["deferred"]
    assert tower.notices() == []
    await client.close()
    line = await postfix.logged(f"rorpost-test/{listener}/smtpd", "disconnect from")
    assert "mail=" not in line
    assert mark not in postfix.log()
    assert postfix.arrived(BRINKEN, mark.encode()) == []


async def test_encrypt_goes_to_any_certificate(
    queue: Queue, client: SmtpClient, postfix: Postfix, authority: Authority, tmp_path: Path
) -> None:
    tower = tower_to(postfix, "self_signed", queue, client, authority, tmp_path, TlsMode.ENCRYPT)
    mark = await put(queue, BRINKEN)
    await tower.work()
    assert tower.lines.events == ["relayed"]
    await postfix.arrival(BRINKEN, mark.encode())


async def test_a_message_arrives_as_it_was_over_verified_tls(
    tower: Tower, queue: Queue, postfix: Postfix
) -> None:
    mark = await put(queue, BRINKEN)
    await tower.work()
    assert await tower.copies() == []
    (line,) = tower.lines.records
    assert line.event.value == "relayed"
    assert str(line.fields["reply"]).startswith("250 2.0.0 Ok: queued as ")
    (arrived,) = await postfix.arrival(BRINKEN, mark.encode())
    assert without_trace(arrived) == sealed_looking(BRINKEN, mark)
    assert arrived.startswith(f"Return-Path: <{HOME_CARE}>".encode())
    assert b"using TLSv1." in arrived
    assert b"with ESMTPS" in arrived


async def test_a_large_message_arrives_as_it_was(tower: Tower, queue: Queue, postfix: Postfix) -> None:
    mark = await put(queue, BRINKEN, lines=150_000)  # some 10 MB
    await tower.work()
    assert tower.lines.events == ["relayed"]
    (arrived,) = await postfix.arrival(BRINKEN, mark.encode())
    assert without_trace(arrived) == sealed_looking(BRINKEN, mark, lines=150_000)


async def test_twenty_messages_take_one_connection(
    tower: Tower, queue: Queue, client: SmtpClient, postfix: Postfix
) -> None:
    marks = [await put(queue, LYCKORNA) for _ in range(20)]
    await tower.work()
    assert tower.lines.events == ["relayed"] * 20
    for mark in marks:
        await postfix.arrival(LYCKORNA, mark.encode())
    await client.close()
    await postfix.logged("rorpost-test/sound/smtpd", "disconnect from", "starttls=1 mail=20 rcpt=20 data=20")


async def test_notify_and_envid_reach_postfix(tower: Tower, queue: Queue, postfix: Postfix) -> None:
    """Postfix answers NOTIFY=SUCCESS itself, and names our ENVID and the original recipient."""
    identity = f"<{queue_id(NOW).lower()}envid@gw.motala.se>"
    await put(
        queue,
        BRINKEN,
        outer_message_id=identity,
        notify=frozenset({Notify.SUCCESS}),
        original_recipient=f"rfc822;{BRINKEN}",
    )
    await tower.work()
    assert tower.lines.events == ["relayed"]
    assert tower.notices() == []
    envid = identity.strip("<>").partition("@")[0]
    (dsn,) = await postfix.arrival(HOME_CARE, envid.encode())
    assert f"Original-Envelope-Id: {envid}".encode() in dsn
    assert f"Original-Recipient: rfc822; {BRINKEN}".encode() in dsn.replace(b"rfc822;ror", b"rfc822; ror")
    assert b"-----BEGIN PGP MESSAGE-----" not in dsn  # RET=HDRS


async def test_of_two_recipients_one_is_refused_and_one_served(
    tower: Tower, queue: Queue, postfix: Postfix
) -> None:
    """A failure notice also for the recipient who got the mail."""
    mark = await put(queue, UNKNOWN, BRINKEN)
    await tower.work()
    assert await tower.copies() == []
    assert {(r.event.value, r.fields["recipient"]) for r in tower.lines.records} == {
        ("bounced", UNKNOWN),
        ("relayed", BRINKEN),
    }
    await postfix.arrival(BRINKEN, mark.encode())
    (file,) = tower.notices()
    octets = file.read_bytes()
    assert b"PGP MESSAGE" not in octets
    report = email.message_from_bytes(octets, policy=email.policy.default)
    assert isinstance(report, EmailMessage)
    assert report.get_content_type() == "multipart/report"
    fields = list(report.iter_parts())[1].get_payload()
    assert len(fields) == 2
    assert fields[1]["Final-Recipient"] == f"rfc822; {UNKNOWN}"
    assert (fields[1]["Action"], fields[1]["Status"]) == ("failed", "5.1.1")
    assert fields[1]["Remote-MTA"] == "dns; localhost"
    assert BRINKEN.encode() not in octets


async def test_larger_than_postfix_takes_is_bounced_before_it_is_sent(
    queue: Queue, client: SmtpClient, postfix: Postfix, authority: Authority, tmp_path: Path
) -> None:
    tower = tower_to(postfix, "small", queue, client, authority, tmp_path)
    await put(queue, BRINKEN, lines=500)
    await tower.work()
    assert tower.lines.events == ["bounced"]
    assert str(tower.lines.records[0].fields["reply"]).startswith("5.3.4 ")
    assert "Meddelandet är större" in _text(tower.notices()[0])


def _text(file: Path) -> str:
    parsed = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return str(next(parsed.iter_parts()).get_content())
