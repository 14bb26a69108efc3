"""What a whole gateway is told in its files: a policy, logins, a configuration. Data, to be changed."""

import copy
import functools
import tempfile
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from rorpost_gateway.logins import set_password
from tests.peers.authority import Authority
from tests.peers.gnupg_home import PreparedKeys

OURS, THEIRS = "motala.se", "regionostergotland.se"
HOME_CARE = f"rorpost.hemsjukvarden@{OURS}"
KEYLESS = f"rorpost.bistand@{OURS}"  # a sender with channels, but without a private key
BRINKEN = f"rorpost.vcbrinken@{THEIRS}"
LYCKORNA = f"rorpost.vclyckorna@{THEIRS}"
HOSPITAL = f"rorpost.lasarettet@{THEIRS}"  # its channel requires a legal basis
NO_CHANNEL = f"rorpost.utankanal@{THEIRS}"
CLOSED = f"rorpost.stangd@{THEIRS}"  # its channel's time is over
KEY_MISSING = f"rorpost.nyckelsaknas@{THEIRS}"
KEY_EXPIRED = f"rorpost.expired@{THEIRS}"
KEY_REVOKED = f"rorpost.revoked@{THEIRS}"
KEY_UNUSABLE = f"rorpost.signonly@{THEIRS}"

ANNA, BO = f"anna.berg@{OURS}", f"bo.lind@{OURS}"
CLARA = f"clara.dahl@{OURS}"  # has a login, and is authorised for nothing
LOGINS: Mapping[str, str] = {"anna": ANNA, "bo": BO, "clara": CLARA}
PASSWORD = "korrekt hast batteri"
PHONE_THEIRS = "010-103 00 00"


def make_policy(keys: PreparedKeys) -> dict[str, Any]:
    """A policy as plain data; write it with `WholeGateway.set_policy`. Bo's authorisation has expired."""
    theirs = {
        BRINKEN: keys.receiver,
        LYCKORNA: keys.two_user_ids,
        HOSPITAL: keys.receiver,
        NO_CHANNEL: keys.receiver,
        CLOSED: keys.receiver,
        KEY_MISSING: "0123456789ABCDEF0123456789ABCDEF01234567",
        KEY_EXPIRED: keys.expired_primary,
        KEY_REVOKED: keys.revoked_primary,
        KEY_UNUSABLE: keys.sign_only,
    }
    users = [_person(ANNA, "Anna Berg", -30, 300), _person(BO, "Bo Lind", -200, -2)]
    open_to = [address for address in theirs if address not in (HOSPITAL, NO_CHANNEL, CLOSED)]
    return {
        "mailboxes": {
            HOME_CARE: {"name": "Hemsjukvården, Motala", "phone": "0141-22 50 00", "users": users},
            KEYLESS: {"name": "Bistånd, Motala", "phone": "0141-22 51 00", "users": copy.deepcopy(users)},
        }
        | {
            address: {"name": _unit(address), "phone": PHONE_THEIRS, "key": key}
            for address, key in theirs.items()
        },
        "channels": [
            {"name": "hemsjukvarden-region", "from": HOME_CARE, "to": open_to},
            {
                "name": "hemsjukvarden-lasarettet",
                "between": [HOME_CARE, HOSPITAL],
                "rules": {
                    "legal_basis": ["samtycke", "menprovning"],
                    "attachments": {"deny_extensions": ["exe"]},
                },
            },
            {
                "name": "hemsjukvarden-stangd",
                "between": [HOME_CARE, CLOSED],
                "valid_from": _day(-400),
                "valid_until": _day(-10),
            },
            {"name": "bistand-brinken", "from": KEYLESS, "to": [BRINKEN]},
        ],
        "rules": {"outside_quotes": "reject"},
    }


def make_config(authority: Authority, *, home: Path, next_hop_port: int) -> dict[str, Any]:
    """A configuration as plain data. Deferred copies are tried again after about a second."""
    return {
        "node": "gw1",
        "hostname": f"gw.{OURS}",
        "domains": [OURS],
        "state_dir": "state",
        "policies": "policies",
        "submission": {
            "listen": ["127.0.0.1:0"],
            "tls": {
                "mode": "starttls",
                "certificate": str(authority.certificate),
                "key": str(authority.key),
                "on_loopback": "required",
            },
            "auth": {"backend": "file", "users": "users.yaml"},
        },
        "relay": {
            "default": {"host": "127.0.0.1", "port": next_hop_port, "tls": {"mode": "off"}},
            "retry": {"first": "1s", "longest": "1s"},
        },
        "delivery": {"maildir": {"root": "mail"}},
        "openpgp": {"home": str(home)},
        "processes": 0,  # a test that is about them says so: each costs a start
        "limits": {"message_size": 2_000_000, "recipients": 3, "in_flight_bytes": 8_000_000},
    }


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes` laid over it, mapping by mapping; a value of None takes a key away."""
    result = dict(base)
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def as_yaml(data: Mapping[str, Any]) -> str:
    return yaml.dump(data, Dumper=_WithoutAliases, allow_unicode=True, sort_keys=False)


class _WithoutAliases(yaml.SafeDumper):
    """What stands twice is written twice: the gateway takes no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


@functools.cache
def users_file() -> str:
    """The logins' file; hashed once a process, since argon2 is slow on purpose."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "users.yaml"
        for login, address in LOGINS.items():
            set_password(path, login, PASSWORD, address=address)
        return path.read_text(encoding="utf-8")


def _person(address: str, name: str, first: int, last: int) -> dict[str, Any]:
    return {
        "user": address,
        "name": name,
        "requested_by": f"eva.ek@{OURS}",
        "executed_by": f"it.drift@{OURS}",
        "valid_from": _day(first),
        "valid_until": _day(last),
    }


def _day(days: int) -> date:
    return date.today() + timedelta(days=days)


def _unit(address: str) -> str:
    return address.split("@")[0].removeprefix("rorpost.").capitalize() + ", Region Östergötland"
