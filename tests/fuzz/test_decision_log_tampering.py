"""Tampering with a log: whatever an entry further on vouches for is caught, and by what.

The chain vouches for every byte before the last entry. Not caught, until a
checkpoint that somebody else holds covers them: whole lines cut off at the end,
and another last line in place of the last one. Both change the head, which is
what an auditor who noted it sees.
"""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rorpost_gateway.audit.verify import Broken, Verified, verify_log
from rorpost_gateway.decision import Action, Direction, Reason
from rorpost_gateway.decision_log import record
from rorpost_gateway.decision_log.record import Records
from rorpost_gateway.decision_log.writer import open_log
from rorpost_gateway.errors import LogDamaged

ORIGIN = "motala.se/rorpost/gw1"
VKEY = f"{ORIGIN}+3e621e3d+AdIY/WE3AdibEnjnZrUltVF9zZto1icE4JmH5iJi/hjq"
NOON = 1_778_068_800.0

Log = dict[str, bytes]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    """Three days, with torn bytes in the first and at the end of the second."""
    folder = tmp_path_factory.mktemp("tampering") / "log"
    records = Records(contains_identity_number=lambda text: False, is_known=lambda text: True)
    refused = records.decision(
        direction=Direction.OUTBOUND, action=Action.REJECT, reason=Reason.PAIR_NOT_ALLOWED, login="anna"
    )

    async def session(now: float, *lines: record.Record) -> None:
        writer = await open_log(folder, node="gw1", origin=ORIGIN, vkey=VKEY, now=lambda: now)
        await writer.append(lines)
        await writer.close()

    def tear(octets: int) -> None:
        path = max(folder.glob("*.jsonl"))
        path.write_bytes(path.read_bytes()[:-octets])

    asyncio.run(session(NOON, refused, record.heartbeat(), refused))
    tear(30)
    asyncio.run(session(NOON, refused))
    asyncio.run(session(NOON + 86_400, record.start(version="0.1.0"), refused))
    tear(2)
    asyncio.run(session(NOON + 2 * 86_400, refused, record.stop()))
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.jsonl"))}


class Bench:
    """A folder that holds one log at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def lay(self, log: Log) -> None:
        # Files are made anew: some file systems flush to disk what is truncated and written again.
        kept = {path.name for path in self.folder.iterdir() if path.read_bytes() == log.get(path.name)}
        for path in self.folder.iterdir():
            if path.name not in kept:
                path.unlink()
        for name in log.keys() - kept:
            (self.folder / name).write_bytes(log[name])

    def verdict(self, log: Log) -> str | Verified:
        """The check that caught something, or what holds."""
        self.lay(log)
        try:
            return verify_log(self.folder, vkey=VKEY)
        except Broken as broken:
            return broken.check


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"))


def last_line_at(octets: bytes) -> int:
    return octets[:-1].rfind(b"\n") + 1


def places(log: Log) -> Iterator[tuple[str, int, int]]:
    """Every byte that a later entry vouches for: file, offset, the byte."""
    newest = max(log)
    for name, octets in log.items():
        end = last_line_at(octets) if name == newest else len(octets)
        for at, byte in enumerate(octets[:end]):
            yield name, at, byte


def put(log: Log, name: str, at: int, length: int, octets: bytes) -> Log:
    return log | {name: log[name][:at] + octets + log[name][at + length :]}


BYTES: dict[str, Callable[[Log, str, int, int], Log]] = {
    "one bit of it flipped": lambda log, name, at, byte: put(log, name, at, 1, bytes([byte ^ 1])),
    "changed into a newline": lambda log, name, at, byte: put(
        log, name, at, 1, b"x" if byte == 10 else b"\n"
    ),
    "changed into another digit": lambda log, name, at, byte: put(
        log, name, at, 1, b"8" if byte == 55 else b"7"
    ),
    "removed": lambda log, name, at, byte: put(log, name, at, 1, b""),
    "a space put before it": lambda log, name, at, byte: put(log, name, at, 0, b" "),
    "a newline put before it": lambda log, name, at, byte: put(log, name, at, 0, b"\n"),
    "a NUL put before it": lambda log, name, at, byte: put(log, name, at, 0, b"\0"),
}


def test_the_log_itself_holds(log: Log, bench: Bench) -> None:
    verified = bench.verdict(log)
    assert isinstance(verified, Verified)
    assert (verified.files, verified.torn) == (3, 2)


CAUGHT_BY = {  # what caught each, over every byte of the log that a later entry vouches for
    "one bit of it flipped": {"line", "number", "chain", "vkey", "torn", "day"},
    "changed into a newline": {"line", "torn"},
    "changed into another digit": {"line", "number", "chain", "vkey", "torn", "day"},
    "removed": {"line", "chain", "vkey", "torn", "day"},
    "a space put before it": {"line", "chain", "vkey", "torn", "day"},
    "a newline put before it": {"line", "torn"},
    "a NUL put before it": {"line", "torn"},
    "a line dropped": {"number", "line", "torn"},
    "a line doubled": {"number", "torn"},
    "two lines swapped": {"number", "line", "torn"},
    "a line moved on": {"number", "line", "torn"},
    "a line moved back": {"number", "line", "torn"},
}


@pytest.mark.parametrize("kind", BYTES)
def test_every_single_byte(log: Log, bench: Bench, kind: str) -> None:
    caught: set[str] = set()
    for name, at, byte in places(log):
        tampered = BYTES[kind](log, name, at, byte)
        if tampered == log:
            continue
        verdict = bench.verdict(tampered)
        assert isinstance(verdict, str), (kind, name, at)
        caught.add(verdict)
    assert caught == CAUGHT_BY[kind]


def flat(log: Log) -> list[tuple[str, bytes]]:
    return [(name, line) for name, octets in log.items() for line in octets.splitlines(keepends=True)]


def folded(log: Log, lines: list[tuple[str, bytes]]) -> Log:
    return {name: b"".join(line for file, line in lines if file == name) for name in log}


def changed_lines(lines: list[tuple[str, bytes]]) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Every way to drop, double, swap or move one line (of those with a line behind them)."""
    for at in range(len(lines) - 1):
        yield "a line dropped", lines[:at] + lines[at + 1 :]
        yield "a line doubled", lines[: at + 1] + lines[at:]
        for to in range(at + 1, len(lines)):
            swapped = list(lines)
            swapped[at], swapped[to] = (lines[at][0], lines[to][1]), (lines[to][0], lines[at][1])
            yield "two lines swapped", swapped
            rest = lines[:at] + lines[at + 1 :]
            yield "a line moved on", [*rest[:to], (rest[to - 1][0], lines[at][1]), *rest[to:]]
            rest = lines[:to] + lines[to + 1 :]
            yield "a line moved back", [*rest[:at], (lines[at][0], lines[to][1]), *rest[at:]]


def test_every_line_dropped_doubled_swapped_or_moved(log: Log, bench: Bench) -> None:
    caught: dict[str, set[str]] = {}
    for kind, lines in changed_lines(flat(log)):
        verdict = bench.verdict(folded(log, lines))
        assert isinstance(verdict, str), kind
        caught.setdefault(kind, set()).add(verdict)
    assert caught == {kind: CAUGHT_BY[kind] for kind in CAUGHT_BY if " line" in kind and kind not in BYTES}


def test_every_file_dropped_renamed_or_emptied_but_the_last(log: Log, bench: Bench) -> None:
    names = list(log)
    for name in names[:-1]:
        rest = {other: octets for other, octets in log.items() if other != name}
        assert isinstance(bench.verdict(rest), str)
        assert isinstance(bench.verdict(rest | {"2026-05-04.jsonl": log[name]}), str)
        assert isinstance(bench.verdict(rest | {"2026-05-09.jsonl": log[name]}), str)
        assert isinstance(bench.verdict(log | {name: b""}), str)
        assert isinstance(bench.verdict(log | {name: log[names[-1]]}), str)


def test_a_cut_tail_is_not_detectable_but_changes_the_head(log: Log, bench: Bench) -> None:
    """What takes a checkpoint: the log as it was a while ago holds as well."""
    whole = bench.verdict(log)
    assert isinstance(whole, Verified)
    lines = flat(log)
    for end in range(1, len(lines)):
        verdict = bench.verdict({name: octets for name, octets in folded(log, lines[:end]).items() if octets})
        if isinstance(verdict, Verified):
            assert verdict.entries < whole.entries
            assert verdict.head != whole.head
        else:  # the cut leaves torn bytes without the entry that tells of them
            assert verdict == "line"


def test_another_last_line_is_not_detectable_but_changes_the_head(log: Log, bench: Bench) -> None:
    whole = bench.verdict(log)
    assert isinstance(whole, Verified)
    name = max(log)
    at = last_line_at(log[name])
    for offset in range(at, len(log[name])):
        verdict = bench.verdict(put(log, name, offset, 1, b"7" if log[name][offset] != 55 else b"8"))
        assert isinstance(verdict, str) or verdict.head != whole.head


@given(data=st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_stretch_replaced_by_anything(log: Log, bench: Bench, data: st.DataObject) -> None:
    newest = max(log)
    name = data.draw(st.sampled_from(list(log)))
    end = last_line_at(log[name]) if name == newest else len(log[name])
    start = data.draw(st.integers(0, end - 1))
    stop = data.draw(st.integers(start, min(end, start + 400)))
    source = data.draw(st.sampled_from(list(log)))
    copied_at = data.draw(st.integers(0, len(log[source])))
    new = data.draw(
        st.one_of(
            st.binary(max_size=200),
            st.just(log[source][copied_at : copied_at + data.draw(st.integers(0, 400))]),
        )
    )
    tampered = put(log, name, start, stop - start, new)
    if tampered != log:
        assert isinstance(bench.verdict(tampered), str)


@given(octets=st.binary(max_size=3000), name=st.sampled_from(["2026-05-05.jsonl", "2026-05-09.jsonl"]))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_as_a_file_are_an_answer_and_never_a_crash(
    log: Log, bench: Bench, octets: bytes, name: str
) -> None:
    bench.verdict(log | {name: octets})
    bench.verdict({name: octets})


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_writer_opens_what_it_is_given_or_refuses_and_takes_nothing_away(
    log: Log, bench: Bench, data: st.DataObject
) -> None:
    """Start-up on any damage to the newest file: refused, or opened to a log that holds."""
    newest = max(log)
    start = data.draw(st.integers(0, len(log[newest])))
    new = data.draw(st.one_of(st.binary(max_size=60), st.just(log[newest][:start])))
    tampered = log | {newest: log[newest][:start] + new}
    bench.lay(tampered)

    async def restart() -> None:
        writer = await open_log(
            bench.folder, node="gw1", origin=ORIGIN, vkey=VKEY, now=lambda: NOON + 3 * 86_400
        )
        await writer.append([record.heartbeat()])
        await writer.close()

    try:
        asyncio.run(restart())
    except LogDamaged:
        assert {path.name: path.read_bytes() for path in bench.folder.glob("*.jsonl")} == tampered
    else:
        verify_log(bench.folder, vkey=VKEY)
        for name, octets in tampered.items():
            assert (bench.folder / name).read_bytes().startswith(octets)
