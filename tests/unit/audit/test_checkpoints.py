"""Checkpoints, one by one and in the file of all of them."""

import base64

import pytest

from rorpost_gateway.audit.checkpoints import (
    Listed,
    Stretch,
    newest_size,
    parse_checkpoint,
    read_checkpoint,
    read_checkpoints,
)
from rorpost_gateway.audit.folder import Broken
from rorpost_gateway.audit.notes import NOTE_OCTETS, NoteFault
from tests.peers.evidence import ORIGIN, Key, note

KEY = Key()
ROOT = bytes(range(32))
ENCODED = base64.b64encode(ROOT).decode()


def signed(text: str) -> bytes:
    return text.encode() + b"\n" + KEY.line(text.encode())


def test_the_three_lines() -> None:
    checkpoint = parse_checkpoint(note(70_000, ROOT, KEY))
    assert (checkpoint.origin, checkpoint.size, checkpoint.root) == (ORIGIN, 70_000, ROOT)
    assert parse_checkpoint(signed(f"{ORIGIN}\n0\n{ENCODED}\nan extension\n")).size == 0


@pytest.mark.parametrize(
    "text",
    [
        f"{ORIGIN}\n7\n",
        f"\n7\n{ENCODED}\n",
        f"{ORIGIN}\n\n{ENCODED}\n",
        f"{ORIGIN}\n7\n{ENCODED}\n\nmore\n",
        f"{ORIGIN}\n07\n{ENCODED}\n",
        f"{ORIGIN}\n-7\n{ENCODED}\n",
        f"{ORIGIN}\n+7\n{ENCODED}\n",
        f"{ORIGIN}\n7 \n{ENCODED}\n",
        f"{ORIGIN}\n٧\n{ENCODED}\n",
        f"{ORIGIN}\n9223372036854775808\n{ENCODED}\n",
        f"{ORIGIN}\n{'9' * 5000}\n{ENCODED}\n",
        f"{ORIGIN}\n7\n{ENCODED[:-4]}\n",
        f"{ORIGIN}\n7\n{ENCODED[:-2]}9=\n",
        f"{ORIGIN}\n7\n{ENCODED[:-1]}\n",
        f"{ORIGIN}\n7\nnot base64\n",
    ],
)
def test_what_is_no_checkpoint(text) -> None:
    with pytest.raises(NoteFault):
        parse_checkpoint(signed(text))


def listed(folder) -> list[tuple[int, int, Stretch | None] | Stretch]:
    found = read_checkpoints(folder)
    return [(e.checkpoint.size, e.line, e.torn) if isinstance(e, Listed) else e for e in found]


FIRST, SECOND = note(3, ROOT, KEY), note(5, ROOT, KEY, Key(2), Key(3, name="w", kind=4))


def test_one_after_the_other(tmp_path) -> None:
    assert listed(tmp_path) == []
    assert newest_size(tmp_path, end=0) == 0
    (tmp_path / "checkpoints").write_bytes(FIRST + SECOND + FIRST)
    assert listed(tmp_path) == [(3, 1, None), (5, 6, None), (3, 13, None)]
    assert [e.checkpoint.octets for e in read_checkpoints(tmp_path)] == [FIRST, SECOND, FIRST]
    assert newest_size(tmp_path, end=10_000) == 5
    assert [e.checkpoint.size for e in read_checkpoints(tmp_path, end=len(FIRST))] == [3]


@pytest.mark.parametrize("cut", range(1, len(FIRST)))
def test_a_checkpoint_that_a_crash_cut_short_is_told_of_apart(tmp_path, cut) -> None:
    """Wherever it was cut; the next start closes it with a newline where it lacks one, and goes on."""
    torn = FIRST[:cut]
    closed = torn if torn.endswith(b"\n") else torn + b"\n"
    if closed == FIRST:
        return
    begin = len(SECOND)
    stretch = Stretch(offset=begin, length=len(closed) - 1)
    (tmp_path / "checkpoints").write_bytes(SECOND + torn)
    assert listed(tmp_path) == [(5, 1, None), stretch]
    (tmp_path / "checkpoints").write_bytes(SECOND + closed + FIRST)
    lines = closed.count(b"\n")
    assert listed(tmp_path) == [(5, 1, None), (3, 8 + lines, stretch)]
    (tmp_path / "checkpoints").write_bytes(closed + SECOND)
    assert listed(tmp_path) == [(5, 1 + lines, Stretch(offset=0, length=len(closed) - 1))]


def test_the_newline_makes_the_last_line_whole(tmp_path) -> None:
    (tmp_path / "checkpoints").write_bytes(FIRST[:-1] + b"\n" + SECOND)
    assert listed(tmp_path) == [(3, 1, None), (5, 6, None)]


def test_a_part_of_two_signatures_leaves_a_checkpoint_with_one(tmp_path) -> None:
    both = note(3, ROOT, KEY, Key(2))
    (tmp_path / "checkpoints").write_bytes(both[:-20] + b"\n" + FIRST)
    (torn,) = [e.torn for e in read_checkpoints(tmp_path) if isinstance(e, Listed)]
    assert torn == Stretch(offset=0, length=len(both) - 20)


@pytest.mark.parametrize(
    "octets",
    [b"x" * 2_000_000, b"x\n" * 1_000_000, b"\n" * 1_000_000, "— a b\n".encode() * 100_000],
)
def test_hostile_octets_are_refused_before_they_fill_the_memory(tmp_path, octets) -> None:
    (tmp_path / "checkpoints").write_bytes(FIRST + octets + SECOND)
    with pytest.raises(Broken, match="no checkpoint"):
        listed(tmp_path)


def test_the_newest_one_in_its_own_file(tmp_path) -> None:
    assert read_checkpoint(tmp_path) is None
    (tmp_path / "checkpoint").write_bytes(FIRST)
    assert read_checkpoint(tmp_path).size == 3
    for octets in (b"", FIRST[:-1], FIRST + SECOND[:-3], b"x" * (NOTE_OCTETS + 1)):
        (tmp_path / "checkpoint").write_bytes(octets)
        with pytest.raises(Broken) as caught:
            read_checkpoint(tmp_path)
        assert (caught.value.file, caught.value.check) == ("checkpoint", "checkpoint")


@pytest.mark.parametrize("name", ["checkpoint", "checkpoints"])
def test_nothing_but_files_is_opened(tmp_path, name) -> None:
    (tmp_path / "elsewhere").write_bytes(FIRST)
    (tmp_path / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Broken, match="cannot be read"):
        read_checkpoint(tmp_path) if name == "checkpoint" else listed(tmp_path)
