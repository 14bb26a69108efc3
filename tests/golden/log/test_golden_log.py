"""The log's bytes as they are promised, and a script of twenty lines that needs none of this package."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from rorpost_gateway.audit.verify import verify_log
from rorpost_gateway.decision import Action, DeclaredBy, Direction, Reason
from rorpost_gateway.decision_log import record
from rorpost_gateway.decision_log.record import Records
from rorpost_gateway.decision_log.writer import open_log
from rorpost_gateway.identity_number import contains_identity_number
from tests.peers.log_workshop import KEY, NOON, VKEY, kill

HERE = Path(__file__).parent
SCRIPT = HERE / "recompute_chain.py"
REVISION, ID = "9f" * 32, "019dfd3a-3e00-7cc3-98c4-dc0c0c07398f"
SENDER, RECIPIENT = "rorpost.hemsjukvarden@motala.se", "rorpost.vcbrinken@regionostergotland.se"


async def write(folder: Path) -> None:
    """Two days: what is accepted, refused and relayed; a torn line; midnight; reading deadlines."""
    now = NOON
    records = Records(
        contains_identity_number=contains_identity_number, is_known=lambda text: text in (SENDER, RECIPIENT)
    )
    accepted = records.decision(
        decision_id=ID,
        direction=Direction.OUTBOUND,
        action=Action.ACCEPT,
        reason=Reason.OK,
        channel="hemsjukvarden-brinken",
        policy=REVISION,
        reverse_path=SENDER,
        recipient=RECIPIENT,
        declared_user="anna.berg@motala.se",
        declared_by=DeclaredBy.HEADER,
        login="anna",
        client="192.0.2.7",
        tls="TLSv1.3",
        queue_id="Q01J5X",
        message_id="<1@motala.se>",
        size=4711,
        content_sha256="c0" * 32,
        sealed_sha256="5e" * 32,
        encrypted_to="0F1E2D" + "0" * 34,
        signed_by="A1B2C3" + "0" * 34,
    )
    refused = records.decision(
        decision_id=ID,
        direction=Direction.OUTBOUND,
        action=Action.REJECT,
        reason=Reason.RECIPIENT_NOT_A_MAILBOX,
        policy=REVISION,
        reverse_path=SENDER,
        recipient="patient.19811218-9876@example.org",
        declared_user=None,
        login="anna\nåberg",
        client="192.0.2.7",
        tls="TLSv1.3",
    )
    relayed = records.relayed(
        decision_id=ID,
        queue_id="Q01J5X",
        recipient=RECIPIENT,
        sealed_sha256="5e" * 32,
        next_hop="mx.regionostergotland.se:25",
        reply="250 2.0.0 Ok: queued as 4F2",
        attempt=1,
    )

    missed = records.mailbox(
        mailbox=SENDER,
        outcome="missed",
        deadline="2026-05-07T13:00:00+02:00",
        unread=2,
        oldest_unread="2026-05-07T09:12:00.000Z",
        in_inbox=3,
        in_sent=0,
        oldest="2026-05-06T14:00:00.000Z",
        foreign=1,
        cause=None,
    )
    unseen = records.mailbox(
        mailbox=SENDER,
        outcome="unknown",
        deadline="2026-05-07T08:00:00+02:00",
        unread=None,
        oldest_unread=None,
        in_inbox=None,
        in_sent=None,
        oldest=None,
        foreign=None,
        cause="imap.motala.se:143: the connection was cut",
    )

    async def session(*lines: record.Record) -> None:
        log = await open_log(folder, node="gw1", signing_key=KEY, now=lambda: now)
        await log.append(lines)
        await kill(log)

    await session(record.start(version="0.1.0", policy=REVISION), accepted, refused)
    path = folder / "2026-05-06.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    now += 0.25
    await session(refused, record.stop())
    now += 86_400
    await session(relayed, record.heartbeat(), unseen, missed)


async def test_the_bytes_are_as_promised(tmp_path: Path) -> None:
    await write(tmp_path / "log")
    written = sorted((tmp_path / "log").glob("*.jsonl"))
    assert [path.name for path in written] == ["2026-05-06.jsonl", "2026-05-07.jsonl"]
    for path in written:
        assert path.read_bytes() == (HERE / path.name).read_bytes()


def recompute(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", str(SCRIPT), str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        cwd="/",
    )


def test_the_script_is_short_and_stands_alone() -> None:
    text = SCRIPT.read_text()
    assert "rorpost" not in text
    assert len([line for line in text.splitlines() if line.strip()]) <= 22


async def test_the_script_agrees_with_the_verifier(tmp_path: Path) -> None:
    await write(tmp_path / "log")
    verified = verify_log(tmp_path / "log", vkey=VKEY)
    done = recompute(tmp_path / "log")
    assert (done.returncode, done.stdout) == (0, f"{verified.entries} entries, head {verified.head}\n")
    assert verified.torn == 1


@pytest.mark.parametrize(
    ("old", "new", "entry"),
    [
        (b'"action":"reject"', b'"action":"accept"', 3),
        (b'"size":4711', b'"size":4712', 3),
        (b'"tls":"TLSv1.3"', b'"tls":null', 3),
        (b'"prev":"000', b'"prev":"001', 0),
        (b'"event":"torn","file"', b'"event":"stop","file"', 3),
        (b"Q01J5X", b"Q01J5Y", 3),
    ],
)
async def test_the_script_finds_what_was_changed(tmp_path: Path, old: bytes, new: bytes, entry: int) -> None:
    await write(tmp_path / "log")
    path = tmp_path / "log" / "2026-05-06.jsonl"
    octets = path.read_bytes()
    path.write_bytes(octets.replace(old, new, 1))
    assert path.read_bytes() != octets
    done = recompute(tmp_path / "log")
    assert done.returncode == 1
    assert done.stderr == f"2026-05-06.jsonl: entry {entry} does not hold\n"


def test_the_golden_files_hold_by_themselves() -> None:
    assert verify_log(HERE, vkey=VKEY).entries == 11
    assert recompute(HERE).returncode == 0
    assert (
        hashlib.sha256((HERE / "2026-05-06.jsonl").read_bytes()).hexdigest().encode()
        in (HERE / "2026-05-07.jsonl").read_bytes()
    )
