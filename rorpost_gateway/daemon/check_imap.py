"""The IMAP part of `rorpost check`: every account is tried, and what the gateway needs there is looked for.

Nothing is changed: folders are opened read-only, none is made, no flag is touched. A login that a
server refuses is not tried for every mailbox there is: many refusals look like an attack, and locks follow.
"""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rorpost_gateway.address import domain_of
from rorpost_gateway.config.model import Config, ImapAccountSettings
from rorpost_gateway.config.overlaps import mailbox_of
from rorpost_gateway.daemon.found import Found, error, warning
from rorpost_gateway.daemon.imap_accounts import account_for
from rorpost_gateway.daemon.imap_trials import Trial, trials
from rorpost_gateway.imap.base import ImapError, ImapLoginFailed, Sessions
from rorpost_gateway.policy.model import Policy

AT_A_TIME: Final = 8
REFUSALS: Final = 2  # logins refused in a row until the others are left alone


async def check_imap(config: Config, policy: Policy, sessions: Sessions) -> list[Found]:
    """What each server says now. `sessions` bounds how long it may take to say it."""
    ours = sorted(address for address in policy.mailboxes if domain_of(address) in config.domains)
    found = []
    for trial in trials(config, ours):
        if trial.mailboxes and all(_readable(path) for path in trial.settings.secret_files):
            found += await _try(trial, sessions)
    return found


def check_recipients(config: Config, policy: Policy) -> Iterator[Found]:
    """Mistakes that no server can tell of: whom collected mail is for, and where it may come back from."""
    for index, one in enumerate(config.inbound.imap if config.inbound else ()):
        where = f"inbound.imap[{index}]"
        if one.recipient not in policy.mailboxes:
            yield error(config.file, f"{where}: its recipient {one.recipient} is no mailbox of the policy")
        server, mailbox = config.delivery.server, mailbox_of(one.account.username)
        if server is None or one.folder != "INBOX" or mailbox not in policy.mailboxes:
            continue
        if server.socket is not None or server.host.lower() == one.account.server.host.lower():
            yield warning(
                config.file,
                f"{where}: delivery.{server.protocol} seems to put opened mail into the INBOX of {mailbox}, "
                "from which it would be collected again; collect from another folder, or another mailbox",
            )


async def _try(trial: Trial, sessions: Sessions) -> list[Found]:
    """One mailbox after the other until a login holds, so that an account's fault is told once; then all."""
    found: list[Found] = []
    waiting = list(trial.mailboxes)
    for refused in range(1, REFUSALS + 1):
        mailbox = waiting.pop(0)
        try:
            found += await _one(trial, mailbox, sessions)
            break
        except ImapError as fault:
            found.append(_fault(trial, mailbox, fault))
            if not waiting:
                return found
            if refused == REFUSALS or not isinstance(fault, ImapLoginFailed):
                return [*found, warning(trial.place, f"{len(waiting)} more mailboxes were not tried")]
    gate = asyncio.Semaphore(AT_A_TIME)

    async def bounded(mailbox: str | None) -> list[Found]:
        async with gate:
            return await _safely(trial, mailbox, sessions)

    for each in await asyncio.gather(*(bounded(mailbox) for mailbox in waiting)):
        found += each
    return found


async def _safely(trial: Trial, mailbox: str | None, sessions: Sessions) -> list[Found]:
    try:
        return await _one(trial, mailbox, sessions)
    except ImapError as fault:
        return [_fault(trial, mailbox, fault)]


async def _one(trial: Trial, mailbox: str | None, sessions: Sessions) -> list[Found]:
    """Raises ImapError where it does not come to looking."""
    async with sessions.open(account_for(trial.settings, mailbox)) as session:
        wrong = [text for look in trial.look for text in await look(session)]
        pities = [text for look in trial.advise for text in await look(session)]
    return [
        *(error(trial.place, _of(mailbox) + text) for text in wrong),
        *(warning(trial.place, _of(mailbox) + text) for text in pities),
    ]


def _of(mailbox: str | None) -> str:
    return "" if mailbox is None else f"{mailbox}: "


def _fault(trial: Trial, mailbox: str | None, fault: ImapError) -> Found:
    """A server may only be down for the moment; a certificate or a login stays wrong."""
    text = _of(mailbox) + fault.public
    if isinstance(fault, ImapLoginFailed):
        return error(trial.place, text + _login_hint(trial.settings))
    if "certificate" in fault.public or "authorities" in fault.public:
        hint = "; tls.ca must hold the authority that issued the server's certificate, and host its name"
        return error(trial.place, text + hint)
    return warning(trial.place, text)


def _login_hint(settings: ImapAccountSettings) -> str:
    if settings.xoauth2 is not None:
        return "; does the application have the permission, and access to this mailbox?"
    if "*" in settings.username:
        return (
            "; is the mailbox there, and does the server let a master user in by this username and password?"
        )
    return "; look at username and password_file"


def _readable(path: Path) -> bool:
    """What cannot be read is a finding of its own."""
    return os.access(path, os.R_OK)
