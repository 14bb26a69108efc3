"""What the demo shows of the watched day: all of it in eighty columns, and a wrong outcome as one."""

import dataclasses
from io import StringIO
from typing import Any

from rich.console import Console

from rorpost_gateway.cli.demo_reading_day import print_reading_day
from rorpost_gateway.demo import names
from rorpost_gateway.demo.logs import Log
from rorpost_gateway.demo.notices import Notice
from rorpost_gateway.demo.reading_day import Lived, ReadingDay
from rorpost_gateway.demo.reading_scenes import DAY

NOTICE = (
    b"From: <rorpost.vakt@motala.se>\r\nTo: <doris.vik@motala.se>\r\nSubject: not read\r\n\r\n"
    + b"word " * 40
    + b"\r\n\r\n----------------------------------------\r\n\r\nthe other language\r\n"
)
LINE: dict[str, Any] = {
    "event": "mailbox",
    "mailbox": names.HOME_CARE,
    "outcome": "missed",
    "deadline": "2026-05-06T13:00:00+02:00",
    "unread": 1,
    "oldest_unread": "2026-05-06T10:40:00.000Z",
    "in_inbox": 3,
    "in_sent": 0,
    "foreign": 1,
    "cause": None,
}
ENTRY: dict[str, Any] = LINE | {"fault": None}
NEVER: dict[str, Any] = dict.fromkeys(ENTRY) | {"mailbox": names.BROKEN, "fault": "the server takes no login"}
SOUND = ReadingDay(
    lived=[Lived(moment=moment, seen=moment.want) for moment in DAY],
    notices=[Notice(recipients=(names.DORIS,), octets=NOTICE)],
    mailboxes=[ENTRY, NEVER],
    mailboxes_code=1,
    log=Log(organisation=names.MOTALA, lines=[{"event": "start"}, LINE], verified=None),
    ended=0,
)


def shown(day: ReadingDay) -> str:
    out = StringIO()
    print_reading_day(day, Console(file=out, width=80))
    assert max(map(len, out.getvalue().splitlines())) <= 80
    return out.getvalue()


def test_a_sound_day_stands_in_eighty_columns_uncut() -> None:
    said = shown(SOUND)
    assert "…" not in said
    for moment in DAY:
        (line,) = (each for each in said.splitlines() if f"✓   {moment.at:%H:%M}   {moment.story}  " in each)
        assert moment.want in line


def test_the_notice_is_shown_in_one_of_its_languages() -> None:
    said = shown(SOUND)
    assert said.count("word") == 40
    assert "the other language" not in said


def test_log_and_command_are_shown() -> None:
    said = shown(SOUND)
    assert "deadline=2026-05-06T13:00:00+02:00" in said
    assert "cause" not in said
    (row,) = (line.split() for line in said.splitlines() if line.startswith(" hemsjukvarden"))
    assert row == ["hemsjukvarden", "13:00", "missed", "1", "since", "12:40", "3", "0", "1"]
    _, _, fault = said.partition(" trasig")
    assert fault.split() == ["–", "the", "server", "takes", "–", "–", "–", "no", "login"]


def test_another_outcome_than_the_wanted_one_is_marked() -> None:
    said = shown(dataclasses.replace(SOUND, lived=[Lived(moment=DAY[0], seen="nothing")]))
    assert "✗   07:35" in said
    assert "saw nothing" in " ".join(said.split())
