"""The world of one demo: a folder with keys, certificates, logins, policy and configuration.

Everything is made on the spot and is worth nothing afterwards. Paths are short, since
gpg-agent cannot bind sockets beyond some 100 characters.
"""

import asyncio
import json
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import trustme

from rorpost_gateway.demo import names
from rorpost_gateway.logins import set_password
from rorpost_gateway.openpgp.process import environment, run_gpg
from rorpost_gateway.openpgp.upkeep import export_key, generate_key

_DATE = re.compile(r'"([0-9]{4}-[0-9]{2}-[0-9]{2})"')
_WHOLE_KEY = "future-default"  # ed25519 with cv25519
_HOME, _PARTNER_HOME = "gpg", "partner-gpg"
_LONG_AGO = "20200101T000000!"


@dataclass(frozen=True, kw_only=True)
class World:
    folder: Path
    partner_home: Path
    ca: Path
    partner_certificate: Path
    partner_key: Path
    fingerprints: dict[str, str]

    @property
    def config(self) -> Path:
        return self.folder / "rorpost.yaml"

    @property
    def home(self) -> Path:
        return self.folder / _HOME

    @property
    def state(self) -> Path:
        return self.folder / "state"


async def make_world(folder: Path, *, today: datetime) -> World:
    """Make everything two organisations need, but the configuration (see `write_config`)."""
    home, partner_home = folder / _HOME, folder / _PARTNER_HOME
    for each in (home, partner_home):
        each.mkdir(mode=0o700)
    fingerprints = await _make_keys(home, partner_home)
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    for stem in ("gateway", "partner"):
        issued = ca.issue_cert("127.0.0.1", "localhost")
        issued.private_key_and_cert_chain_pem.write_to_path(str(folder / f"{stem}.pem"))
        (folder / f"{stem}.pem").chmod(0o600)
    for login, address in names.LOGINS.items():
        set_password(folder / "users.yaml", login, names.PASSWORD, address=address)
    (folder / "policies").mkdir()
    _write(folder / "policies" / "demo.yaml", _policy(fingerprints, today))
    return World(
        folder=folder,
        partner_home=partner_home,
        ca=folder / "ca.pem",
        partner_certificate=folder / "partner.pem",
        partner_key=folder / "partner.pem",
        fingerprints=fingerprints,
    )


def write_config(world: World, *, partner_port: int) -> None:
    """The gateway's configuration; `partner_port` is where the partner listens."""
    _write(world.config, _config(partner_port))


async def stop_agents(folder: Path) -> None:
    """End the key agents that the homes of the world in this folder have started."""
    for home in (folder / _HOME, folder / _PARTNER_HOME):
        with suppress(FileNotFoundError):  # without GnuPG there are no agents
            ending = await asyncio.create_subprocess_exec(
                "gpgconf", "--homedir", str(home), "--kill", "all", env=environment()
            )
            await ending.wait()


def take_secret_key_away(world: World) -> None:
    """One mailbox's private keys vanish, as after a restore that forgot them."""
    kept = {path.name for path in (world.folder / "kept").iterdir()}
    for path in (world.home / "private-keys-v1.d").iterdir():
        if path.name not in kept:
            path.unlink()


async def _make_keys(home: Path, partner_home: Path) -> dict[str, str]:
    """Keys of both sides; the partner's public ones are brought to ours."""
    found = {names.HOME_CARE: await generate_key(home, address=names.HOME_CARE, name="Hemsjukvarden")}
    shutil.copytree(home / "private-keys-v1.d", home.parent / "kept")
    found[names.BROKEN] = await generate_key(home, address=names.BROKEN, name="Trasig")
    for address in (names.BRINKEN, names.LYCKORNA, names.HOSPITAL, names.NO_CHANNEL, names.CLOSED):
        found[address] = await generate_key(partner_home, address=address, name=address.split("@")[0])
    found[names.KEY_EXPIRED] = await _quick_key(
        partner_home, names.KEY_EXPIRED, _WHOLE_KEY, "1y", "--faked-system-time", _LONG_AGO
    )
    found[names.KEY_UNUSABLE] = await _quick_key(partner_home, names.KEY_UNUSABLE, "ed25519", "2y")
    found[names.KEY_REVOKED] = await generate_key(partner_home, address=names.KEY_REVOKED, name="Aterkallad")
    revocation = (partner_home / "openpgp-revocs.d" / f"{found[names.KEY_REVOKED]}.rev").read_bytes()
    await run_gpg(partner_home, ["--import"], stdin=revocation.replace(b":-----BEGIN", b"-----BEGIN"))
    found[names.KEY_MISSING] = "0123456789ABCDEF0123456789ABCDEF01234567"
    await _bring(home, partner_home, found[names.HOME_CARE])
    for address, fingerprint in found.items():
        if address.endswith(names.THEIRS) and address != names.KEY_MISSING:
            await _bring(partner_home, home, fingerprint)
    return found


async def _bring(source: Path, target: Path, fingerprint: str) -> None:
    """A public key from one side to the other."""
    await run_gpg(target, ["--import"], stdin=await export_key(source, fingerprint))


async def _quick_key(home: Path, address: str, algorithm: str, expires: str, *more: str) -> str:
    usage = "default" if algorithm == _WHOLE_KEY else "cert,sign"
    what = ("--quick-generate-key", address, algorithm, usage, expires)
    run = await run_gpg(home, [*more, "--pinentry-mode", "loopback", "--passphrase", "", *what])
    created = [line.split()[2] for line in run.status if line.startswith("KEY_CREATED ")]
    return created[0]


def _policy(fingerprints: dict[str, str], today: datetime) -> dict[str, Any]:
    def day(days: int) -> str:
        return (today + timedelta(days=days)).date().isoformat()

    def person(address: str, name: str, first: int, last: int) -> dict[str, str]:
        return {
            "user": address,
            "name": name,
            "requested_by": f"eva.ek@{names.OURS}",
            "executed_by": f"it.drift@{names.OURS}",
            "valid_from": day(first),
            "valid_until": day(last),
        }

    anna, bo = person(names.ANNA, "Anna Berg", -30, 300), person(names.BO, "Bo Lind", -200, -1)
    ours = {
        names.HOME_CARE: {"name": "Hemsjukvården, Motala", "phone": "0141-22 50 00", "users": [anna, bo]},
        names.BROKEN: {"name": "Trasig, Motala", "phone": "0141-22 59 00", "users": [anna]},
    }
    theirs = {
        address: {"name": _unit(address), "phone": "010-103 00 00", "key": fingerprint}
        for address, fingerprint in fingerprints.items()
        if address.endswith(names.THEIRS)
    }
    open_to = [
        address for address in theirs if address not in (names.NO_CHANNEL, names.CLOSED, names.HOSPITAL)
    ]
    channels: list[dict[str, Any]] = [
        {"name": "hemsjukvarden-region", "from": names.HOME_CARE, "to": open_to},
        {
            "name": "hemsjukvarden-lasarettet",
            "between": [names.HOME_CARE, names.HOSPITAL],
            "rules": {"legal_basis": ["samtycke", "menprovning"]},
        },
        {
            "name": "hemsjukvarden-stangd",
            "between": [names.HOME_CARE, names.CLOSED],
            "valid_from": day(-400),
            "valid_until": day(-10),
        },
        {"name": "trasig-brinken", "from": names.BROKEN, "to": [names.BRINKEN]},
    ]
    return {"mailboxes": ours | theirs, "channels": channels, "rules": {"outside_quotes": "allow"}}


def _unit(address: str) -> str:
    return address.split("@")[0].removeprefix("rorpost.").capitalize() + ", Region Östergötland"


def _config(partner_port: int) -> dict[str, Any]:
    return {
        "node": "demo",
        "hostname": names.GATEWAY,
        "domains": [names.OURS],
        "state_dir": "state",
        "policies": "policies",
        "submission": {
            "listen": ["127.0.0.1:0"],
            "tls": {
                "mode": "starttls",
                "certificate": "gateway.pem",
                "key": "gateway.pem",
                "on_loopback": "required",
            },
            "auth": {"backend": "file", "users": "users.yaml"},
        },
        "relay": {
            "default": {
                "host": "127.0.0.1",
                "port": partner_port,
                "tls": {"mode": "verify", "ca": "ca.pem"},
            }
        },
        "delivery": {"maildir": {"root": "mail"}},
        "openpgp": {"home": "gpg"},
        "limits": {
            "message_size": 2_000_000,
            "recipients": 3,
            "connections_per_client": 8,
            "in_flight_bytes": 3_000_000,
        },
    }


def _write(path: Path, data: dict[str, Any]) -> None:
    """YAML that is JSON: dates must stand without quotes, all else is quoted text."""
    text = json.dumps(data, ensure_ascii=False, indent=1)
    path.touch(mode=0o600)
    path.write_text(_bare_dates(text), encoding="utf-8")


def _bare_dates(text: str) -> str:
    return _DATE.sub(r"\1", text)
