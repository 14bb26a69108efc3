"""Whom the watch watches by the policy in force, and how it waits."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.config.model import Config
from rorpost_gateway.daemon import supervising
from rorpost_gateway.daemon.in_force import load_in_force
from rorpost_gateway.daemon.supervising import roster_of, waiting
from tests.peers.gateway_world import HOME_CARE, KEYLESS

WATCH = {"imap": {"host": "127.0.0.1", "tls": {"mode": "off"}, "username": "{mailbox}*vakt"}}


@pytest.fixture
def config(files: Any) -> Config:
    files.write_private("watch.password", "throw-away")
    files.policy["mailboxes"][HOME_CARE] |= {
        "read_at": ["08:00"],
        "read_on": ["sat"],
        "on_duty": ["vakt@motala.se"],
        "manager": "eva.ek@motala.se",
    }
    files.write_policy(files.policy)
    account = WATCH["imap"] | {"password_file": "watch.password"}
    loaded: Config = files.config(supervision={"imap": account})
    return loaded


async def test_our_own_mailboxes_are_watched_and_no_others(config: Config) -> None:
    policy = (await load_in_force(config)).policy
    assert config.supervision is not None
    roster = roster_of(config.supervision, lambda: policy, config.domains)
    ours = {each.address: each for each in roster()}
    assert set(ours) == {HOME_CARE, KEYLESS}
    home_care = ours[HOME_CARE]
    assert home_care.account.username == f"{HOME_CARE}*vakt"
    assert (home_care.on_duty, home_care.manager, home_care.phone) == (
        ("vakt@motala.se",),
        "eva.ek@motala.se",
        "0141-22 50 00",
    )
    assert home_care.times is not None
    assert home_care.times.weekdays == {5}
    assert ours[KEYLESS].times is None


async def test_the_same_policy_makes_the_same_roster(config: Config) -> None:
    policies = [(await load_in_force(config)).policy]
    assert config.supervision is not None
    roster = roster_of(config.supervision, lambda: policies[0], config.domains)
    first = roster()
    assert roster() is first
    policies[0] = (await load_in_force(config)).policy
    assert roster() is not first


@pytest.mark.parametrize("what", ["the time comes", "the clock is put back", "another roster"])
async def test_a_wait_ends_when_there_is_a_reason(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervising, "LOOK_AT_THE_CLOCK_SECONDS", 0.001)
    clock, rosters = [100.0], [()]
    task = asyncio.create_task(waiting(lambda: clock[0], lambda: rosters[0])(200.0))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not task.done()
    if what == "the time comes":
        clock[0] = 200.0
    elif what == "the clock is put back":
        clock[0] = 99.0
    else:
        rosters[0] = [Path()]  # type: ignore[list-item]
    async with asyncio.timeout(10):
        await task
