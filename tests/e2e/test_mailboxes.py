"""IMAP from end to end: a partner's mail is collected, delivered, read or not, and it is told which.

Two real gateways. The Region's sealed mail comes into an ordinary mailbox at Motala's provider,
a real Dovecot; Motala's gateway has nothing but IMAP: it collects there, delivers to the
function mailboxes, lays copies into Sent, and watches that they are read. Its clock is the
test's.
"""

import imaplib
import json
import smtplib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.demo.clock import Clock
from tests.peers.authority import Authority
from tests.peers.dovecot import MAILBOXES, PASSWORD, WATCH, WATCH_PASSWORD, Dovecot, dovecot_over
from tests.peers.gateway_world import BRINKEN, HOME_CARE
from tests.peers.gnupg_home import PreparedKeys
from tests.peers.next_hop import NextHop
from tests.peers.submitting import make_message
from tests.peers.two_gateways import (
    DORA,
    MakeTwoGateways,
    Side,
    TwoGateways,
    agreed_policy,
    changed,
    unchanged_sha256,
)

SEALED = "forseglat@motala.se"  # an ordinary mailbox: the partner's sealed mail comes here
DORIS, EVA = "doris.vik@motala.se", "eva.ek@motala.se"
WORD = "FLADDERMUSEN"
CLOCKED = Path(__file__).parents[1] / "peers" / "clocked_daemon.py"


class Provider:
    """The partner's way to us, and ours to our people: a mail server of each, outside every gateway."""

    def __init__(self) -> None:
        self.sealed, self.notices = NextHop(), NextHop()

    def close(self) -> None:
        self.sealed.close()
        self.notices.close()


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.close()


@pytest.fixture
def store(authority: Authority) -> Iterator[Dovecot]:
    with dovecot_over(authority, mailboxes=(*MAILBOXES, SEALED)) as running:
        yield running


def only_imap(store: Dovecot, provider: Provider) -> dict[str, Any]:
    server = {
        "host": "localhost",
        "port": store.imap_port,
        "tls": {"mode": "implicit", "ca": str(store.authority.ca_file)},
    }
    begun_in_clear = server | {"port": store.starttls_port, "tls": {"ca": str(store.authority.ca_file)}}
    return {
        "timezone": "UTC",  # without days on which a time comes twice
        "inbound": {
            "smtp": None,
            "imap": [
                begun_in_clear
                | {"username": SEALED, "password_file": "mailbox.password", "recipient": HOME_CARE}
            ],
        },
        "delivery": {
            "method": "imap",
            "maildir": None,
            "sent_copy": "imap",
            "imap": server | {"username": "{mailbox}", "password_file": "mailbox.password"},
        },
        "supervision": {
            "imap": server | {"username": f"{{mailbox}}*{WATCH}", "password_file": "watch.password"},
            "notify": {
                "smtp": {"host": "127.0.0.1", "port": provider.notices.port, "tls": {"mode": "off"}},
                "from": "rorpost.vakt@motala.se",
            },
        },
    }


# --- what the test does from outside every gateway


class Day:
    """Motala's day, on which there are two deadlines; its clock is set to each.

    Both come within the hour, since Dovecot gives no message a date from the future.
    """

    def __init__(self, folder: Path) -> None:
        self.clock = Clock(folder / "clock")
        first = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=15)
        self.deadlines = (first, first + timedelta(minutes=15))

    @property
    def read_at(self) -> list[str]:
        return [f"{deadline:%H:%M}" for deadline in self.deadlines]

    def goes_on_to(self, deadline: datetime) -> None:
        """To a moment before it, so that the clock goes through it by itself."""
        self.clock.set(deadline - timedelta(seconds=1))


@pytest.fixture
def day(tmp_path: Path) -> Day:
    return Day(tmp_path)


@pytest.fixture
def both(
    two_gateways: MakeTwoGateways, prepared_keys: PreparedKeys, store: Dovecot, provider: Provider, day: Day
) -> TwoGateways:
    """The Region with SMTP, Motala with nothing but IMAP; both run."""
    watched = {"read_at": day.read_at, "read_on": "every-day", "on_duty": [DORIS], "manager": EVA}
    hop = {"host": "127.0.0.1", "port": provider.sealed.port, "tls": {"mode": "off", "ca": None}}
    pair = two_gateways(
        start=False,
        motala=only_imap(store, provider),
        region={"relay": {"default": hop}},
        policy=changed(agreed_policy(prepared_keys), HOME_CARE, **watched),
    )
    for name, secret in (("mailbox.password", PASSWORD), ("watch.password", WATCH_PASSWORD)):
        (pair.motala.folder / name).touch(mode=0o600)
        (pair.motala.folder / name).write_text(secret)
    pair.motala.start(wrapper=CLOCKED, arguments=(str(day.clock.file),), wait=False)
    pair.region.start(wait=False)
    for side in pair.sides:
        side.running.wait_for_event("ready")
    return pair


def carry(octets: bytes, store: Dovecot) -> None:
    """What a partner has relayed comes into the ordinary mailbox, as any mail does."""
    with smtplib.LMTP("127.0.0.1", store.lmtp_port) as client:
        client.sendmail(BRINKEN, [SEALED], octets)


def lies_in(store: Dovecot, mailbox: str, folder: str) -> dict[int, frozenset[str]]:
    """UID and flags; nothing where there is no such folder."""
    try:
        return store.flags(mailbox, folder)
    except imaplib.IMAP4.error:
        return {}


def fetched(store: Dovecot, mailbox: str, folder: str) -> list[bytes]:
    with store.login(mailbox) as session:
        session.select(folder, readonly=True)
        _, answers = session.fetch("1:*", "(BODY.PEEK[])")
    return [answer[1] for answer in answers if isinstance(answer, tuple)]


def read_everything(store: Dovecot, mailbox: str) -> None:
    """As a mail client does: fetching a body without PEEK marks it."""
    with store.login(mailbox) as session:
        session.fetch("1:*", "(BODY[])")


def judged(side: Side, count: int) -> dict[str, Any]:
    """The newest of that many lines about deadlines."""
    side.until(lambda: len(side.lines_of("mailbox")) >= count, what=f"{count} lines about deadlines")
    lines = side.lines_of("mailbox")
    assert len(lines) == count
    return lines[-1]


def standing(side: Side, *, code: int) -> dict[str, Any]:
    """What `rorpost mailboxes` says of home care; it must end with `code`."""
    shown = json.loads(side.rorpost("mailboxes", "--json", code=code))
    [entry] = [entry for entry in shown if entry["mailbox"] == HOME_CARE]
    return {name: entry[name] for name in ("outcome", "unread", "in_inbox", "in_sent", "foreign")}


def test_with_nothing_but_imap(both: TwoGateways, day: Day, store: Dovecot, provider: Provider) -> None:
    motala, region = both.sides

    # The Region writes; its message is collected, judged, opened and delivered.
    letter = make_message(recipients=(HOME_CARE,), sender=BRINKEN, user=DORA, body=f"{WORD}: ring mig")
    assert region.send(HOME_CARE, octets=letter).accepted
    region.wait_until_relayed(1)
    [arrival] = provider.sealed.arrivals
    carry(arrival.octets, store)
    assert len(motala.wait_until_delivered(1)) == 1
    [octets] = fetched(store, HOME_CARE, "INBOX")
    assert unchanged_sha256(octets) == unchanged_sha256(letter)
    [decision] = motala.decisions(direction="inbound")
    assert (decision["reason"], decision["channel"]) == ("ok", "hemsjukvarden-brinken")
    assert (decision["client"], decision["declared_user"]) == ("127.0.0.1", DORA)
    motala.until(lambda: lies_in(store, SEALED, "Rorpost.Collected"), what="the collected message")
    assert list(lies_in(store, SEALED, "Rorpost.Collected").values()) == [frozenset()]
    assert lies_in(store, SEALED, "INBOX") == {}

    # In the clear it is refused; whoever sent it cannot be known, so that nobody is told.
    carry(letter, store)
    motala.until(lambda: lies_in(store, SEALED, "Rorpost.Refused"), what="the refused message")
    assert list(lies_in(store, SEALED, "Rorpost.Refused").values()) == [frozenset()]
    assert [line["reason"] for line in motala.decisions(direction="inbound")] == ["ok", "not-encrypted"]
    assert len(lies_in(store, HOME_CARE, "INBOX")) == 1
    assert both.to_region.connections == 0

    # Home care answers, and finds what it wrote in its own folder.
    answer = make_message(recipients=(BRINKEN,), body=f"{WORD}: i morgon")
    assert motala.send(BRINKEN, octets=answer).accepted
    region.wait_until_delivered(1)
    motala.until(lambda: lies_in(store, HOME_CARE, "Sent"), what="the sent copy")
    assert list(lies_in(store, HOME_CARE, "Sent").values()) == [frozenset({"\\Seen"})]
    [copy] = fetched(store, HOME_CARE, "Sent")
    assert unchanged_sha256(copy) == unchanged_sha256(answer)

    # Nobody reads by eight: it is written down and told, and nothing is touched.
    before = store.flags(HOME_CARE)
    day.goes_on_to(day.deadlines[0])
    line = judged(motala, 1)
    assert (line["mailbox"], line["outcome"], line["unread"]) == (HOME_CARE, "missed", 1)
    assert datetime.fromisoformat(line["deadline"]) == day.deadlines[0]
    assert (line["in_inbox"], line["in_sent"], line["foreign"]) == (1, 1, 0)
    assert store.flags(HOME_CARE) == before == {1: frozenset()}
    motala.until(lambda: provider.notices.arrivals, what="the mail about it")
    [notice] = provider.notices.arrivals
    assert notice.recipient == f"<{DORIS}>"
    assert all(word not in notice.octets for word in (WORD.encode(), BRINKEN.encode()))
    assert standing(motala, code=1) == {
        "outcome": "missed",
        "unread": 1,
        "in_inbox": 1,
        "in_sent": 1,
        "foreign": 0,
    }

    # By the second one somebody has. What lies there without a decision of ours is noticed.
    read_everything(store, HOME_CARE)
    store.deposit(HOME_CARE, letter, seen=True)
    day.goes_on_to(day.deadlines[1])
    line = judged(motala, 2)
    assert (line["outcome"], line["unread"], line["foreign"]) == ("met", 0, 1)
    assert datetime.fromisoformat(line["deadline"]) == day.deadlines[1]

    assert standing(motala, code=0) == {
        "outcome": "met",
        "unread": 0,
        "in_inbox": 2,
        "in_sent": 1,
        "foreign": 1,
    }

    for side in both.sides:
        assert side.holds_outside_mail(WORD.encode()) == []
    both.finish()
