"""A real mail client's OpenPGP, both ways: mutt at the Region, a gateway at Motala.

mutt signs and encrypts. From, To and Date it protects if it is told to
(crypt_protected_headers_write; since 2.0): then its messages are verified as wholly as
another gateway's. Otherwise they are refused where policy wants protection, and marked
`partly` where a channel allows what they are. Who sent them it never says under the seal.
"""

import email
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_two_gateways import decision, shown_author, verification
from tests.peers import gateway_world as world
from tests.peers.authority import Authority
from tests.peers.gateway_world import BRINKEN, HOME_CARE, HOSPITAL, OURS
from tests.peers.gnupg_home import PreparedKeys, export_public, generate, gpg, import_key
from tests.peers.messages import CORPUS
from tests.peers.mutt import Backend, Mutt
from tests.peers.two_gateways import ANNA, MakeTwoGateways, Side, agreed_policy

UNSAID = {"declared_user": {"inbound": "optional"}}
AS_THEY_ARE = {"unprotected_headers": "allow"} | UNSAID
WORD = "FLADDERMUSEN"
BODY = f"Hej Motala.\n\nSåret läker, {WORD}.\nFrom hemmet\n-- \nLasarettet\n"
SHAPES = ("latin_1", "nested_message", "winmail_dat", "calendar_invitation", "quoted_pgp_block")


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """Motala's gateway, whose next hop is a plain server, and mutt, whose mailbox is behind that."""

    motala: Side
    mutt: Mutt

    def allow(self, rules: dict[str, Any]) -> None:
        policy = agreed_policy(self.motala.keys)
        policy["mailboxes"][HOSPITAL] = {
            "name": "Lasarettet i Motala",
            "phone": world.PHONE_THEIRS,
            "key": self.mutt.key,
        }
        channel = {"name": "hemsjukvarden-lasarettet", "between": [HOME_CARE, HOSPITAL]}
        policy["channels"].append(channel | ({"rules": rules} if rules else {}))
        self.motala.set_policy(policy)
        if self.motala.daemon is not None:
            assert self.motala.reload()

    def write(self, subject: str = "Fran lasarettet", more: str = "") -> str:
        place = self.motala.inbound
        assert place is not None
        return self.mutt.send(place, HOME_CARE, subject=subject, body=BODY, more=more)


@pytest.fixture
def meet(
    two_gateways: MakeTwoGateways,
    prepared_keys: PreparedKeys,
    authority: Authority,
    home_copy: Callable[[Path], Path],
    new_home: Callable[[], Path],
    mutt_backend: Backend,
) -> Iterator[Callable[..., Meeting]]:
    """Makes them know each other's keys."""
    with tempfile.TemporaryDirectory(prefix="rm", dir="/tmp") as folder:

        def make(*, protects_headers: bool = False) -> Meeting:
            theirs, ours = new_home(), home_copy(prepared_keys.sender_home)
            key = generate(theirs, HOSPITAL, name="Lasarettet")
            import_key(theirs, export_public(ours, prepared_keys.sender))
            # As after a telephone call about the fingerprint.
            unlocked = ("--pinentry-mode", "loopback", "--passphrase", "")
            gpg(theirs, *unlocked, "--quick-lsign-key", prepared_keys.sender)
            import_key(ours, export_public(theirs, key))
            motala = two_gateways(start=False, homes={OURS: ours}).motala
            hop = {"host": "127.0.0.1", "port": motala.next_hop.port, "tls": {"mode": "off", "ca": None}}
            motala.set_config(world.merged(motala.config, {"relay": {"default": hop}}))
            mutt = Mutt(
                address=HOSPITAL,
                name="Lasarettet",
                key=key,
                home=theirs,
                folder=Path(folder),
                authority=authority,
                backend=mutt_backend,
                protects_headers=protects_headers,
            )
            meeting = Meeting(motala=motala, mutt=mutt)
            meeting.allow(AS_THEY_ARE)
            motala.start()
            return meeting

        yield make


MakeMeeting = Callable[..., Meeting]


def test_mutts_message_is_refused_where_the_channel_wants_more(meet: MakeMeeting) -> None:
    meeting = meet()
    for rules, reason in (
        ({}, "headers-not-protected"),
        (UNSAID, "headers-not-protected"),
        ({"unprotected_headers": "allow"}, "user-not-declared"),
    ):
        meeting.allow(rules)
        screen = meeting.write()
        assert f"SMTP session failed: 550 5.7.{1 if 'user' in reason else 5} [{reason}]" in screen, screen
        assert meeting.motala.decisions()[-1]["reason"] == reason
    assert not meeting.motala.queue_rows()
    assert meeting.motala.delivered(HOME_CARE) == []
    assert meeting.motala.holds(WORD.encode()) == []


@pytest.mark.parametrize(
    ("protects", "rules", "status"), [(False, AS_THEY_ARE, "partly"), (True, UNSAID, "yes")]
)
def test_mutts_message_is_taken_for_what_it_is(
    meet: MakeMeeting, protects: bool, rules: dict[str, Any], status: str
) -> None:
    meeting = meet(protects_headers=protects)
    motala = meeting.motala
    meeting.allow(rules)
    # What mutt says of the user stands outside the seal, and is not believed.
    meeting.write("Ur vägen", f"my_hdr X-Rorpost-Sending-User: {ANNA}")
    motala.wait_until_delivered(1)
    motala.wait_until_empty()
    [copy] = motala.delivered(HOME_CARE)
    line = decision(motala, reason="ok")
    assert verification(copy) == {
        "status": status,
        "channel": "hemsjukvarden-lasarettet",
        "sending-user": "not-stated",
        "signed-by": meeting.mutt.key,
        "decision": line["decision_id"],
    }
    # mutt states no person, so it is the unit that From names, by our policy.
    assert shown_author(copy).split() == ['"Lasarettet', "i", 'Motala"', f"<{HOSPITAL}>"]
    message = email.message_from_bytes(copy)
    assert text_of(message) == BODY
    assert message["X-Rorpost-Sending-User"] is None
    assert shown(message["Subject"]) == "Ur vägen"
    assert (line["declared_user"], line["signed_by"]) == (None, meeting.mutt.key)
    assert str(line["tls"]).startswith("TLSv1.")
    assert motala.holds_outside_mail(WORD.encode()) == []


def test_mutt_opens_what_the_gateway_sealed(meet: MakeMeeting) -> None:
    meeting = meet()
    heard = meeting.motala.send(
        HOSPITAL, subject="Tillbaka", body=f"Hej lasarettet.\r\n\r\nSåret läker, {WORD}.\r\nFrom hemmet"
    )
    assert heard.accepted
    meeting.motala.wait_for_arrivals(1)
    [arrival] = meeting.motala.next_hop.arrivals
    assert WORD.encode() not in arrival.octets
    read = meeting.mutt.read(arrival.octets)
    assert read.endswith(f"\n\nHej lasarettet.\n\nSåret läker, {WORD}.\nFrom hemmet\n"), read
    screen = meeting.mutt.says(arrival.octets, WORD)
    assert "Tillbaka" in screen  # the protected subject is what it shows
    assert "Good signature from" in screen


def test_mutt_reads_every_part_as_it_was_submitted(meet: MakeMeeting) -> None:
    meeting = meet()
    corpus = {path.stem: path.read_bytes() for path in CORPUS}
    for number, shape in enumerate(SHAPES):
        submitted = corpus[shape].replace(BRINKEN.encode(), HOSPITAL.encode())
        assert meeting.motala.submit(submitted, recipients=(HOSPITAL,)).accepted
        meeting.motala.wait_for_arrivals(number + 1)
        arrived = meeting.motala.next_hop.arrivals[number].octets
        saved = email.message_from_bytes(meeting.mutt.decrypted(arrived))
        assert parts_of(saved) == parts_of(email.message_from_bytes(submitted.replace(b"\r\n", b"\n")))


def parts_of(message: Message) -> list[tuple[str, bytes]]:
    """Type and decoded octets of each part that has no parts."""
    return [
        (part.get_content_type(), bytes(part.get_payload(decode=True)))
        for part in message.walk()
        if not part.is_multipart()
    ]


def text_of(message: Message) -> str:
    [(kind, octets)] = parts_of(message)
    assert kind == "text/plain"
    return octets.decode("utf-8")


def shown(field: str | None) -> str:
    return str(make_header(decode_header(field or "")))
