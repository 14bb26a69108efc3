"""Content rules on the way out: what is refused, what is only counted, and what is written nowhere."""

from collections import Counter
from contextlib import AbstractContextManager, nullcontext

import pytest
from structlog.testing import capture_logs

from rorpost_gateway.content.read import LARGE_OCTETS
from rorpost_gateway.stages import Stage, Suspicion
from tests.peers import gateway_world as world
from tests.peers.outbound_house import OutboundHouse

OUTSIDER = "karin@example.org"
PASSED_ON = f"Se nedan.\r\n\r\nFrom: Karin <{OUTSIDER}>\r\nSent: today\r\nTo: Home care\r\n\r\nHej\r\n"
WITHIN = f"Ja.\r\n\r\nFrom: <{world.BRINKEN}>\r\nSent: today\r\nTo: <{world.HOME_CARE}>\r\n\r\nHej\r\n"
NUMBER = "19121212-1212"


class Counting:
    def __init__(self) -> None:
        self.counted: Counter[Suspicion] = Counter()

    def timed(self, stage: Stage) -> AbstractContextManager[object]:
        return nullcontext()

    def suspected(self, suspicion: Suspicion) -> None:
        self.counted[suspicion] += 1


@pytest.mark.parametrize("padding", [0, LARGE_OCTETS])
async def test_mail_from_outside_is_not_passed_on(house: OutboundHouse, padding: int) -> None:
    with capture_logs() as said:
        answered = await house.submit(body=PASSED_ON + "x\r\n" * padding)
    assert answered.reason == "outside-quotes"
    (line,) = house.lines()
    assert (line["reason"], line["rule"]) == ("outside-quotes", "rules.outside_quotes")
    assert "karin" not in f"{answered.reply.line} {line} {said}"
    assert house.holds(OUTSIDER.encode()) == []


async def test_an_answer_within_the_channel_goes(house: OutboundHouse) -> None:
    assert (await house.submit(body=WITHIN)).reason == "ok"


async def test_a_number_in_the_name_of_a_file_stands_nowhere(house: OutboundHouse) -> None:
    with capture_logs() as said:
        answered = await house.submit(Content_Disposition=f'attachment; filename="{NUMBER}.pdf"')
    assert answered.reason == "identity-number-in-attachment-name"
    assert "1212" not in f"{answered.reply.line} {said}"
    assert house.holds(NUMBER.encode()) == []


async def test_what_is_only_suspected_goes_and_is_counted(house: OutboundHouse) -> None:
    stages = Counting()
    house.change(stages=stages)
    assert (await house.submit(body="> Hej\r\n> du\r\n\r\nJa\r\n")).reason == "ok"
    assert (await house.submit(body=WITHIN)).reason == "ok"
    assert stages.counted == {Suspicion.OUTSIDE_QUOTES: 1}
    assert (await house.submit(body=PASSED_ON + "> Hej\r\n", Importance="high")).reason == "urgent"
    assert stages.counted.total() == 1, "a refused message is no suspicion"
