"""What stands in a decision's line, and what never does."""

import pytest
from structlog.testing import capture_logs

from rorpost_gateway.address import domain_of
from rorpost_gateway.envelope import Notify, Recipient, ReversePath
from rorpost_gateway.outbound.transaction import OutboundTransaction
from tests.peers import gateway_world as world
from tests.peers.gnupg_home import open_with_gpg
from tests.peers.next_hop import Arrival
from tests.peers.outbound_house import OutboundHouse
from tests.peers.submitting import make_message

NUMBER = "19121212-1212"
BOTH = (world.BRINKEN, world.LYCKORNA)


@pytest.mark.parametrize(
    ("submit", "field"),
    [
        ({"message_id": f"<{NUMBER}@klient>"}, "message_id"),
        ({"message_id": "<a.191212121212.b@klient>"}, "message_id"),
        ({"sender": f"{NUMBER}@motala.se"}, "reverse_path"),
        ({"recipients": (f"rorpost.{NUMBER}@regionostergotland.se",)}, "recipient"),
        ({"recipients": (f"{NUMBER}@example.org",)}, "recipient"),
        ({"user": f"{NUMBER}@motala.se"}, "declared_user"),
    ],
)
async def test_an_identity_number_is_redacted(
    house: OutboundHouse, submit: dict[str, object], field: str
) -> None:
    with capture_logs() as said:
        answered = await house.submit(**submit)
    (line,) = house.lines()
    assert line[field] == "[redacted]"
    everything = f"{answered.reply.line} {line} {said}"
    assert "1212-1212" not in everything
    assert "12121212" not in everything


async def test_a_subject_with_an_identity_number_stands_nowhere(house: OutboundHouse) -> None:
    with capture_logs() as said:
        answered = await house.submit(subject=f"Patient {NUMBER}")
    assert answered.reason == "identity-number-in-subject"
    assert "1212" not in f"{answered.reply.line} {said}"
    assert house.holds(b"1212-1212") == []


async def test_what_a_client_chose_is_cut(house: OutboundHouse) -> None:
    await house.submit(message_id=f"<{'a' * 900}@klient>")
    assert len(house.lines()[0]["message_id"]) == 254


async def test_a_message_id_that_is_none_is_null(house: OutboundHouse) -> None:
    await house.submit(message_id="ingen vinkel")
    assert house.lines()[0]["message_id"] is None


async def test_size_is_that_of_the_message_as_submitted(house: OutboundHouse) -> None:
    octets = make_message(X_Rorpost_Channel="dropped")
    await house.submit(octets)
    assert house.lines()[0]["size"] == len(octets)
    assert (await house.copies())[0].message.size == len(octets)


@pytest.mark.parametrize("octets", [0, 300_000])
async def test_what_is_sealed_is_what_was_submitted(house: OutboundHouse, octets: int) -> None:
    """Small in the event loop, large in threads: the same."""
    submitted = make_message(body="Hej\r\n" + "x" * 70 + "\r\n" * (octets // 2), message_id="<inner@klient>")
    answered = await house.submit(submitted)
    sealed = await house.queue.sealed(answered.queue_id, world.BRINKEN)
    arrival = Arrival(octets=sealed)
    assert arrival.recipient == world.BRINKEN
    opened = open_with_gpg(house.keys.receiver_home, arrival.sealed)
    assert opened.endswith(submitted[submitted.index(b"\r\n\r\n") :])
    assert b"X-Rorpost-Sending-User: anna.berg@motala.se\r\n" in opened
    assert f"X-Rorpost-Queue-Id: {answered.queue_id}\r\n".encode() in opened
    assert b"<inner@klient>" not in sealed
    (copy,) = await house.copies()
    assert copy.outer_message_id == arrival.outer_message_id
    assert copy.outer_message_id.endswith(f"@{domain_of(world.HOME_CARE)}>")


async def test_each_copy_names_its_own_recipient_only(house: OutboundHouse) -> None:
    answered = await house.submit(recipients=BOTH)
    for mine, other in (BOTH, BOTH[::-1]):
        sealed = await house.queue.sealed(answered.queue_id, mine)
        assert mine.encode() in sealed
        assert other.encode() not in sealed


async def test_sealed_larger_than_the_next_hop_takes(house: OutboundHouse) -> None:
    house.sealed_size = 65_536
    answered = await house.submit(recipients=BOTH, body="x" * 60_000)
    assert answered.reply.line.startswith("552 5.3.4 [message-too-large] ")
    assert world.PHONE_THEIRS in answered.reply.line
    lines = {line["recipient"]: line for line in house.lines()}
    assert {line["reason"] for line in lines.values()} == {"message-too-large"}
    assert {line["rule"] for line in lines.values()} == {"relay.max_size"}
    causes = [line.get("because_of") for line in lines.values()]
    assert sorted(cause or "" for cause in causes) in [["", world.BRINKEN], ["", world.LYCKORNA]]
    assert await house.copies() == []


async def test_too_large_for_one_next_hop_is_refused_for_all_and_says_whose_it_was(
    house: OutboundHouse,
) -> None:
    policy = house.policy_data
    elsewhere = "rorpost.enhet@example.org"
    mailbox = {**policy["mailboxes"][world.BRINKEN], "name": "Enheten", "phone": "08-123 456 78"}
    channel = {"name": "utanfor", "from": world.HOME_CARE, "to": [elsewhere]}
    house.set_policy(
        {
            **policy,
            "mailboxes": {**policy["mailboxes"], elsewhere: mailbox},
            "channels": [*policy["channels"], channel],
        }
    )
    house.change(sealed_size_for=lambda domain: 65_536 if domain == "example.org" else 1 << 30)
    answered = await house.submit(recipients=(world.BRINKEN, elsewhere), body="x" * 60_000)
    assert answered.reason == "message-too-large"
    assert "Enheten: 08-123 456 78" in answered.reply.line
    lines = {line["recipient"]: line for line in house.lines()}
    assert lines[world.BRINKEN]["because_of"] == elsewhere
    assert "because_of" not in lines[elsewhere]
    assert await house.copies() == []


async def test_no_file_holds_what_was_refused_after_sealing(house: OutboundHouse) -> None:
    house.sealed_size = 1
    await house.submit(body="Markorord-i-texten")
    assert house.holds(b"Markorord-i-texten") == []


async def test_notify_and_envid_go_into_the_queue(house: OutboundHouse) -> None:
    path = ReversePath(address=world.HOME_CARE, ret="FULL", envid="QQ314159")
    transaction = await house.outbound.begin(house.client(), path)
    assert isinstance(transaction, OutboundTransaction)
    never = frozenset({Notify.NEVER})
    await transaction.recipient(
        Recipient(address=world.BRINKEN, notify=never, original_recipient="rfc822;a@b")
    )
    await transaction.message(make_message())
    (copy,) = await house.copies()
    assert (copy.notify, copy.original_recipient) == (never, "rfc822;a@b")
    assert (copy.message.ret, copy.message.envid) == ("FULL", "QQ314159")


async def test_ids_come_from_the_injected_clock_and_chance(house: OutboundHouse) -> None:
    await house.submit(recipients=BOTH)
    ids = [line["decision_id"] for line in house.lines()]
    assert len(set(ids)) == 2
    assert {int(each.replace("-", "")[:12], 16) for each in ids} == {int(house.clock.now * 1000)}
