"""Tampering with the lines of a log that a checkpoint covers: every byte, every line, and what caught it.

Each line is vouched for twice, by the chain and by the tree. What no checkpoint covers, and what somebody can
do who makes chain and tiles anew, is played in tests/integration/test_auditor_promises.py. All of it as one
table: `python -m tests.fuzz.tampering_table`.
"""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rorpost_gateway.audit.verify import Verified, verify_log
from rorpost_gateway.decision_log import record
from rorpost_gateway.errors import LogDamaged
from tests.peers.log_workshop import DAY_SECONDS, NOON, Clock
from tests.peers.tampered import (
    BYTES,
    EVERY_BYTE,
    Bench,
    Log,
    Small,
    changed_lines,
    days,
    files_of,
    flat,
    folded,
    is_day,
    make_small,
    mutations,
    put,
)
from tests.peers.two_day_log import open_again


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return make_small(tmp_path_factory.mktemp("tampering"))


@pytest.fixture(scope="module")
def log(small: Small) -> Log:
    return small.log


@pytest.fixture(scope="module")
def bench(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"), small.vkey)


CAUGHT_BY = {  # what may catch each, over every place that is tried; all of them do where every byte is
    "one bit of it flipped": {"line", "number", "chain", "torn", "tree"},
    "changed into a newline": {"line", "torn"},
    "changed into another digit": {"line", "number", "chain", "torn", "tree"},
    "removed": {"line", "number", "chain", "torn", "tree"},
    "swapped with the next": {"line", "number", "chain", "torn", "tree"},
    "a space put before it": {"line", "chain", "torn", "tree"},
    "a newline put before it": {"line", "torn"},
    "a NUL put before it": {"line", "torn"},
    "a line dropped": {"line", "number", "torn", "tree"},
    "a line doubled": {"number", "torn"},
    "two lines swapped": {"line", "number", "torn"},
    "a line moved on": {"line", "number", "torn"},
    "a line moved back": {"line", "number", "torn"},
}


def test_the_log_itself_holds(log: Log, bench: Bench) -> None:
    verified = bench.verdict(log)
    assert isinstance(verified, Verified)
    assert (verified.files, verified.torn) == (3, 2)


@pytest.mark.parametrize("kind", BYTES)
def test_every_single_byte(log: Log, bench: Bench, kind: str) -> None:
    caught: set[str] = set()
    for said, tampered in mutations(log, kind, is_day):
        if without_line_end(log, tampered):
            continue
        verdict = bench.verdict(tampered)
        assert isinstance(verdict, str), said
        caught.add(verdict)
    assert caught <= CAUGHT_BY[kind]
    assert kind != EVERY_BYTE or caught == CAUGHT_BY[kind]


def without_line_end(log: Log, tampered: Log) -> bool:
    """Whether only the newest line's newline is missing: it is no part of the entry, and is told of."""
    newest = max(days(log))
    return tampered[newest] == log[newest][:-1]


def test_every_line_dropped_doubled_swapped_or_moved(log: Log, bench: Bench) -> None:
    caught: dict[str, set[str]] = {}
    for kind, lines in changed_lines(flat(log)):
        verdict = bench.verdict(folded(log, lines))
        assert isinstance(verdict, str), kind
        caught.setdefault(kind, set()).add(verdict)
    assert caught == {kind: CAUGHT_BY[kind] for kind in CAUGHT_BY if " line" in kind and kind not in BYTES}


def test_every_file_dropped_renamed_or_emptied(log: Log, bench: Bench) -> None:
    names = days(log)
    for name in names:
        rest = {other: octets for other, octets in log.items() if other != name}
        assert isinstance(bench.verdict(rest), str)
        for day in ("2026-05-04", "2026-05-09"):
            moved = bench.verdict(rest | {f"{day}.jsonl": log[name]})
            # The newest file may have a later name: what the clock said then, no entry tells of.
            assert isinstance(moved, str) or (name, day) == (names[-1], "2026-05-09")
        assert isinstance(bench.verdict(log | {name: b""}), str)
        if name != names[-1]:
            assert isinstance(bench.verdict(log | {name: log[names[-1]]}), str)


def test_every_tail_that_is_cut_off(log: Log, bench: Bench) -> None:
    """Line by line from the end: the checkpoint knows of more."""
    lines = flat(log)
    for end in range(len(lines)):
        kept = {name: octets for name, octets in folded(log, lines[:end]).items() if octets}
        assert isinstance(bench.verdict(kept), str)


@given(data=st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_stretch_replaced_by_anything(log: Log, bench: Bench, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(days(log)))
    start = data.draw(st.integers(0, len(log[name]) - 1))
    stop = data.draw(st.integers(start, min(len(log[name]), start + 400)))
    source = data.draw(st.sampled_from(days(log)))
    copied_at = data.draw(st.integers(0, len(log[source])))
    new = data.draw(
        st.one_of(
            st.binary(max_size=200),
            st.just(log[source][copied_at : copied_at + data.draw(st.integers(0, 400))]),
        )
    )
    tampered = put(log[name], start, stop - start, new)
    if not tampered.startswith(log[name]):  # lines behind the last checkpoint are covered by none
        assert isinstance(bench.verdict(log | {name: tampered}), str)


@given(octets=st.binary(max_size=3000), name=st.sampled_from(["2026-05-05.jsonl", "2026-05-09.jsonl"]))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_as_a_file_are_an_answer_and_never_a_crash(
    log: Log, bench: Bench, octets: bytes, name: str
) -> None:
    bench.verdict(log | {name: octets})
    bench.verdict({name: octets})


@given(data=st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_writer_opens_what_it_is_given_or_refuses_and_takes_nothing_away(
    small: Small, bench: Bench, data: st.DataObject
) -> None:
    """Start-up on any damage to the newest file: refused, or opened to a log that holds."""
    log, newest = small.log, max(days(small.log))
    start = data.draw(st.integers(0, len(log[newest])))
    new = data.draw(st.one_of(st.binary(max_size=60), st.just(log[newest][:start])))
    tampered = log | {newest: log[newest][:start] + new}
    bench.lay(tampered)
    clock = Clock()
    clock.now = NOON + 3 * DAY_SECONDS

    async def restart() -> None:
        writer = await open_again(bench.folder, small.key, now=clock)
        await writer.append([record.heartbeat()])
        await writer.close()

    try:
        asyncio.run(restart())
    except LogDamaged:
        assert files_of(bench.folder) == tampered
    else:
        verify_log(bench.folder, vkey=small.vkey)
        for name in days(log):
            assert (bench.folder / name).read_bytes().startswith(tampered[name])
    finally:
        bench.forget()
