"""A channel between two mailboxes of ours: sealed here, queued, opened here, delivered, octet for octet.

For every shape of the corpus: what is delivered is what was submitted, apart from the named fields.
"""

import hashlib
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from rorpost_gateway.daemon.reading import OwnMailboxes
from rorpost_gateway.daemon.relaying import judge_copy
from rorpost_gateway.delivery.maildir import MaildirDelivery
from rorpost_gateway.message import parse_message, without_private_fields
from rorpost_gateway.openpgp.gnupg import load_index
from rorpost_gateway.queue.base import State
from rorpost_gateway.relay.notices import Notices, Unit
from rorpost_gateway.relay.runner import Relay
from rorpost_gateway.relay.settle import Settlement
from rorpost_gateway.reply import Language
from rorpost_gateway.retry import Schedule
from rorpost_gateway.smtp_client.base import Attempt, Outgoing, Route, Routes
from tests.peers import gateway_world as world
from tests.peers.gnupg_home import copy_home, remove_home, revoke_primary
from tests.peers.inbound_house import REHAB, InboundHouse
from tests.peers.messages import CORPUS
from tests.peers.relaying import work_until_idle
from tests.peers.submitting import make_message

OWN = frozenset({world.OURS})
KEPT = ("X-Rorpost-Sending-User", "X-Rorpost-Legal-Basis")
SECRET = b"INTERNSORDET"


class Nobody:
    """There is no next hop: nothing of this may leave."""

    async def send(self, route: Route, outgoing: Outgoing) -> Attempt:
        raise AssertionError("it went out")

    async def close(self) -> None:
        pass


async def work(house: InboundHouse, *, show_person: bool = False) -> None:
    """Let the relay do all that is due, as the daemon puts it together."""
    house.mail.mkdir(exist_ok=True)
    settlement = Settlement(
        queue=house.queue,
        log=house.log,
        records=house.records,
        schedule=Schedule(),
        notices=Notices(
            delivery=MaildirDelivery(house.mail),
            hostname=house.house.hostname,
            zone=ZoneInfo("Europe/Stockholm"),
            language=Language.SV,
            unit_of=lambda _: Unit(name=None, phone=None),
        ),
        now=house.clock,
        chance=lambda: 0.5,
    )
    await work_until_idle(
        lambda wait: Relay(
            queue=house.queue,
            client=Nobody(),
            routes=Routes(default=None, by_domain={}),
            local=OwnMailboxes(house.deliverer(show_person=show_person), OWN),
            settlement=settlement,
            judge=lambda copy: judge_copy(house.in_force, copy, own_domains=OWN, now=house.clock.now),
            revision=lambda: house.in_force.policy.revision,
            now=house.clock,
            node="gw1",
            wait=wait,
        )
    )


def as_submitted(path: Path) -> bytes:
    """The shape with addresses of our own two mailboxes in its header, so that it may be sent."""
    octets = path.read_bytes()
    message = parse_message(octets)
    fields = [each.raw for each in message.fields if each.name not in {"from", "to", "cc", "bcc", "sender"}]
    fields = [raw for raw in fields if not raw.lower().startswith(_NOT_TO_BE_SENT)]
    if fields and not fields[-1].endswith(b"\r\n"):
        fields[-1] += b"\r\n"
    head = f"From: {world.HOME_CARE}\r\nTo: {REHAB}\r\nX-Rorpost-Sending-User: {world.ANNA}\r\n".encode(
        "ascii"
    )
    body = octets[message.header_end :] or b"\r\n"
    return b"".join((head, *fields, body))


# What the rules of the way out refuse: these shapes are about something else.
_NOT_TO_BE_SENT = (
    *(b"importance:", b"x-priority:", b"priority:", b"x-msmail-priority:", b"reply-to:", b"x-rorpost-sen"),
    *(b"disposition-notification-to:", b"return-receipt-to:", b"x-confirm-reading-to:", b"mail-followup-to:"),
)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
async def test_what_was_submitted_is_what_is_delivered(way_in: InboundHouse, path: Path) -> None:
    octets = as_submitted(path)
    heard = await way_in.submit(octets, recipients=(REHAB,))
    assert heard.reason == "ok", heard
    await work(way_in)
    (copy,) = way_in.delivered(REHAB)
    submitted = without_private_fields(parse_message(octets), KEPT).octets
    assert hashlib.sha256(_without_verification(copy)).digest() == hashlib.sha256(submitted).digest()
    assert [line["event"] for line in way_in.lines(None)[-2:]] == ["decision", "delivered"]


def _without_verification(copy: bytes) -> bytes:
    """The one field in front of the message, which is folded over four lines."""
    first, rest = copy.split(b"\r\n", 4)[:4], copy.split(b"\r\n", 4)[4]
    assert first[0].startswith(b"X-Rorpost-Verified: yes; channel=")
    assert all(line.startswith(b" ") for line in first[1:])
    return rest


async def test_in_the_queue_it_is_sealed(way_in: InboundHouse) -> None:
    await way_in.submit(make_message(recipients=(REHAB,), body=SECRET.decode()), recipients=(REHAB,))
    assert way_in.holds(SECRET) == []
    (copy,) = await way_in.copies()
    assert (copy.encrypted_to, copy.signed_by) == (way_in.keys.rehab, way_in.keys.sender)
    await work(way_in)
    assert SECRET in way_in.delivered(REHAB)[0]
    assert way_in.holds(SECRET) == []


async def test_the_line_of_its_delivery(way_in: InboundHouse) -> None:
    await way_in.submit(make_message(recipients=(REHAB,)), recipients=(REHAB,))
    await work(way_in)
    decision, delivered = way_in.lines("decision")[-1], way_in.lines("delivered")[-1]
    assert (delivered["direction"], delivered["channel"]) == ("outbound", "hemsjukvarden-rehab")
    for name in ("decision_id", "queue_id", "sealed_sha256", "recipient", "reverse_path"):
        assert delivered[name] == decision[name]
    assert f"decision={decision['decision_id']}".encode() in way_in.delivered(REHAB)[0]


async def test_the_person_is_shown(way_in: InboundHouse) -> None:
    await way_in.submit(make_message(recipients=(REHAB,)), recipients=(REHAB,))
    await work(way_in, show_person=True)
    assert b'From: "Anna Berg, Hemsjukv' not in way_in.delivered(REHAB)[0], "it is no ASCII"
    assert b"From: =?utf-8?" in way_in.delivered(REHAB)[0]


async def test_revoked_meanwhile_it_is_held_and_restored_it_is_delivered(way_in: InboundHouse) -> None:
    heard = await way_in.submit(make_message(recipients=(REHAB,)), recipients=(REHAB,))
    good, changed = way_in.index, copy_home(way_in.keys.sender_home)
    try:
        revoke_primary(changed, way_in.keys.sender)
        way_in.index = await load_index(changed)
    finally:
        remove_home(changed)
    way_in.set_policy(way_in.policy_data)
    await work(way_in)
    (held,) = await way_in.copies(State.HELD)
    assert held.held_because in {"signature-invalid", "signer-mismatch"}
    assert way_in.delivered(REHAB) == []
    way_in.index = good
    way_in.set_policy(way_in.policy_data)
    await way_in.queue.release(heard.queue_id, None, now=way_in.clock.now)
    await work(way_in)
    assert len(way_in.delivered(REHAB)) == 1


async def test_brought_back_from_outside_it_is_refused(way_in: InboundHouse) -> None:
    """Who catches such a message cannot bring it again: at MAIL our own mailboxes are nobody's to use."""
    await way_in.submit(make_message(recipients=(REHAB,)), recipients=(REHAB,))
    (copy,) = await way_in.copies()
    sealed = await way_in.queue.sealed(copy.message.queue_id, copy.recipient)
    heard = await way_in.receive(sealed, sender=world.HOME_CARE, recipients=(REHAB,))
    assert heard.reason == "sender-not-a-mailbox"
    heard = await way_in.receive(sealed, sender=world.BRINKEN, recipients=(REHAB,))
    assert heard.reason == "mail-loop"
