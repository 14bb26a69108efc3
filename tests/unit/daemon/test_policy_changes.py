"""What a change of policy gained and lost, counted from the canonical forms of both."""

import json
from typing import Any

import pytest
import rfc8785

from rorpost_gateway.daemon.policy_changes import changes

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


def bent(**changes_by_path: object) -> dict[str, Any]:
    policy: dict[str, Any] = json.loads(json.dumps(POLICY))
    for path, value in changes_by_path.items():
        *parents, last = path.split("__")
        place: Any = policy
        for name in parents:
            place = place[int(name) if isinstance(place, list) else name]
        place[last] = value
    return policy


def counted_of(before: dict[str, Any] | None, after: dict[str, Any]) -> dict[str, int]:
    return changes(None if before is None else rfc8785.dumps(before), rfc8785.dumps(after))


@pytest.mark.parametrize(
    "octets",
    [b"", b"{", b"[]", b"7", b"\xff", b'{"channels":[', b'{"channels"}', b'{"mailboxes":{7:8}}', b"{,"],
)
def test_no_canonical_form(octets: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of several kinds
        changes(octets, b"{}")
    with pytest.raises(ValueError):  # noqa: PT011 - of several kinds
        changes(None, octets)


def test_a_first_policy_is_all_gain() -> None:
    assert counted_of(None, POLICY) == NOTHING | {
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
    assert counted_of(first, second) == NOTHING


def test_no_change() -> None:
    assert counted_of(POLICY, json.loads(json.dumps(POLICY))) == NOTHING
    assert counted_of({}, {"mailboxes": None, "channels": None, "rules": {}}) == NOTHING


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
    assert counted_of(POLICY, after) == NOTHING | counted
    other_way = {"gained": "lost", "lost": "gained"}
    assert counted_of(after, POLICY) == NOTHING | {
        f"{name.rpartition('_')[0]}_{other_way[name.rpartition('_')[2]]}": count
        for name, count in counted.items()
    }
