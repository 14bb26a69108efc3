"""Content rules on the way in: judged on what was opened, and judged again before it is delivered."""

from collections import Counter
from contextlib import AbstractContextManager, nullcontext

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.delivery.base import Delivered
from rorpost_gateway.facts import Look, Quotes
from rorpost_gateway.inbound.deliver import NoLongerAllowed
from rorpost_gateway.inbound.opened import open_message
from rorpost_gateway.stages import Stage, Suspicion
from tests.peers import gateway_world as world
from tests.peers.inbound_house import InboundHouse

PASSED_ON = "On 5 May 2026, Karin <karin@example.org> wrote:\r\n> Hej\r\n"
ANSWER = f"On 5 May 2026, <{world.HOME_CARE}> wrote:\r\n> Hej\r\n"


class Counting:
    def __init__(self) -> None:
        self.counted: Counter[Suspicion] = Counter()

    def timed(self, stage: Stage) -> AbstractContextManager[object]:
        return nullcontext()

    def suspected(self, suspicion: Suspicion) -> None:
        self.counted[suspicion] += 1


def decide_quotes(house: InboundHouse, word: str) -> None:
    house.policy_data["rules"]["outside_quotes"] = word
    house.set_policy(house.policy_data)


async def test_what_was_allowed_when_it_came_is_judged_again(way_in: InboundHouse) -> None:
    decide_quotes(way_in, "allow")
    copy, queued = await way_in.taken(way_in.partner.message(body=PASSED_ON))
    decide_quotes(way_in, "reject")
    with pytest.raises(NoLongerAllowed) as refusal:
        await way_in.deliverer().deliver(copy, queued)
    assert refusal.value.reason is Reason.OUTSIDE_QUOTES
    assert way_in.delivered() == []


async def test_an_answer_within_the_channel_is_delivered(way_in: InboundHouse) -> None:
    copy, queued = await way_in.taken(way_in.partner.message(body=ANSWER))
    assert isinstance(await way_in.deliverer().deliver(copy, queued), Delivered)


async def test_what_is_only_suspected_comes_in_and_is_counted(way_in: InboundHouse) -> None:
    stages = Counting()
    way_in.change(stages=stages)
    await way_in.taken(way_in.partner.message(body="> Hej\r\n> du\r\n\r\nJa\r\n"))
    assert stages.counted == {Suspicion.OUTSIDE_QUOTES: 1}


async def test_only_what_is_asked_for_is_looked_at(way_in: InboundHouse) -> None:
    opened = await open_message(
        way_in.partner.message(body=ANSWER),
        opener=way_in.opener,
        hostname="gw.motala.se",
        longest_octets=1_000_000,
    )
    assert opened.facts.content is None
    await opened.look_into(Look.QUOTES)
    content = opened.for_delivery().facts.content
    assert content is not None
    assert content.quotes == Quotes(quoted=(frozenset({world.HOME_CARE}),))
    assert content.attachments is None
    await opened.look_into(Look(0))
    assert opened.facts.content is None


async def test_rules_that_came_since_look_at_what_nobody_had_looked_at(way_in: InboundHouse) -> None:
    """Also where the message is still open from the prompt."""
    copy, queued = await way_in.taken(
        way_in.partner.message(body="Hej", Content_Disposition="attachment; filename=a.exe")
    )
    assert isinstance(await way_in.deliverer().deliver(copy, queued), Delivered)
    way_in.policy_data["rules"]["attachments"] = {"deny_extensions": ["exe"]}
    way_in.set_policy(way_in.policy_data)
    with pytest.raises(NoLongerAllowed) as refusal:
        await way_in.deliverer().deliver(copy, queued)
    assert refusal.value.reason is Reason.ATTACHMENT_NOT_ALLOWED
