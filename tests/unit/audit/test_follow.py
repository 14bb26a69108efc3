"""Following a log: what does not hold is said at once, and nothing of it is shown."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from rorpost_gateway.audit.folder import Broken
from rorpost_gateway.audit.follow import Follower
from tests.peers.log_workshop import DAY_SECONDS, NOON, NoSync, Workshop

Polled = list[tuple[int, str]]
Follow = Callable[..., Follower]


@pytest.fixture
def follow() -> Iterator[Follow]:
    with ExitStack() as stack:
        yield lambda *arguments, **named: stack.enter_context(closing(Follower(*arguments, **named)))


def polled(follower: Follower) -> Polled:
    return [(each.entry["n"], each.entry["event"]) for each in follower.poll()]


def numbers(follower: Follower) -> list[int]:
    return [each.entry["n"] for each in follower.poll()]


def broken(follower: Follower) -> Broken:
    with pytest.raises(Broken) as raised:
        list(follower.poll())
    return raised.value


def append(path: Path, octets: bytes) -> None:
    with path.open("ab") as file:
        file.write(octets)


def test_a_folder_that_cannot_be_read_does_not_hold(tmp_path, follow) -> None:
    assert broken(follow(tmp_path / "missing")).check == "file"


@pytest.mark.parametrize(
    ("old", "new", "check"),
    [
        (b'{"n":6,', b'{"n":7,', "number"),
        (b'{"n":6,"prev":"', b'{"n":6,"prev":"0', "line"),
        (b'"event":"decision"', b'"event":"unheard-of"', "line"),
        (b'"time":"2026-05-07', b'"time":"2026-05-08', "chain"),
        (b"\n", b"\n\n", "line"),
        (b'"reverse_path":', b'"reason":"ok","reverse_path":', "line"),
    ],
    ids=["number", "prev", "event", "chain", "empty line", "twice"],
)
async def test_a_change_in_what_comes_is_said_and_not_shown(two_days, old, new, check, follow) -> None:
    path = two_days.files()[1]
    whole = path.read_bytes()
    first = whole.index(b"\n", whole.index(b"\n") + 1) + 1
    path.write_bytes(whole[:first])
    follower = follow(two_days.folder, last=1)
    assert numbers(follower) == [5]
    append(path, whole[first:].replace(old, new, 1))
    found = broken(follower)
    assert (found.check, found.file) == (check, "2026-05-07.jsonl")
    assert found.line in (3, 4)
    assert found.entry in (6, 7)
    follower.close()


async def test_a_line_left_out_is_said(two_days, follow) -> None:
    path = two_days.files()[1]
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]))
    follower = follow(two_days.folder)
    assert numbers(follower) == []
    append(path, lines[3])
    assert str(broken(follower)).startswith("2026-05-07.jsonl:3: entry 6: its number does not follow")


async def test_a_file_that_grows_shorter_is_moved_or_replaced_does_not_hold(two_days, follow) -> None:
    path = two_days.files()[1]
    follower = follow(two_days.folder)
    list(follower.poll())
    whole = path.read_bytes()
    os.truncate(path, len(whole) - 1)
    assert "shorter" in str(broken(follower))
    path.rename(path.with_name("aside"))
    assert "moved away" in str(broken(follower))
    path.write_bytes(whole)
    assert "another file" in str(broken(follower))


async def test_midnight(workshop: Workshop, follow) -> None:
    log = await workshop.open(disk=NoSync())
    await log.append([workshop.decision()])
    follower = follow(workshop.folder, last=10)
    assert polled(follower) == [(0, "genesis"), (1, "decision")]
    await log.append([workshop.decision()])
    workshop.clock.now = NOON + DAY_SECONDS
    await log.append([workshop.decision()])
    workshop.clock.now = NOON + 2 * DAY_SECONDS
    await log.append([workshop.decision()])
    assert polled(follower) == [(2, "decision"), (3, "day"), (4, "decision"), (5, "day"), (6, "decision")]
    assert polled(follower) == []
    await log.close()


@pytest.mark.parametrize(
    ("name", "value"), [("file", "2026-05-05.jsonl"), ("last", 2), ("sha256", "0" * 64)], ids=str
)
async def test_a_day_entry_that_tells_of_another_file_does_not_hold(two_days, name, value, follow) -> None:
    new = two_days.files()[1]
    whole = new.read_bytes()
    new.unlink()
    follower = follow(two_days.folder, last=2)
    assert numbers(follower) == [2, 3]
    first, _, _ = whole.partition(b"\n")
    entry = json.loads(first) | {name: value}
    new.write_bytes(json.dumps(entry, separators=(",", ":")).encode() + b"\n")
    assert broken(follower).check == "day"


async def test_a_new_file_begins_with_its_day_entry(two_days, follow) -> None:
    new = two_days.files()[1]
    whole = new.read_bytes()
    new.unlink()
    follower = follow(two_days.folder)
    list(follower.poll())
    new.write_bytes(whole.replace(b'"event":"day"', b'"event":"stop"', 1))
    assert broken(follower).check == "opening"


async def test_what_was_added_to_the_old_file_after_midnight_does_not_hold(two_days, follow) -> None:
    old, new = two_days.files()
    whole = new.read_bytes()
    new.unlink()
    follower = follow(two_days.folder)
    list(follower.poll())
    append(old, b"x")
    new.write_bytes(whole)
    assert broken(follower).check == "line"


async def test_half_a_line_is_waited_for(two_days, follow) -> None:
    path = two_days.files()[1]
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    follower = follow(two_days.folder, last=1)
    assert numbers(follower) == [6]
    append(path, whole[-100:-1])
    assert numbers(follower) == []
    append(path, b"\n")
    assert numbers(follower) == [7]


async def test_torn_octets_are_passed_over_where_an_entry_names_them(workshop: Workshop, follow) -> None:
    await workshop.write()
    path = workshop.files()[0]
    follower = follow(workshop.folder, last=1)
    assert numbers(follower) == [3]
    append(path, b'{"n":4,"pre')
    assert numbers(follower) == []
    log = await workshop.open(disk=NoSync())
    await log.append([workshop.decision()])
    await log.close()
    assert polled(follower) == [(4, "torn"), (5, "decision")]


async def test_torn_octets_of_the_checkpoints_stand_nowhere_in_here(workshop: Workshop, follow) -> None:
    await workshop.write()
    follower = follow(workshop.folder, last=1)
    assert numbers(follower) == [3]
    append(workshop.folder / "checkpoints", b"motala.se/ror")
    log = await workshop.open(disk=NoSync())
    await log.append([workshop.decision()])
    await log.close()
    assert polled(follower) == [(4, "torn"), (5, "decision")]


async def test_two_lines_run_into_one_do_not_hold_once_more_comes(two_days, follow) -> None:
    path = two_days.files()[1]
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:1]))
    follower = follow(two_days.folder)
    list(follower.poll())
    append(path, lines[1][:-1] + b" " + lines[2])
    assert numbers(follower) == []
    assert "entry 5: not a JSON object" in str(follower.pending)
    append(path, lines[3])
    assert broken(follower).line == 2


async def test_torn_octets_that_no_entry_names_do_not_hold(workshop: Workshop, follow) -> None:
    await workshop.write()
    path = workshop.files()[0]
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    follower = follow(workshop.folder)
    list(follower.poll())
    append(path, b'{"n":3,"pre\n' + lines[-1])
    assert str(broken(follower)) == f"{path.name}:4: entry 3: not a JSON object [line]"


async def test_a_line_without_end_is_read_in_bounded_memory_and_does_not_hold(
    workshop: Workshop, follow
) -> None:
    await workshop.write()
    path = workshop.files()[0]
    follower = follow(workshop.folder)
    list(follower.poll())
    for _ in range(3):
        append(path, b"x" * (3 << 20))
        assert numbers(follower) == []
        assert follower._file is not None
        assert len(follower._file.rest) < 16 * 1024
    append(path, b"\n{}\n")
    assert broken(follower).text == "a line over 16 KiB"


@pytest.mark.parametrize(
    "hostile", [b"\n" * 300, b"[]\n" * 300, b"\x00" * 300 + b"\n", b"{" * 5000 + b"\n{}\n"]
)
async def test_hostile_octets_are_no_crash(workshop: Workshop, hostile: bytes, follow) -> None:
    await workshop.write()
    follower = follow(workshop.folder)
    list(follower.poll())
    append(workshop.files()[0], hostile)
    with contextlib.suppress(Broken):
        assert numbers(follower) == []
        assert follower.pending is not None


@pytest.mark.parametrize(
    ("last", "shown"), [(0, []), (1, [7]), (3, [5, 6, 7]), (4, [4, 5, 6, 7]), (99, [4, 5, 6, 7])]
)
async def test_the_last_lines_of_the_newest_file_come_first(two_days, last, shown, follow) -> None:
    follower = follow(two_days.folder, last=last)
    assert numbers(follower) == shown
    assert numbers(follower) == []
    follower.close()
    follower.close()


async def test_a_log_that_is_not_there_yet_is_waited_for(workshop: Workshop, follow) -> None:
    workshop.folder.mkdir()
    follower = follow(workshop.folder)
    assert numbers(follower) == []
    await workshop.write(lines=1)
    assert polled(follower) == [(0, "genesis"), (1, "decision")]


async def test_a_newest_file_that_is_still_empty(two_days, follow) -> None:
    new = two_days.files()[1]
    whole = new.read_bytes()
    new.write_bytes(b"")
    follower = follow(two_days.folder, last=1)
    assert numbers(follower) == [3]
    append(new, whole)
    assert numbers(follower) == [4, 5, 6, 7]


async def test_a_file_that_is_no_day_file_does_not_hold(two_days, follow) -> None:
    follower = follow(two_days.folder)
    list(follower.poll())
    (two_days.folder / "evil\x1b[2J.jsonl").touch()
    assert "\x1b" not in str(broken(follower))
