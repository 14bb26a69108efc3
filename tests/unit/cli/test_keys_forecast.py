"""`rorpost keys check` says which channels stop when, because of which key; and the whole change of a key."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.peers import gateway_world as world
from tests.peers.gnupg_home import export_public, generate, import_key

CHANNEL = "hemsjukvarden-brinken"


@pytest.fixture
def only_brinken(here: Any, rorpost: Callable[..., Any]) -> Callable[..., Any]:
    """`rorpost keys check` where home care and Brinken write to each other, by this key of Brinken's."""

    def check(key: Any, *options: str, home: Path | None = None, **channel: Any) -> Any:
        boxes = here.policy["mailboxes"]
        both = {"name": CHANNEL, "between": [world.HOME_CARE, world.BRINKEN], **channel}
        policy = {
            "mailboxes": {world.HOME_CARE: boxes[world.HOME_CARE], world.BRINKEN: {"name": "B", "key": key}},
            "channels": [both],
            "rules": {"outside_quotes": "reject"},
        }
        here.write("policies/policy.yaml", world.as_yaml(policy))
        here.configure(openpgp={"home": str(home or here.keys.sender_home)})
        return rorpost("keys", "check", *options, config=here.path)

    return check


def stops(ended: Any) -> list[tuple[str, str, str | None]]:
    rows = json.loads(ended.out)
    return [(row["mailbox"], one["reason"], one["at"]) for row in rows for one in row["stops"]]


def test_a_channel_that_lasts(only_brinken: Callable[..., Any], here: Any) -> None:
    ended = only_brinken(here.keys.receiver, "--json")
    assert (ended.code, stops(ended)) == (0, [])
    assert "stop" not in only_brinken(here.keys.receiver).out


@pytest.mark.parametrize(
    ("key", "reason"), [("expired_primary", "key-expired"), ("revoked_primary", "key-revoked")]
)
def test_a_channel_that_has_stopped(
    only_brinken: Callable[..., Any], here: Any, key: str, reason: str
) -> None:
    pin = getattr(here.keys, key)
    ended = only_brinken(pin, "--json")
    assert ended.code == 1
    assert set(stops(ended)) == {(world.BRINKEN, reason, None)}
    table = only_brinken(pin).out
    assert "has stopped" in table
    assert CHANNEL in table


def test_a_key_that_ends_in_time_stops_the_channel_then(
    only_brinken: Callable[..., Any], here: Any, home_copy: Callable[[Path], Path]
) -> None:
    home = home_copy(here.keys.sender_home)
    elsewhere = home_copy(here.keys.receiver_home)
    soon = generate(elsewhere, world.BRINKEN, expires="20d")
    import_key(home, export_public(elsewhere, soon))
    assert only_brinken(soon, "--days", "10", home=home).code == 0
    ended = only_brinken(soon, "--json", home=home)
    ((mailbox, reason, at),) = stops(ended)
    assert (mailbox, reason) == (world.BRINKEN, "key-expired")
    assert at is not None
    assert timedelta(days=18) < date.fromisoformat(at[:10]) - date.today() < timedelta(days=22)
    over = date.today() + timedelta(days=5)
    assert stops(only_brinken(soon, "--json", home=home, valid_until=over)) == []  # its own end comes first
    # A second key beside it, and nothing stops; the old one goes when the policy says so.
    keys = [here.keys.receiver, {"fingerprint": soon, "accept_until": over}]
    ended = only_brinken(keys, "--json", home=home)
    assert stops(ended) == []
    until = {row["pin"]: row["accept_until"] for row in json.loads(ended.out)}
    assert until[soon] == over.isoformat()
    assert f"{over}, then it may go" in only_brinken(keys, home=home).out


def test_the_policy_alone_stops_a_channel(only_brinken: Callable[..., Any], here: Any) -> None:
    last = date.today() + timedelta(days=9)
    pin = {"fingerprint": here.keys.receiver, "accept_until": last}
    ended = only_brinken(pin, "--json")
    assert ended.code == 1
    ((mailbox, reason, at),) = stops(ended)
    assert (mailbox, reason) == (world.BRINKEN, "accept-until")
    assert at is not None
    assert at[:10] == (last + timedelta(days=1)).isoformat()


def test_an_old_key_whose_time_is_over_may_go(
    only_brinken: Callable[..., Any], rorpost: Callable[..., Any], here: Any
) -> None:
    over = date.today() - timedelta(days=1)
    keys = [here.keys.receiver, {"fingerprint": here.keys.two_user_ids, "accept_until": over}]
    ended = only_brinken(keys)
    assert ended.code == 0
    assert f"has not counted since {over}; its line may go" in ended.out
    found = json.loads(rorpost("check", "--offline", "--json", config=here.path).out)
    assert [one["weight"] for one in found if "this entry may go" in one["text"]] == ["warning"]


def test_the_whole_change_of_a_partners_key(
    only_brinken: Callable[..., Any],
    rorpost: Callable[..., Any],
    here: Any,
    home_copy: Callable[[Path], Path],
    new_home: Callable[[], Path],
) -> None:
    home, partner, old = home_copy(here.keys.sender_home), new_home(), here.keys.receiver

    def sealed_to() -> str:
        pair = ("--from", world.HOME_CARE, "--to", world.BRINKEN, "--user", world.ANNA)
        ended = rorpost("policy", "explain", *pair, "--json", config=here.path)
        assert ended.code == 0, ended.err
        found = {each for each in (old, new) if each in ended.out}
        assert len(found) == 1
        return found.pop()

    new = generate(partner, world.BRINKEN)
    assert only_brinken(old, home=home).code == 0
    offered = here.folder / "offered"
    offered.write_bytes(export_public(partner, new))
    assert rorpost("keys", "import", str(offered), config=here.path).code == 0
    assert sealed_to() == old
    until = date.today() + timedelta(days=14)
    both = [new, {"fingerprint": old, "accept_until": until}]
    # The policy came before anybody compared the key: nothing changes yet, and it is told.
    assert only_brinken(both, home=home).code == 1
    assert sealed_to() == old
    assert rorpost("keys", "confirm", new, config=here.path).code == 0
    ended = only_brinken(both, home=home)
    assert ended.code == 0
    assert f"{until}, then it may go" in ended.out
    assert sealed_to() == new
    over = [new, {"fingerprint": old, "accept_until": date.today() - timedelta(days=1)}]
    assert "its line may go" in only_brinken(over, home=home).out
    assert only_brinken(new, home=home).code == 0
    assert sealed_to() == new
