"""Any octets at all as an attachment: facts in the end, within bounds of time and memory, no fault."""

import resource
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorpost_gateway.content import BOUNDS
from rorpost_gateway.facts import Attachment
from tests.fuzz.attachment_bombs import BOMBS
from tests.peers.attached_files import (
    DOCX,
    ENCRYPTED_PDF,
    EXE,
    PNG,
    compound,
    found_in,
    gzipped,
    message,
    part,
    tarred,
    tnef,
    zipped,
)  # fmt: skip

FUZZ = settings(max_examples=150, deadline=None, derandomize=True, database=None)
BOUND_SECONDS = 10  # generous for a busy machine
MEMORY_OCTETS = 700 * 1024 * 1024  # of address space, the interpreter's own included

SHAPES = {
    "zip": zipped({"a.png": PNG, "b/c.exe": EXE}),
    "docx": zipped({**DOCX, "word/embeddings/1.bin": compound({"\1Ole10Native": EXE})}),
    "gzip": gzipped(tarred({"a.txt": b"Hej"}), "a.tar"),
    "tar": tarred({"a" * 120: PNG, "b": b"Hej"}),
    "tnef": tnef(("a.png", PNG), ("b.txt", b"Hej")),
    "compound": compound({"WordDocument": bytes(99), "Macros/VBA/dir": b"x", "\1Ole10Native": PNG}),
    "msg": compound({"__properties_version1.0": b"x", "__attach_version1.0_#0/__substg1.0_37010102": PNG}),
    "message": message(part(PNG, "a.png")),
    "pdf": ENCRYPTED_PDF,
    "uuencoded": b"begin 644 a.exe\n#35J0\n`\nend\n",
}
CHANGES = st.lists(
    st.tuples(st.integers(0, 4000), st.integers(0, 3), st.binary(min_size=1, max_size=4)),
    min_size=1,
    max_size=6,
)


def changed(octets: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    """Replaced, removed, inserted, or cut off there."""
    for place, how, new in changes:
        at = place % (len(octets) + 1)
        if how == 0:
            octets = octets[:at] + new + octets[at + len(new) :]
        elif how == 1:
            octets = octets[:at] + octets[at + len(new) :]
        elif how == 2:
            octets = octets[:at] + new + octets[at:]
        else:
            octets = octets[:at] if len(new) == 1 else octets
    return octets


def check(found: tuple[Attachment, ...]) -> None:
    assert found
    assert found[0].depth == 0
    assert all(each.depth <= BOUNDS.depth for each in found)
    for before, after in pairwise(found):
        assert after.depth <= before.depth + 1
    assert all(each.kind == each.kind.lower() and "/" in each.kind for each in found)


@FUZZ
@given(st.sampled_from(sorted(SHAPES)), CHANGES, st.sampled_from(["", "a.eml", "a.docx"]))
def test_files_that_are_almost_sound(shape: str, changes: list[tuple[int, int, bytes]], name: str) -> None:
    check(found_in(changed(SHAPES[shape], changes), name))


@FUZZ
@given(
    st.binary(max_size=2000), st.text(max_size=40).filter(lambda name: '"' not in name and "\\" not in name)
)
def test_any_octets_under_any_name(octets: bytes, name: str) -> None:
    check(found_in(octets))
    check(found_in(zipped({name or "x": octets})))


@FUZZ
@given(st.sampled_from(sorted(SHAPES)), st.integers(0, 2000))
def test_cut_off_anywhere_is_never_more_than_the_whole(shape: str, place: int) -> None:
    octets = SHAPES[shape][: place % len(SHAPES[shape])]
    found = found_in(octets)
    check(found)
    if shape in {"zip", "docx", "gzip"} and octets and found[0].kind != "text/plain":
        assert not all(each.inspected for each in found)


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_stay_within_bounds(name: str) -> None:
    began = time.monotonic()
    run = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.attachment_bombs", name],
        cwd=Path(__file__).parents[2],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY_OCTETS, MEMORY_OCTETS)),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr.decode()
    assert float(run.stdout) < BOUND_SECONDS, time.monotonic() - began
