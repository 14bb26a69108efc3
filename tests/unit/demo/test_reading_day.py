"""What the demo would say of a watch that does not watch: each check fails where it must."""

import dataclasses
from typing import Any

import pytest

from rorpost_gateway.audit.verify import Verified
from rorpost_gateway.demo import names
from rorpost_gateway.demo.logs import Log
from rorpost_gateway.demo.notices import Notice
from rorpost_gateway.demo.policies import watched
from rorpost_gateway.demo.reading_day import Lived, ReadingDay
from rorpost_gateway.demo.reading_scenes import DAY, READ_AT, Happening
from rorpost_gateway.demo.scenes import BODY, SUBJECT

HOLDS: Any = object.__new__(Verified)
LINES = [{"event": "mailbox"}, {"event": "start"}, {"event": "mailbox"}]
LOG = Log(organisation=names.MOTALA, lines=LINES, verified=HOLDS)
SOUND = ReadingDay(
    lived=[Lived(moment=moment, seen=moment.want) for moment in DAY],
    notices=[Notice(recipients=(names.DORIS,), octets=b"Subject: x\r\n\r\nHej\r\n")],
    mailboxes=[],
    mailboxes_code=1,
    log=LOG,
    ended=0,
)


def told(text: str) -> Notice:
    head = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    return Notice(recipients=(names.DORIS,), octets=head + f"\r\n{text}\r\n".encode())


def test_a_sound_day_has_no_findings() -> None:
    assert list(SOUND.findings()) == []
    assert SOUND.lines == [LINES[0], LINES[2]]


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        (
            {"lived": [Lived(moment=DAY[0], seen="nothing")]},
            f"reading watch, {DAY[0].story}: wanted {DAY[0].want}, saw nothing",
        ),
        ({"notices": [told(BODY)]}, "reading watch: a mail about a missed deadline tells of the message"),
        ({"notices": [told(SUBJECT)]}, "reading watch: a mail about a missed deadline tells of the message"),
        ({"log": dataclasses.replace(LOG, lines=LINES[:2])}, "1 lines in the decision log about 2 deadlines"),
        ({"log": dataclasses.replace(LOG, verified=None, fault="x")}, "the decision log does not hold: x"),
        ({"mailboxes_code": 0}, "`rorpost mailboxes` ended with 0"),
        ({"ended": -9}, "the gateway ended with exit code -9"),
    ],
)
def test_anything_else_is_a_finding(changes: dict[str, Any], finding: str) -> None:
    (found,) = dataclasses.replace(SOUND, **changes).findings()
    assert finding in found


def test_the_day_goes_forward_and_its_deadlines_are_the_policys() -> None:
    assert sorted(DAY, key=lambda moment: moment.at) == list(DAY)
    deadlines = [f"{moment.at:%H:%M}" for moment in DAY if moment.happening is Happening.DEADLINE]
    assert deadlines == list(READ_AT)


def test_only_home_care_is_watched_by_the_clock() -> None:
    policy = {"mailboxes": {names.HOME_CARE: {"name": "a"}, names.ASSISTANCE: {"name": "b"}}, "rules": {}}
    changed = watched(policy, read_at=READ_AT)
    assert changed["mailboxes"][names.ASSISTANCE] == {"name": "b"}
    assert changed["mailboxes"][names.HOME_CARE]["read_at"] == ["08:00", "13:00"]
    assert policy["mailboxes"][names.HOME_CARE] == {"name": "a"}
