"""Opened mail and sent copies into a real Dovecot over IMAP APPEND. Refusals first."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from rorpost_gateway.delivery.appending import Appender
from rorpost_gateway.delivery.base import DeferredDelivery, Delivered, DeliveryOutcome, FailedDelivery
from rorpost_gateway.delivery.imap import ImapMailboxes
from rorpost_gateway.delivery.kept_sessions import KeptSessions
from rorpost_gateway.delivery.sent import SentFolders
from rorpost_gateway.imap.base import Account, ImapTls, Server, Sessions
from rorpost_gateway.imap.credentials import PasswordFile
from rorpost_gateway.imap.sessions import ImapSessions
from tests.peers.authority import Authority
from tests.peers.cut_connection import cutting_before
from tests.peers.dovecot import (
    DISTRICT,
    HOME_CARE,
    QUOTA_OCTETS,
    SMALL,
    UNKNOWN,
    WATCH,
    WATCH_PASSWORD,
    Dovecot,
    dovecot_over,
    without_trace,
)
from tests.peers.opened_message import BRINKEN, opened_message

NOW = 1_777_000_000.0
HOSTNAME = "gw.motala.se"
WITHIN = timedelta(days=2)
SENT_AT = datetime.fromtimestamp(NOW - 600, tz=UTC)


@pytest.fixture
def marker() -> str:
    return uuid4().hex


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "imap.password"
    file.write_text(WATCH_PASSWORD)
    file.chmod(0o600)
    return file


def accounts(dovecot: Dovecot, secret: Path) -> Callable[[str], Account]:
    server = Server(
        host="localhost", port=dovecot.imap_port, tls=ImapTls.IMPLICIT, ca=dovecot.authority.ca_file
    )

    def account_for(mailbox: str) -> Account:
        return Account(server=server, username=f"{mailbox}*{WATCH}", credentials=PasswordFile(secret))

    return account_for


def mailboxes(
    account_for: Callable[[str], Account], *, folder: str = "INBOX", sessions: Sessions | None = None
) -> ImapMailboxes:
    return ImapMailboxes(
        Appender(sessions or ImapSessions(), hostname=HOSTNAME),
        account_for=account_for,
        folder=folder,
        now=lambda: NOW,
        tried_within=WITHIN,
    )


def sent(account_for: Callable[[str], Account], *, folder: str | None = None) -> SentFolders:
    return SentFolders(Appender(ImapSessions(), hostname=HOSTNAME), account_for=account_for, folder=folder)


def arrived(dovecot: Dovecot, mailbox: str, marker: str, *, folder: str = "") -> list[Path]:
    place = dovecot.mail / mailbox / folder
    paths = [path for part in ("new", "cur") for path in (place / part).glob("*")]
    return [path for path in paths if marker.encode() in path.read_bytes()]


# --- what does not get there


@pytest.mark.parametrize("address", ["anna.berg@motala.se", "rorpost.a@motala.se\r\nx", ""])
async def test_what_is_no_function_mailbox_is_never_asked_for(
    dovecot: Dovecot, secret: Path, address: str
) -> None:
    account_for = accounts(dovecot, secret)
    for outcome in (
        await mailboxes(account_for).deliver(address, b"a\r\n", reverse_path="", unique="u"),
        await sent(account_for).put(address, b"a\r\n", sent_at=SENT_AT, unique="u"),
    ):
        assert isinstance(outcome, FailedDelivery)
        assert outcome.reply == "5.1.1 not a function mailbox"


@pytest.mark.parametrize("octets", [b"a\nb\r\n", b"a\rb\r\n"])
async def test_bare_line_ends_are_refused(dovecot: Dovecot, secret: Path, octets: bytes) -> None:
    outcome = await mailboxes(accounts(dovecot, secret)).deliver(
        HOME_CARE, octets, reverse_path=BRINKEN, unique="u"
    )
    assert isinstance(outcome, FailedDelivery)
    assert outcome.reply.startswith("5.6.0 ")


@pytest.mark.parametrize("unique", ["", "a b", "a\r\nX-Rorpost-Verified: yes", "a" * 201])
async def test_what_is_no_name_is_a_fault_of_ours(dovecot: Dovecot, secret: Path, unique: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        await mailboxes(accounts(dovecot, secret)).deliver(
            HOME_CARE, b"a\r\n", reverse_path="", unique=unique
        )


async def test_over_quota_waits(dovecot: Dovecot, secret: Path, marker: str) -> None:
    octets = opened_message(SMALL, marker, octets=2 * QUOTA_OCTETS)
    account_for = accounts(dovecot, secret)
    for outcome in (
        await mailboxes(account_for).deliver(SMALL, octets, reverse_path=BRINKEN, unique=marker),
        await sent(account_for).put(SMALL, octets, sent_at=SENT_AT, unique=marker),
    ):
        assert isinstance(outcome, DeferredDelivery)
        assert outcome.reply == "4.2.2 the mailbox is over quota"
        assert outcome.next_hop == f"localhost:{dovecot.imap_port}"
    assert arrived(dovecot, SMALL, marker) == []


async def test_a_missing_folder_waits_and_is_not_made(dovecot: Dovecot, secret: Path, marker: str) -> None:
    """A folder that is misspelt must not fill with mail that nobody reads."""
    outcome = await mailboxes(accounts(dovecot, secret), folder="Inkorg").deliver(
        HOME_CARE, opened_message(HOME_CARE, marker), reverse_path=BRINKEN, unique=marker
    )
    assert isinstance(outcome, DeferredDelivery)
    assert outcome.reply == "4.2.0 the folder is not there"
    assert not (dovecot.mail / HOME_CARE / ".Inkorg").exists()


@pytest.mark.parametrize("fault", ["unknown mailbox", "wrong password", "no password"])
async def test_a_failing_login_waits(dovecot: Dovecot, secret: Path, marker: str, fault: str) -> None:
    mailbox = UNKNOWN if fault == "unknown mailbox" else HOME_CARE
    if fault == "wrong password":
        secret.write_text("other")
    elif fault == "no password":
        secret.unlink()
    outcome = await mailboxes(accounts(dovecot, secret)).deliver(
        mailbox, opened_message(mailbox, marker), reverse_path=BRINKEN, unique=marker
    )
    assert isinstance(outcome, DeferredDelivery)
    assert outcome.reply == "4.7.8 the server did not take the login"
    assert WATCH_PASSWORD not in outcome.private


async def test_a_certificate_that_is_not_trusted_gets_nothing(
    dovecot: Dovecot, secret: Path, stranger: Authority, marker: str
) -> None:
    account_for = accounts(dovecot, secret)

    def wrong(mailbox: str) -> Account:
        account = account_for(mailbox)
        return replace(account, server=replace(account.server, ca=stranger.ca_file))

    outcome = await mailboxes(wrong).deliver(
        HOME_CARE, opened_message(HOME_CARE, marker), reverse_path=BRINKEN, unique=marker
    )
    assert isinstance(outcome, DeferredDelivery)
    assert arrived(dovecot, HOME_CARE, marker) == []


async def test_a_server_that_is_down_waits_and_takes_it_later(
    authority: Authority, secret: Path, marker: str
) -> None:
    octets = opened_message(HOME_CARE, marker)
    with dovecot_over(authority) as dovecot:
        account_for = accounts(dovecot, secret)
        up = await mailboxes(account_for).deliver(HOME_CARE, octets, reverse_path=BRINKEN, unique=marker)
        assert isinstance(up, Delivered)
    down = await mailboxes(account_for).deliver(HOME_CARE, octets, reverse_path=BRINKEN, unique=marker)
    assert isinstance(down, DeferredDelivery)
    assert down.reply == "4.4.1 the server cannot be reached, or the connection was lost"


# --- what does


async def test_it_arrives_octet_by_octet_unread_and_now(dovecot: Dovecot, secret: Path, marker: str) -> None:
    octets = opened_message(HOME_CARE, marker)
    outcome = await mailboxes(accounts(dovecot, secret)).deliver(
        HOME_CARE, octets, reverse_path=BRINKEN, unique=f"q.{marker}"
    )
    assert outcome == Delivered(reply="2.0.0 stored in the folder", next_hop=f"localhost:{dovecot.imap_port}")
    (path,) = arrived(dovecot, HOME_CARE, marker)
    stored = path.read_bytes()
    assert without_trace(stored) == octets
    assert stored.startswith(
        f"Return-Path: <{BRINKEN}>\nReceived: by {HOSTNAME}\n id q.{marker};\n ".encode()
    )
    assert path.stat().st_mtime == NOW
    assert path.parent.name == "new"


async def test_a_sent_copy_is_read_and_stands_where_it_was_sent(
    dovecot: Dovecot, secret: Path, marker: str
) -> None:
    octets = opened_message(DISTRICT, marker)
    outcome = await sent(accounts(dovecot, secret)).put(DISTRICT, octets, sent_at=SENT_AT, unique=marker)
    assert isinstance(outcome, Delivered)
    (path,) = arrived(dovecot, DISTRICT, marker, folder=".Sent")
    assert without_trace(path.read_bytes()) == octets
    assert not path.read_bytes().startswith(b"Return-Path")
    assert path.stat().st_mtime == SENT_AT.timestamp()
    assert path.name.endswith(":2,S")
    assert arrived(dovecot, DISTRICT, marker) == []


async def test_another_folder_for_sent_copies_is_made(dovecot: Dovecot, secret: Path, marker: str) -> None:
    folder = ".Skickat.R&APY-rpost &- mer"
    assert not (dovecot.mail / DISTRICT / folder).exists()
    outcome = await sent(accounts(dovecot, secret), folder="Skickat/Rörpost & mer").put(
        DISTRICT, opened_message(DISTRICT, marker), sent_at=SENT_AT, unique=marker
    )
    assert isinstance(outcome, Delivered)
    (path,) = [
        each for each in (dovecot.mail / DISTRICT).rglob("*S=*") if marker.encode() in each.read_bytes()
    ]
    assert path.parent.parent.name == folder


async def test_a_large_message(dovecot: Dovecot, secret: Path, marker: str) -> None:
    octets = opened_message(DISTRICT, marker, octets=10_000_000)
    outcome = await mailboxes(accounts(dovecot, secret)).deliver(
        DISTRICT, octets, reverse_path="", unique=marker
    )
    assert isinstance(outcome, Delivered), outcome
    (path,) = arrived(dovecot, DISTRICT, marker)
    assert without_trace(path.read_bytes()) == octets


# --- never twice


async def test_an_attempt_repeated_is_one_message(dovecot: Dovecot, secret: Path, marker: str) -> None:
    octets = opened_message(HOME_CARE, marker)
    account_for = accounts(dovecot, secret)
    replies = []
    for _ in range(2):
        outcome = await mailboxes(account_for).deliver(
            HOME_CARE, octets, reverse_path=BRINKEN, unique=f"q.{marker}"
        )
        copied = await sent(account_for).put(HOME_CARE, octets, sent_at=SENT_AT, unique=f"s.{marker}")
        assert isinstance(outcome, Delivered)
        assert isinstance(copied, Delivered)
        replies += [outcome.reply, copied.reply]
    assert replies == ["2.0.0 stored in the folder"] * 2 + ["2.0.0 in the folder already"] * 2
    assert len(arrived(dovecot, HOME_CARE, marker)) == 1
    assert len(arrived(dovecot, HOME_CARE, marker, folder=".Sent")) == 1


async def test_a_name_in_the_message_itself_is_no_earlier_attempt(
    dovecot: Dovecot, secret: Path, marker: str
) -> None:
    octets = opened_message(HOME_CARE, marker) + f"Received: by x id q.{marker}; now\r\n".encode()
    outcome = await mailboxes(accounts(dovecot, secret)).deliver(
        HOME_CARE, octets, reverse_path=BRINKEN, unique=f"q.{marker}"
    )
    assert isinstance(outcome, Delivered)
    assert outcome.reply == "2.0.0 stored in the folder"


@pytest.mark.parametrize("where", ["INBOX", "Sent"])
async def test_an_answer_that_was_not_heard_makes_no_second_message(
    dovecot: Dovecot, secret: Path, marker: str, where: str
) -> None:
    account_for = accounts(dovecot, secret)
    octets = opened_message(DISTRICT, marker)

    def through(port: int) -> Callable[[str], Account]:
        server = Server(host="127.0.0.1", port=port, tls=ImapTls.OFF)
        return lambda mailbox: replace(account_for(mailbox), server=server)

    async def attempt(to: Callable[[str], Account]) -> DeliveryOutcome:
        if where == "Sent":
            return await sent(to).put(DISTRICT, octets, sent_at=SENT_AT, unique=marker)
        return await mailboxes(to).deliver(DISTRICT, octets, reverse_path=BRINKEN, unique=marker)

    async with cutting_before(b"OK [APPENDUID", port=dovecot.starttls_port) as port:
        cut = await attempt(through(port))
    assert isinstance(cut, DeferredDelivery)
    assert cut.reply == "4.4.1 the server cannot be reached, or the connection was lost"
    folder = ".Sent" if where == "Sent" else ""
    assert len(arrived(dovecot, DISTRICT, marker, folder=folder)) == 1, "it had been taken"
    again = await attempt(account_for)
    assert isinstance(again, Delivered)
    assert again.reply == "2.0.0 in the folder already"
    assert len(arrived(dovecot, DISTRICT, marker, folder=folder)) == 1


@pytest.mark.parametrize(
    "step", [b"* OK", b"OK [CAPABILITY", b"OK [READ-ONLY]", b"OK Search completed", b"+ OK"]
)
async def test_a_connection_cut_before_it_waits_and_is_whole_the_next_time(
    dovecot: Dovecot, secret: Path, marker: str, step: bytes
) -> None:
    account_for = accounts(dovecot, secret)
    octets = opened_message(DISTRICT, marker)
    async with cutting_before(step, port=dovecot.starttls_port) as port:
        server = Server(host="127.0.0.1", port=port, tls=ImapTls.OFF)
        cut = await mailboxes(lambda mailbox: replace(account_for(mailbox), server=server)).deliver(
            DISTRICT, octets, reverse_path=BRINKEN, unique=marker
        )
    assert isinstance(cut, DeferredDelivery), cut
    assert arrived(dovecot, DISTRICT, marker) == []
    again = await mailboxes(account_for).deliver(DISTRICT, octets, reverse_path=BRINKEN, unique=marker)
    assert isinstance(again, Delivered)
    (path,) = arrived(dovecot, DISTRICT, marker)
    assert without_trace(path.read_bytes()) == octets


# --- sessions that are kept


async def test_a_kept_session_serves_the_next_message_and_is_closed_at_the_end(
    authority: Authority, secret: Path
) -> None:
    with dovecot_over(authority) as dovecot:
        account_for = accounts(dovecot, secret)
        kept = KeptSessions(ImapSessions())
        running = asyncio.create_task(kept.run())
        await asyncio.sleep(0)
        to = mailboxes(account_for, sessions=kept)
        for nth in range(5):
            outcome = await to.deliver(
                HOME_CARE, opened_message(HOME_CARE, f"m{nth}"), reverse_path=BRINKEN, unique=f"u{nth}"
            )
            assert isinstance(outcome, Delivered)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        assert (
            dovecot.log().count("imap-login: Info: Login:") + dovecot.log().count("imap-login: Login:") == 1
        )
        assert len(dovecot.paths(HOME_CARE)) == 5
