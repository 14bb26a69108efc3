"""What the demo would say of a gateway that is not right: each check fails where it must."""

from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.demo import names
from rorpost_gateway.demo.arrivals import Arrived, Delivered, Expected, match, read_mailboxes
from rorpost_gateway.demo.check import Evidence, clear_text_in, findings_of
from rorpost_gateway.demo.logs import Log, join, read_log
from rorpost_gateway.demo.outbound_scenes import OUTBOUND
from rorpost_gateway.demo.scenes import BODY, SUBJECT
from rorpost_gateway.demo.wire import OnTheWire
from rorpost_gateway.demo.world import House, World

SENT = (
    b'From: "x" <rorpost.hemsjukvarden@motala.se>\r\nMessage-ID: <1@x>\r\n'
    b"X-Rorpost-Verified: yes; forged\r\nSubject: a\r\n b\r\n\r\nHej\r\n"
)
VERIFIED = b"X-Rorpost-Verified: yes; channel=c;\r\n sending-user=anna.berg@motala.se;\r\n signed-by=F\r\n"
READ = (
    b"Return-Path: <rorpost.hemsjukvarden@motala.se>\r\n" + VERIFIED + b"From: =?utf-8?Q?Bj=C3=B6?=\r\n"
    b" =?utf-8?Q?rk?=\r\n <rorpost.hemsjukvarden@motala.se>\r\nMessage-ID: <1@x>\r\n"
    b"Subject: a\r\n b\r\n\r\nHej\r\n"
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    motala, region = (House(organisation=each, folder=tmp_path / each.folder) for each in names.BOTH)
    for house in (motala, region):
        house.folder.mkdir()
    return World(folder=tmp_path, motala=motala, region=region, ca=tmp_path / "ca.pem", fingerprints={})


def expected(**changes: Any) -> Expected:
    given: dict[str, Any] = {
        "story": "a story",
        "sender": names.HOME_CARE,
        "recipient": names.BRINKEN,
        "message": SENT,
        "sending_user": names.ANNA,
        "by_hand": False,
    }
    return Expected(**(given | changes))


def findings(message: bytes) -> list[str]:
    arrived = Arrived(recipient=names.BRINKEN, message=message)
    return list(Delivered(expected=expected(), arrived=arrived).findings())


def test_a_readers_copy_may_differ_in_the_named_fields_only() -> None:
    assert findings(READ) == []
    assert Arrived(recipient=names.BRINKEN, message=READ).author == ("Björk", names.HOME_CARE)


@pytest.mark.parametrize(
    ("there", "instead", "what"),
    [
        (b"\r\nHej", b"\r\nhej", "not what was submitted"),
        (b"Subject: a\r\n b", b"Subject: a b", "not what was submitted"),
        (b"Subject:", b"X-More: 1\r\nSubject:", "not what was submitted"),
        (b"<rorpost.hemsjukvarden@motala.se>\r\nM", b"<rorpost.annan@motala.se>\r\nM", "another author"),
        (b"yes; channel", b"partly; channel", "does not say what it must"),
        (b"anna.berg", b"bo.lind", "does not say what it must"),
        (VERIFIED, b"", "does not say what it must"),
        (VERIFIED, 2 * VERIFIED, "does not say what it must"),
    ],
)
def test_anything_else_is_a_finding(there: bytes, instead: bytes, what: str) -> None:
    assert there in READ
    (finding,) = findings(READ.replace(there, instead))
    assert what in finding


def test_what_did_not_arrive_and_what_nobody_expected() -> None:
    stray = Arrived(recipient=names.LYCKORNA, message=READ)
    delivered, strangers = match([expected()], [stray])
    assert [list(each.findings()) for each in delivered] == [
        [f"a story, to {names.BRINKEN}: did not arrive"],
    ]
    assert strangers == [stray]


def test_a_copy_that_arrives_twice_is_a_stranger() -> None:
    twice = [Arrived(recipient=names.BRINKEN, message=READ) for _ in range(2)]
    delivered, strangers = match([expected()], twice)
    assert delivered[0].arrived is not None
    assert len(strangers) == 1


def test_mailboxes_are_read_read_or_not(world: World) -> None:
    for folder in ("new", "cur", "tmp"):
        path = world.motala.mail / names.HOME_CARE / folder / folder
        path.parent.mkdir(parents=True)
        path.write_bytes(READ.replace(b"\r\n", b"\n"))
    found = read_mailboxes(world)
    assert found == 2 * [Arrived(recipient=names.HOME_CARE, message=READ)]


@pytest.mark.parametrize("mark", [BODY, SUBJECT])
@pytest.mark.parametrize("where", ["motala/state/queue.db-wal", "region/gateway.log", "stray"])
def test_clear_text_anywhere_but_in_mailboxes(world: World, where: str, mark: str) -> None:
    mailbox = world.region.mail / names.BRINKEN / "new"
    mailbox.mkdir(parents=True)
    (mailbox / "1").write_text(mark)
    assert clear_text_in(world) == []
    path = world.folder / where
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"...{mark}...")
    assert clear_text_in(world) == [f"{where} holds clear text"]


def line(direction: str, **changes: str) -> dict[str, Any]:
    hashes = ("content_sha256", "sealed_sha256", "signed_by", "encrypted_to", "declared_user")
    given = {
        "event": "decision",
        "reason": "ok",
        "direction": direction,
        "recipient": names.BRINKEN,
        "message_id": "<1@x>",
        **{name: name for name in hashes},
    }
    return given | changes


DELIVERED = {"event": "delivered", "recipient": names.BRINKEN, "message_id": "<1@x>"}


def logs(motala: list[dict[str, Any]], region: list[dict[str, Any]]) -> list[Log]:
    return [
        Log(organisation=here, lines=lines, verified=None, fault="x")
        for here, lines in zip(names.BOTH, (motala, region), strict=True)
    ]


def test_hashes_join(world: World) -> None:
    joined = join(world, logs([line("outbound")], [line("inbound"), DELIVERED]), [expected()])
    assert (joined.copies, joined.findings) == (1, [])


@pytest.mark.parametrize(
    "name", ["content_sha256", "sealed_sha256", "signed_by", "encrypted_to", "declared_user"]
)
def test_hashes_that_differ(world: World, name: str) -> None:
    both = logs([line("outbound")], [line("inbound", **{name: "another"}), DELIVERED])
    joined = join(world, both, [expected()])
    assert joined.copies == 0
    assert joined.findings == [f"a story, to {names.BRINKEN}: {name} differs between the logs"]


def test_a_copy_that_a_log_does_not_know(world: World) -> None:
    joined = join(world, logs([line("outbound")], []), [expected()])
    assert joined.findings == [
        "a story: the log of the Region has no `delivered` line",
        f"a story, to {names.BRINKEN}: it does not stand in both logs",
    ]


def test_what_no_gateway_sealed_or_never_left_stands_in_one_log(world: World) -> None:
    by_hand = expected(sender=names.BRINKEN, recipient=names.HOME_CARE, by_hand=True)
    inside = expected(recipient=names.ASSISTANCE)
    delivered = [DELIVERED | {"recipient": each.recipient} for each in (by_hand, inside)]
    joined = join(world, logs(delivered, []), [by_hand, inside])
    assert (joined.copies, joined.findings) == (0, [])


def test_a_log_that_does_not_hold(world: World) -> None:
    world.motala.log.mkdir(parents=True)
    (world.motala.folder / "decision-log.vkey").write_text("x+1+y")
    (world.motala.log / "2026-05-06.jsonl").write_text('{"n": 1}\n')
    log = read_log(world.motala)
    assert log.verified is None
    assert "2026-05-06.jsonl:1" in str(log.fault)


def evidence(**changes: Any) -> Evidence:
    given: dict[str, Any] = {
        "heard": [],
        "wire": [],
        "watched": 0,
        "delivered": [],
        "strangers": [],
        "logs": [],
        "ended": [0, 0],
    }
    return Evidence(**(given | changes))


def seen(octets: bytes) -> OnTheWire:
    return OnTheWire(sender=names.HOME_CARE, recipient=names.BRINKEN, octets=octets, sealed_sha256="s")


@pytest.mark.parametrize(
    ("given", "finding"),
    [
        ({"ended": [0, -9]}, "a gateway ended with exit code -9"),
        ({"watched": 1}, "0 sealed copies were seen on the wire instead of 1"),
        ({"wire": [seen(BODY.encode())], "watched": 1}, f"the copy to {names.BRINKEN} went in clear text"),
        (
            {"wire": [seen(b"")], "watched": 1, "logs": logs([line("outbound")], [])},
            f"the copy to {names.BRINKEN} is not the one that both logs name",
        ),
        (
            {"strangers": [Arrived(recipient=names.LYCKORNA, message=READ)]},
            f"{names.LYCKORNA} got a message that was not accepted",
        ),
        ({"logs": logs([], [])}, "the decision log of the Region does not hold: x"),
        (
            {"heard": [(OUTBOUND[0], Reason.OK)], "logs": logs([line("inbound")], [])},
            f"{OUTBOUND[0].story}: the decision log has no line with ok",
        ),
    ],
)
def test_what_is_found(given: dict[str, Any], finding: str) -> None:
    assert finding in findings_of(evidence(**given))


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert findings_of(evidence()) == []
