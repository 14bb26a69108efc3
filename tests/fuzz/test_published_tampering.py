"""Tampering with tiles and checkpoints: every byte, every tile, every note, and what caught it."""

import base64
import time
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rorpost_gateway.audit.verify import Verified
from rorpost_gateway.decision_log.published.note import whole_notes
from tests.peers.log_workshop import ORIGIN
from tests.peers.tampered import BYTES, Bench, Log, Small, is_signed, is_tile, make_small, mutations, put

BOUND_SECONDS = 10.0  # far more than any of it takes, far less than an attack would want


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    return make_small(tmp_path_factory.mktemp("tampering"))


@pytest.fixture(scope="module")
def log(small: Small) -> Log:
    return small.log


@pytest.fixture(scope="module")
def bench(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"), small.vkey)


def notes(log: Log) -> list[bytes]:
    return [checkpoint.note for _, checkpoint in whole_notes(log["checkpoints"], ORIGIN)]


def with_checkpoints(log: Log, octets: bytes) -> Log:
    return log | {"checkpoints": octets}


@pytest.mark.parametrize("kind", BYTES)
@pytest.mark.parametrize(
    ("names", "checks"),
    [(is_tile, {"tile"}), (is_signed, {"checkpoint", "signature", "tree"})],
    ids=["tiles", "notes"],
)
def test_every_single_byte(
    log: Log, bench: Bench, names: Callable[[str], bool], checks: set[str], kind: str
) -> None:
    for said, tampered in mutations(log, kind, names):
        # One more newline behind the last checkpoint is what a crash may leave, and changes nothing.
        if tampered["checkpoints"] != log["checkpoints"] + b"\n":
            assert bench.verdict(tampered) in checks, said


def test_every_tile_removed_emptied_or_in_the_place_of_another(log: Log, bench: Bench) -> None:
    tiles = list(filter(is_tile, log))
    assert len(tiles) == len(notes(log))
    for name in tiles:
        assert bench.verdict({other: octets for other, octets in log.items() if other != name}) == "tile"
        for octets in (b"", *(log[other] for other in tiles if other != name)):
            assert bench.verdict(log | {name: octets}) == "tile"


def test_every_note_doubled_in_its_place_or_swapped_before_a_torn_one(log: Log, bench: Bench) -> None:
    """The `torn` entry of this log names its place in `checkpoints`, and so what comes before."""
    octets = log["checkpoints"]
    for note in notes(log)[:4]:
        assert bench.verdict(with_checkpoints(log, octets.replace(note, b""))) == "checkpoint"
        assert bench.verdict(with_checkpoints(log, octets.replace(note, 2 * note))) == "checkpoint"


def test_every_two_neighbours_swapped(log: Log, bench: Bench) -> None:
    """Caught, or told of in another order only."""
    octets, listed = log["checkpoints"], notes(log)
    for first, second in pairwise(listed):
        swapped = octets.replace(first, b"@").replace(second, first).replace(b"@", second)
        verdict = bench.verdict(with_checkpoints(log, swapped))
        assert isinstance(verdict, str) or verdict.covered == verdict.entries


def test_the_end_of_checkpoints_cut_off(log: Log, bench: Bench) -> None:
    octets = log["checkpoints"]
    for note in notes(log):
        assert bench.verdict(with_checkpoints(log, octets[: octets.index(note)])) == "checkpoint"
    without = {name: each for name, each in log.items() if name != "checkpoints"}
    assert bench.verdict(without) == "checkpoint"


def test_an_older_note_dropped_or_told_again_changes_nothing_that_is_covered(log: Log, bench: Bench) -> None:
    """The later ones cover what it did. Told again is what a witness's signature comes as."""
    octets, listed = log["checkpoints"], notes(log)
    for changed in (octets.replace(listed[4], b""), *(octets + note for note in listed)):
        verified = bench.verdict(with_checkpoints(log, changed))
        assert isinstance(verified, Verified)
        assert verified.covered == verified.entries


def test_an_older_one_in_place_of_the_newest_is_what_a_crash_leaves(log: Log, bench: Bench) -> None:
    for note in notes(log):
        verified = bench.verdict(log | {"checkpoint": note})
        assert isinstance(verified, Verified)
        assert verified.covered == verified.entries


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_stretch_replaced_by_anything(log: Log, bench: Bench, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([each for each in log if is_tile(each) or each == "checkpoints"]))
    start = data.draw(st.integers(0, len(log[name]) - 1))
    stop = data.draw(st.integers(start, min(len(log[name]), start + 300)))
    copied_at = data.draw(st.integers(0, len(log[name])))
    new = data.draw(st.one_of(st.binary(max_size=100), st.just(log[name][copied_at : copied_at + 200])))
    tampered = put(log[name], start, stop - start, new)
    verdict = bench.verdict(log | {name: tampered})
    if not tampered.startswith(log[name]) and isinstance(verdict, Verified):
        # Whole notes more or less: whatever was covered still is.
        assert name == "checkpoints"
        assert verdict.covered == verdict.entries


def signature_line(octets: bytes, name: str = ORIGIN) -> bytes:
    return f"\N{EM DASH} {name} {base64.b64encode(octets).decode()}\n".encode()


def hostile() -> dict[str, bytes]:
    root = base64.b64encode(bytes(32)) + b"\n"
    origin, line = ORIGIN.encode() + b"\n", signature_line(bytes(68))
    return {
        "a size beyond all numbers": origin + b"9" * 5000 + b"\n" + root + b"\n" + line,
        "the largest size": origin + b"9223372036854775807\n" + root + b"\n" + line,
        "a negative size": origin + b"-1\n" + root + b"\n" + line,
        "a root that is no base64": origin + b"5\n" + b"!" * 44 + b"\n\n" + line,
        "a root too long": origin + b"5\n" + base64.b64encode(bytes(48)) + b"\n\n" + line,
        "control characters": origin + b"5\x1b[2J\n" + root + b"\n" + line,
        "no text in UTF-8": origin + b"5\n" + root + b"\xff\xfe\n\n" + line,
        "ten thousand signatures": origin + b"5\n" + root + b"\n" + line * 10_000,
        "ten thousand names": origin
        + b"5\n"
        + root
        + b"\n"
        + b"".join(signature_line(bytes(68), f"w{number}") for number in range(10_000)),
        "a hundred thousand lines of text": origin + b"5\n" + root + b"x\n" * 100_000 + b"\n" + line,
        "a line without end": b"x" * 3_000_000,
        "nothing but line ends": b"\n" * 300_000,
        "nothing but marks": "\N{EM DASH} ".encode() * 300_000,
        "ten thousand notes": (origin + b"5\n" + root + b"\n" + line) * 10_000,
        "zeros": bytes(1_000_000),
    }


@pytest.mark.parametrize("what", hostile())
def test_hostile_notes_are_refused_in_bounded_time(log: Log, bench: Bench, what: str) -> None:
    octets = hostile()[what]
    began = time.perf_counter()
    assert isinstance(bench.verdict(log | {"checkpoint": octets}), str)
    assert isinstance(bench.verdict(with_checkpoints(log, octets)), str)
    # Behind all that is covered it may be what a crash left: an answer, whatever it is.
    bench.verdict(with_checkpoints(log, log["checkpoints"] + octets))
    assert time.perf_counter() - began < BOUND_SECONDS
