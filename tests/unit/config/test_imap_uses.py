"""What IMAP accounts are for: collecting, delivery, sent copies, supervision; and what two must not share."""

from typing import Any

import pytest

from rorpost_gateway.config.model import SentCopySettings
from rorpost_gateway.smtp_client.base import MailProtocol, TlsMode

LOGIN = "username: '{mailbox}*vakt', password_file: p"
BOX = "host: mail.motala.se, username: rorpost.post@motala.se, password_file: p"
TO = "recipient: rorpost.hemsjukvarden@motala.se"
IMAP = f"{{host: mail.motala.se, {LOGIN}}}"
WATCH = f"imap: {IMAP}"
LISTENING = "smtp: {listen: ['127.0.0.1:0'], tls: {mode: off}, allowed_networks: [127.0.0.1]}"
SMTP = "smtp: {host: 127.0.0.1}"


def collect(text: str) -> str:
    return f"inbound: {{imap: [{{{text}}}]}}"


def imap_delivery(more: str = "") -> str:
    return f"delivery: {{method: imap, imap: {{host: mail.motala.se, {LOGIN}{more}}}}}"


REFUSED = {
    # collecting
    "accounts that are one": (f"inbound: {{imap: ¶{{{BOX}, {TO}}}}}", "inbound.imap must be a list"),
    "an empty list": ("inbound: ¶{imap: []}", "takes nothing in; give `smtp` or `imap`"),
    "no recipient": (f"inbound: {{imap: [¶{{{BOX}}}]}}", "key 'recipient' is missing in inbound.imap[0]"),
    "a recipient who is no function mailbox": (
        collect(f"{BOX}, recipient: ¶anna.berg@motala.se"),
        "is no function mailbox",
    ),
    "a recipient of somebody else's": (
        collect(f"{BOX}, recipient: ¶rorpost.vcbrinken@regionostergotland.se"),
        "must be a mailbox behind this gateway",
    ),
    "a mailbox that is many": (
        collect(f"host: a.se, username: ¶'{{mailbox}}', password_file: p, {TO}"),
        "must not hold {mailbox} here: give each mailbox an entry",
    ),
    "collected twice": (
        f"inbound: {{imap: [{{{BOX}, {TO}}}, ¶{{{BOX}, folder: inbox, {TO}}}]}}",
        "stands twice: the same server, username and folder",
    ),
    "what was collected": (collect(f"{BOX}, {TO}, folder: ¶Rorpost/Collected"), "collected mail is moved to"),
    "what was refused": (collect(f"{BOX}, {TO}, folder: ¶rorpost/refused"), "collected mail is moved to"),
    "an unknown key of collecting": (collect(f"{BOX}, {TO}, ¶delete: true"), "unknown key 'delete'"),
    "asking all the time": (f"inbound: {{poll: ¶0s, imap: [{{{BOX}, {TO}}}]}}", "must be from 1s to 1d"),
    "asking once a week": (f"inbound: {{poll: ¶7d, imap: [{{{BOX}, {TO}}}]}}", "must be from 1s to 1d"),
    # delivery and sent copies
    "no server to deliver to": ("delivery: ¶{method: imap}", "key 'host' is missing"),
    "a server that nobody uses": (
        f"delivery: {{imap: ¶{IMAP}}}",
        "delivery.imap is given, but delivery.method is maildir",
    ),
    "another method's settings": (
        f"delivery: {{method: imap, imap: {IMAP}, lmtp: ¶{{host: a.se}}}}",
        "delivery.lmtp is given, but delivery.method is imap",
    ),
    "copies elsewhere": ("delivery: {sent_copy: ¶maildir}", "must be one of: none, imap"),
    "copies to nowhere": ("delivery: ¶{sent_copy: imap}", "key 'host' is missing in delivery.imap"),
    "a sent folder without copies": (
        imap_delivery(", sent_folder: ¶Sent"),
        "is looked at with delivery.sent_copy imap only",
    ),
    "copies among what came in": (
        f"delivery: {{sent_copy: imap, imap: {{host: a.se, {LOGIN}, sent_folder: ¶Inbox}}}}",
        "is the folder that mail is delivered to",
    ),
    "an unknown key of delivery": (imap_delivery(", ¶root: x"), "unknown key 'root' in delivery.imap"),
    # supervision
    "a watch over nothing": ("supervision: ¶{interval: 5m}", "key 'imap' is missing in supervision"),
    "a watch with one login": (
        "supervision: {imap: {host: a.se, username: ¶vakt, password_file: p}}",
        "must hold {mailbox}",
    ),
    "a watch without a pause": (f"supervision: {{{WATCH}, interval: ¶0s}}", "must be from 1s to 12h"),
    "a watch once a day": (f"supervision: {{{WATCH}, interval: ¶1d}}", "must be from 1s to 12h"),
    "a grace that never ends": (f"supervision: {{{WATCH}, grace: ¶1d}}", "must be from 0s to 12h"),
    "a time without a unit": (f"supervision: {{{WATCH}, escalate_after: ¶30}}", "a time such as 30s"),
    "no connection": (f"supervision: {{{WATCH}, connections: ¶0}}", "from 1 to 500"),
    "a sent folder that is the inbox": (
        f"supervision: {{imap: {{host: a.se, {LOGIN}, sent_folder: ¶INBOX}}}}",
        "is the folder that is watched as the inbox",
    ),
    "notices from nobody": (f"supervision: {{{WATCH}, notify: ¶{{{SMTP}}}}}", "key 'from' is missing"),
    "notices by nobody": (
        f"supervision: {{{WATCH}, notify: ¶{{from: vakt@motala.se}}}}",
        "key 'smtp' is missing in supervision.notify",
    ),
    "notices from no address": (
        f"supervision: {{{WATCH}, notify: {{{SMTP}, from: ¶vakt}}}}",
        "is no address: not a mailbox address",
    ),
    "notices from two lines": (
        f'supervision: {{{WATCH}, notify: {{{SMTP}, from: ¶"vakt@motala.se\\r\\nBcc: x@y.se"}}}}',
        "is no address",
    ),
    "notices in clear text": (
        f"supervision: {{{WATCH}, notify: {{smtp: {{host: ¶a.se, tls: {{mode: off}}}}, from: a@b.se}}}}",
        "verified TLS only",
    ),
    "an unknown key of supervision": (f"supervision: {{{WATCH}, ¶folder: x}}", "unknown key 'folder'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(files: Any, name: str) -> None:
    text, expected = REFUSED[name]
    found = files.findings(("relay:", f"{text}\nrelay:"))
    assert any(expected in finding for finding in found), found


def test_what_is_collected(files: Any) -> None:
    more = f"inbound: {{imap: [{{{BOX}, {TO.upper().replace('RECIPIENT', 'recipient')}}}]}}\n"
    inbound = files.load(more=more).inbound
    assert inbound.smtp is None
    assert inbound.poll_seconds == 60.0
    (one,) = inbound.imap
    assert (one.folder, one.recipient) == ("INBOX", "rorpost.hemsjukvarden@motala.se")
    assert one.name == "rorpost.post@motala.se@mail.motala.se:143/INBOX"


def test_both_ways_in(files: Any) -> None:
    more = f"inbound: {{{LISTENING}, poll: 5m, imap: [{{{BOX}, folder: A/Å & b, {TO}}}, {{{BOX}, {TO}}}]}}\n"
    inbound = files.load(more=more).inbound
    assert inbound.smtp is not None
    assert inbound.poll_seconds == 300.0
    assert [one.folder for one in inbound.imap] == ["A/Å & b", "INBOX"]


def test_delivery_over_imap(files: Any) -> None:
    delivery = files.load(more=imap_delivery() + "\n").delivery
    assert (delivery.maildir_root, delivery.server, delivery.sent_copy) == (None, None, None)
    assert delivery.imap is delivery.where
    assert delivery.imap.folder == "INBOX"
    assert delivery.imap.account.per_mailbox


def test_copies_of_sent_mail(files: Any) -> None:
    both = files.load(more=imap_delivery(", sent_folder: Skickat")[:-1] + ", sent_copy: imap}\n").delivery
    assert both.sent_copy == SentCopySettings(account=both.imap.account, folder="Skickat")
    beside = files.load(more=f"delivery: {{sent_copy: imap, imap: {IMAP}}}\n").delivery
    assert beside.maildir_root is not None
    assert beside.sent_copy == SentCopySettings(account=both.imap.account, folder=None)


def test_supervision(files: Any) -> None:
    assert files.load().supervision is None
    usual = files.load(more=f"supervision: {{{WATCH}}}\n").supervision
    assert (usual.inbox, usual.sent_folder, usual.notify) == ("INBOX", None, None)
    assert (usual.interval_seconds, usual.grace_seconds) == (900.0, 0.0)
    assert (usual.escalate_after_seconds, usual.connections) == (3600.0, 20)
    notify = "notify: {smtp: {host: mx.motala.se, username: gw1, password_file: p}, from: Vakt@Motala.se}"
    watch = files.load(more=f"supervision: {{{WATCH}, interval: 5m, grace: 10m, {notify}}}\n").supervision
    assert (watch.interval_seconds, watch.grace_seconds) == (300.0, 600.0)
    assert watch.notify.sender == "vakt@motala.se"
    server = watch.notify.server
    assert (server.protocol, server.port, server.tls) == (MailProtocol.SMTP, 25, TlsMode.VERIFY)


OWN = "username: rorpost.hemsjukvarden@motala.se, password_file: p"
SHARED = {
    "delivered and collected": (
        (f"host: mail.motala.se, {OWN}", ""),
        imap_delivery(),
        "delivery.imap delivers to",
    ),
    "by another of the server's doors": (
        (f"host: MAIL.motala.se, tls: {{mode: implicit}}, {OWN}", ""),
        imap_delivery(),
        "delivery.imap delivers to",
    ),
    "by a master user's login": (
        ("host: mail.motala.se, username: 'RORPOST.a.b@motala.se*gw', password_file: p", ""),
        imap_delivery(),
        "delivery.imap delivers to",
    ),
    "copies of sent mail, collected": (
        (f"host: mail.motala.se, {OWN}", "Sent"),
        f"delivery: {{sent_copy: imap, imap: {IMAP}}}",
        "copies of sent mail come to",
    ),
    "watched and collected": (
        (f"host: mail.motala.se, {OWN}", ""),
        f"supervision: {{{WATCH}}}",
        "supervision watches",
    ),
}


@pytest.mark.parametrize("name", SHARED)
def test_a_folder_that_two_would_share(files: Any, name: str) -> None:
    (account, folder), other, expected = SHARED[name]
    entry = f"{account}, {TO}, folder: ¶{folder or 'INBOX'}"
    found = files.findings(("relay:", f"{collect(entry)}\n{other}\nrelay:"))
    assert len(found) == 1
    assert expected in found[0]


@pytest.mark.parametrize(
    "entry",
    [
        f"host: mail.motala.se, {OWN}, folder: Sealed",
        f"host: other.motala.se, {OWN}",
        f"host: mail.motala.se, port: 10143, {OWN}",
        "host: mail.motala.se, username: rorpost.x@elsewhere.se, password_file: p",
        "host: mail.motala.se, username: sealed@motala.se, password_file: p",
    ],
)
def test_folders_that_differ_are_fine(files: Any, entry: str) -> None:
    more = f"{collect(f'{entry}, {TO}')}\n{imap_delivery()}\nsupervision: {{{WATCH}}}\n"
    assert len(files.load(more=more).inbound.imap) == 1
