"""What `rorpost check` says of IMAP accounts, told by a real Dovecot: each mistake, and what to do."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.config import Config, load_config
from rorpost_gateway.daemon.check_imap import check_imap
from rorpost_gateway.daemon.found import Found, Weight
from rorpost_gateway.imap.sessions import ImapSessions
from rorpost_gateway.policy.load import load_policy
from tests.peers.authority import Authority
from tests.peers.dovecot import DISTRICT, HOME_CARE, PASSWORD, UNKNOWN, WATCH_PASSWORD, Dovecot
from tests.peers.gateway_world import as_yaml
from tests.peers.postfix import free_ports

BASE = {
    "node": "gw1",
    "hostname": "gw.motala.se",
    "domains": ["motala.se"],
    "submission": {
        "listen": ["127.0.0.1:0"],
        "tls": {"mode": "off"},
        "trusted_networks": ["127.0.0.1"],
    },
    "relay": {"default": {"host": "127.0.0.1"}},
}


class House:
    """A configuration with IMAP accounts at the Dovecot, and a policy with mailboxes of ours."""

    def __init__(self, folder: Path, dovecot: Dovecot) -> None:
        self.folder = folder
        self.dovecot = dovecot
        self.secret("own", PASSWORD)
        self.secret("master", WATCH_PASSWORD)

    def secret(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text + "\n", encoding="utf-8")

    def account(self, **changes: Any) -> dict[str, Any]:
        """The master user's login over STARTTLS."""
        usual = {
            "host": "localhost",
            "port": self.dovecot.starttls_port,
            "tls": {"ca": str(self.dovecot.authority.ca_file)},
            "username": "{mailbox}*vakt",
            "password_file": "master",
        }
        return {key: value for key, value in {**usual, **changes}.items() if value is not None}

    def collected(self, **changes: Any) -> dict[str, Any]:
        own: dict[str, Any] = {"username": DISTRICT, "password_file": "own", "recipient": HOME_CARE}
        return self.account(**{**own, **changes})

    def config(self, **sections: Any) -> Config:
        file = self.folder / "rorpost.yaml"
        file.write_text(as_yaml({**BASE, **sections}), encoding="utf-8")
        return load_config(file)

    async def look(self, *mailboxes: str, **sections: Any) -> list[Found]:
        config = self.config(**sections)
        policy = self.folder / "policy.yaml"
        boxes = {each: {"name": "x"} for each in mailboxes}
        policy.write_text(as_yaml({"mailboxes": boxes, "rules": {"outside_quotes": "allow"}}))
        loaded = load_policy(policy, own_domains=config.domains, timezone=config.timezone)
        async with asyncio.timeout(30):
            return await check_imap(config, loaded, ImapSessions(timeout_seconds=5))

    async def collecting(self, **changes: Any) -> list[Found]:
        return await self.look(HOME_CARE, inbound={"imap": [self.collected(**changes)]})

    async def watching(self, *mailboxes: str, **changes: Any) -> list[Found]:
        return await self.look(*mailboxes, supervision={"imap": self.account(**changes)})


@pytest.fixture
def house(tmp_path: Path, dovecot: Dovecot) -> House:
    for mailbox in (HOME_CARE, DISTRICT):
        for folder in ("Sent", "Sealed"):
            dovecot.deposit(mailbox, b"Subject: x\r\n\r\nx\r\n", count=0, folder=folder)
    return House(tmp_path, dovecot)


def only(found: Sequence[Found], weight: Weight, place: str, *texts: str) -> None:
    (one,) = found
    assert (one.weight, place in one.place) == (weight, True), one
    for text in texts:
        assert text in one.text


# Nothing is wrong


async def test_nothing_is_wrong(house: House) -> None:
    """Over both doors, by password, as a master, by token; and no mailbox is the worse for it."""
    before = {mailbox: house.dovecot.flags(mailbox) for mailbox in (HOME_CARE, DISTRICT)}
    house.secret("token", house.dovecot.token(HOME_CARE))
    token = {"method": "xoauth2", "token_file": "token"}
    implicit = {"tls": {"mode": "implicit", "ca": str(house.dovecot.authority.ca_file)}}
    found = await house.look(
        HOME_CARE,
        DISTRICT,
        inbound={
            "imap": [
                house.collected(port=house.dovecot.imap_port, folder="Sealed", **implicit),
                house.collected(username=HOME_CARE, folder="Sealed", password_file=None, auth=token),
            ]
        },
        delivery={"sent_copy": "imap", "imap": house.account()},
        supervision={"imap": house.account(port=house.dovecot.imap_port, **implicit)},
    )
    assert found == []
    assert before == {mailbox: house.dovecot.flags(mailbox) for mailbox in (HOME_CARE, DISTRICT)}


# TLS


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
async def test_a_wrong_authority(house: House, stranger: Authority, mode: str) -> None:
    port = house.dovecot.imap_port if mode == "implicit" else house.dovecot.starttls_port
    found = await house.collecting(port=port, tls={"mode": mode, "ca": str(stranger.ca_file)})
    only(found, Weight.ERROR, f"localhost:{port} (inbound.imap[0])", "certificate", "tls.ca must hold")


async def test_an_authority_that_cannot_be_read(house: House) -> None:
    only(await house.collecting(tls={"ca": "missing.pem"}), Weight.ERROR, "inbound", "tls.ca must hold")


async def test_nobody_there(house: House) -> None:
    (port,) = free_ports(1)
    found = await house.watching(HOME_CARE, DISTRICT, port=port)
    assert [one.weight for one in found] == [Weight.WARNING] * 2
    assert "1 more mailboxes were not tried" in found[1].text


# Logins


async def test_a_wrong_password(house: House) -> None:
    house.secret("own", "hemligt-ord")
    found = await house.collecting()
    only(found, Weight.ERROR, "(inbound.imap[0])", "refuses the login", "look at username and password_file")
    assert "hemligt-ord" not in str(found)


async def test_a_master_user_who_is_refused(house: House) -> None:
    """Told twice, and the other mailboxes are left alone: a server counts what it refuses."""
    house.secret("master", "hemligt-ord")
    found = await house.watching(*(f"rorpost.enhet{number}@motala.se" for number in range(10)))
    assert [one.weight for one in found] == [Weight.ERROR, Weight.WARNING]
    assert found[0].text.startswith("rorpost.enhet0@motala.se, rorpost.enhet1@motala.se: ")
    assert "does the server let a master user in" in found[0].text
    assert found[1].text == "8 more mailboxes were not tried"


async def test_a_mailbox_that_the_server_does_not_know(house: House) -> None:
    found = await house.watching(HOME_CARE, UNKNOWN, DISTRICT)
    only(found, Weight.ERROR, "(supervision.imap)", f"{UNKNOWN}: ", "is the mailbox there")


async def test_a_token_that_has_ended(house: House) -> None:
    house.secret("token", house.dovecot.token(HOME_CARE, expires_at=datetime(2020, 1, 1, tzinfo=UTC)))
    auth = {"method": "xoauth2", "token_file": "token"}
    found = await house.collecting(username=HOME_CARE, password_file=None, auth=auth)
    only(found, Weight.ERROR, "(inbound.imap[0])", "refuses the login", "access to this mailbox")


async def test_a_secret_that_is_missing_is_not_told_twice(house: House) -> None:
    """`check_files` has told of it."""
    assert await house.collecting(password_file="missing") == []


# Folders


async def test_a_folder_that_is_missing(house: House) -> None:
    found = await house.collecting(folder="Förseglat/In")
    only(
        found, Weight.ERROR, "(inbound.imap[0])", "there is no folder 'Förseglat/In'", "never made by itself"
    )


async def test_a_folder_to_deliver_to_that_is_missing(house: House) -> None:
    delivery = {"method": "imap", "imap": house.account(folder="Rörpost")}
    found = await house.look(HOME_CARE, DISTRICT, delivery=delivery)
    only(found, Weight.ERROR, "(delivery.imap)", f"{DISTRICT}, {HOME_CARE}: there is no folder 'Rörpost'")


async def test_a_sent_folder_that_is_missing(house: House) -> None:
    found = await house.watching(HOME_CARE, sent_folder="Skickat")
    only(found, Weight.WARNING, "(supervision.imap)", "no folder 'Skickat'", "is not seen")
