"""Reading deadlines in the log: what a line says, what the verifier makes of it, what is read back."""

from pathlib import Path

import pytest

from rorpost_gateway.audit.line import LineFault, parse_line
from rorpost_gateway.audit.shapes import Shapes
from rorpost_gateway.decision_log import record
from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.decision_log.past_deadlines import PastDeadline, past_deadlines
from tests.peers.log_workshop import DAY_SECONDS, NOON, Workshop

HOME_CARE, DISTRICT = "rorpost.hemsjukvarden@motala.se", "rorpost.distrikt@motala.se"
EIGHT, ONE = "2026-05-06T08:00:00+02:00", "2026-05-06T13:00:00+02:00"


def deadline(workshop: Workshop, **more: object) -> Record:
    fields: dict[str, object] = {
        "cause": None,
        "foreign": 0,
        "oldest": "2026-05-05T09:00:00.000Z",
        "in_sent": None,
        "in_inbox": 3,
        "oldest_unread": None,
        "unread": 0,
        "deadline": EIGHT,
        "outcome": "met",
        "mailbox": HOME_CARE,
    }
    return workshop.records.mailbox(**(fields | more))  # type: ignore[arg-type]


def lines(workshop: Workshop) -> list[bytes]:
    return [
        line for path in sorted(workshop.folder.glob("*.jsonl")) for line in path.read_bytes().splitlines()
    ]


async def written(workshop: Workshop, *records: Record) -> None:
    log = await workshop.open()
    await log.append(records)
    await log.close()


async def test_a_line_as_it_stands_there(workshop: Workshop) -> None:
    await written(workshop, deadline(workshop))
    said = lines(workshop)[-1]
    assert said.endswith(
        b'"event":"mailbox","mailbox":"rorpost.hemsjukvarden@motala.se","outcome":"met",'
        b'"deadline":"2026-05-06T08:00:00+02:00","unread":0,"oldest_unread":null,"in_inbox":3,'
        b'"in_sent":null,"oldest":"2026-05-05T09:00:00.000Z","foreign":0,"cause":null}'
    )
    shapes = Shapes()
    shapes.learn(parse_line(said))
    assert shapes.matches(said, said.index(b'"time":"') + 8) is not None


def test_what_a_server_said_is_cut_and_redacted(workshop: Workshop) -> None:
    assert deadline(workshop, cause="NO 811218-9876 is nobody").fields["cause"] == "[redacted]"
    assert len(str(deadline(workshop, cause="x" * 9000).fields["cause"])) == 510


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (b'"outcome":"met"', b'"outcome":"read"'),
        (b'"outcome":"met"', b'"outcome":null'),
        (b'"unread":0', b'"unread":-1'),
        (b'"unread":0', b'"unread":"0"'),
        (b'"in_inbox":3', b'"in_inbox":[]'),
        (b'"mailbox":"rorpost.hemsjukvarden@motala.se"', b'"mailbox":7'),
        (b'"deadline":"2026-05-06T08:00:00+02:00",', b""),
    ],
)
async def test_the_verifier_refuses_what_is_no_such_line(
    workshop: Workshop, right: bytes, wrong: bytes
) -> None:
    await written(workshop, deadline(workshop))
    said = lines(workshop)[-1]
    parse_line(said)
    assert said.count(right) == 1
    with pytest.raises(LineFault):
        parse_line(said.replace(right, wrong))


async def test_the_newest_of_each_mailbox_is_read_back(workshop: Workshop) -> None:
    await written(
        workshop,
        deadline(workshop),
        deadline(workshop, mailbox=DISTRICT, outcome="unknown", cause="no connection"),
        deadline(workshop, deadline=ONE, outcome="missed"),
        workshop.decision(message_id='"event":"mailbox"'),
    )
    found = past_deadlines(workshop.folder, since=NOON)
    assert found.by_mailbox == {
        HOME_CARE: PastDeadline(deadline=ONE, outcome="missed"),
        DISTRICT: PastDeadline(deadline=EIGHT, outcome="unknown"),
    }


async def test_the_time_of_the_last_line_before_the_newest_start(workshop: Workshop) -> None:
    await written(workshop, record.start(version="1"), deadline(workshop))
    workshop.clock.now += 3 * DAY_SECONDS
    await written(workshop, record.start(version="1"))
    found = past_deadlines(workshop.folder, since=workshop.clock.now - DAY_SECONDS)
    assert found.down_since == "2026-05-06T12:00:00.000Z"  # in the newest file before `since`
    assert found.by_mailbox.keys() == {HOME_CARE}


async def test_files_of_long_ago_are_not_read(workshop: Workshop) -> None:
    await written(workshop, deadline(workshop))
    for _ in range(2):
        workshop.clock.now += 5 * DAY_SECONDS
        await written(workshop, record.heartbeat())
    assert not past_deadlines(workshop.folder, since=workshop.clock.now).by_mailbox


async def test_what_is_no_line_is_passed_over(workshop: Workshop) -> None:
    await written(workshop, record.start(version="1"), deadline(workshop))
    (path,) = workshop.folder.glob("*.jsonl")
    with path.open("ab") as file:
        file.write(b'{"event":"mailbox"\n[{"event":"mailbox"}]\n{"event":"mailbox","mailbox":7}\n')
        file.write(b'{"event":"mailbox","mailbox":"x","deadline":"torn')
    assert past_deadlines(workshop.folder, since=NOON).by_mailbox.keys() == {HOME_CARE}


def test_a_folder_that_is_empty(tmp_path: Path) -> None:
    found = past_deadlines(tmp_path, since=NOON)
    assert (found.by_mailbox, found.down_since) == ({}, None)
