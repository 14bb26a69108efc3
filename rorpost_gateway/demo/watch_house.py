"""Motala's gateway once more, with IMAP all around it, on a clock that the demo sets.

Keys, certificate and logins are those that Motala has. State and decision log are its own: what is
logged on a day that has not come yet stays apart from the other log.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rorpost_gateway.demo import names
from rorpost_gateway.demo.clock import Clock
from rorpost_gateway.demo.policies import make_policy, watched
from rorpost_gateway.demo.world import CA_FILE, House, World, usual_config, write_private, write_yaml

_FOLDER = "vakt"
_SECRETS = {"mailbox.password": names.PASSWORD, "watch.password": names.WATCH_PASSWORD}
_NOBODY_LISTENS = 9  # discard: nothing is relayed on this day


@dataclass(frozen=True, kw_only=True)
class WatchHouse(House):
    """`clock` is the daemon's."""

    clock: Clock


def make_watch_house(
    world: World, *, today: datetime, read_at: Sequence[str], imap_port: int, notice_port: int
) -> WatchHouse:
    """Everything the daemon needs: its folder, policy and configuration."""
    folder = world.folder / _FOLDER
    folder.mkdir(mode=0o700)
    (folder / "policies").mkdir()
    house = WatchHouse(organisation=names.MOTALA, folder=folder, clock=Clock(folder / "clock"))
    policy = make_policy(names.MOTALA, world.fingerprints, today, logins_count=False)
    write_yaml(folder / "policies" / "demo.yaml", watched(policy, read_at=read_at))
    for name, secret in _SECRETS.items():
        write_private(folder / name, secret)
    write_yaml(house.config, _config(world.motala.folder, imap_port, notice_port))
    return house


def _config(belongings: Path, imap_port: int, notice_port: int) -> dict[str, Any]:
    imap = {"host": "127.0.0.1", "port": imap_port, "tls": {"mode": "implicit", "ca": f"../{CA_FILE}"}}
    return usual_config(names.MOTALA, 0, _NOBODY_LISTENS, belongings=f"../{belongings.name}") | {
        "delivery": {
            "method": "imap",
            "imap": imap | {"username": "{mailbox}", "password_file": "mailbox.password"},
        },
        "supervision": {
            "imap": imap | {"username": f"{{mailbox}}*{names.WATCH}", "password_file": "watch.password"},
            "notify": {
                "smtp": {"host": "127.0.0.1", "port": notice_port, "tls": {"mode": "off"}},
                "from": f"rorpost.vakt@{names.OURS}",
            },
        },
    }
