"""`rorpost audit follow`, `search`, `report`, `prove`, `check-proof`, `consistency`, `export-tlog`."""

import asyncio
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rorpost_gateway.cli.audit import audit
from rorpost_gateway.control.log_verbs import LogVerbs
from rorpost_gateway.control.server import ControlServer
from rorpost_gateway.daemon.log_upkeep import OwnLog
from rorpost_gateway.decision import Action, Reason
from rorpost_gateway.decision_log.writer import LogWriter
from tests.peers.log_workshop import DAY_SECONDS, NOON, NoSync, Workshop

CONFIGURATION = """
node: gw1
hostname: gw.motala.se
domains: [motala.se]
state_dir: state
submission: {listen: ["127.0.0.1:0"], tls: {mode: "off"}, auth: {backend: file, users: users.yaml}}
relay: {default: {host: 127.0.0.1, port: 1526, tls: {mode: "off"}}}
decision_log: {dir: decisions, signing_key_file: decision-log.key, origin: motala.se/rorpost/gw1}
"""
EVIL = "\x1b]0;owned\x07\x1b[2J\u202egnp, by admin@motala.se\n"


def run(*arguments: object) -> Result:
    """Standard output and standard error apart."""
    return CliRunner().invoke(audit, [str(argument) for argument in arguments])


@pytest.fixture
def here() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ra", dir="/tmp") as folder:
        (Path(folder) / "rorpost.yaml").write_text(CONFIGURATION)
        (Path(folder) / "state").mkdir(mode=0o700)
        yield Path(folder)


@pytest.fixture
async def workshop(here: Path) -> Workshop:
    """Two days: genesis 0, sent 1, refused 2, hostile 3; day 4, sent 5."""
    shop = Workshop(here / "decisions")
    log = await shop.open(disk=NoSync())
    person = {"declared_user": "anna.berg@motala.se", "channel": "brinken", "queue_id": "06GC8M3C0001"}
    await log.append(
        [
            shop.decision(**person, message_id="<1@motala.se>"),
            shop.decision(**person, action=Action.REJECT, reason=Reason.URGENT),
            shop.decision(reverse_path=EVIL, action=Action.REJECT, reason=Reason.SENDER_NOT_A_MAILBOX),
        ]
    )
    shop.clock.now = NOON + DAY_SECONDS
    await log.append([shop.decision(**person)])
    await log.close()
    return shop


@pytest.fixture
async def live(workshop: Workshop, here: Path) -> AsyncIterator[LogWriter]:
    """The daemon's end: the log is open, and the control socket takes what auditors ask."""
    log = await workshop.open(disk=NoSync())
    upkeep = OwnLog(log, folder=workshop.folder, key_file=here / "decision-log.key")
    server = ControlServer(here / "state" / "control.socket", LogVerbs(upkeep=upkeep).handlers())
    await server.start()
    yield log
    await server.close()
    await log.close()


@pytest.mark.parametrize(
    "wrong",
    [
        ["--from", "yesterday"],
        ["--from", "2026-02-30"],
        ["--from", "20260506"],
        ["--from", "2026-W19-3"],
        ["--from", "2026-05-06T25:00"],
        ["--to", "2026-05-06T08:00+99:00"],
        ["--to", "2026-05-06T08:00:00.1234"],
        ["--to", "9999-12-31"],
        ["--to", "0001-01-01"],
        ["--to", ""],
        ["--reason", "because"],
        ["--event", "miracle"],
        ["--sender", "anna"],
        ["--sender", "anna@motala.se, eva@motala.se"],
        ["--recipient", "a@b@c"],
        ["--timezone", "Europe"],
        ["--timezone", "../../etc/passwd"],
        ["--timezone", "/etc/localtime"],
        ["--log", "/nonexistent"],
        ["--vkey", "nonsense"],
    ],
    ids=" ".join,
)
def test_a_wrong_question_is_wrong_usage(tmp_path, wrong) -> None:
    ended = run("search", "--log", tmp_path, *wrong)
    assert (ended.exit_code, ended.stdout) == (2, "")


@pytest.mark.parametrize("month", ["2026", "2026-13", "2026-5", "2026-05-01", "May", "9999-12", ""])
def test_a_month_is_written_one_way(tmp_path, month) -> None:
    assert run("report", "--log", tmp_path, "--month", month).exit_code == 2


@pytest.mark.parametrize(
    "verb", [["search"], ["report", "--month", "2026-05"], ["follow"], ["prove", "1"], ["consistency", "1"]]
)
def test_a_folder_that_cannot_be_read_does_not_hold(tmp_path, verb) -> None:
    (tmp_path / "2026-05-06.jsonl").mkdir()
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoints").mkdir()
    ended = run(*verb, "--log", tmp_path)
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith("does not hold: ")
    assert "not a regular file" in ended.stderr


async def test_an_address_from_outside_is_found_where_it_was_refused(workshop) -> None:
    assert run("search", "--log", workshop.folder, "--sender", "anna@gmail.com").exit_code == 1
    ended = run("search", "--log", workshop.folder, "--reason", "sender-not-a-mailbox")
    assert (ended.exit_code, len(ended.stdout.splitlines())) == (0, 1)


async def test_nothing_found_is_negative(workshop) -> None:
    ended = run("search", "--log", workshop.folder, "--user", "eva.ek@motala.se")
    assert (ended.exit_code, ended.stdout, ended.stderr) == (1, "", "0 entries found\n")


async def test_a_search_for_a_program_is_a_line_an_entry(workshop) -> None:
    ended = run("search", "--log", workshop.folder, "--user", "anna.berg@motala.se", "--to", "2026-05-06")
    assert ended.exit_code == 0
    pair = "from rorpost.hemsjukvarden@motala.se, to rorpost.vcbrinken@regionostergotland.se"
    rest = "by anna.berg@motala.se, channel brinken, queue id 06GC8M3C0001"
    assert ended.stdout.splitlines() == [
        f"1  2026-05-06T12:00:00.000Z  outbound accept ok  {pair}, {rest}, message id <1@motala.se>",
        f"2  2026-05-06T12:00:00.000Z  outbound reject urgent  {pair}, {rest}",
    ]
    assert ended.stderr == "2 entries found\n"


async def test_json_is_the_logs_own_lines(workshop) -> None:
    ended = run("search", "--log", workshop.folder, "--json")
    assert ended.stdout.encode("ascii") == b"".join(line + b"\n" for line in workshop.lines())


async def test_days_are_those_of_the_time_zone(workshop) -> None:
    def found(*options: str) -> str:
        return run("search", "--log", workshop.folder, "--event", "decision", *options).stderr

    assert found("--from", "2026-05-07") == "1 entry found\n"
    assert found("--from", "2026-05-07", "--timezone", "Pacific/Kiritimati") == "4 entries found\n"
    assert found("--to", "2026-05-06T14:00", "--timezone", "Europe/Stockholm") == "3 entries found\n"
    assert found("--to", "2026-05-06T13:59:59.999+02:00") == "0 entries found\n"


async def test_what_a_client_chose_cannot_speak_for_the_log(workshop) -> None:
    ended = run("search", "--log", workshop.folder, "--reason", "sender-not-a-mailbox")
    assert ended.stdout.isprintable() is False  # its line end
    assert ended.stdout.strip().isprintable()
    assert 'from "\\u001b]0;owned\\u0007\\u001b[2J\\u202egnp, by admin@motala.se\\n", to' in ended.stdout


async def test_with_a_key_nothing_comes_out_of_a_log_that_does_not_hold(workshop) -> None:
    path = workshop.files()[0]
    path.write_bytes(path.read_bytes().replace(b'"reason":"urgent"', b'"reason":"replayed"'))
    folder = workshop.folder
    for verb in (["search"], ["report", "--month", "2026-05"], ["follow"], ["export-tlog", folder / "out"]):
        ended = run(*verb, "--log", folder, "--vkey", workshop.vkey)
        assert (ended.exit_code, ended.stdout) == (1, "")
        assert "does not hold" in ended.stderr
    assert run("search", "--log", folder).exit_code == 0


async def test_with_a_key_a_log_in_which_nothing_is_signed_does_not_hold(workshop) -> None:
    for name in ("checkpoint", "checkpoints"):
        (workshop.folder / name).unlink()
    shutil.rmtree(workshop.folder / "tile")
    for verb in ("verify", "search"):
        ended = run(verb, "--log", workshop.folder, "--vkey", workshop.vkey)
        assert (ended.exit_code, "nothing is signed" in ended.output) == (1, True)
    assert "nothing is signed" in run("verify", "--log", workshop.folder).stdout


async def test_a_verified_log_and_what_was_seen_on_the_way(workshop, tmp_path) -> None:
    ended = run("verify", "--log", workshop.folder, "--vkey", workshop.vkey)
    assert ended.exit_code == 0
    said = dict(re.split(r" {2,}", line.strip(), maxsplit=1) for line in ended.stdout.splitlines()[1:])
    assert ended.stdout.startswith("holds: 6 entries in 2 files, 2026-05-06T12:00:00.000Z to ")
    assert said["tree"] == "every hash tile, over 6 entries"
    assert said["verifier key"] == f"{workshop.vkey} (as expected)"
    assert "--since" in said["not covered"]


async def test_what_a_kept_checkpoint_shows(workshop, tmp_path) -> None:
    kept = tmp_path / "kept"
    kept.write_bytes((workshop.folder / "checkpoint").read_bytes())
    since = ["--since", kept, "--vkey", workshop.vkey]
    ended = run("verify", "--log", workshop.folder, *since)
    assert ended.exit_code == 0
    assert "not covered" not in ended.stdout
    assert "not read" in ended.stdout
    other = Workshop(tmp_path / "other")
    await other.write(lines=4, days=2)
    ended = run("verify", "--log", other.folder, *since)
    assert (ended.exit_code, ended.stdout[:14]) == (1, "does not hold:")
    for wrong in (b"", b"x" * 9, kept.read_bytes()[:-3], b"\xff" * 400_000):
        (tmp_path / "wrong").write_bytes(wrong)
        assert run("verify", "--log", workshop.folder, "--since", tmp_path / "wrong").exit_code == 1
    assert run("verify", "--log", workshop.folder, "--since", tmp_path / "missing").exit_code == 2


async def test_on_the_live_log_nothing_comes_out_without_its_daemon(workshop, here) -> None:
    for verb in (["search"], ["report", "--month", "2026-05"], ["export-tlog", here / "out"]):
        ended = run(*verb, "--config", here / "rorpost.yaml")
        assert (ended.exit_code, ended.stdout) == (1, "")
        assert "--log DIR" in str(ended.exception)
    assert not (here / "out").exists()


async def test_what_is_taken_from_the_live_log_leaves_a_line(live, workshop, here) -> None:
    config = ["--config", here / "rorpost.yaml"]
    asked = ["search", "--user", "anna.berg@motala.se", "--from", "2026-05-06", *config]
    ended = await asyncio.to_thread(run, *asked)
    assert (ended.exit_code, len(ended.stdout.splitlines())) == (0, 3)
    assert (await asyncio.to_thread(run, "report", "--month", "2026-05", *config)).exit_code == 0
    assert (await asyncio.to_thread(run, "search", "--sender", "eva@gmail.com", *config)).exit_code == 1
    assert (await asyncio.to_thread(run, "export-tlog", here / "out", *config)).exit_code == 0
    assert (await asyncio.to_thread(run, "prove", "1", *config)).exit_code == 0
    lines = [json.loads(line) for line in workshop.lines()]
    told = [
        [each[name] for name in ("verb", "filters", "entries")]
        for each in lines
        if each["event"] == "extract"
    ]
    assert told[:3] == [["search", ["user", "from"], 3], ["report", ["month"], 7], ["search", ["sender"], 0]]
    assert told[3][:2] == ["export", []]
    assert told[4:] == [["prove", ["entry"], 1]]
    assert {each["operator"] for each in lines if each["event"] == "extract"} == {"root"}
    assert b"anna.berg" not in b"".join(line for line in workshop.lines() if b'"extract"' in line)


async def test_a_report(workshop) -> None:
    ended = run("report", "--log", workshop.folder, "--month", "2026-05", "--json")
    said = json.loads(ended.stdout)
    assert (ended.exit_code, said["month"], said["timezone"], said["verified"]) == (
        0,
        "2026-05",
        "UTC",
        False,
    )
    assert said["decisions"] == {"sent": 2, "received": 0, "duplicate": 0, "refused": 2}
    assert said["entries"] == {"count": 6, "first": 0, "last": 5}
    table = run("report", "--log", workshop.folder, "--month", "2026-05", "--vkey", workshop.vkey)
    assert table.exit_code == 0
    assert "verified first" in table.stdout
    assert re.search(r"anna\.berg@motala\.se +2 +0 +0 +1\n", table.stdout)
    assert re.search(r"urgent +1 +0\n", table.stdout)
    assert "Reading deadlines: none" in table.stdout


async def test_a_report_of_a_month_without_entries_is_negative(workshop) -> None:
    ended = run("report", "--log", workshop.folder, "--month", "2026-06")
    assert ended.exit_code == 1
    assert "no entry of this month" in ended.stdout


async def test_a_proof_and_what_it_takes_to_check_it(workshop, tmp_path) -> None:
    entry, proof = tmp_path / "1.json", tmp_path / "1.tlog-proof"
    ended = run("prove", "1", "--log", workshop.folder, "--vkey", workshop.vkey, "--entry", entry)
    assert ended.exit_code == 0
    assert ended.stdout.startswith("c2sp.org/tlog-proof@v1\nindex 1\n")
    assert "anna.berg" in ended.stderr
    proof.write_text(ended.stdout)
    checked = run("check-proof", proof, entry, "--vkey", workshop.vkey)
    assert checked.exit_code == 0
    assert checked.stdout.startswith(
        "holds: entry 1 of the 6 that motala.se/rorpost/gw1 has signed for\n1  2026"
    )
    for changed, line in (
        (proof.read_bytes().replace(b"index 1\n", b"index 2\n"), entry.read_bytes()),
        (proof.read_bytes(), entry.read_bytes().replace(b"anna.berg", b"eva.ek")),
        (proof.read_bytes(), b""),
        (proof.read_bytes(), b"x" * 100_000),
        (b"", entry.read_bytes()),
        (os.urandom(1 << 20), entry.read_bytes()),
    ):
        (tmp_path / "p").write_bytes(changed)
        (tmp_path / "l").write_bytes(line)
        refused = run("check-proof", tmp_path / "p", tmp_path / "l", "--vkey", workshop.vkey)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert refused.stderr.startswith("does not hold: ")


async def test_a_proof_under_another_key_is_none(workshop, tmp_path) -> None:
    other = "motala.se/rorpost/gw1+28c0f6de+AQ=="
    assert run("prove", "1", "--log", workshop.folder, "--vkey", other).exit_code == 2
    (tmp_path / "x").write_text("x")
    assert run("check-proof", tmp_path / "x", tmp_path / "x", "--vkey", other).exit_code == 2
    assert run("check-proof", tmp_path / "x", tmp_path / "x").exit_code == 2


@pytest.mark.parametrize("n", ["-1", "x", "1.5", str(1 << 70)])
async def test_an_entry_has_a_number(workshop, n) -> None:
    assert run("prove", "--log", workshop.folder, "--", n).exit_code == 2


async def test_an_entry_that_is_not_there_has_no_proof(workshop) -> None:
    ended = run("prove", "6", "--log", workshop.folder)
    assert (ended.exit_code, ended.stdout) == (1, "")


async def test_consistency_of_kept_and_newest(workshop, tmp_path) -> None:
    kept = tmp_path / "kept"
    kept.write_bytes((workshop.folder / "checkpoint").read_bytes())
    log = await workshop.open(disk=NoSync())
    await log.append([workshop.decision()])
    await log.close()
    ended = run("consistency", kept, "--log", workshop.folder, "--vkey", workshop.vkey)
    assert (ended.exit_code, ended.stderr) == (0, "holds: a log of 6 has become one of 7 entries\n")
    assert ended.stdout.startswith("old 6\n")
    assert ended.stdout.endswith((workshop.folder / "checkpoint").read_text())
    by_size = run("consistency", "6", "7", "--log", workshop.folder)
    assert (by_size.exit_code, by_size.stdout) == (0, ended.stdout)
    assert "not checked" in by_size.stderr
    for wrong in (["7", "6"], ["999"], ["6", "0"]):
        assert run("consistency", *wrong, "--log", workshop.folder).exit_code == 1
    for wrong in (["nonsense"], ["6", "nonsense"], ["a\0b"]):
        assert run("consistency", *wrong, "--log", workshop.folder).exit_code == 2
    kept.write_bytes(kept.read_bytes().replace(b"\n6\n", b"\n5\n"))
    assert "holds" not in run("consistency", kept, "--log", workshop.folder).stderr.split("does not ")[0]
    assert run("consistency", kept, "--log", workshop.folder, "--vkey", workshop.vkey).exit_code == 1
    kept.write_bytes(b"\xff" * 9)
    assert run("consistency", kept, "--log", workshop.folder).exit_code == 1


async def test_an_export_goes_into_an_empty_folder_only(workshop, tmp_path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    for target in (tmp_path / "full", tmp_path / "full" / "x"):
        assert run("export-tlog", target, "--log", workshop.folder).exit_code == 2
    ended = run("export-tlog", tmp_path / "out", "--log", workshop.folder, "--vkey", workshop.vkey)
    assert (ended.exit_code, ended.stdout) == (0, "6 entries of motala.se/rorpost/gw1\n")
    assert (tmp_path / "out" / "tile" / "entries" / "000.p" / "6").is_file()
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o750


def in_terminal(*arguments: object, columns: int = 80) -> tuple[subprocess.Popen[bytes], int]:
    """The command in a terminal of its own; its process, and the terminal's other end."""
    master, slave = pty.openpty()
    program = [sys.executable, "-m", "rorpost_gateway", "audit", *map(str, arguments)]
    environment = os.environ | {"COLUMNS": str(columns), "TERM": "xterm"}
    process = subprocess.Popen(
        program, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
    )
    os.close(slave)
    return process, master


def read_until(master: int, wanted: str) -> str:
    """What the terminal shows, up to there; the process must not end before."""
    shown = b""
    while wanted.encode() not in shown:
        shown += os.read(master, 4096)
    return shown.decode()


async def test_following_in_a_terminal_until_ctrl_c(workshop) -> None:
    process, master = in_terminal("follow", "--log", workshop.folder, "--lines", "1")
    try:
        async with asyncio.timeout(20):
            first = await asyncio.to_thread(read_until, master, "brinken,")
            log = await workshop.open(disk=NoSync())
            workshop.clock.now += DAY_SECONDS
            await log.append([workshop.decision(action=Action.REJECT, reason=Reason.URGENT)])
            second = await asyncio.to_thread(read_until, master, "outbound reject urgent")
            await log.close()
            process.send_signal(signal.SIGINT)
            assert await asyncio.to_thread(process.wait) == 0
    finally:
        process.kill()
        process.wait()
        os.close(master)
    assert "2026-05-07T12:00:00.000Z" in first
    assert "2026-05-08T12:00:00.000Z" in second
    plain = re.sub(r"\x1b\[[0-9;]*m", "", first + second)
    assert max(map(len, plain.splitlines())) <= 80
    assert "Traceback" not in plain


async def test_what_is_purged_is_not_taken_for_what_never_was(workshop) -> None:
    workshop.files()[0].unlink()
    ended = run("search", "--log", workshop.folder, "--user", "anna.berg@motala.se")
    assert ended.stderr == (
        "entries before 4, 2026-05-07T12:00:00.000Z, are not there (purged)\n1 entry found\n"
    )
    ended = run("report", "--log", workshop.folder, "--month", "2026-05")
    assert "The log begins with entry 4, 2026-05-07T12:00:00.000Z." in ended.stdout
