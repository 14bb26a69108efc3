"""The IMAP part of `rorpost check`: every account is tried, and what the gateway needs there is looked for.

Nothing is changed: folders are opened read-only, none is made, no flag is touched. A login that a
server refuses is not tried for every mailbox there is: many refusals look like an attack, and locks follow.
"""

import asyncio
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from rorpost_gateway.address import domain_of
from rorpost_gateway.config.model import Config, ImapAccountSettings
from rorpost_gateway.config.overlaps import mailbox_of
from rorpost_gateway.daemon.found import Found, Weight, error, warning
from rorpost_gateway.daemon.imap_accounts import account_for
from rorpost_gateway.daemon.imap_trials import Trial, trials
from rorpost_gateway.imap.base import ImapError, ImapLoginFailed, Sessions
from rorpost_gateway.policy.model import Policy

AT_A_TIME: Final = 8
REFUSALS: Final = 2  # logins refused in a row until the others are left alone
NAMED: Final = 3  # mailboxes in a finding that is the same for many

_Heard = tuple[str | None, Weight, str]  # of which mailbox; what


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
    heard: list[_Heard] = []
    waiting = list(trial.mailboxes)
    for refused in range(1, REFUSALS + 1):
        mailbox = waiting.pop(0)
        try:
            heard += await _one(trial, mailbox, sessions)
            break
        except ImapError as fault:
            heard.append(_fault(trial, mailbox, fault))
            if not waiting:
                return _told(trial, heard)
            if refused == REFUSALS or not isinstance(fault, ImapLoginFailed):
                left = warning(trial.place, f"{len(waiting)} more mailboxes were not tried")
                return [*_told(trial, heard), left]
    gate = asyncio.Semaphore(AT_A_TIME)

    async def bounded(mailbox: str | None) -> list[_Heard]:
        async with gate:
            return await _safely(trial, mailbox, sessions)

    for each in await asyncio.gather(*(bounded(mailbox) for mailbox in waiting)):
        heard += each
    return _told(trial, heard)


async def _safely(trial: Trial, mailbox: str | None, sessions: Sessions) -> list[_Heard]:
    try:
        return await _one(trial, mailbox, sessions)
    except ImapError as fault:
        return [_fault(trial, mailbox, fault)]


async def _one(trial: Trial, mailbox: str | None, sessions: Sessions) -> list[_Heard]:
    """Raises ImapError where it does not come to looking."""
    async with sessions.open(account_for(trial.settings, mailbox)) as session:
        wrong = [text for look in trial.look for text in await look(session)]
        pities = [text for look in trial.advise for text in await look(session)]
    return [
        *((mailbox, Weight.ERROR, text) for text in wrong),
        *((mailbox, Weight.WARNING, text) for text in pities),
    ]


def _told(trial: Trial, heard: Sequence[_Heard]) -> list[Found]:
    """What is the same in many mailboxes is one finding."""
    about: dict[tuple[Weight, str], list[str]] = {}
    for mailbox, weight, text in heard:
        about.setdefault((weight, text), []).extend([] if mailbox is None else [mailbox])
    return [
        Found(weight=weight, place=trial.place, text=f"{_listed(mailboxes)}{text}")
        for (weight, text), mailboxes in about.items()
    ]


def _listed(mailboxes: Sequence[str]) -> str:
    more = f" and {len(mailboxes) - NAMED} more" if len(mailboxes) > NAMED else ""
    return f"{', '.join(mailboxes[:NAMED])}{more}: " if mailboxes else ""


def _fault(trial: Trial, mailbox: str | None, fault: ImapError) -> _Heard:
    """A server may only be down for the moment; a certificate or a login stays wrong."""
    if isinstance(fault, ImapLoginFailed):
        return mailbox, Weight.ERROR, fault.public + _login_hint(trial.settings)
    if "certificate" in fault.public or "authorities" in fault.public:
        hint = "; tls.ca must hold the authority that issued the server's certificate, and host its name"
        return mailbox, Weight.ERROR, fault.public + hint
    return mailbox, Weight.WARNING, fault.public


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
