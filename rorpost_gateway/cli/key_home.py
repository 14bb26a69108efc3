"""What `rorpost keys` works on: the GnuPG home of a configuration, and what the policy wants of it."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rorpost_gateway.cli.loading import load_policy_of
from rorpost_gateway.config.load import load_config
from rorpost_gateway.config.model import OpenPgp
from rorpost_gateway.daemon.check_keys import mailbox_keys
from rorpost_gateway.errors import ConfigurationInvalid
from rorpost_gateway.openpgp.forecast import MailboxKeys
from rorpost_gateway.openpgp.gnupg import load_index
from rorpost_gateway.openpgp.home import home_findings
from rorpost_gateway.openpgp.index import ListedKeys
from rorpost_gateway.policy.model import Policy


@dataclass(frozen=True, kw_only=True)
class OpenedKeys:
    """The GnuPG home of a configuration, and what the policy wants of it."""

    home: Path
    control_socket: Path
    passphrase: str | None
    policy: Policy
    own_domains: frozenset[str]
    mailboxes: Mapping[str, MailboxKeys]
    index: ListedKeys
    now: datetime


def open_keys(config_path: Path) -> OpenedKeys:
    """Read configuration, policy and GnuPG home. Raises ConfigurationInvalid."""
    config = load_config(config_path)
    now = datetime.fromtimestamp(time.time(), UTC)
    policy = load_policy_of(config)
    findings = home_findings(config.openpgp.home)
    if findings:
        raise ConfigurationInvalid("\n".join(findings))
    return OpenedKeys(
        home=config.openpgp.home,
        control_socket=config.control_socket,
        passphrase=_passphrase(config.openpgp),
        policy=policy,
        own_domains=config.domains,
        mailboxes=mailbox_keys(policy, config.domains, now),
        index=asyncio.run(load_index(config.openpgp.home)),
        now=now,
    )


def _passphrase(settings: OpenPgp) -> str | None:
    try:
        return settings.passphrase()
    except OSError as error:
        raise ConfigurationInvalid(f"{settings.passphrase_file}: {error.strerror}") from error


def day_of(moment: datetime | None) -> str:
    """The day (UTC) for people to read; `never` where there is none."""
    return moment.date().isoformat() if moment else "never"
