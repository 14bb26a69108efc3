"""Revisions that are kept for years."""

import hashlib
import json
import stat
from pathlib import Path

import pytest

from rorpost_gateway.daemon.kept_policies import KeptPolicies

POLICY = {"mailboxes": {"rorpost.a@motala.se": {}}}


def canonical(policy: object) -> tuple[str, bytes]:
    octets = json.dumps(policy, sort_keys=True).encode()
    return hashlib.sha256(octets).hexdigest(), octets


@pytest.fixture
def kept(tmp_path: Path) -> KeptPolicies:
    return KeptPolicies(tmp_path / "state" / "policies")


def test_kept_and_found_again(kept: KeptPolicies, tmp_path: Path) -> None:
    revision, octets = canonical(POLICY)
    kept.keep(revision, octets)
    assert kept.last() == (revision, octets)
    file = tmp_path / "state" / "policies" / f"{revision}.json"
    assert file.read_bytes() == octets
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert not [path for path in file.parent.iterdir() if path.name.endswith(".new")]


def test_every_revision_stays_and_the_last_one_counts(kept: KeptPolicies, tmp_path: Path) -> None:
    first, second = canonical(POLICY), canonical({"mailboxes": {}})
    for revision, octets in (first, second, first):
        kept.keep(revision, octets)
    assert kept.last() == first
    assert {path.stem for path in (tmp_path / "state" / "policies").glob("*.json")} == {first[0], second[0]}


def test_a_revision_that_is_there_is_not_written_again(kept: KeptPolicies, tmp_path: Path) -> None:
    revision, octets = canonical(POLICY)
    kept.keep(revision, octets)
    file = tmp_path / "state" / "policies" / f"{revision}.json"
    before = file.stat().st_ino
    kept.keep(revision, octets)
    assert file.stat().st_ino == before


def test_nothing_is_kept_yet(kept: KeptPolicies) -> None:
    assert kept.last() is None


@pytest.mark.parametrize("note", ["", "nonsense", "../../../etc/passwd", "0" * 64, "\xff"])
def test_a_note_that_names_nothing(kept: KeptPolicies, tmp_path: Path, note: str) -> None:
    kept.keep(*canonical(POLICY))
    (tmp_path / "state" / "policies" / "in-force").write_text(note, encoding="latin-1")
    assert kept.last() is None


@pytest.mark.parametrize(
    "octets", [b"", b"{", b"[]", b'{"mailboxes": []}', b'{"mailboxes": {"a": 7}}', b"\xff"]
)
def test_a_kept_file_that_was_changed_is_not_believed(
    kept: KeptPolicies, tmp_path: Path, octets: bytes
) -> None:
    revision, sound = canonical(POLICY)
    kept.keep(revision, sound)
    (tmp_path / "state" / "policies" / f"{revision}.json").write_bytes(octets)
    assert kept.last() is None
