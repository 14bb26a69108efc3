"""Content rules on the way out: what is refused, what is only counted, and what is written nowhere."""

import logging
from collections import Counter
from contextlib import AbstractContextManager, nullcontext

import pytest
from structlog.testing import capture_logs

from rorpost_gateway.content.read import LARGE_OCTETS
from rorpost_gateway.stages import Stage, Suspicion
from tests.peers import gateway_world as world
from tests.peers.attached_files import EXE, part, zipped
from tests.peers.attached_files import message as with_files
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


async def test_what_goes_wrong_while_looking_is_no_yes(
    house: OutboundHouse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Answered 451 with a line, again and again; and neither a name nor a word of it is told."""

    def broken(*_: object) -> None:
        raise KeyError("MARKER")

    monkeypatch.setattr("rorpost_gateway.content.read.read_content", broken)
    caplog.set_level(logging.DEBUG)
    with capture_logs() as said:
        for body in ("MARKER", "MARKER\r\n" * LARGE_OCTETS):
            with pytest.raises(KeyError):
                await house.submit(body=body, Content_Disposition='attachment; filename="MARKER.pdf"')
    assert [(line["action"], line["reason"]) for line in house.lines()] == [("defer", "gateway-fault")] * 2
    assert await house.copies() == []
    assert "MARKER" not in f"{said} {caplog.text}"
    assert house.holds(b"MARKER") == []


async def test_what_is_found_is_told_nobody(house: OutboundHouse, caplog: pytest.LogCaptureFixture) -> None:
    """At the most talkative level: names of files and of what is in them, words, addresses."""
    attached = with_files(
        part(zipped({"MARKER.txt": b"From: MARKER@example.org\r\n", "MARKER.exe": EXE}), "MARKER.zip")
    )
    caplog.set_level(logging.DEBUG)
    with capture_logs() as said:
        answered = await house.submit(
            recipients=(world.BRINKEN, world.HOSPITAL),
            body=attached.partition(b"\r\n\r\n")[2].decode(),
            X_Rorpost_Legal_Basis="samtycke",
            Content_Type='multipart/mixed; boundary="=_b"',
            Content_Transfer_Encoding=None,
        )
    assert answered.reason == "attachment-not-allowed"
    lines = {line["recipient"]: line for line in house.lines()}
    assert lines[world.BRINKEN]["because_of"] == world.HOSPITAL, "whose channel has such a rule"
    assert "because_of" not in lines[world.HOSPITAL]
    assert "MARKER" not in f"{answered.reply.line} {said} {caplog.text}"
    assert house.holds(b"MARKER") == []


async def test_of_several_rules_the_first_is_told_for_all(house: OutboundHouse) -> None:
    """The order is that of reasons, not of recipients."""
    answered = await house.submit(
        recipients=(world.HOSPITAL, world.BRINKEN),
        body=PASSED_ON,
        X_Rorpost_Legal_Basis="samtycke",
        Content_Disposition="attachment; filename=a.exe",
    )
    assert answered.reason == "outside-quotes"
    assert {line["reason"] for line in house.lines()} == {"outside-quotes"}
    answered = await house.submit(
        recipients=(world.HOSPITAL, world.BRINKEN),
        X_Rorpost_Legal_Basis="none of these",
        Content_Disposition="attachment; filename=a.exe",
    )
    assert answered.reason == "attachment-not-allowed"
