"""What is refused before a message is sent: the client, the reverse-path, the recipients."""

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.envelope import Recipient, ReversePath
from rorpost_gateway.reply import Language, Reply
from tests.peers import gateway_world as world
from tests.peers.inbound_house import ONE_WAY, PHONE_OURS, PHONE_REHAB, REHAB, InboundHouse


def require(reply: Reply, code: str, reason: str, phone: str | None = None) -> None:
    assert (f"{reply.code} {reply.enhanced}", reply.reason) == (code, reason)
    assert reply.line.startswith(f"{code} [{reason}] ")
    assert reply.line.endswith(phone) if phone else "Tel" not in reply.line


async def test_a_client_from_elsewhere_is_turned_away(way_in: InboundHouse) -> None:
    heard = await way_in.receive(b"", client=way_in.peer(allowed=False))
    require(heard.reply, "550 5.7.1", "client-not-allowed")
    (line,) = way_in.lines()
    assert (line["direction"], line["action"]) == ("inbound", "reject")
    assert (line["reason"], line["client"]) == ("client-not-allowed", "192.0.2.25")


async def test_a_flood_from_elsewhere_is_two_lines(way_in: InboundHouse) -> None:
    for _ in range(5):
        await way_in.receive(b"", client=way_in.peer(allowed=False))
    await way_in.refusals.flush(everything=True)
    assert [line["direction"] for line in way_in.lines()] == ["inbound", "inbound"]
    assert way_in.lines()[1]["count"] == 4


async def test_nobody_logs_in_here(way_in: InboundHouse) -> None:
    reply = await way_in.inbound.authenticate(way_in.peer(), "anna", world.PASSWORD.encode())
    assert isinstance(reply, Reply)
    require(reply, "535 5.7.8", "login-failed")


@pytest.mark.parametrize(
    "sender",
    [
        "",
        "doris.ek@regionostergotland.se",
        "rorpost.okand@regionostergotland.se",
        "rorpost.vcbrinken@example.org",
        world.HOME_CARE,
        REHAB,
    ],
    ids=["the null path", "a person", "unknown", "another domain", "our own", "another of our own"],
)
async def test_the_reverse_path_must_be_a_mailbox_of_the_partners(way_in: InboundHouse, sender: str) -> None:
    heard = await way_in.receive(b"", sender=sender)
    require(heard.reply, "550 5.7.1", "sender-not-a-mailbox")
    (line,) = way_in.lines()
    assert "recipient" not in line
    assert (line["direction"], line["reason"], line["reverse_path"]) == (
        "inbound",
        "sender-not-a-mailbox",
        sender,
    )
    assert way_in.steps == ["append"]


async def test_a_size_that_is_too_large_is_refused_when_it_is_announced(way_in: InboundHouse) -> None:
    path = ReversePath(address=world.BRINKEN, size_octets=2_000_001)
    reply = await way_in.inbound.begin(way_in.peer(), path)
    assert isinstance(reply, Reply)
    require(reply, "552 5.3.4", "message-too-large")
    assert [line["reason"] for line in way_in.lines()] == ["message-too-large"]


@pytest.mark.parametrize(
    ("sender", "recipient", "code", "reason", "channel", "phone"),
    [
        (world.BRINKEN, "anna.berg@motala.se", "550 5.1.1", "recipient-not-a-mailbox", None, None),
        (world.BRINKEN, "rorpost.okand@motala.se", "550 5.1.1", "recipient-not-a-mailbox", None, None),
        (world.BRINKEN, world.LYCKORNA, "550 5.1.1", "recipient-not-a-mailbox", None, world.PHONE_THEIRS),
        (ONE_WAY, world.HOME_CARE, "550 5.7.1", "pair-not-allowed", None, PHONE_OURS),
        (world.LYCKORNA, world.KEYLESS, "550 5.7.1", "pair-not-allowed", None, "0141-22 51 00"),
        (world.CLOSED, world.HOME_CARE, "550 5.7.1", "channel-not-valid", "stangd", PHONE_OURS),
    ],
)
async def test_what_the_envelope_tells_is_refused_at_rcpt(
    way_in: InboundHouse,
    sender: str,
    recipient: str,
    code: str,
    reason: str,
    channel: str | None,
    phone: str | None,
) -> None:
    heard = await way_in.receive(b"", sender=sender, recipients=(recipient,))
    require(heard.reply, code, reason, phone)
    (line,) = way_in.lines()
    wanted = {"direction": "inbound", "action": "reject", "reason": reason, "recipient": recipient}
    assert (wanted | {"channel": channel, "reverse_path": sender}).items() <= line.items()
    assert way_in.steps == ["append"]


async def test_one_that_is_refused_does_not_stop_the_other(way_in: InboundHouse) -> None:
    octets = way_in.partner.message()
    heard = await way_in.receive(octets, recipients=(world.HOME_CARE, world.KEYLESS))
    assert heard.reason == "ok"
    require(heard.at_rcpt[1], "550 5.7.1", "pair-not-allowed", "0141-22 51 00")
    assert [(line["recipient"], line["reason"]) for line in way_in.lines()] == [
        (world.KEYLESS, "pair-not-allowed"),
        (world.HOME_CARE, "ok"),
    ]
    assert [copy.recipient for copy in await way_in.copies()] == [world.HOME_CARE]


async def test_the_same_recipient_twice_is_one_copy(way_in: InboundHouse) -> None:
    heard = await way_in.receive(way_in.partner.message(), recipients=(world.HOME_CARE, world.HOME_CARE))
    assert heard.reason == "ok"
    assert len(await way_in.copies()) == len(way_in.lines()) == 1


async def test_given_up_before_the_message_nothing_is_left(way_in: InboundHouse) -> None:
    transaction = await way_in.begin()
    await transaction.abort()
    assert (await way_in.copies(), way_in.lines()) == ([], [])


async def test_what_the_session_found_is_logged_for_each_recipient(way_in: InboundHouse) -> None:
    transaction = await way_in.begin(world.BRINKEN, world.HOME_CARE, REHAB)
    reply = await transaction.refuse(Reason.MESSAGE_TOO_LARGE)
    require(reply, "552 5.3.4", "message-too-large", PHONE_OURS)
    assert [(line["recipient"], line["reason"], line["channel"]) for line in way_in.lines()] == [
        (world.HOME_CARE, "message-too-large", "brinken"),
        (REHAB, "message-too-large", "brinken-rehab"),
    ]


async def test_the_unit_that_refused_is_the_one_to_phone(way_in: InboundHouse) -> None:
    """Its name and number, and not those of another recipient that was taken before."""
    path = ReversePath(address=world.LYCKORNA)
    transaction = await way_in.inbound.begin(way_in.peer(), path)
    assert not isinstance(transaction, Reply)
    assert (await transaction.recipient(Recipient(address=REHAB))).positive
    refused = await transaction.recipient(Recipient(address=world.KEYLESS))
    assert PHONE_REHAB not in refused.line
    assert refused.line.endswith("0141-22 51 00")


async def test_a_second_language(way_in: InboundHouse) -> None:
    way_in.change(language=Language.EN)
    heard = await way_in.receive(b"", sender=ONE_WAY)
    assert "Your mailbox has no channel" in heard.reply.text
