"""`rorpost access report` over a real configuration and policy, and over a log."""

import csv
import json
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from tests.peers import gateway_world as world
from tests.peers.log_workshop import NoSync, Workshop


def rows(ended: Any) -> list[dict[str, Any]]:
    return list(json.loads(ended.out)["authorisations"])


def test_wrong_usage(rorpost: Callable[..., Any], here: Any) -> None:
    for arguments in (("--mailbox", "rorpost.ingen@motala.se"), ("--expiring", "-1"), ("--json", "--csv")):
        assert rorpost("access", "report", *arguments, config=here.path).code == 2


def test_who_on_whose_request_and_until_when(rorpost: Callable[..., Any], here: Any) -> None:
    ended = rorpost("access", "report", "--mailbox", world.HOME_CARE, "--json", config=here.path)
    assert ended.code == 0
    anna, bo = rows(ended)
    assert anna == {
        "mailbox": world.HOME_CARE,
        "mailbox_name": "Hemsjukvården, Motala",
        "manager": None,
        "user": world.ANNA,
        "name": "Anna Berg",
        "requested_by": "eva.ek@motala.se",
        "executed_by": "it.drift@motala.se",
        "valid_from": (date.today() - timedelta(days=30)).isoformat(),
        "valid_until": (date.today() + timedelta(days=300)).isoformat(),
        "standing": "in-force",
        "days_left": anna["days_left"],
        "renewed": False,
        "last_used": None,
    }
    assert (bo["user"], bo["standing"], bo["days_left"]) == (world.BO, "over", None)
    assert json.loads(ended.out)["log_asked"] is False
    assert "no decision log yet" in ended.err


def test_only_who_will_lose_it_soon(rorpost: Callable[..., Any], here: Any) -> None:
    assert rows(rorpost("access", "report", "--expiring", "30", "--json", config=here.path)) == []
    assert "Nobody" in rorpost("access", "report", "--expiring", "30", config=here.path).out
    found = rows(rorpost("access", "report", "--expiring", "301", "--json", config=here.path))
    assert {(row["mailbox"], row["user"]) for row in found} == {
        (world.HOME_CARE, world.ANNA),
        (world.KEYLESS, world.ANNA),
    }


async def test_last_used_as_a_copy_of_the_log_says(
    rorpost: Callable[..., Any], here: Any, tmp_path: Any
) -> None:
    workshop = Workshop(tmp_path / "decisions")
    workshop.clock.now = time.time()
    log = await workshop.open(disk=NoSync())
    await log.append([workshop.decision(reverse_path=world.HOME_CARE, declared_user=world.ANNA)])
    await log.close()
    before = [path.read_bytes() for path in workshop.files()]
    ended = rorpost("access", "report", "--json", "--log", str(workshop.folder), config=here.path)
    last = {(row["mailbox"], row["user"]): row["last_used"] for row in rows(ended)}
    assert last.pop((world.HOME_CARE, world.ANNA)) is not None
    assert set(last.values()) == {None}
    table = rorpost("access", "report", "--log", str(workshop.folder), config=here.path).out
    assert "not found" in table
    assert "Last used" in table
    assert [path.read_bytes() for path in workshop.files()] == before


async def test_a_live_log_that_takes_no_line_gives_nothing_out(
    rorpost: Callable[..., Any], here: Any
) -> None:
    (here.folder / "state").mkdir(mode=0o700)
    workshop = Workshop(here.folder / "state" / "decisions")
    workshop.clock.now = time.time()
    log = await workshop.open(disk=NoSync())
    await log.append([workshop.decision(reverse_path=world.HOME_CARE, declared_user=world.ANNA)])
    await log.close()
    ended = rorpost("access", "report", "--json", config=here.path)
    assert ended.code == 0
    assert {row["last_used"] for row in rows(ended)} == {None}
    assert "--log" in ended.err


def test_names_are_neither_formulas_nor_markup(rorpost: Callable[..., Any], here: Any) -> None:
    users = here.policy["mailboxes"][world.HOME_CARE]["users"]
    users[0]["name"] = "=HYPERLINK(1)"
    users[1]["name"] = "[bold]Bo[/bold]"
    here.write("policies/policy.yaml", world.as_yaml(here.policy))
    text = rorpost("access", "report", "--csv", config=here.path).out
    by_user = {(row["mailbox"], row["user"]): row for row in csv.DictReader(text.splitlines())}
    assert by_user[world.HOME_CARE, world.ANNA]["name"] == "'=HYPERLINK(1)"
    assert "[bold]Bo[/bold]" in rorpost("access", "report", config=here.path).out
