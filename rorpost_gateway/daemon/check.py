"""What `rorpost check` looks at before the daemon has to: every finding, with its place.

Configuration and policy that are invalid are not findings here: loading them raises
ConfigurationInvalid, whose text has file, line and column.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from rorpost_gateway.address import domain_of
from rorpost_gateway.certificates import read_certificate
from rorpost_gateway.config.model import Config
from rorpost_gateway.control.base import require_short_path
from rorpost_gateway.daemon.check_imap import check_imap, check_recipients
from rorpost_gateway.daemon.check_keys import SOON, check_keys
from rorpost_gateway.daemon.check_log import check_log
from rorpost_gateway.daemon.delivering import mail_route
from rorpost_gateway.daemon.found import Found, Weight, error, warning
from rorpost_gateway.daemon.routes import routes_of
from rorpost_gateway.daemon.witnessing import check_witnessing
from rorpost_gateway.decision_log.signing import load
from rorpost_gateway.errors import GatewayError
from rorpost_gateway.imap.sessions import ImapSessions
from rorpost_gateway.logins import load_users
from rorpost_gateway.policy.model import Policy
from rorpost_gateway.smtp.settings import TlsMode
from rorpost_gateway.smtp.tls import server_context
from rorpost_gateway.smtp_client.probe import probe

__all__ = ["Found", "Weight", "check"]

PROBE_SECONDS = 5.0


async def check(config: Config, policy: Policy, *, at: datetime, with_next_hops: bool) -> list[Found]:
    """Everything that can be known without starting. `at` is aware."""
    found = [*check_logins(config), *check_certificate(config, at), *check_files(config), *check_log(config)]
    found += check_routes(config, policy)
    found += check_witnessing(config)
    found += check_recipients(config, policy)
    found += await check_keys(config, policy, at)
    if with_next_hops:
        found += await check_next_hops(config)
        found += await check_imap(config, policy, ImapSessions(timeout_seconds=PROBE_SECONDS))
    return found


def check_logins(config: Config) -> Iterator[Found]:
    users = config.submission.users
    if users is None:
        return
    try:
        found = load_users(users)
    except GatewayError as fault:
        yield from (_at_place(line, users) for line in fault.public.splitlines())
        return
    if not found.by_name:
        yield warning(users, "holds no login yet; see `rorpost users set-password`")


def _at_place(line: str, otherwise: Path) -> Found:
    """A line of the form `place: text`."""
    place, colon, text = line.partition(": ")
    return error(place, text) if colon else error(otherwise, line)


def check_certificate(config: Config, at: datetime) -> Iterator[Found]:
    certificate, key = config.submission.certificate, config.submission.key
    if config.submission.tls is TlsMode.OFF or certificate is None or key is None:
        return
    try:
        server_context(certificate, key)
        facts = read_certificate(certificate.read_bytes())
    except (GatewayError, OSError, ValueError) as fault:
        yield error(certificate, fault.public if isinstance(fault, GatewayError) else str(fault))
        return
    if at < facts.valid_from:
        yield error(certificate, f"is not valid before {facts.valid_from:%Y-%m-%d}")
    if at >= facts.valid_until:
        yield error(certificate, f"expired {facts.valid_until:%Y-%m-%d}")
    elif at + SOON >= facts.valid_until:
        yield warning(certificate, f"expires {facts.valid_until:%Y-%m-%d}")
    if not facts.covers(config.hostname):
        yield warning(certificate, f"is not for {config.hostname}; mail clients would warn or refuse")


def check_files(config: Config) -> Iterator[Found]:
    """Secrets that others may read, and folders that others may write."""
    passwords = [config.openpgp.passphrase_file, *(hop.password_file for hop in config.relay.hops)]
    passwords += [server.password_file for server in config.mail_servers.values()]
    passwords += [path for account in config.imap_accounts.values() for path in account.secret_files]
    others = [config.submission.key, config.submission.users, config.decision_log.signing_key_file]
    for path in dict.fromkeys(path for path in (*passwords, *others) if path is not None):
        yield from _check_secret(path, required=path in passwords)
    yield from _check_rules(config)
    for folder in (config.state_dir, config.decision_log.dir, config.maildir_root):
        if folder is None:
            continue
        if folder.is_dir() and folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            yield error(folder, "others may write here; chmod go-w")
        if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
            yield error(folder, "cannot be written by this user")
    try:
        require_short_path(config.control_socket)
    except GatewayError as fault:
        yield error(config.file, fault.public)
    if config.decision_log.signing_key_file.exists():
        try:
            load(config.decision_log.signing_key_file, config.decision_log.origin)
        except (GatewayError, OSError) as fault:
            yield error(config.decision_log.signing_key_file, str(fault))


def _check_rules(config: Config) -> Iterator[Found]:
    """Who may write the rules, the authorities or the logins decides what they allow."""
    policies = [config.policies, *sorted(config.policies.rglob("*"))]
    authorities = [hop.ca for hop in config.relay.hops if hop.ca is not None]
    authorities += [server.ca for server in config.mail_servers.values() if server.ca is not None]
    authorities += [path for account in config.imap_accounts.values() for path in account.authorities]
    logins = [config.submission.users] if config.submission.users else []
    for path in dict.fromkeys((config.file.parent, config.file, *policies, *authorities, *logins)):
        with suppress(OSError):  # what is not there is told elsewhere
            if path.stat().st_mode & stat.S_IWOTH:
                yield error(path, "anybody may write here; chmod o-w")


def _check_secret(path: Path, *, required: bool) -> Iterator[Found]:
    try:
        mode = path.stat().st_mode
    except OSError as fault:
        if required or not isinstance(fault, FileNotFoundError):
            yield error(path, f"cannot be read: {fault.strerror}")
        return
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield error(path, f"holds a secret and has mode {stat.S_IMODE(mode):04o}; chmod 600")


def check_routes(config: Config, policy: Policy) -> Iterator[Found]:
    """Every partner's domain needs a next hop."""
    try:
        routes = routes_of(config)
    except GatewayError as fault:
        yield error(config.file, fault.public)
        return
    for address, mailbox in policy.mailboxes.items():
        if domain_of(address) not in config.domains and routes.for_recipient(address) is None:
            yield error(mailbox.position, f"{address}: no route leads to its domain, and there is no default")


async def check_next_hops(config: Config) -> list[Found]:
    """Whether each next hop lets us in now; one that does not may only be down for the moment."""
    try:
        routes = routes_of(config)
        servers = {
            ("delivery" if server is config.delivery.server else where, mail_route(config, server))
            for where, server in config.mail_servers.items()
        }
    except GatewayError:  # a password that cannot be read, which is told of already
        return []
    hops = {("default", routes.default), *servers, *routes.by_domain.items()}
    found = []
    for name, route in sorted((name, route) for name, route in hops if route is not None):
        trouble = await probe(route, timeout_seconds=PROBE_SECONDS)
        if trouble is not None:
            found.append(warning(f"next hop {route.next_hop} ({name})", trouble))
    return found
