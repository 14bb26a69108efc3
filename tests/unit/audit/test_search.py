"""A search finds what is there, however it is written, and gives out nothing that is no entry."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rorpost_gateway.audit import search as search_module
from rorpost_gateway.audit.blocks import blocks, lines
from rorpost_gateway.audit.folder import Broken
from rorpost_gateway.audit.places import Places
from rorpost_gateway.audit.search import Criteria, Search, kinds
from rorpost_gateway.decision import Action, Reason
from tests.peers.log_workshop import DAY_SECONDS, NOON, NoSync, Workshop

SENDER = "rorpost.hemsjukvarden@motala.se"
RECIPIENT = "rorpost.vcbrinken@regionostergotland.se"
DAY = datetime(2026, 5, 6, tzinfo=UTC)


def found(folder: Path, **criteria: Any) -> list[int]:
    return [each.entry["n"] for each in Search(Criteria(**criteria)).run(folder)]


def write(folder: Path, *entries: bytes, name: str = "2026-05-06.jsonl") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(b"".join(entry + b"\n" for entry in entries))
    return path


def entry(
    n: int, *, time: str = "2026-05-06T12:00:00.000Z", event: str = "decision", **fields: object
) -> bytes:
    head = {"n": n, "prev": "0" * 64, "time": time, "node": "gw1", "event": event}
    decided = {"direction": "outbound", "action": "accept", "reason": "ok"} if event == "decision" else {}
    return json.dumps(head | decided | fields, separators=(",", ":")).encode("ascii")


async def test_a_folder_that_cannot_be_read_is_said(tmp_path) -> None:
    with pytest.raises(Broken):
        found(tmp_path / "missing")


def test_a_day_file_that_is_none_is_never_opened(tmp_path) -> None:
    (tmp_path / "2026-05-06.jsonl").mkdir()
    with pytest.raises(Broken):
        found(tmp_path)


async def test_each_filter_finds_its_own(workshop: Workshop) -> None:
    log = await workshop.open(disk=NoSync())
    await log.append(
        [
            workshop.decision(
                declared_user="anna.berg@motala.se", queue_id="06GC8M3C0001", channel="brinken"
            ),
            workshop.decision(
                recipient="rorpost.vclyckorna@regionostergotland.se",
                message_id="<a@b>",
                login="anna.berg@motala.se",
            ),
            workshop.decision(reverse_path="", action=Action.REJECT, reason=Reason.SENDER_NOT_A_MAILBOX),
            workshop.decision(
                reverse_path="811218-9876@gmail.com", action=Action.REJECT, reason=Reason.URGENT
            ),
            workshop.decision(reverse_path="eva@gmail.com", action=Action.REJECT, reason=Reason.URGENT),
        ]
    )
    await log.close()
    folder = workshop.folder
    assert found(folder) == [0, 1, 2, 3, 4, 5]
    assert found(folder, sender=SENDER.upper()) == [1, 2]
    assert found(folder, sender=SENDER, recipient=RECIPIENT) == [1]
    assert found(folder, user="Anna.Berg@motala.se") == [1, 2]
    assert found(folder, channel="brinken") == [1]
    assert found(folder, queue_id="06gc8m3c0001") == [1]
    assert found(folder, queue_id=f"06GC8M3C0001/{RECIPIENT}") == [1]
    assert found(folder, queue_id=f"06GC8M3C0001/{SENDER}") == []
    assert found(folder, message_id="a@b") == found(folder, message_id="<A@b>") == [2]
    assert found(folder, sender="<>") == [3]
    assert found(folder, sender="[redacted]") == [4]
    assert found(folder, sender="eva@gmail.com") == [5]
    assert found(folder, reason="urgent") == [4, 5]
    assert found(folder, event="genesis") == [0]
    assert found(folder, user="motala.se") == found(folder, sender="nobody@motala.se") == []


async def test_times_are_bounds_to_the_millisecond(workshop: Workshop) -> None:
    log = await workshop.open(disk=NoSync())
    for seconds in (0.0, 0.001, 60.0, DAY_SECONDS):
        workshop.clock.now = NOON + seconds
        await log.append([workshop.decision()])
    await log.close()
    noon = DAY + timedelta(hours=12)
    assert found(workshop.folder, since=noon + timedelta(milliseconds=1)) == [2, 3, 4, 5]
    assert found(workshop.folder, until=noon + timedelta(milliseconds=1)) == [0, 1]
    assert found(workshop.folder, since=DAY + timedelta(days=1), event="decision") == [5]
    assert found(workshop.folder, since=DAY, until=DAY + timedelta(days=1), sender=SENDER) == [1, 2, 3]
    assert found(workshop.folder, until=DAY) == []


async def test_what_a_clock_that_was_put_back_wrote_is_found(workshop: Workshop) -> None:
    await workshop.write(days=2, lines=1)
    workshop.clock.now = NOON
    log = await workshop.open(disk=NoSync())
    await log.append([workshop.decision()])
    await log.close()
    assert found(workshop.folder, until=DAY + timedelta(days=1), event="decision") == [1, 4]


async def test_torn_octets_are_passed_over_and_counted(workshop: Workshop) -> None:
    await workshop.write()
    with workshop.files()[0].open("ab") as file:
        file.write(b'{"n":4,"recipient":"' + RECIPIENT.encode() + b'"')
    log = await workshop.open(disk=NoSync())
    await log.append([workshop.decision()])
    await log.close()
    search = Search(Criteria(recipient=RECIPIENT))
    assert [each.entry["n"] for each in search.run(workshop.folder)] == [1, 2, 3, 5]
    assert search.skipped == 1


def test_no_entry_hides_behind_how_it_is_written(tmp_path) -> None:
    written = entry(1, recipient="a@b.se", since="x")
    write(
        tmp_path,
        written,
        written.replace(b"a@b.se", b"a\\u0040b.se"),
        written.replace(b"a@b.se", b"A@\\u0042.SE"),
        written.replace(b'":', b'" : '),
        written.replace(b"2026-05-06T", b"2026-05-06\\u0054"),
        written.replace(b"a@b.se", b"\\u0061@b.se").replace(b'"n"', b'"\\u006e"'),
    )
    assert found(tmp_path, recipient="a@b.se", since=DAY, until=DAY + timedelta(days=1)) == [1] * 6


@pytest.mark.parametrize(
    "hostile",
    [
        entry(1, recipient="a@b.se")[:-1] + b',"recipient":"c@d.se"}',
        b"[" * 9000 + b'"a@b.se"',
        b'"a@b.se"',
        b'{"recipient":"a@b.se"}',
        b'\x00\xff"a@b.se"',
        entry(1, recipient="a@b.se").replace(b'"n":1', b'"n":' + b"1" * 5000),
        entry(1, recipient="a@b.se", reply="x" * 17_000),
        b"x" * 40_000 + entry(1, recipient="a@b.se"),
        b"x" * (3 << 20) + entry(1, recipient="a@b.se"),
    ],
    ids=["twice", "deep", "text", "headless", "octets", "huge number", "long", "behind much", "behind more"],
)
def test_hostile_lines_are_passed_over(tmp_path, hostile: bytes) -> None:
    write(tmp_path, entry(0, recipient="a@b.se"), hostile, entry(2, recipient="a@b.se"))
    search = Search(Criteria(recipient="a@b.se"))
    assert [each.entry["n"] for each in search.run(tmp_path)] == [0, 2]
    assert search.skipped == 1


def test_a_line_that_is_not_ended_is_none_yet(tmp_path) -> None:
    path = write(tmp_path, entry(0))
    path.write_bytes(path.read_bytes() + entry(1))
    assert found(tmp_path) == [0]


@pytest.mark.parametrize("value", ["å@b.se", 'a"b@c.se', "a\\b@c.se", "x" * 300 + "@b.se", "\u202e@b.se"])
def test_values_of_every_kind_are_found(tmp_path, value: str) -> None:
    logged = value.encode()[:254].decode()
    write(tmp_path, entry(0), entry(1, reverse_path=logged))
    assert found(tmp_path, sender=value) == [1]


def test_of_a_filter_only_its_kind_is_told() -> None:
    criteria = Criteria(sender="a@b.se", queue_id="X", since=DAY, until=DAY)
    assert kinds(criteria) == ["sender", "queue-id", "from", "to"]
    assert kinds(Criteria()) == []


async def test_places_read_again_what_was_found(two_days) -> None:
    places = Places()
    once = list(Search(Criteria(event="decision")).run(two_days.folder))
    for each in once:
        places.add(each)
    assert len(places) == 6
    assert list(places.read()) == once
    assert [each.octets for each in once] == [line for line in two_days.lines() if b'"decision"' in line]


async def test_places_do_not_give_out_what_was_put_there_since(two_days) -> None:
    places = Places()
    for each in Search(Criteria()).run(two_days.folder):
        places.add(each)
    path = two_days.files()[0]
    path.write_bytes(path.read_bytes()[1:])
    with pytest.raises(Broken, match="changed while it was read"):
        list(places.read())


def test_blocks_hold_every_whole_line_once(tmp_path) -> None:
    path = tmp_path / "lines"
    wanted = [b"x" * length for length in (0, 1, 5, 6, 7, 50, 0, 3)]
    path.write_bytes(b"\n".join(wanted) + b"\nrest")
    for octets in range(1, 40):
        read = [line for block in blocks(path, block_octets=octets) for line in lines(block)]
        assert [line for _, line in read] == wanted
        assert all(path.read_bytes()[at:].startswith(line + b"\n") for at, line in read)


_names = st.sampled_from(["a@b.se", "A@b.se", "aa@b.se", "å@b.se", 'q"@b.se', "[redacted]", ""])
_lines = st.lists(
    st.fixed_dictionaries(
        {},
        optional={"reverse_path": _names, "recipient": _names, "login": _names, "declared_user": _names},
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(written=_lines, sender=st.none() | _names, user=st.none() | _names, octets=st.integers(1, 400))
def test_it_finds_what_reading_everything_finds(tmp_path, written, sender, user, octets) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_module, "blocks", lambda path: blocks(path, block_octets=octets))
        write(tmp_path, *(entry(n, **fields) for n, fields in enumerate(written)))
        wanted = [
            n
            for n, fields in enumerate(written)
            if (sender is None or fields.get("reverse_path", "?").lower() == sender.lower())
            and (
                user is None
                or user.lower() in [fields.get(f, "?").lower() for f in ("declared_user", "login")]
            )
        ]
        assert found(tmp_path, sender=sender, user=user) == wanted
