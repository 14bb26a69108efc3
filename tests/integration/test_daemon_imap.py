"""The real daemon with its mailboxes in Dovecot, over IMAP: sent copies, and what is delivered."""

from email import message_from_bytes
from email.policy import default
from pathlib import Path
from uuid import uuid4

import pytest

from tests.peers.dovecot import HOME_CARE, Dovecot
from tests.peers.imap_settings import delivery_account
from tests.peers.postfix import free_ports
from tests.peers.sink import Script
from tests.peers.submitting import make_message
from tests.peers.whole_gateway import MakeGateway

RULE = "delivery.sent_copy"


@pytest.fixture
def marker() -> str:
    return uuid4().hex


def test_while_the_server_is_down_messages_go_and_copies_wait_sealed(
    whole_gateway: MakeGateway, dovecot: Dovecot, tmp_path: Path, marker: str
) -> None:
    account = delivery_account(dovecot, tmp_path)
    nobody = account | {"port": free_ports(1)[0]}
    gateway = whole_gateway(config={"delivery": {"sent_copy": "imap", "imap": nobody}})
    gateway.start()
    octets = make_message(body=marker, message_id=f"<{uuid4()}@b>")
    assert gateway.submit(octets).accepted
    gateway.wait_until_relayed(1)
    gateway.until(lambda: gateway.lines_of("deferred", rule=RULE), what="an attempt at the copy")
    assert [row["purpose"] for row in gateway.queue_rows()] == ["sent-copy"]
    assert gateway.holds(marker.encode()) == []
    assert gateway.submit(octets).reason == "duplicate"
    assert gateway.stop() == 0

    config = dict(gateway.config) | {"delivery": {"sent_copy": "imap", "imap": account}}
    gateway.set_config(config)
    gateway.start()
    gateway.wait_until_empty()
    assert gateway.stop() == 0
    gateway.verify_log()
    (copy,) = [each for each in dovecot.fetched(HOME_CARE, "Sent") if marker.encode() in each]
    (line,) = gateway.lines_of("delivered", rule=RULE)
    stamp = "X-Rorpost-Verified: yes; channel=hemsjukvarden-region;\r\n sending-user=anna.berg@motala.se;\r\n"
    trace, found, rest = copy.partition(stamp.encode())
    assert trace.startswith(b"Received: by gw.motala.se\r\n id ")
    assert found
    assert rest.endswith(f" decision={line['decision_id']}\r\n".encode() + octets)
    uid = max(dovecot.flags(HOME_CARE, "Sent"))
    assert dovecot.flags(HOME_CARE, "Sent")[uid] == {"\\Seen"}
    assert gateway.notices() == []
    assert gateway.holds(marker.encode()) == []
    assert [line["recipient"] for line in gateway.lines_of("decision", rule=RULE)] == [HOME_CARE]


def test_a_notice_is_delivered_over_imap_unread(
    whole_gateway: MakeGateway, dovecot: Dovecot, tmp_path: Path
) -> None:
    account = delivery_account(dovecot, tmp_path)
    gateway = whole_gateway(
        config={"delivery": {"method": "imap", "imap": account, "maildir": None, "sent_copy": "imap"}},
        script=Script(answers={"RCPT": b"550 5.1.1 nobody here\r\n"}),
    )
    gateway.start()
    heard = gateway.submit(message_id=f"<{uuid4()}@b>")
    assert heard.accepted
    gateway.wait_until_empty()
    assert gateway.stop() == 0
    assert len(gateway.lines_of("bounced")) == 1
    (octets,) = [each for each in dovecot.fetched(HOME_CARE) if (heard.queue_id or "?").encode() in each]
    assert octets.startswith(b"Return-Path: <>\r\nReceived: by gw.motala.se\r\n id ")
    notice = message_from_bytes(octets, policy=default)
    assert notice.get_content_type() == "multipart/report"
    uid = max(dovecot.flags(HOME_CARE))
    assert dovecot.flags(HOME_CARE)[uid] == frozenset()
