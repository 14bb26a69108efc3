"""The world of one demo: each organisation's folder with keys, certificate, logins, policy, configuration.

Everything is made on the spot and is worth nothing afterwards. Paths are short, since
gpg-agent cannot bind sockets beyond some 100 characters.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import trustme

from rorpost_gateway.demo import names
from rorpost_gateway.demo.keys import make_keys, stop_agents
from rorpost_gateway.demo.names import Organisation
from rorpost_gateway.demo.policies import make_policy
from rorpost_gateway.logins import set_password

_DATE = re.compile(r'"([0-9]{4}-[0-9]{2}-[0-9]{2})"')
CA_FILE = "ca.pem"


@dataclass(frozen=True, kw_only=True)
class House:
    """What one organisation has: the paths in its folder."""

    organisation: Organisation
    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "rorpost.yaml"

    @property
    def home(self) -> Path:
        return self.folder / "gpg"

    @property
    def mail(self) -> Path:
        return self.folder / "mail"

    @property
    def log(self) -> Path:
        """The decision log."""
        return self.folder / "state" / "decisions"

    @property
    def queue(self) -> Path:
        return self.folder / "state" / "queue.db"

    @property
    def operator_log(self) -> Path:
        return self.folder / "gateway.log"

    @property
    def certificate(self) -> Path:
        """With its private key."""
        return self.folder / "gateway.pem"


@dataclass(frozen=True, kw_only=True)
class World:
    """`ca` signed the certificates of both; `fingerprints` are of primary keys, by address."""

    folder: Path
    motala: House
    region: House
    ca: Path
    fingerprints: Mapping[str, str]

    @property
    def houses(self) -> tuple[House, House]:
        return self.motala, self.region

    def house_of(self, address: str) -> House:
        return self.motala if names.organisation_of(address) is names.MOTALA else self.region


async def make_world(folder: Path, *, today: datetime, logins_count: bool = False) -> World:
    """Make everything two organisations need, but the configuration (see `write_config`).

    `logins_count`: see `make_policy`.
    """
    motala, region = (House(organisation=each, folder=folder / each.folder) for each in names.BOTH)
    for house in (motala, region):
        house.folder.mkdir(mode=0o700)
        house.home.mkdir(mode=0o700)
    fingerprints = await make_keys(motala.home, region.home, today=today)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / CA_FILE))
    for house in (motala, region):
        write_private(house.certificate, _certificate(authority))
        (house.folder / "policies").mkdir()
        policy = make_policy(house.organisation, fingerprints, today, logins_count=logins_count)
        write_yaml(house.folder / "policies" / "demo.yaml", policy)
    await asyncio.to_thread(_make_logins, (motala, region))
    return World(folder=folder, motala=motala, region=region, ca=folder / CA_FILE, fingerprints=fingerprints)


def write_config(
    house: House, *, inbound_port: int, partner_port: int, lmtp_socket: Path | None = None
) -> None:
    """The gateway's configuration. Opened mail goes to Maildirs, or where the socket leads."""
    delivery: dict[str, Any] = {"method": "maildir", "maildir": {"root": "mail"}}
    if lmtp_socket is not None:
        delivery = {"method": "lmtp", "lmtp": {"socket": str(lmtp_socket)}}
    write_yaml(
        house.config, usual_config(house.organisation, inbound_port, partner_port) | {"delivery": delivery}
    )


async def end_world(folder: Path) -> None:
    """End the key agents that the homes of the world in this folder have started."""
    await asyncio.gather(*(stop_agents(folder / each.folder / "gpg") for each in names.BOTH))


def _certificate(authority: trustme.CA) -> str:
    issued = authority.issue_cert("127.0.0.1", "localhost")
    return issued.private_key_and_cert_chain_pem.bytes().decode("ascii")


def _make_logins(houses: tuple[House, ...]) -> None:
    for house in houses:
        for login, address in house.organisation.logins.items():
            set_password(house.folder / "users.yaml", login, names.PASSWORD, address=address)


def usual_config(
    organisation: Organisation, inbound_port: int, partner_port: int, *, belongings: str = "."
) -> dict[str, Any]:
    """Everything but `delivery`. `belongings` is the folder with keys, certificate and logins."""
    tls = {
        "mode": "starttls",
        "certificate": f"{belongings}/gateway.pem",
        "key": f"{belongings}/gateway.pem",
        "on_loopback": "required",
    }
    hop = {"host": "127.0.0.1", "port": partner_port, "tls": {"mode": "verify", "ca": f"../{CA_FILE}"}}
    return {
        "node": organisation.folder,
        "hostname": organisation.hostname,
        "domains": [organisation.domain],
        "state_dir": "state",
        "policies": "policies",
        "submission": {
            "listen": ["127.0.0.1:0"],
            "tls": tls,
            "auth": {"backend": "file", "users": f"{belongings}/users.yaml"},
        },
        "inbound": {
            "smtp": {
                "listen": [f"127.0.0.1:{inbound_port}"],
                "tls": tls,
                "allowed_networks": ["127.0.0.1/32"],
            }
        },
        "relay": {"default": hop, "retry": {"first": "1s"}},
        "openpgp": {"home": f"{belongings}/gpg"},
        "processes": 0,  # a handful of messages: another process would only make the start longer
        "limits": {
            "message_size": 2_000_000,
            "recipients": 3,
            "connections_per_client": 8,
            "in_flight_bytes": 3_000_000,
        },
    }


def write_yaml(path: Path, data: dict[str, Any]) -> None:
    """YAML that is JSON: dates must stand without quotes, all else is quoted text."""
    write_private(path, _DATE.sub(r"\1", json.dumps(data, ensure_ascii=False, indent=1)))


def write_private(path: Path, text: str) -> None:
    """A file that nobody else may read."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
