"""A new key waits until somebody confirms it: `rorpost keys import`, `confirm`, `discard`, `list`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.peers import gateway_world as world
from tests.peers.gnupg_home import export_public, export_secret, generate, revoke_primary


class Keys:
    """`rorpost keys` over a home of its own, and another home where keys are made."""

    def __init__(self, here: Any, rorpost: Callable[..., Any], home: Path, elsewhere: Path) -> None:
        self.here, self.home, self.elsewhere = here, home, elsewhere
        self.rorpost = rorpost
        here.configure(openpgp={"home": str(home)})

    def __call__(self, *arguments: str) -> Any:
        return self.rorpost("keys", *arguments, config=self.here.path)

    def offer(self, octets: bytes, *options: str) -> Any:
        path = self.here.folder / "offered"
        path.write_bytes(octets)
        return self("import", *options, str(path))

    def made(self, address: str) -> tuple[str, bytes]:
        fingerprint = generate(self.elsewhere, address)
        return fingerprint, export_public(self.elsewhere, fingerprint)

    def states(self) -> dict[str, str]:
        return {row["fingerprint"]: row["state"] for row in json.loads(self("list", "--json").out)}


@pytest.fixture
def keys(
    here: Any, rorpost: Callable[..., Any], home_copy: Callable[[Path], Path], new_home: Callable[[], Path]
) -> Keys:
    return Keys(here, rorpost, home_copy(here.keys.sender_home), new_home())


@pytest.mark.parametrize("address", [world.BRINKEN, world.HOME_CARE, world.KEY_MISSING])
def test_a_new_key_for_a_mailbox_waits(keys: Keys, address: str) -> None:
    new, octets = keys.made(address)
    before = keys.states()
    ended = keys.offer(octets)
    assert ended.code == 0
    assert new in ended.out
    assert "keys confirm" in ended.err
    assert "decision log" not in ended.err  # nothing was changed that it should tell of
    assert keys.states() == before | {new: "waiting"}
    assert "waiting since" in keys("list").out
    ended = keys("confirm", *(new[at : at + 4].lower() for at in range(0, 40, 4)))
    assert ended.code == 0
    assert f"{address} uses it once `key` names it" in ended.err
    assert "the decision log has no line of this" in ended.err
    assert keys.states() == before | {new: "usable"}


def test_a_fingerprint_is_typed_in_full(keys: Keys) -> None:
    new, octets = keys.made(world.BRINKEN)
    keys.offer(octets)
    for short in (new[-16:], new[:-1], f"{new}0", "", "*"):
        assert keys("confirm", short).code == 2
    assert keys("confirm", "0" * 40).code == 1
    assert keys("confirm").code == 2
    assert keys.states()[new] == "waiting"
    assert keys("discard", new).code == 0
    assert new not in keys.states()
    assert keys("confirm", new).code == 1


def test_a_name_cannot_write_over_the_fingerprint_that_is_compared(keys: Keys) -> None:
    new, octets = keys.made(f"Brinken\x9b1G <{world.BRINKEN}>")  # CSI: to the line's first column
    for ended in (keys.offer(octets), keys("list"), keys("confirm", new)):
        assert ended.code == 0
        assert r"Brinken\u009b1G" in ended.out
        assert "\x9b" not in ended.out


def test_an_address_that_has_a_key_is_nobody_elses(keys: Keys) -> None:
    address = "rorpost.gast@regionostergotland.se"  # no mailbox of the policy
    first, octets = keys.made(address)
    assert keys.offer(octets).code == 0
    second, octets = keys.made(address)
    assert keys.offer(octets).code == 0
    states = keys.states()
    assert (states[first], states[second]) == ("usable", "waiting")


def test_what_the_policy_names_by_its_fingerprint_is_confirmed(keys: Keys) -> None:
    new, octets = keys.made(world.BRINKEN)
    box = keys.here.policy["mailboxes"][world.BRINKEN]
    box["key"] = [new, {"fingerprint": box["key"], "accept_until": world._day(10)}]
    keys.here.write("policies/policy.yaml", world.as_yaml(keys.here.policy))
    assert keys.offer(octets).code == 0
    assert keys.states()[new] == "usable"


def test_of_several_keys_each_goes_its_own_way(keys: Keys) -> None:
    waits, one = keys.made(world.BRINKEN)
    enters, other = keys.made("rorpost.gast@regionostergotland.se")
    ended = keys.offer(one + other)
    assert "1 must wait" in ended.err
    assert "1 imported" in ended.err
    states = keys.states()
    assert (states[waits], states[enters]) == ("waiting", "usable")


def test_a_revocation_of_a_key_that_is_there_does_not_wait(keys: Keys) -> None:
    new, octets = keys.made(world.BRINKEN)
    assert keys.offer(octets, "--confirm", new).code == 0
    assert keys.states()[new] == "usable"
    revoke_primary(keys.elsewhere, new)
    assert keys.offer(export_public(keys.elsewhere, new)).code == 0
    assert keys.states()[new] == "revoked"


def test_a_private_key_that_would_count_at_once_is_named_or_refused(keys: Keys) -> None:
    new = generate(keys.elsewhere, world.HOME_CARE)
    octets, before = export_secret(keys.elsewhere, new), keys.states()
    ended = keys.offer(octets, "--secret")
    assert ended.code == 1
    assert "--confirm" in ended.err
    assert keys.offer(octets, "--secret", "--confirm", "0" * 40).code == 1
    assert keys.states() == before
    assert keys.offer(octets, "--secret", "--confirm", new).code == 0
    assert keys.states()[new] == "usable"


def test_check_warns_of_a_key_that_waits(keys: Keys) -> None:
    new, octets = keys.made(world.BRINKEN)
    keys.offer(octets)
    found = json.loads(keys.rorpost("check", "--offline", "--json", config=keys.here.path).out)
    assert [one["weight"] for one in found if new in one["text"]] == ["warning"]
