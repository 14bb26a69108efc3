"""Collecting from a real Dovecot, by the real session, way in, queue and decision log; and by the daemon."""

import imaplib
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rorpost_gateway.imap.base import Account, ImapTls, Server
from rorpost_gateway.imap.credentials import PasswordFile
from rorpost_gateway.imap.sessions import ImapSessions
from tests.crash.collecting import COLLECTED, REFUSED, make_collecting_scene
from tests.crash.way_in import make_brought
from tests.peers.authority import Authority
from tests.peers.collecting import CollectingHouse
from tests.peers.dovecot import Dovecot, dovecot_over
from tests.peers.gnupg_home import PreparedKeys
from tests.peers.imap_server import PASSWORD
from tests.peers.inbound_house import InboundHouse
from tests.peers.whole_gateway import MakeGateway

MAILBOXES = tuple(f"post{number}@partner.se" for number in range(20))
ODD = 'Från partnern & "Co" 50%'
ODD_ON_THE_WIRE = 'Fr&AOU-n partnern &- "Co" 50%'  # RFC 3501, section 5.1.3


@pytest.fixture(scope="module")
def elsewhere(authority: Authority) -> Iterator[tuple[Dovecot, Iterator[str]]]:
    """A server, and mailboxes that nobody has used yet."""
    with dovecot_over(authority, mailboxes=MAILBOXES) as running:
        yield running, iter(MAILBOXES)


@pytest.fixture
def server(elsewhere: tuple[Dovecot, Iterator[str]]) -> Dovecot:
    return elsewhere[0]


@pytest.fixture
def mailbox(elsewhere: tuple[Dovecot, Iterator[str]]) -> str:
    return next(elsewhere[1])


@pytest.fixture
def account(server: Dovecot, mailbox: str, tmp_path: Path) -> Account:
    secret = tmp_path / "password"
    secret.touch(mode=0o600)
    secret.write_text(PASSWORD)
    return Account(
        server=Server(
            host="localhost", port=server.imap_port, tls=ImapTls.IMPLICIT, ca=server.authority.ca_file
        ),
        username=mailbox,
        credentials=PasswordFile(secret),
    )


@pytest.fixture
async def scene(way_in: InboundHouse, account: Account) -> AsyncIterator[CollectingHouse]:
    async with CollectingHouse(way_in, account, sessions=ImapSessions()) as made:
        yield made


async def test_each_goes_where_it_belongs(
    scene: CollectingHouse, way_in: InboundHouse, server: Dovecot, mailbox: str
) -> None:
    sound = way_in.partner.message()
    refused = way_in.partner.message(Importance="high")
    garbage = b"no header at all\x00\xff\r\n"
    for octets in (sound, refused, garbage, sound):
        server.deposit(mailbox, octets)
    await scene.until(lambda: scene.collector.figures.outcomes.total() == 4 and not server.paths(mailbox))
    assert scene.counted() == {"taken": 1, "duplicate": 1, "refused": 2}
    assert server.fetched(mailbox) == []
    assert server.fetched(mailbox, COLLECTED) == [sound, sound]
    assert len(server.fetched(mailbox, REFUSED)) == 2
    [copy] = await way_in.copies()
    assert await way_in.queue.sealed(copy.message.queue_id, copy.recipient) == sound
    assert [told.sender.mailbox for told in scene.told.told] == [copy.message.reverse_path]
    assert scene.failures == []
    for line in way_in.lines():
        assert line["direction"] == "inbound"
        assert line["client"] in ("127.0.0.1", "::1")
        assert str(line["tls"]).startswith("TLSv1.")
        assert "login" not in line or line["login"] is None


async def test_what_the_message_carries_stays_as_it_was(
    scene: CollectingHouse, way_in: InboundHouse, server: Dovecot, mailbox: str
) -> None:
    """Read or unread, and when it arrived."""
    at = datetime(2026, 5, 6, 7, 30, tzinfo=UTC)
    server.deposit(mailbox, way_in.partner.message(), seen=True, arrived_at=at)
    server.deposit(mailbox, way_in.partner.message(Subject="En annan"), arrived_at=at)
    await scene.until(lambda: scene.collector.figures.outcomes.total() == 2 and not server.paths(mailbox))
    assert list(server.flags(mailbox, COLLECTED).values()) == [{"\\Seen"}, set()]
    with server.login(mailbox) as session:
        session.select(COLLECTED, readonly=True)
        _, answers = session.fetch("1:2", "(INTERNALDATE)")
    dates = [imaplib.Internaldate2tuple(answer) for answer in answers if isinstance(answer, bytes)]
    assert [time.mktime(date) for date in dates if date] == [at.timestamp()] * 2


async def test_new_mail_is_noticed_at_once(
    scene: CollectingHouse, way_in: InboundHouse, server: Dovecot, mailbox: str
) -> None:
    await scene.until(lambda: scene.collector.figures.up)
    with server.login(mailbox) as session:
        session.append("INBOX", None, None, way_in.partner.message())
    await scene.until(lambda: scene.counted() == {"taken": 1})
    assert sum(scene.pauses) <= 1


async def test_a_folder_with_an_odd_name(
    way_in: InboundHouse, account: Account, server: Dovecot, mailbox: str
) -> None:
    quoted = ODD_ON_THE_WIRE.replace('"', '\\"')
    with server.login(mailbox) as session:
        assert session.create(f'"{quoted}"')[0] == "OK"
        assert session.append(f'"{quoted}"', None, None, way_in.partner.message())[0] == "OK"
    async with CollectingHouse(way_in, account, folder=ODD, sessions=ImapSessions()) as scene:
        await scene.until(lambda: scene.counted() == {"taken": 1} and scene.collector.figures.up)
    assert len(server.fetched(mailbox, COLLECTED)) == 1
    assert server.fetched(mailbox) == []


async def test_a_wrong_password_and_then_the_right_one(
    scene: CollectingHouse, way_in: InboundHouse, server: Dovecot, mailbox: str, tmp_path: Path
) -> None:
    server.deposit(mailbox, way_in.partner.message())
    (tmp_path / "password").write_text("nonsense")
    await scene.until(lambda: scene.failures)
    assert scene.failures[0] == "ImapLoginFailed"
    assert "nonsense" not in repr(scene.logs)
    (tmp_path / "password").write_text(PASSWORD)
    await scene.until(lambda: scene.counted() == {"taken": 1})
    assert scene.pauses[0] >= 60


def test_the_daemon_tells_of_it_and_ends_in_order(
    whole_gateway: MakeGateway, prepared_keys: PreparedKeys, server: Dovecot, mailbox: str
) -> None:
    metrics = {"metrics": {"listen": "127.0.0.1:0"}}
    scene = make_collecting_scene(whole_gateway, make_brought(prepared_keys), server, mailbox, metrics)
    gateway = scene.gateway
    scene.put([scene.brought.sealed, scene.brought.refused])
    gateway.start()
    gateway.until(lambda: scene.there()[COLLECTED] and scene.there()[REFUSED], what="both moved")
    gateway.wait_until_empty()
    gateway.wait_for_arrivals(1)
    name = f"{mailbox}@localhost:{server.starttls_port}/INBOX"

    def page() -> list[str]:
        where = gateway.running.wait_for_event("ready")["metrics"]
        with urllib.request.urlopen(f"http://{where}/metrics", timeout=10) as answer:
            return str(answer.read().decode()).splitlines()

    gateway.until(lambda: f'rorpost_collecting_up{{account="{name}"}} 1.0' in page(), what="a whole round")
    lines = page()
    assert f'rorpost_collected_total{{account="{name}",outcome="taken"}} 1.0' in lines
    assert f'rorpost_collected_total{{account="{name}",outcome="refused"}} 1.0' in lines
    [notice] = [arrival.octets for arrival in gateway.next_hop.arrivals]
    assert b"550 5.7.1 [urgent]" in notice
    scene.end(refused_lines=1)
