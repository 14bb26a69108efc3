"""What one gateway seals, the other opens, checks and delivers: both of them real, there and back."""

import email
import re
import smtplib
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy as email_policy
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest

from tests.peers import gateway_world as world
from tests.peers.authority import Authority
from tests.peers.gateway_world import BRINKEN, HOME_CARE, LYCKORNA, OURS
from tests.peers.gnupg_home import (
    PreparedKeys,
    export_public,
    generate,
    gpg,
    import_key,
)
from tests.peers.messages import CORPUS
from tests.peers.next_hop import Arrival
from tests.peers.openpgp_messages import under_encryption
from tests.peers.submitting import Heard, make_message
from tests.peers.two_gateways import (
    ANNA,
    DORA,
    MakeTwoGateways,
    Side,
    TwoGateways,
    changed,
    unchanged_part,
    unchanged_sha256,
)

SHAPES = pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
REFUSED = {"no_fields": "author-mismatch"}  # nobody is its author
JOINED = (
    "content_sha256",
    "sealed_sha256",
    "message_id",
    "encrypted_to",
    "signed_by",
    "declared_user",
    "reverse_path",
    "recipient",
    "channel",
)
WORD = "FLADDERMUSEN"


def from_outlook(sender: str, recipient: str, person: str, subject: str, body: str) -> bytes:
    """As classic Outlook writes it on behalf of a mailbox: two bodies, windows-1252, no field of ours."""
    text = body.encode("windows-1252")
    html = b"<html><body><p>" + text + b"</p></body></html>"
    head = (
        f'From: "Enheten" <{sender}>\r\nSender: <{person}>\r\nTo: <{recipient}>\r\n'
        f"Subject: {subject}\r\nThread-Topic: {subject}\r\nThread-Index: AdxJ3m0Y0w==\r\n"
        "Date: Wed, 6 May 2026 08:00:00 +0200\r\n"
        f"Message-ID: <{subject}@ws17.lan>\r\n"
        "X-Mailer: Microsoft Outlook 16.0\r\nContent-Language: sv\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/alternative;\r\n\tboundary="----=_NextPart_000_0001"\r\n\r\n'
        "This is a multipart message in MIME format.\r\n\r\n"
    ).encode("ascii")
    parts = [
        b'------=_NextPart_000_0001\r\nContent-Type: text/%s;\r\n\tcharset="windows-1252"\r\n'
        b"Content-Transfer-Encoding: 8bit\r\n\r\n%s\r\n\r\n" % each
        for each in ((b"plain", text), (b"html", html))
    ]
    return head + b"".join(parts) + b"------=_NextPart_000_0001--\r\n\r\n"


def by_login(side: Side, octets: bytes, recipient: str) -> Heard:
    """STARTTLS and AUTH LOGIN, as Outlook does."""
    with smtplib.SMTP(*side.submission, local_hostname="ws17.lan", timeout=60) as client:
        client.starttls(context=side.authority.client_context())
        client.ehlo()
        client.user, client.password = side.login, world.PASSWORD
        client.auth("LOGIN", client.auth_login)
        client.mail(side.mailbox)
        client.rcpt(recipient)
        code, text = client.data(octets)
    return Heard(step="message", code=code, text=text.decode("ascii"))


def shown_author(octets: bytes) -> str:
    return str(make_header(decode_header(email.message_from_bytes(octets)["From"])))


def verification(octets: bytes) -> dict[str, str]:
    """What X-Rorpost-Verified says; there is exactly one, and it stands first but for Return-Path."""
    message = email.message_from_bytes(octets, policy=email_policy.compat32)
    assert [name.lower() for name in message][:2] == ["return-path", "x-rorpost-verified"]
    [value] = message.get_all("X-Rorpost-Verified") or []
    status, *others = re.split(r";\s+", value)
    return {"status": status} | dict(each.split("=", 1) for each in others)


def decision(side: Side, **fields: Any) -> dict[str, Any]:
    [line] = side.decisions(**fields)
    return line


def see_that_logs_join(sender: Side, receiver: Side, queue_id: str | None) -> dict[str, Any]:
    """One message, one line on each side, and the same hashes in both; the receiver's line."""
    there = decision(sender, queue_id=queue_id, reason="ok")
    here = decision(receiver, sealed_sha256=there["sealed_sha256"])
    assert {name: here[name] for name in JOINED} == {name: there[name] for name in JOINED}
    assert (there["direction"], here["direction"]) == ("outbound", "inbound")
    assert re.fullmatch("[0-9a-f]{64}", here["content_sha256"])
    delivered = receiver.lines_of("delivered", decision_id=here["decision_id"])
    assert len(delivered) == 1
    return here


@pytest.fixture(scope="module")
def both(prepared_keys: PreparedKeys, authority: Authority) -> Iterator[TwoGateways]:
    pair = TwoGateways(prepared_keys, authority)
    try:
        yield pair.start()
        pair.finish()
    finally:
        pair.close()


@dataclass(frozen=True, kw_only=True)
class Travelled:
    """What Motala's client heard for each shape, and what lay at the Region in the end, by its decision."""

    heard: dict[str, Heard]
    copies: dict[str, bytes]


@pytest.fixture(scope="module")
def travelled(both: TwoGateways) -> Travelled:
    """The whole corpus, one message after the other."""
    before = both.region.delivered(BRINKEN)
    heard = {path.stem: both.motala.send(BRINKEN, octets=path.read_bytes()) for path in CORPUS}
    both.motala.wait_until_empty()
    both.region.wait_until_empty()
    came = [octets for octets in both.region.delivered(BRINKEN) if octets not in before]
    copies = {verification(octets)["decision"]: octets for octets in came}
    assert len(came) == len(copies) == len(CORPUS) - len(REFUSED)  # nothing came twice
    return Travelled(heard=heard, copies=copies)


@SHAPES
def test_what_was_submitted_is_what_is_delivered(path: Path, both: TwoGateways, travelled: Travelled) -> None:
    submitted, heard = path.read_bytes(), travelled.heard[path.stem]
    if path.stem in REFUSED:
        assert (heard.code, heard.reason) == (550, REFUSED[path.stem])
        return
    assert heard.accepted, heard
    here = see_that_logs_join(both.motala, both.region, heard.queue_id)
    delivered = travelled.copies[here["decision_id"]]
    assert unchanged_part(delivered) == unchanged_part(submitted)
    assert unchanged_sha256(delivered) == unchanged_sha256(submitted)
    assert verification(delivered) == {
        "status": "yes",
        "channel": "hemsjukvarden-brinken",
        "sending-user": here["declared_user"],
        "signed-by": both.motala.keys.sender,
        "decision": here["decision_id"],
    }
    assert shown_author(delivered) == f"Anna Berg, Hemsjukvården <{HOME_CARE}>"


def test_what_is_left_out_of_the_comparison_is_no_more_than_is_named() -> None:
    with_everything = (
        b"Return-Path: <a@b>\nX-Rorpost-Verified: yes;\n channel=x\nFrom: =?utf-8?Q?A?=\n"
        b" <rorpost.a@motala.se>\nX-Rorpost-Sending-User: a@motala.se\nSubject: x\n\nX-Rorpost-Verified: no\n"
    )
    assert unchanged_part(with_everything) == (
        b"From: <rorpost.a@motala.se>\r\nX-Rorpost-Sending-User: a@motala.se\r\nSubject: x\r\n\r\n"
        b"X-Rorpost-Verified: no\r\n"
    )


def test_from_outlook_there_and_back(two_gateways: MakeTwoGateways) -> None:
    both = two_gateways()
    ways = [(both.motala, both.region, "Anna Berg, Hemsjukvården"), (both.region, both.motala, None)]
    for sender, receiver, _ in ways:
        octets = from_outlook(
            sender.mailbox, receiver.mailbox, sender.person, f"hej.{sender.login}", f"Såret läker. {WORD}"
        )
        heard = by_login(sender, octets, receiver.mailbox)
        assert heard.reason == "ok"
        receiver.wait_until_delivered(1)
        sender.wait_until_empty()
        [copy] = receiver.delivered(receiver.mailbox)
        here = see_that_logs_join(sender, receiver, heard.queue_id)
        assert here["declared_user"] == sender.person
        assert decision(sender, queue_id=heard.queue_id)["declared_by"] == "sender"
        assert verification(copy)["sending-user"] == sender.person
        assert unchanged_sha256(copy) == unchanged_sha256(octets)
        assert sender.lines_of("relayed", queue_id=heard.queue_id)
    assert shown_author(both.region.delivered(BRINKEN)[0]).startswith("Anna Berg, Hemsjukvården <")
    assert shown_author(both.motala.delivered(HOME_CARE)[0]).startswith("Dora Ek, Vårdcentralen Brinken <")
    for side, tube in zip(both.sides, (both.to_region, both.to_motala), strict=True):
        assert side.holds_outside_mail(WORD.encode()) == []
        assert side.holds(b"hej.anna") != []  # the search does find: the Message-ID is in the log
        assert not any(WORD in line for line in side.operator_lines)
        assert WORD.encode() not in tube.octets
        assert tube.connections >= 1


def test_the_same_submission_twice_is_delivered_once(both: TwoGateways) -> None:
    octets = make_message(message_id="<tva.ganger@ws17>", body="Samma en gang till")
    first, second = both.motala.send(BRINKEN, octets=octets), both.motala.send(BRINKEN, octets=octets)
    assert (first.reason, second.reason) == ("ok", "duplicate")
    both.motala.wait_until_empty()
    both.region.wait_until_empty()
    assert len([copy for copy in both.region.delivered(BRINKEN) if b"<tva.ganger@ws17>" in copy]) == 1


def test_between_two_mailboxes_of_one_side(both: TwoGateways) -> None:
    """Sealed, queued, opened and delivered; no line of it goes anywhere else."""
    before = both.to_motala.connections
    heard = both.region.send(LYCKORNA, message_id="<inom.huset@ws17>", body=f"Inom huset {WORD}")
    assert heard.accepted
    both.region.until(
        lambda: both.region.lines_of("delivered", queue_id=heard.queue_id), what="the delivery next door"
    )
    [copy] = both.region.delivered(LYCKORNA)
    assert verification(copy) | {"decision": ""} == {
        "status": "yes",
        "channel": "brinken-lyckorna",
        "sending-user": DORA,
        "signed-by": both.region.keys.receiver,
        "decision": "",
    }
    assert shown_author(copy) == f"Dora Ek, Vårdcentralen Brinken <{BRINKEN}>"
    line = decision(both.region, queue_id=heard.queue_id)
    assert (line["direction"], line["encrypted_to"]) == ("outbound", both.region.keys.two_user_ids)
    assert both.to_motala.connections == before
    assert both.region.holds_outside_mail(WORD.encode()) == []


def test_the_person_is_shown_by_address_where_the_reader_keeps_no_list(
    two_gateways: MakeTwoGateways,
) -> None:
    both = two_gateways(start=False)
    without_list = changed(both.region.policy, HOME_CARE)
    del without_list["mailboxes"][HOME_CARE]["users"]
    both.region.set_policy(without_list)
    both.start()
    assert both.motala.send(BRINKEN).accepted
    both.region.wait_until_delivered(1)
    [copy] = both.region.delivered(BRINKEN)
    assert shown_author(copy) == f"{ANNA}, Hemsjukvården <{HOME_CARE}>"


def test_from_stays_as_it_was_where_operations_want_that(two_gateways: MakeTwoGateways) -> None:
    both = two_gateways(region={"delivery": {"show_person": "header-only"}})
    octets = make_message()
    assert both.motala.send(BRINKEN, octets=octets).accepted
    both.region.wait_until_delivered(1)
    [copy] = both.region.delivered(BRINKEN)
    assert f'From: "Hemsjukvarden" <{HOME_CARE}>\n'.encode() in copy
    assert verification(copy)["sending-user"] == ANNA


# --- an attacker who has captured a sealed message


@dataclass(frozen=True, kw_only=True)
class Captured:
    """What Motala sent and somebody on the way kept; the Region has not seen it yet."""

    both: TwoGateways
    arrival: Arrival

    def bring(self, octets: bytes | None = None, *, recipient: str = BRINKEN) -> Heard:
        octets = self.arrival.octets if octets is None else octets
        return self.both.region.bring(octets, sender=HOME_CARE, recipients=(recipient,))

    def resealed(self, keys: PreparedKeys, recipient: str) -> bytes:
        """Opened with Brinken's key, and what was signed sealed anew: another session key, same signature."""
        options = ("--decrypt", "--unwrap", "--output", "-")
        signed = gpg(keys.receiver_home, *options, stdin=self.arrival.sealed)
        block = under_encryption(keys.receiver_home, recipient, signed)
        begin, end = b"-----BEGIN PGP MESSAGE-----", b"-----END PGP MESSAGE-----\r\n"
        head, _, rest = self.arrival.octets.partition(begin)
        return head + block.replace(b"\n", b"\r\n") + rest.partition(end)[2]


@pytest.fixture
def captured(two_gateways: MakeTwoGateways) -> Captured:
    """Motala's next hop is the attacker's server, which takes the message and lets it go no further."""
    both = two_gateways(start=False)
    hop = {"host": "127.0.0.1", "port": both.motala.next_hop.port, "tls": {"mode": "off", "ca": None}}
    both.motala.set_config(world.merged(both.motala.config, {"relay": {"default": hop}}))
    both.start()
    assert both.motala.send(BRINKEN, body=WORD).accepted
    both.motala.wait_until_relayed(1)
    [arrival] = both.motala.next_hop.arrivals
    return Captured(both=both, arrival=arrival)


def test_a_captured_message_is_delivered_once_however_often_it_is_brought(captured: Captured) -> None:
    region, octets = captured.both.region, captured.arrival.octets
    assert captured.bring().reason == "ok"
    assert captured.bring().reason == "duplicate"
    # On another way: other trace fields, another subject outside, which nobody is shown.
    elsewhere = b"Received: from a by b; x\r\n" + octets.replace(b"[...]", b"[EXTERN] [...]")
    assert captured.bring(elsewhere).reason == "duplicate"
    # What the seal says of the outside must be so.
    renamed = re.sub(rb"Message-ID: <[^>]*>", b"Message-ID: <nytt@angripare>", octets)
    assert renamed != octets
    assert captured.bring(renamed).reason == "headers-not-protected"
    region.wait_until_empty()
    assert region.stop() == 0
    region.start()  # what was seen is remembered
    assert captured.bring().reason == "duplicate"
    region.wait_until_empty()
    assert len(region.delivered(BRINKEN)) == 1


def test_what_was_signed_is_not_taken_again_under_another_seal(
    captured: Captured, prepared_keys: PreparedKeys
) -> None:
    region = captured.both.region
    assert captured.bring().reason == "ok"
    again = captured.bring(captured.resealed(prepared_keys, prepared_keys.receiver))
    assert (again.code, again.reason) == (550, "replayed")
    assert world.PHONE_THEIRS in again.text
    region.wait_until_empty()
    assert len(region.delivered(BRINKEN)) == 1
    [line] = region.decisions(reason="replayed")
    assert (line["action"], line["signed_by"]) == ("reject", prepared_keys.sender)


def test_what_was_sealed_to_one_mailbox_reaches_no_other(
    captured: Captured, prepared_keys: PreparedKeys
) -> None:
    """By the envelope, and sealed anew by whoever may read it."""
    region = captured.both.region
    policy = changed(region.policy, LYCKORNA)
    policy["channels"].append({"name": "hemsjukvarden-lyckorna", "from": HOME_CARE, "to": [LYCKORNA]})
    region.set_policy(policy)
    assert region.reload()
    assert captured.bring(recipient=LYCKORNA).reason == "hidden-recipient"
    outer_to = captured.arrival.octets.replace(b"To: " + BRINKEN.encode(), b"To: " + LYCKORNA.encode())
    assert outer_to != captured.arrival.octets
    assert captured.bring(outer_to, recipient=LYCKORNA).reason == "hidden-recipient"
    resealed = captured.resealed(prepared_keys, prepared_keys.two_user_ids)
    assert captured.bring(resealed, recipient=LYCKORNA).reason == "hidden-recipient"
    assert region.delivered(LYCKORNA) == []
    assert not region.queue_rows()
    assert captured.bring().reason == "ok"  # a refusal has not used it up
    region.wait_until_delivered(1)


# --- keys in change


def test_a_new_key_beside_the_old_one_until_its_time_is_over(
    two_gateways: MakeTwoGateways, prepared_keys: PreparedKeys, home_copy: Any
) -> None:
    ours, theirs = home_copy(prepared_keys.sender_home), home_copy(prepared_keys.receiver_home)
    both = two_gateways(homes={OURS: ours, world.THEIRS: theirs})
    old, agreed = prepared_keys.sender, both.region.policy
    assert both.motala.send(BRINKEN, message_id="<1@k>").accepted
    both.region.wait_until_delivered(1)

    new = generate(ours, HOME_CARE, name="Hemsjukvarden")
    import_key(theirs, export_public(ours, new))
    until = (both.region.policy["mailboxes"][HOME_CARE]["users"][0])["valid_until"]
    both.region.set_policy(changed(agreed, HOME_CARE, key=[new, {"fingerprint": old, "accept_until": until}]))
    assert both.region.reload()
    assert both.motala.send(BRINKEN, message_id="<2@k>").accepted  # Motala still signs with the old one
    both.region.wait_until_delivered(2)
    both.motala.set_policy(changed(agreed, HOME_CARE, key=new))
    assert both.motala.reload()
    assert both.motala.send(BRINKEN, message_id="<3@k>").accepted
    both.region.wait_until_delivered(3)
    assert both.region.send(HOME_CARE).accepted  # sealed to the new one by now
    both.motala.wait_until_delivered(1)
    signed_by = [verification(copy)["signed-by"] for copy in both.region.delivered(BRINKEN)]
    assert signed_by == [old, old, new]
    assert decision(both.region, direction="outbound")["encrypted_to"] == new

    both.region.set_policy(changed(agreed, HOME_CARE, key=new))
    assert both.region.reload()
    both.motala.set_policy(agreed)
    assert both.motala.reload()
    assert both.motala.send(BRINKEN, message_id="<4@k>").accepted
    both.motala.until(lambda: both.motala.lines_of("bounced"), what="the refusal of the old key")
    both.motala.wait_until_empty()
    assert decision(both.region, action="reject")["reason"] == "signer-mismatch"
    [notice] = [octets for octets in both.motala.delivered(HOME_CARE) if b"delivery-status" in octets]
    assert b"[signer-mismatch]" in notice
    assert len(both.region.delivered(BRINKEN)) == 3
