"""Refusals outside transactions: the first at once, the rest of a client's minute as one line."""

import asyncio

import pytest
from structlog.testing import capture_logs

from rorpost_gateway.decision import Reason
from rorpost_gateway.envelope import Client
from rorpost_gateway.errors import LoginsBusy, LogUnavailable
from rorpost_gateway.reply import Reply
from tests.peers import gateway_world as world
from tests.peers.outbound_house import OutboundHouse

ONE = Client(ip="192.0.2.1", tls="TLSv1.3")
OTHER = Client(ip="2001:db8::1")


async def written(house: OutboundHouse, count: int) -> None:
    """Until that many lines of events of this kind are there; they are written beside."""
    async with asyncio.timeout(10):
        while len(refused(house)) < count:
            await asyncio.sleep(0)


def refused(house: OutboundHouse) -> list[dict[str, object]]:
    return [line for line in house.lines(None) if line["event"] in {"decision", "login-failed"}]


async def test_the_first_at_once_the_rest_as_one(house: OutboundHouse) -> None:
    for _ in range(5):
        house.refusals.note(ONE, Reason.TOO_MANY_CONNECTIONS)
    await written(house, 1)
    await house.refusals.flush()
    assert len(refused(house)) == 1
    house.clock.now += 60
    await house.refusals.flush()
    first, rest = refused(house)
    assert (first["reason"], first["action"], first["client"]) == ("too-many-connections", "defer", ONE.ip)
    assert "count" not in first
    assert (rest["count"], rest["client"], rest["reason"]) == (4, ONE.ip, "too-many-connections")
    await house.refusals.flush()
    assert len(refused(house)) == 2


async def test_each_client_and_each_reason_has_its_own(house: OutboundHouse) -> None:
    for client in (ONE, OTHER):
        for reason in (Reason.TOO_MANY_CONNECTIONS, Reason.LOGIN_FAILED):
            house.refusals.note(client, reason)
    await written(house, 4)
    assert len({(line["client"], line["reason"]) for line in refused(house)}) == 4


async def test_flush_of_everything_waits_for_what_is_being_written(house: OutboundHouse) -> None:
    for _ in range(3):
        house.refusals.note(ONE, Reason.LOGIN_FAILED)
    await house.refusals.flush(everything=True)
    assert sorted(line.get("count", 1) for line in refused(house)) == [1, 2]
    assert {line["event"] for line in refused(house)} == {"login-failed"}


@pytest.mark.parametrize("reason", [Reason.GATEWAY_FAULT, Reason.SHUTTING_DOWN])
async def test_what_leaves_no_line(house: OutboundHouse, reason: Reason) -> None:
    house.refusals.note(ONE, reason)
    await house.refusals.flush(everything=True)
    assert refused(house) == []


async def test_a_mail_command_turned_away_is_logged_first(house: OutboundHouse) -> None:
    reply = await house.outbound.turn_away(ONE, Reason.TLS_REQUIRED)
    assert reply.line.startswith("530 5.7.0 [tls-required] ")
    assert [line["reason"] for line in refused(house)] == ["tls-required"]
    await house.outbound.turn_away(ONE, Reason.TLS_REQUIRED)
    assert len(refused(house)) == 1


async def test_turned_away_without_a_log(house: OutboundHouse) -> None:
    house.disk.broken = True
    with pytest.raises(LogUnavailable):
        await house.outbound.turn_away(ONE, Reason.TLS_REQUIRED)


async def test_a_log_that_fails_is_told_to_the_operator(house: OutboundHouse) -> None:
    house.disk.broken = True
    with capture_logs() as said:
        house.refusals.note(ONE, Reason.LOGIN_FAILED)
        house.refusals.note(ONE, Reason.LOGIN_FAILED)
        await house.refusals.flush(everything=True)
    assert [entry["event"] for entry in said] == ["refusals-not-logged"] * 2


async def test_login(house: OutboundHouse) -> None:
    login = await house.outbound.authenticate(ONE, "ANNA", world.PASSWORD.encode())
    assert not isinstance(login, Reply)
    assert (login.name, login.address) == ("anna", world.ANNA)
    assert refused(house) == []


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("anna", b"fel losenord fel"),
        ("ingen", world.PASSWORD.encode()),
        ("anna", b""),
        ("", b""),
        ("anna", b"\xff"),
    ],
)
async def test_login_failed(house: OutboundHouse, name: str, password: bytes) -> None:
    with capture_logs() as said:
        reply = await house.outbound.authenticate(ONE, name, password)
    assert isinstance(reply, Reply)
    assert reply.line.startswith("535 5.7.8 [login-failed] ")
    await written(house, 1)
    (line,) = refused(house)
    assert (line["event"], line["client"], line["tls"]) == ("login-failed", ONE.ip, "TLSv1.3")
    assert "fel losenord" not in f"{line} {said}"
    assert "login" not in line  # people type their password where their name belongs


async def test_too_many_logins_at_once(house: OutboundHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    async def busy(*_: object) -> None:
        raise LoginsBusy("too many logins at once")

    monkeypatch.setattr(type(house.in_force.logins), "verify", busy)
    reply = await house.outbound.authenticate(ONE, "anna", b"x")
    assert isinstance(reply, Reply)
    assert reply.line == "454 4.7.0 Temporary authentication failure"
    assert refused(house) == []


async def test_everybody_may_connect(house: OutboundHouse) -> None:
    await house.outbound.connected(ONE)
    assert house.outbound.refusal(ONE, Reason.SHUTTING_DOWN).close
