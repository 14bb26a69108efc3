"""Who looks busy for hours is told and closed, whatever it does. The clock is the test's own."""

from typing import Any

import pytest

from rorpost_gateway.envelope import TrustedNetwork
from rorpost_gateway.smtp.listener import Listener, TlsMode
from rorpost_gateway.smtp.pace import DataPace, SessionPace, TooSlow
from rorpost_gateway.smtp.settings import ListenerSettings
from tests.dialogs.listening import listening
from tests.dialogs.receiver import RoteReceiver
from tests.dialogs.wire import Wire
from tests.peers.authority import Authority

LOGIN = "AUTH PLAIN AGFubmEuYmVyZwBjb3JyZWN0IGhvcnNlIGJhdHRlcnk="
MAIL = ("MAIL FROM:<a@x.se>", "RCPT TO:<b@x.se>", "DATA")
TRUSTED = (TrustedNetwork(network="127.0.0.0/8"),)
SETTINGS = ListenerSettings(listen=(), hostname="gw")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def connected(listener: Listener) -> Wire:
    wire = await Wire.connect(*listener.addresses[0])
    assert (await wire.reply())[0].startswith("220 ")
    assert (await wire.ask("EHLO client")).startswith("250 ")
    return wire


async def assert_told_and_closed(wire: Wire) -> None:
    assert await wire.reply() == ["421 4.4.2 Too slow, closing"]
    assert await wire.expect_closed() == b""
    wire.close()


@pytest.mark.parametrize("command", ["NOOP", "EHLO client", "RSET", "AUTH PLAIN AGEAYg=="])
async def test_who_never_logs_in_is_not_kept(command: str, authority: Authority) -> None:
    clock = Clock()
    async with listening(authority, RoteReceiver(), tls=TlsMode.OFF, now=clock) as listener:
        wire = await connected(listener)
        clock.now += SETTINGS.login_timeout_seconds - 1
        await wire.ask(command)
        clock.now += 1
        await wire.send(b"NOOP\r\n")
        assert (await wire.reply())[0].startswith("250 ")  # it was waited for before the time was over
        await assert_told_and_closed(wire)


async def test_half_a_login_is_no_login(authority: Authority) -> None:
    clock, receiver = Clock(), RoteReceiver()
    async with listening(authority, receiver, tls=TlsMode.OFF, now=clock) as listener:
        wire = await connected(listener)
        clock.now += SETTINGS.login_timeout_seconds
        assert (await wire.ask("AUTH LOGIN")).startswith("334 ")
        await assert_told_and_closed(wire)
    assert receiver.logins == []


@pytest.mark.parametrize(
    ("known", "seconds"),
    [(False, SETTINGS.login_timeout_seconds), (True, SETTINGS.session_timeout_seconds)],
)
def test_nobody_is_given_less_than_a_command_may_take(known: bool, seconds: float) -> None:
    clock = Clock()
    pace = SessionPace(SETTINGS, clock)
    assert pace.seconds_left(known=known) == seconds >= SETTINGS.command_timeout_seconds == 300
    clock.now += seconds
    with pytest.raises(TooSlow):
        pace.seconds_left(known=known)
    pace.message_answered()
    assert pace.seconds_left(known=known) == seconds


def test_a_message_earns_its_time_by_coming() -> None:
    clock = Clock()
    pace = DataPace(SETTINGS, clock)
    assert pace.seconds_left(0) == 300
    assert pace.seconds_left(36_700_160) > 10 * 3600
    clock.now += 400
    assert pace.seconds_left(101_000) == pytest.approx(1)
    with pytest.raises(TooSlow):
        pace.seconds_left(99_999)


async def test_who_logged_in_or_need_not_is_kept_as_long_as_messages_come(authority: Authority) -> None:
    changes: list[dict[str, Any]] = [{}, {"trusted_networks": TRUSTED}]
    for change in changes:
        clock, receiver = Clock(), RoteReceiver()
        async with listening(authority, receiver, tls=TlsMode.OFF, now=clock, **change) as listener:
            wire = await connected(listener)
            if not change:
                assert (await wire.ask(LOGIN)).startswith("235 ")
            for _ in range(3):
                clock.now += SETTINGS.session_timeout_seconds - 1
                for command in MAIL:
                    assert (await wire.ask(command))[:3] in {"250", "354"}
                await wire.send(b"x\r\n.\r\n")
                assert (await wire.reply())[0].startswith("250 ")
            clock.now += SETTINGS.session_timeout_seconds
            await wire.ask("MAIL FROM:<a@x.se>")
            await assert_told_and_closed(wire)
        assert (len(receiver.taken), receiver.aborted) == (3, 1)


async def test_a_message_that_trickles_is_broken_off(authority: Authority) -> None:
    clock, receiver = Clock(), RoteReceiver()
    async with listening(authority, receiver, tls=TlsMode.OFF, now=clock) as listener:
        wire = await connected(listener)
        for command in MAIL:
            await wire.ask(command)
        clock.now += SETTINGS.data_grace_seconds + 1
        await wire.send(b"x\r\n")
        await assert_told_and_closed(wire)
    assert (receiver.taken, receiver.aborted) == ([], 1)
