"""Reminders put together: whose authorisations, what the log says, and that it is read back."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.audit.line import parse_line
from rorpost_gateway.daemon.gateway import Gateway
from rorpost_gateway.daemon.in_force import load_in_force
from rorpost_gateway.daemon.reminding import ReminderLines, endings_of
from rorpost_gateway.decision_log.past_reminders import past_reminders
from rorpost_gateway.errors import LogUnavailable
from rorpost_gateway.reminding.base import Ending, Told
from rorpost_gateway.reminding.reminders import Reminders
from tests.peers import gateway_world as world
from tests.peers.log_workshop import NOON, Workshop
from tests.peers.sink import Script, StartSink

ANNA = Ending(
    mailbox="rorpost.hemsjukvarden@motala.se",
    mailbox_name="Hemsjukvården",
    user="rorpost.anna@motala.se",  # which the workshop's policy knows
    name=None,
    valid_from=date(2026, 1, 1),
    valid_until=date(2026, 6, 5),
    recipient="rorpost.eva@motala.se",
)
DAY = date(2026, 5, 6)
TOLD = Told(mailbox=ANNA.mailbox, user=ANNA.user, valid_until=ANNA.valid_until, days_left=30)


async def test_a_reminder_has_its_line_and_is_read_back(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path / "decisions")
    log = await workshop.open()
    lines = ReminderLines(decision_log=log, records=workshop.records, folder=workshop.folder)
    since = datetime.fromtimestamp(NOON, UTC) - timedelta(days=31)
    await log.append([workshop.decision(message_id='"event":"reminder"')])
    assert await lines.past(since=since) == []
    await lines.write([ANNA], day=DAY)
    await log.close()
    assert workshop.lines()[-1].endswith(
        b'"event":"reminder","recipient":"rorpost.eva@motala.se","declared_user":"rorpost.anna@motala.se",'
        b'"mailbox":"rorpost.hemsjukvarden@motala.se","valid_until":"2026-06-05","days_left":30}'
    )
    assert parse_line(workshop.lines()[-1])["event"] == "reminder"
    workshop.verify()
    assert await lines.past(since=since) == [TOLD]


def test_what_is_no_such_line_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "2026-05-06.jsonl").write_bytes(
        b'{"event":"reminder","mailbox":7}\n"event":"reminder"\n{"event":"reminder","mailbox":"x'
    )
    assert past_reminders(tmp_path, since=NOON) == []


async def test_a_log_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "2026-05-06.jsonl").mkdir()
    workshop = Workshop(tmp_path)
    lines = ReminderLines(decision_log=None, records=workshop.records, folder=tmp_path)  # type: ignore[arg-type]
    with pytest.raises(LogUnavailable):
        await lines.past(since=datetime.fromtimestamp(NOON, UTC))


async def test_our_own_mailboxes_only_and_who_asked_where_there_is_no_manager(
    files: Any, changed: Callable[..., dict[str, Any]]
) -> None:
    policy = files.policy
    soon = policy["mailboxes"][world.HOME_CARE]["users"][0] | {"valid_until": world._day(20)}
    policy["mailboxes"][world.HOME_CARE] |= {"users": [soon], "manager": "ulf.dahl@motala.se"}
    policy["mailboxes"][world.KEYLESS]["users"] = [soon]
    policy["mailboxes"][world.BRINKEN]["users"] = [soon]
    files.write_policy(policy)
    in_force = await load_in_force(files.config())
    now = datetime.now(tz=UTC).timestamp()
    found = endings_of(in_force.policy, frozenset({world.OURS}), lambda: now, within_days=20)
    assert {(one.mailbox, one.recipient) for one in found} == {
        (world.HOME_CARE, "ulf.dahl@motala.se"),
        (world.KEYLESS, "eva.ek@motala.se"),
    }
    assert endings_of(in_force.policy, frozenset({world.OURS}), lambda: now, within_days=18) == ()


async def test_a_whole_gateway_reminds_by_smtp_and_once_only(
    files: Any, start_sink: StartSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = await start_sink(Script(extensions=("8BITMIME",)))
    policy = files.policy
    policy["mailboxes"][world.HOME_CARE]["users"][0]["valid_until"] = world._day(20)
    files.write_policy(policy)
    noon = datetime.combine(date.today(), time(12), tzinfo=UTC).timestamp()
    mail = {"smtp": {"host": "127.0.0.1", "port": sink.port}, "from": f"rorpost.vakt@{world.OURS}"}
    config = files.config(access={"mail": mail})
    rounds: asyncio.Queue[None] = asyncio.Queue()
    real = Reminders.remind

    async def remind(self: Reminders) -> None:
        await real(self)
        rounds.put_nowait(None)

    monkeypatch.setattr(Reminders, "remind", remind)
    for _ in range(2):
        gateway = await Gateway.open(config, give_up=lambda: None, now=lambda: noon)
        try:
            await gateway.start()
            async with asyncio.timeout(20):
                await rounds.get()
        finally:
            assert await gateway.stop()
    paths = (files.folder / "state" / "decisions").glob("*.jsonl")
    entries = [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]
    [entry] = [entry for entry in entries if entry["event"] == "reminder"]
    assert (entry["recipient"], entry["declared_user"]) == (f"eva.ek@{world.OURS}", world.ANNA)
    [octets] = sink.messages
    assert b"Auto-Submitted: auto-generated" in octets
    assert "MAIL FROM:<>" in sink.connections[0].lines[1]
