"""From the section `delivery` to what delivers, and what `rorpost check` says of its server."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from rorpost_gateway.config import Config, load_config
from rorpost_gateway.daemon.check import check_next_hops
from rorpost_gateway.daemon.delivering import mail_route, make_delivery
from rorpost_gateway.daemon.house import sealed_size
from rorpost_gateway.delivery.base import Delivered
from rorpost_gateway.delivery.lmtp import LmtpDelivery
from rorpost_gateway.delivery.maildir import MaildirDelivery
from rorpost_gateway.delivery.smtp import SmtpDelivery
from rorpost_gateway.errors import ConfigurationInvalid
from rorpost_gateway.imap.sessions import ImapSessions
from rorpost_gateway.smtp_client.connection import SmtpClient
from tests.peers.sink import Script, StartSink

HOME_CARE = "rorpost.hemsjukvarden@motala.se"


@pytest.fixture
async def client() -> AsyncIterator[SmtpClient]:
    client = SmtpClient()
    yield client
    await client.close()


def configured(folder: Path, delivery: str, *, relay_port: int = 25) -> Config:
    file = folder / "rorpost.yaml"
    file.write_text(
        "node: gw1\nhostname: gw.motala.se\ndomains: [motala.se]\n"
        "submission: {listen: ['127.0.0.1:0'], tls: {mode: off}, trusted_networks: [127.0.0.1]}\n"
        f"relay: {{default: {{host: 127.0.0.1, port: {relay_port}, tls: {{mode: off}}}}}}\n"
        f"delivery: {delivery}\n",
        encoding="utf-8",
    )
    return load_config(file)


async def test_a_password_that_cannot_be_read_stops_the_start(tmp_path: Path, client: SmtpClient) -> None:
    config = configured(tmp_path, "{method: smtp, smtp: {host: a.se, username: gw1, password_file: missing}}")
    with pytest.raises(ConfigurationInvalid, match="missing: cannot be read"):
        make_delivery(config, client, sessions=ImapSessions(), now=time.time)


async def test_check_knocks_at_the_server(tmp_path: Path, start_sink: StartSink) -> None:
    sink = await start_sink(Script(answers={"LHLO": b"502 5.5.1 what?\r\n"}))
    config = configured(
        tmp_path, f"{{method: lmtp, lmtp: {{host: 127.0.0.1, port: {sink.port}}}}}", relay_port=sink.port
    )
    (found,) = await check_next_hops(config)
    assert found.place == f"next hop 127.0.0.1:{sink.port} (delivery)"
    assert "refused LHLO" in found.text


async def test_a_maildir_has_no_route(tmp_path: Path, client: SmtpClient) -> None:
    config = configured(tmp_path, "{maildir: {root: mail}}")
    assert config.mail_servers == {}
    delivery = make_delivery(config, client, sessions=ImapSessions(), now=time.time)
    assert isinstance(delivery, MaildirDelivery)
    await delivery.deliver(HOME_CARE, b"x\r\n", reverse_path="", unique="u1")
    assert (tmp_path / "mail" / HOME_CARE / "new" / "u1").exists()


@pytest.mark.parametrize(("method", "kind"), [("lmtp", LmtpDelivery), ("smtp", SmtpDelivery)])
async def test_a_server_on_loopback(
    tmp_path: Path, client: SmtpClient, start_sink: StartSink, method: str, kind: type
) -> None:
    sink = await start_sink(Script())
    config = configured(tmp_path, f"{{method: {method}, {method}: {{host: 127.0.0.1, port: {sink.port}}}}}")
    delivery = make_delivery(config, client, sessions=ImapSessions(), now=time.time)
    assert type(delivery) is kind
    outcome = await delivery.deliver(HOME_CARE, b"x\r\n", reverse_path="", unique="u1")
    assert isinstance(outcome, Delivered)
    assert sink.connections[0].lines[0] == f"{'LHLO' if method == 'lmtp' else 'EHLO'} gw.motala.se"


def test_the_password_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("correct horse\n", encoding="utf-8")
    config = configured(tmp_path, "{method: smtp, smtp: {host: a.se, username: gw1, password_file: secret}}")
    route = mail_route(config, config.mail_servers["delivery.smtp"])
    assert route.password == "correct horse"
    assert "correct horse" not in repr(route)


async def test_what_stays_here_is_not_bounded_by_a_next_hop(tmp_path: Path) -> None:
    config = configured(tmp_path, "{}")
    default = replace(config.relay.default, max_size_octets=10)  # type: ignore[type-var]
    config = replace(config, relay=replace(config.relay, default=default))
    assert sealed_size(config, "regionostergotland.se") == 10
    assert sealed_size(config, "motala.se") == config.limits.sealed_size
