"""Addresses, limits, timeouts, certificates, and the orderly end of a listener."""

import asyncio
import shutil
import ssl
from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.envelope import TrustedNetwork
from rorpost_gateway.errors import ConfigurationInvalid
from rorpost_gateway.smtp.limits import Budget
from rorpost_gateway.smtp.listener import Listener, ListenerSettings, TlsMode
from tests.dialogs.listening import listening
from tests.dialogs.receiver import RoteReceiver
from tests.dialogs.wire import Closed, Wire
from tests.peers.authority import Authority

OFF: dict[str, Any] = {"tls": TlsMode.OFF}


async def greeted(listener: Listener, *commands: str) -> Wire:
    wire = await Wire.connect(*listener.addresses[0])
    assert (await wire.reply())[0].startswith("220 ")
    for command in commands:
        assert (await wire.ask(command))[:3] in {"250", "354"}
    return wire


IN_DATA = ("EHLO client", "MAIL FROM:<a@x.se>", "RCPT TO:<b@x.se>", "DATA")


@pytest.mark.parametrize(
    "listen",
    [
        "0.0.0.0:0",
        "[::]:0",
        "192.0.2.1:25",
        "gw.motala.se:25",
        "127.0.0.1",
        "127.0.0.1:x",
        ":25",
        "[::1]:99999",
    ],
)
def test_addresses_that_must_not_be_served_in_clear_text_or_are_none(listen: str) -> None:
    with pytest.raises(ConfigurationInvalid):
        Listener(ListenerSettings(listen=(listen,), hostname="gw", tls=TlsMode.OFF), RoteReceiver())


async def test_an_address_in_use_is_named_and_nothing_stays_bound(authority: Authority) -> None:
    async with listening(authority, RoteReceiver(), **OFF) as first:
        host, port = first.addresses[0]
        settings = ListenerSettings(listen=("127.0.0.1:0", f"{host}:{port}"), hostname="gw", tls=TlsMode.OFF)
        second = Listener(settings, RoteReceiver())
        with pytest.raises(
            ConfigurationInvalid, match=f"cannot listen on {host} port {port}: Address already"
        ):
            await second.start()
        assert second.addresses == ()


async def test_all_addresses_are_bound_ipv6_too(authority: Authority) -> None:
    receiver = RoteReceiver()
    async with listening(
        authority, receiver, listen=("127.0.0.1:0", "[::1]:0", "localhost:0"), **OFF
    ) as listener:
        for host, port in listener.addresses:
            wire = await Wire.connect(host, port)
            assert await wire.reply() == ["220 gw.motala.se ESMTP"]
            wire.close()
    assert {client.ip for client in receiver.clients} == {"127.0.0.1", "::1"}
    assert all(client.loopback for client in receiver.clients)


async def test_what_a_transaction_knows_of_its_client(authority: Authority) -> None:
    receiver, office = RoteReceiver(), TrustedNetwork(network="127.0.0.0/8", originator_org="motala.se")
    async with listening(authority, receiver, trusted_networks=(office,)) as listener:
        wire = await greeted(listener, "EHLO before")
        await wire.ask("STARTTLS")
        await wire.start_tls(authority.client_context())
        await wire.ask("EHLO after")
        assert (await wire.ask("AUTH PLAIN AGFubmEuYmVyZwBjb3JyZWN0IGhvcnNlIGJhdHRlcnk=")).startswith("235")
        for command in IN_DATA[1:]:
            await wire.ask(command)
        await wire.send(b"x\r\n.\r\n")
        await wire.reply()
        wire.close()
    client = receiver.taken[0][0].client
    assert (client.ip, client.helo, client.tls, client.trusted) == (
        "127.0.0.1",
        "after",
        "TLSv1.3",
        (office,),
    )
    assert client.login is not None
    assert client.login.address == "anna.berg@motala.se"


async def test_without_logins_none_is_offered(authority: Authority) -> None:
    async with listening(authority, RoteReceiver(), auth=False, **OFF) as listener:
        wire = await Wire.connect(*listener.addresses[0])
        await wire.reply()
        await wire.send(b"EHLO client\r\n")
        assert not any("AUTH" in line for line in await wire.reply())
        assert (await wire.ask("AUTH PLAIN")) == "502 5.5.1 Logins are not offered here"
        wire.close()


@pytest.mark.parametrize("limits", [{"connections": 1}, {"connections_per_client": 1}])
@pytest.mark.parametrize("tls", [TlsMode.STARTTLS, TlsMode.IMPLICIT])
async def test_one_connection_too_many(limits: dict[str, int], tls: TlsMode, authority: Authority) -> None:
    receiver = RoteReceiver()

    async def connect() -> Wire:
        wire = await Wire.connect(*listener.addresses[0])
        if tls is TlsMode.IMPLICIT:
            await wire.start_tls(authority.client_context())
        return wire

    async with listening(authority, receiver, tls=tls, **limits) as listener:
        first = await connect()
        await first.reply()
        second = await connect()
        assert (await second.reply())[0].startswith("421 4.7.0 [too-many-connections]")
        second.close()
        assert receiver.refused == [Reason.TOO_MANY_CONNECTIONS]
        assert await first.ask("QUIT") == "221 2.0.0 Bye"
        first.close()
        while listener.open_connections:
            await asyncio.sleep(0)
        third = await connect()
        assert (await third.reply())[0].startswith("220 ")
        third.close()


async def test_far_too_many_connections_are_dropped_without_a_word(authority: Authority) -> None:
    async with listening(authority, RoteReceiver(), tls=TlsMode.IMPLICIT, connections=1) as listener:
        wires = [await Wire.connect(*listener.addresses[0]) for _ in range(3)]
        assert await wires[2].expect_closed() == b""
        for wire in wires:
            wire.close()


async def test_idle_connections_are_told_and_closed(authority: Authority) -> None:
    async with listening(authority, RoteReceiver(), command_timeout_seconds=0.02, **OFF) as listener:
        wire = await greeted(listener)
        assert (await wire.reply())[0].startswith("421 4.4.2 ")
        assert await wire.expect_closed() == b""
        wire.close()


async def test_silence_within_data_is_told_and_closed(authority: Authority) -> None:
    receiver = RoteReceiver()
    async with listening(authority, receiver, data_timeout_seconds=0.02, **OFF) as listener:
        wire = await greeted(listener, *IN_DATA)
        await wire.send(b"half of it\r\n")
        assert (await wire.reply())[0].startswith("421 4.4.2 ")
        assert await wire.expect_closed() == b""
        wire.close()
    assert (receiver.aborted, receiver.taken) == (1, [])


async def test_a_handshake_that_never_ends_is_cut_off(authority: Authority) -> None:
    tls = TlsMode.IMPLICIT
    async with listening(authority, RoteReceiver(), tls=tls, handshake_timeout_seconds=0.02) as listener:
        wire = await Wire.connect(*listener.addresses[0])
        assert await wire.expect_closed() == b""
        while listener.open_connections:
            await asyncio.sleep(0)
        wire.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_old_tls_is_refused(version: ssl.TLSVersion, authority: Authority) -> None:
    context = authority.client_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    async with listening(authority, RoteReceiver(), tls=TlsMode.IMPLICIT) as listener:
        wire = await Wire.connect(*listener.addresses[0])
        with pytest.raises((ssl.SSLError, Closed)):
            await wire.start_tls(context)
        wire.close()


async def test_tls_1_2_is_taken_with_forward_secrecy_only(authority: Authority) -> None:
    context = authority.client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with listening(authority, RoteReceiver(), tls=TlsMode.IMPLICIT) as listener:
        wire = await Wire.connect(*listener.addresses[0])
        await wire.start_tls(context)
        assert (await wire.reply())[0].startswith("220 ")
        wire.close()
        context.set_ciphers("AES128-SHA")
        wire = await Wire.connect(*listener.addresses[0])
        with pytest.raises((ssl.SSLError, Closed)):
            await wire.start_tls(context)
        wire.close()


async def test_a_new_certificate_counts_for_new_sessions(authority: Authority, tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    shutil.copy(authority.certificate, certificate)
    shutil.copy(authority.key, key)
    renewed, renewed_key = authority.issue("localhost", stem="renewed")

    async def serial() -> str:
        wire = await Wire.connect(*listener.addresses[0])
        await wire.start_tls(authority.client_context())
        assert wire._tls is not None
        found = wire._tls.getpeercert()
        wire.close()
        assert found is not None
        return str(found["serialNumber"])

    changes: dict[str, Any] = {"tls": TlsMode.IMPLICIT, "certificate": certificate, "key": key}
    async with listening(authority, RoteReceiver(), **changes) as listener:
        before = await serial()
        certificate.write_text("not a certificate")
        with pytest.raises(ConfigurationInvalid, match=r"cert\.pem"):
            listener.reload_tls()
        assert await serial() == before
        shutil.copy(renewed, certificate)
        with pytest.raises(ConfigurationInvalid, match="mismatch"):
            listener.reload_tls()
        shutil.copy(renewed_key, key)
        listener.reload_tls()
        assert await serial() != before


async def test_idle_sessions_are_told_that_the_gateway_shuts_down(authority: Authority) -> None:
    receiver = RoteReceiver()
    async with listening(authority, receiver, **OFF) as listener:
        address = listener.addresses[0]
        idle = await greeted(listener, "EHLO client", "MAIL FROM:<a@x.se>")
        assert await listener.drain(5) == 0
        assert (await idle.reply())[0].startswith("421 4.3.2 [shutting-down]")
        assert await idle.expect_closed() == b""
        idle.close()
        with pytest.raises(ConnectionRefusedError):
            await Wire.connect(*address)
    assert receiver.aborted == 1


async def test_a_message_on_its_way_in_is_finished_before_the_end(authority: Authority) -> None:
    receiver = RoteReceiver(hold=asyncio.Event())
    async with listening(authority, receiver, **OFF) as listener:
        wire = await greeted(listener, *IN_DATA)
        await wire.send(b"first half\r\n")
        draining = asyncio.create_task(listener.drain(5))
        await asyncio.sleep(0)
        await wire.send(b"second half\r\n.\r\nMAIL FROM:<a@x.se>\r\n")
        await receiver.busy.wait()
        assert not draining.done()
        assert receiver.hold is not None
        receiver.hold.set()
        assert (await wire.reply())[0].startswith("250 2.0.0 [ok]")
        assert (await wire.reply())[0].startswith("421 4.3.2 [shutting-down]")
        assert await draining == 0
        wire.close()
    assert [octets for _, octets in receiver.taken] == [b"first half\r\nsecond half\r\n"]


async def test_what_takes_longer_than_the_grace_is_cut_off(authority: Authority) -> None:
    receiver = RoteReceiver()
    async with listening(authority, receiver, **OFF) as listener:
        wire = await greeted(listener, *IN_DATA)
        assert await listener.drain(0.01) == 1
        assert await wire.expect_closed() == b""
        wire.close()
    assert (receiver.aborted, receiver.taken) == (1, [])


async def test_a_peer_that_is_gone_does_not_stop_its_message(authority: Authority) -> None:
    receiver = RoteReceiver(hold=asyncio.Event())
    budget = Budget(1000)
    async with listening(authority, receiver, budget=budget, **OFF) as listener:
        wire = await greeted(listener, *IN_DATA)
        await wire.send(b"whole\r\n.\r\n")
        await receiver.busy.wait()
        assert budget.used_octets == 7
        wire.reset()
        while listener.open_connections:
            await asyncio.sleep(0)
        assert receiver.hold is not None
        receiver.hold.set()
        await receiver.ended.wait()
        assert await listener.drain(5) == 0
    assert (len(receiver.taken), receiver.aborted, budget.used_octets) == (1, 0, 0)


async def test_memory_in_flight_is_bounded_over_all_sessions(authority: Authority) -> None:
    receiver = RoteReceiver(hold=asyncio.Event())
    async with listening(authority, receiver, budget=Budget(1000), **OFF) as listener:
        first = await greeted(listener, *IN_DATA)
        await first.send(b"x" * 598 + b"\r\n.\r\n")
        await receiver.busy.wait()
        second = await greeted(listener, *IN_DATA)
        await second.send(b"x" * 598 + b"\r\n.\r\n")
        assert (await second.reply())[0].startswith("452 4.3.1 [gateway-full]")
        assert receiver.hold is not None
        receiver.hold.set()
        assert (await first.reply())[0].startswith("250 ")
        for command in IN_DATA[1:]:
            await second.ask(command)
        await second.send(b"x" * 598 + b"\r\n.\r\n")
        assert (await second.reply())[0].startswith("250 ")
        first.close()
        second.close()


async def test_ten_thousand_recipients_are_cheap(authority: Authority) -> None:
    receiver = RoteReceiver()
    commands = "".join(f"RCPT TO:<r{n}@x.se>\r\n" for n in range(10_000)).encode()
    async with listening(authority, receiver, **OFF) as listener:
        wire = await greeted(listener, "EHLO client", "MAIL FROM:<a@x.se>")

        async def answers() -> list[bytes]:
            return [await wire.line() for _ in range(10_000)]

        reading = asyncio.create_task(answers())
        await wire.send(commands)
        codes = [line[:9] for line in await reading]
        wire.close()
    assert codes == [b"250 2.1.5"] * 100 + [b"452 4.5.3"] * 9_900


async def test_refused_recipients_are_bounded_too(authority: Authority) -> None:
    receiver = RoteReceiver()
    async with listening(authority, receiver, recipients=2, **OFF) as listener:
        wire = await greeted(listener, "EHLO client", "MAIL FROM:<a@x.se>")
        answers = [(await wire.ask("RCPT TO:<rorpost.nobody@regionostergotland.se>"))[:3] for _ in range(6)]
        wire.close()
    assert answers == ["550"] * 4 + ["452"] * 2


async def test_a_client_that_pipelines_without_end_does_not_keep_others_waiting(authority: Authority) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with listening(authority, RoteReceiver(), recipients=20_000, **OFF) as listener:
        wire = await greeted(listener, "EHLO client", "MAIL FROM:<a@x.se>")
        session = next(iter(listener._sessions))
        session._incoming.feed(b"RCPT TO:<b@x.se>\r\n" * 20_000)
        waiting = asyncio.create_task(others())
        for _ in range(20_000):
            await wire.line()
        waiting.cancel()
        wire.close()
    assert turns > 20
