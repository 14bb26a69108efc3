"""Revisions that are kept for years, and what a change of policy gained and lost."""

import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.daemon.kept_policies import KeptPolicies, changes

POLICY: dict[str, Any] = {
    "mailboxes": {
        "rorpost.a@motala.se": {
            "users": [{"user": "anna@motala.se", "valid_until": "2026-12-31"}],
            "read_at": ["08:00", "13:00"],
            "on_duty": ["anna@motala.se"],
        },
        "rorpost.b@region.se": {"key": "AAAA"},
    },
    "channels": [{"name": "a-b", "between": ["rorpost.a@motala.se", "rorpost.b@region.se"]}],
}
KINDS = ("mailboxes", "users", "channels", "keys", "deadlines", "on_duty")
NOTHING = {f"{what}_{how}": 0 for what in KINDS for how in ("gained", "lost")}


def canonical(policy: object) -> tuple[str, bytes]:
    octets = json.dumps(policy, sort_keys=True).encode()
    return hashlib.sha256(octets).hexdigest(), octets


def bent(**changes_by_path: object) -> dict[str, Any]:
    policy: dict[str, Any] = json.loads(json.dumps(POLICY))
    for path, value in changes_by_path.items():
        *parents, last = path.split("__")
        place: Any = policy
        for name in parents:
            place = place[int(name) if isinstance(place, list) else name]
        place[last] = value
    return policy


@pytest.fixture
def kept(tmp_path: Path) -> KeptPolicies:
    return KeptPolicies(tmp_path / "state" / "policies")


def test_kept_and_found_again(kept: KeptPolicies, tmp_path: Path) -> None:
    revision, octets = canonical(POLICY)
    kept.keep(revision, octets)
    assert kept.last() == (revision, POLICY)
    file = tmp_path / "state" / "policies" / f"{revision}.json"
    assert file.read_bytes() == octets
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert not [path for path in file.parent.iterdir() if path.name.endswith(".new")]


def test_every_revision_stays_and_the_last_one_counts(kept: KeptPolicies, tmp_path: Path) -> None:
    first, second = canonical(POLICY), canonical({"mailboxes": {}})
    for revision, octets in (first, second, first):
        kept.keep(revision, octets)
    assert kept.last() == (first[0], POLICY)
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


def test_a_first_policy_is_all_gain() -> None:
    assert changes(None, POLICY) == NOTHING | {
        "mailboxes_gained": 2,
        "users_gained": 1,
        "channels_gained": 1,
        "keys_gained": 1,
        "deadlines_gained": 2,
        "on_duty_gained": 1,
    }


def test_weekdays_in_another_order_are_the_same_days() -> None:
    first, second = (
        bent(**{"mailboxes__rorpost.a@motala.se__read_on": days}) for days in (["mon", "sat"], ["sat", "mon"])
    )
    assert changes(first, second) == NOTHING


def test_no_change() -> None:
    assert changes(POLICY, json.loads(json.dumps(POLICY))) == NOTHING
    assert changes({}, {"mailboxes": None, "channels": None}) == NOTHING


@pytest.mark.parametrize(
    ("after", "counted"),
    [
        (
            bent(mailboxes={}),
            {"mailboxes_lost": 2, "users_lost": 1, "keys_lost": 1, "deadlines_lost": 2, "on_duty_lost": 1},
        ),
        (bent(channels=[]), {"channels_lost": 1}),
        (
            bent(channels=[{**POLICY["channels"][0], "name": "b-a"}]),
            {"channels_lost": 1, "channels_gained": 1},
        ),
        (bent(**{"mailboxes__rorpost.b@region.se__key": "BBBB"}), {"keys_lost": 1, "keys_gained": 1}),
        (bent(**{"mailboxes__rorpost.b@region.se__key": ["AAAA", "BBBB"]}), {"keys_gained": 1}),
        (bent(**{"mailboxes__rorpost.a@motala.se__users": []}), {"users_lost": 1}),
        (
            bent(
                **{
                    "mailboxes__rorpost.a@motala.se__users": [
                        {"user": "anna@motala.se", "valid_until": "2027-12-31"}
                    ]
                }
            ),
            {"users_lost": 1, "users_gained": 1},
        ),
        (bent(**{"mailboxes__rorpost.a@motala.se__phone": "0141"}), {}),
        (
            bent(**{"mailboxes__rorpost.a@motala.se__read_at": ["08:00", "13:00", "16:00"]}),
            {"deadlines_gained": 1},
        ),
        (bent(**{"mailboxes__rorpost.a@motala.se__read_at": None}), {"deadlines_lost": 2}),
        (bent(**{"mailboxes__rorpost.a@motala.se__read_on": "working-days"}), {}),
        (
            bent(**{"mailboxes__rorpost.a@motala.se__read_on": "every-day"}),
            {"deadlines_lost": 2, "deadlines_gained": 2},
        ),
        (
            bent(**{"mailboxes__rorpost.a@motala.se__on_duty": ["cia@motala.se", "bo@motala.se"]}),
            {"on_duty_lost": 1, "on_duty_gained": 2},
        ),
    ],
)
def test_what_changed(after: dict[str, Any], counted: dict[str, int]) -> None:
    assert changes(POLICY, after) == NOTHING | counted
    other_way = {"gained": "lost", "lost": "gained"}
    assert changes(after, POLICY) == NOTHING | {
        f"{name.rpartition('_')[0]}_{other_way[name.rpartition('_')[2]]}": count
        for name, count in counted.items()
    }
