"""A whole gateway that watches a real Dovecot's mailboxes as a master user: lines, figures, notices, command.

Its clock goes where the test wants it; nothing else is changed. What came through the gateway is played by
the line that it would have written, and by the message as it would have been delivered.
"""

import asyncio
import json
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from rorpost_gateway.audit.verify import verify_log
from rorpost_gateway.cli.main import rorpost
from rorpost_gateway.config import load_config
from rorpost_gateway.daemon import supervising
from rorpost_gateway.daemon.gateway import Gateway
from rorpost_gateway.decision import Action, Direction, Reason
from rorpost_gateway.decision_log.decision_id import new_decision_id
from tests.peers import gateway_world as world
from tests.peers.authority import Authority
from tests.peers.dovecot import PASSWORD, WATCH, WATCH_PASSWORD, Dovecot, dovecot_over
from tests.peers.gateway_world import BRINKEN, HOME_CARE, KEYLESS
from tests.peers.gnupg_home import PreparedKeys
from tests.peers.sink import Script, Sink

STOCKHOLM = ZoneInfo("Europe/Stockholm")
ON_DUTY, MANAGER = "vakt@motala.se", "eva.ek@motala.se"
DAY = "2026-05-06"
STEP_SECONDS = 30


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{DAY} {text}").replace(tzinfo=STOCKHOLM)


class Town:
    """The gateway's files, its clock, Dovecot, and who takes notices."""

    def __init__(
        self, folder: Path, dovecot: Dovecot, sink: Sink, keys: PreparedKeys, authority: Authority
    ) -> None:
        self.folder, self.dovecot, self.sink = folder, dovecot, sink
        self._supervising: supervising.Supervising | None = None
        self.now = at("07:00").timestamp()
        self.policy = world.make_policy(keys)
        self.read_at(HOME_CARE, "08:00", "13:00", on_duty=[ON_DUTY], manager=MANAGER)
        self.read_at(KEYLESS, "08:00")
        (folder / "policies").mkdir()
        self.write("users.yaml", world.users_file())
        self.write("watch.password", WATCH_PASSWORD)
        tls = {"mode": "implicit", "ca": str(authority.ca_file)}
        account = {
            "host": "localhost",
            "port": dovecot.imap_port,
            "tls": tls,
            "username": f"{{mailbox}}*{WATCH}",
            "password_file": "watch.password",
        }
        smtp = {"host": "127.0.0.1", "port": sink.port, "tls": {"mode": "off"}}
        watching = {"imap": account, "notify": {"smtp": smtp, "from": "rorpost.vakt@motala.se"}}
        base = world.make_config(authority, home=keys.sender_home, next_hop_port=1)
        changes = {"supervision": watching, "metrics": {"listen": "127.0.0.1:0"}}
        self.write("rorpost.yaml", world.as_yaml(world.merged(base, changes)))

    def read_at(self, mailbox: str, *times: str, **more: object) -> None:
        self.policy["mailboxes"][mailbox] |= {"read_at": list(times), **more}

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[Gateway]:
        self.write("policies/policy.yaml", world.as_yaml(self.policy))
        config = load_config(self.folder / "rorpost.yaml")
        async with asyncio.timeout(STEP_SECONDS):
            gateway = await Gateway.open(config, give_up=lambda: None, now=lambda: self.now)
        try:
            await gateway.start()
            self._supervising = gateway._parts.supervising
            yield gateway
        finally:
            await gateway.stop()

    async def at(self, moment: str, *, lines: int) -> None:
        """The clock says so, so many deadlines have their lines, and the watch knows that they do."""
        self.now = at(moment).timestamp()
        await self.until(lambda: len(self.lines()) >= lines and self._is_settled())

    def _is_settled(self) -> bool:
        newest = {line["mailbox"]: line["deadline"] for line in self.lines()}
        assert self._supervising is not None
        standings = {each.watched.address: each.judged for each in self._supervising.watch.standings}
        return all((known := standings[each]) and known.local == newest[each] for each in newest)

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(STEP_SECONDS):
            while not holds():
                await asyncio.sleep(0)

    def lines(self) -> list[dict[str, Any]]:
        folder = self.folder / "state" / "decisions"
        entries = [
            json.loads(line)
            for path in sorted(folder.glob("*.jsonl"))
            for line in path.read_bytes().splitlines()
        ]
        return [entry for entry in entries if entry["event"] == "mailbox"]

    async def command(self, *arguments: str) -> Result:
        words = [*arguments, "--config", str(self.folder / "rorpost.yaml")]
        return await asyncio.to_thread(CliRunner().invoke, rorpost, words)

    async def delivered(self, gateway: Gateway, moment: str) -> None:
        """A message that came through the gateway, as it lies in home care's mailbox."""
        decision, message_id = new_decision_id(int(self.now * 1000)), f"<{moment}@x.se>"
        records = gateway._parts.relay._settlement._records  # type: ignore[attr-defined]
        line = records.decision(
            decision_id=decision,
            direction=Direction.INBOUND,
            action=Action.ACCEPT,
            reason=Reason.OK,
            reverse_path=BRINKEN,
            recipient=HOME_CARE,
            message_id=message_id,
            queue_id="06GC8M3C00000006",
        )
        await gateway._log.append([line])
        self.deposit(
            moment, f"X-Rorpost-Verified: yes; channel=x;\r\n decision={decision}\r\nMessage-ID: {message_id}"
        )

    def deposit(self, moment: str, header: str, mailbox: str = HOME_CARE, **more: Any) -> None:
        octets = f"{header}\r\nSubject: hemligt\r\n\r\nInneh\r\n".encode()
        self.dovecot.deposit(mailbox, octets, arrived_at=at(moment), **more)

    def read(self, mailbox: str = HOME_CARE) -> None:
        with self.dovecot.login(mailbox) as session:
            session.uid("STORE", "1:*", "+FLAGS", "(\\Seen)")

    def files(self) -> dict[str, object]:
        return {box: (self.dovecot.flags(box), self.dovecot.paths(box)) for box in (HOME_CARE, KEYLESS)}


@pytest.fixture
async def town(
    authority: Authority, prepared_keys: PreparedKeys, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Town]:
    monkeypatch.setattr(supervising, "LOOK_AT_THE_CLOCK_SECONDS", 0.005)
    sink = Sink(Script())
    await sink.start()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="rs", dir="/tmp") as folder,
            dovecot_over(authority, mailboxes=[HOME_CARE, KEYLESS]) as dovecot,
        ):
            yield Town(Path(folder), dovecot, sink, prepared_keys, authority)
    finally:
        await sink.stop()


async def test_a_day(town: Town) -> None:
    """Met and missed, foreign and known, told and told again; and nothing in a mailbox has changed."""
    async with town.gateway() as gateway:
        await town.delivered(gateway, "07:10")
        town.deposit("07:20", "Message-ID: <round@the.gateway>", seen=True)
        town.deposit("07:30", "Message-ID: <not@sent.by.us>", folder="Sent", seen=True)
        before = town.files()
        await town.at("08:00", lines=2)
        await town.until(lambda: len(town.sink.messages) == 1)
        lines = {line["mailbox"]: line for line in town.lines()}
        assert _about(lines[KEYLESS]) == ("met", "2026-05-06T08:00:00+02:00", 0, 0, 0, None)
        assert _about(lines[HOME_CARE]) == ("missed", "2026-05-06T08:00:00+02:00", 1, 2, 2, None)
        assert lines[HOME_CARE]["oldest_unread"] == "2026-05-06T05:10:00.000Z"
        assert lines[HOME_CARE]["in_sent"] == 1

        shown = await town.command("mailboxes")
        assert shown.exit_code == 1
        assert re.search(rf"{HOME_CARE} .*2026-05-06 08:00 missed", shown.output)
        (entry, _) = reversed(json.loads((await town.command("mailboxes", "--json")).output))
        assert (entry["mailbox"], entry["outcome"], entry["foreign"]) == (HOME_CARE, "missed", 2)

        await town.at("09:00", lines=2)
        await town.until(lambda: len(town.sink.messages) == 2)
        for _ in range(10):
            await gateway._parts.supervising.watch.round()  # type: ignore[union-attr]
        assert town.files() == before, "a flag or a file name has changed"

        town.read()
        await town.at("13:00", lines=3)
        assert town.lines()[-1]["outcome"] == "met"
        assert (await town.command("mailboxes")).exit_code == 0
        page = await _metrics(gateway)
    assert f'rorpost_mailbox_deadlines_total{{mailbox="{HOME_CARE}",outcome="missed"}} 1.0' in page
    assert f'rorpost_mailbox_messages{{folder="inbox",mailbox="{HOME_CARE}"}} 2.0' in page
    assert 'rorpost_mailbox_notices_total{outcome="sent"} 2.0' in page
    _check_notices(town)
    verify_log(town.folder / "state" / "decisions", vkey=_vkey(town))


def _about(line: dict[str, Any]) -> tuple[object, ...]:
    return tuple(line[name] for name in ("outcome", "deadline", "unread", "in_inbox", "foreign", "cause"))


def _check_notices(town: Town) -> None:
    envelopes = [
        line for each in town.sink.connections for line in each.lines if line[:4] in ("MAIL", "RCPT")
    ]
    recipients = [line.partition("<")[2].partition(">")[0] for line in envelopes if line[:4] == "RCPT"]
    assert recipients == [ON_DUTY, MANAGER]
    assert all(line.startswith("MAIL FROM:<>") for line in envelopes if line[:4] == "MAIL")
    for octets in town.sink.messages:
        assert HOME_CARE.encode() in octets
        for told in (b"hemligt", b"Inneh", BRINKEN.encode(), b"round@the.gateway"):
            assert told not in octets


def _vkey(town: Town) -> str:
    return (town.folder / "decision-log.vkey").read_text(encoding="ascii").strip()


async def _metrics(gateway: Gateway) -> str:
    gateway._watched._show()  # rather than a second later
    assert gateway.metrics_address is not None
    reader, writer = await asyncio.open_connection(*gateway.metrics_address)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: gw\r\n\r\n")
    try:
        async with asyncio.timeout(STEP_SECONDS):
            return (await reader.read()).decode()
    finally:
        writer.close()


async def test_what_went_by_while_the_gateway_was_down_is_unknown_once(town: Town) -> None:
    async with town.gateway():
        await town.at("08:00", lines=2)
    town.now = at("14:00").timestamp()
    async with town.gateway():
        await town.at("14:00", lines=3)
    town.now += 60
    async with town.gateway() as gateway:
        await town.until(lambda: all(each.is_up for each in _standings(gateway)))
    assert [(line["deadline"][11:16], line["outcome"]) for line in town.lines()] == [
        ("08:00", "met"),
        ("08:00", "met"),
        ("13:00", "unknown"),
    ]
    assert town.lines()[-1]["cause"] == "the gateway was not running at the deadline"


async def test_a_reload_brings_times_that_count_at_once(town: Town) -> None:
    async with town.gateway() as gateway:
        await town.until(lambda: all(each.is_up for each in _standings(gateway)))
        town.read_at(HOME_CARE, "07:30")
        town.write("policies/policy.yaml", world.as_yaml(town.policy))
        await gateway.reload()
        await town.at("07:30", lines=1)
    assert [(line["mailbox"], line["deadline"][11:16]) for line in town.lines()] == [(HOME_CARE, "07:30")]


async def test_a_login_that_fails_and_works_again(town: Town) -> None:
    town.write("watch.password", "another")
    async with town.gateway() as gateway:
        await town.at("08:00", lines=2)
        assert {line["outcome"] for line in town.lines()} == {"unknown"}
        shown = await town.command("mailboxes")
        assert shown.exit_code == 1
        assert "refuses the login" in shown.output
        page = await _metrics(gateway)
        assert f'rorpost_mailbox_up{{mailbox="{HOME_CARE}"}} 0.0' in page
        town.write("watch.password", WATCH_PASSWORD)
        town.now += timedelta(minutes=15).total_seconds()
        await town.until(lambda: all(each.is_up for each in _standings(gateway)))
    said = (town.folder / "state" / "decisions").glob("*.jsonl")
    assert not any(word in path.read_text() for path in said for word in (WATCH_PASSWORD, PASSWORD))


def _standings(gateway: Gateway) -> Iterator[Any]:
    watched = gateway._parts.supervising
    assert watched is not None
    return iter(watched.watch.standings)


async def test_without_supervision_there_is_nothing_to_show(town: Town) -> None:
    config = (town.folder / "rorpost.yaml").read_text()
    town.write("rorpost.yaml", re.sub(r"^supervision:\n(?:  .*\n)+", "", config, flags=re.MULTILINE))
    async with town.gateway():
        shown = await town.command("mailboxes")
    assert shown.exit_code == 1
    assert "no supervision" in str(shown.exception)
