"""The notice to a refused sender: codes only, by the null path, tried a few times, and never in the way."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from rorpost_gateway.collecting.base import Refused, TrueSender
from rorpost_gateway.collecting.telling import ATTEMPTS, MOST_AT_A_TIME, Telling
from rorpost_gateway.decision import Reason
from rorpost_gateway.delivery.base import DeferredDelivery, Delivered, DeliveryOutcome, FailedDelivery
from rorpost_gateway.dsn import Recipient
from rorpost_gateway.reply import Language, reply_for
from tests.unit.collecting.mailbox import BRINKEN, HOME_CARE, NOW

DELIVERED = Delivered(reply="250 2.0.0 ok", next_hop="mx:25")
LATER = DeferredDelivery(reply="451 4.3.0 later", next_hop="mx:25")
NEVER = FailedDelivery(reply="550 5.7.1 no", next_hop="mx:25")


@dataclass(kw_only=True)
class Mail:
    """Answers by script; what was sent."""

    outcomes: list[DeliveryOutcome | Exception]
    sent: list[tuple[str, bytes, str, str]] = field(default_factory=list)

    async def deliver(
        self, recipient: str, octets: bytes, *, reverse_path: str, unique: str
    ) -> DeliveryOutcome:
        self.sent.append((recipient, octets, reverse_path, unique))
        outcome = self.outcomes.pop(0) if self.outcomes else DELIVERED
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def refusal(digest: str = "ab" * 32) -> Refused:
    reply = reply_for(Reason.URGENT, Language.SV, unit="Hemsjukvården", phone="0141-22 50 00")
    sender = TrueSender(mailbox=BRINKEN, digest=digest, message_id="<yttre@regionostergotland.se>")
    return Refused(sender=sender, recipient=HOME_CARE, reply=reply, at=NOW)


def telling(mail: Mail, pauses: list[float] | None = None) -> Telling:
    async def wait(seconds: float) -> None:
        if pauses is not None:
            pauses.append(seconds)
        await asyncio.sleep(0)

    return Telling(
        delivery=mail,
        hostname="gw.motala.se",
        zone=ZoneInfo("Europe/Stockholm"),
        language=Language.SV,
        unit_of=lambda address: Recipient(address=address, unit="Hemsjukvården", phone="0141-22 50 00"),
        wait=wait,
    )


@pytest.fixture
def logs() -> Iterator[list[EventDict]]:
    with capture_logs() as captured:
        yield captured


async def test_what_the_sender_reads(logs: list[EventDict]) -> None:
    mail = Mail(outcomes=[])
    it = telling(mail)
    it.tell(refusal())
    await it.finish(grace_seconds=5)
    [(recipient, octets, reverse_path, unique)] = mail.sent
    assert (recipient, reverse_path) == (BRINKEN, "")
    assert unique == f"{int(NOW)}.{'ab' * 16}.refused"
    notice = message_from_bytes(octets, policy=policy.default)
    assert notice["Auto-Submitted"] == "auto-replied"
    assert notice["In-Reply-To"] == "<yttre@regionostergotland.se>"
    text = notice.get_body().get_content()  # type: ignore[union-attr]
    assert "550 5.7.1 [urgent]" in text
    assert "0141-22 50 00" in text
    assert "nummer:" not in text  # it was never queued
    [status] = [part for part in notice.walk() if part["Final-Recipient"]]
    assert (status["Final-Recipient"], status["Status"]) == (f"rfc822; {HOME_CARE}", "5.7.1")
    [event] = logs
    assert (event["event"], event["sender"]) == ("refusal-told", BRINKEN)


async def test_two_notices_are_two_messages() -> None:
    mail = Mail(outcomes=[])
    it = telling(mail)
    it.tell(refusal())
    other = refusal("cd" * 32)
    it.tell(Refused(sender=other.sender, recipient=HOME_CARE, reply=other.reply, at=NOW + 1))
    await it.finish(grace_seconds=5)
    assert len({message_from_bytes(octets)["Message-ID"] for _, octets, _, _ in mail.sent}) == 2


async def test_it_is_tried_again_as_the_same_notice() -> None:
    mail = Mail(outcomes=[LATER, LATER])
    pauses: list[float] = []
    it = telling(mail, pauses)
    it.tell(refusal())
    await it.finish(grace_seconds=5)
    assert len(mail.sent) == 3
    assert len(set(mail.sent)) == 1
    assert pauses == [60, 240]


@pytest.mark.parametrize(
    ("outcomes", "attempts"), [([LATER] * 99, ATTEMPTS), ([NEVER], 1), ([RuntimeError("no")], 1)]
)
async def test_what_cannot_be_told_is_in_the_operators_log(
    logs: list[EventDict], outcomes: list[DeliveryOutcome | Exception], attempts: int
) -> None:
    mail = Mail(outcomes=list(outcomes))
    it = telling(mail)
    it.tell(refusal())
    await it.finish(grace_seconds=5)
    assert len(mail.sent) == attempts
    [event] = logs
    assert event["event"] == "refusal-not-told"
    assert event["sender"] == BRINKEN


async def test_an_end_of_the_daemon_does_not_wait_for_it(logs: list[EventDict]) -> None:
    mail = Mail(outcomes=[LATER])
    it = telling(mail)
    it.wait = lambda _: asyncio.Event().wait()
    it.tell(refusal())
    await it.finish(grace_seconds=0)
    assert [event["event"] for event in logs] == ["refusal-not-told"]


async def test_so_many_at_a_time_and_no_more(logs: list[EventDict]) -> None:
    mail = Mail(outcomes=[])
    it = telling(mail)
    for number in range(MOST_AT_A_TIME + 3):
        it.tell(refusal(f"{number:064x}"))
    await it.finish(grace_seconds=5)
    assert len(mail.sent) == MOST_AT_A_TIME
    assert len([event for event in logs if event["event"] == "refusal-not-told"]) == 3
