"""The keys part of `rorpost check`: the GnuPG home, every pin of the policy, and the passphrase."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from rorpost_gateway.address import domain_of
from rorpost_gateway.config.model import Config
from rorpost_gateway.daemon.found import Found, error, warning
from rorpost_gateway.errors import ConfigurationInvalid, GatewayError
from rorpost_gateway.openpgp.engines import refused_by_engine
from rorpost_gateway.openpgp.forecast import Forecast, MailboxKeys, Prospect, Use, prospects
from rorpost_gateway.openpgp.gnupg import load_index
from rorpost_gateway.openpgp.home import home_findings
from rorpost_gateway.openpgp.upkeep import try_signing
from rorpost_gateway.openpgp.waiting import FOLDER as WAITING_FOLDER
from rorpost_gateway.openpgp.waiting import waiting_fingerprints
from rorpost_gateway.policy.model import Policy

SOON = timedelta(days=30)


async def check_keys(config: Config, policy: Policy, at: datetime) -> list[Found]:
    """Every key a mailbox depends on, at a moment (aware) and for some time after it."""
    home = config.openpgp.home
    loose = home_findings(home)
    if loose:
        return [_of_home(text) for text in loose]
    try:
        index = await load_index(home)
    except GatewayError as fault:
        return [error(home, fault.private)]
    judged = prospects(index, mailbox_keys(policy, config.domains, at), at=at, within=SOON)
    found = [_key_found(policy, each) for each in judged if not each.fine]
    found += check_changes_of_key(policy, at)
    found += _check_waiting(home)
    found += await _check_passphrase(config, policy, judged) or await _check_engine(
        config, policy, judged, at
    )
    return found


def check_changes_of_key(policy: Policy, at: datetime) -> Iterator[Found]:
    """Pins that the policy itself ends: what may go, and what will soon be missing."""
    today, soon = policy.day(at), policy.day(at + SOON)
    for mailbox in policy.mailboxes.values():
        left = mailbox.keys_on(soon)
        for key in mailbox.keys:
            last = key.accept_until
            if last is None or not mailbox.keys_on(today):
                continue  # without any pin left it is an error, told of elsewhere
            if last < today:
                text = f"its key {key.fingerprint} has not counted since {last}; this entry may go"
                yield warning(key.position, f"{mailbox.address}: {text}")
            elif not left:
                text = f"accept_until ends its key on {last}, and there is no other"
                yield warning(key.position, f"{mailbox.address}: {text}")


def _check_waiting(home: Path) -> Iterator[Found]:
    for fingerprint in waiting_fingerprints(home):
        yield warning(
            home / WAITING_FOLDER,
            f"{fingerprint} waits: `rorpost keys list`, then `keys confirm` or `discard`",
        )


def _of_home(text: str) -> Found:
    place, colon, rest = text.partition(": ")
    return error(place, rest) if colon else error("gpg", text)


def mailbox_keys(policy: Policy, own_domains: frozenset[str], at: datetime) -> dict[str, MailboxKeys]:
    """What the policy says of each mailbox's keys on the day of a moment (aware)."""
    day = policy.day(at)
    return {
        address: MailboxKeys(
            name=mailbox.name,
            pins=mailbox.keys_on(day),
            ours=domain_of(address) in own_domains,
            pins_over=bool(mailbox.keys) and not mailbox.keys_on(day),
        )
        for address, mailbox in policy.mailboxes.items()
    }


def _key_found(policy: Policy, prospect: Prospect) -> Found:
    mailbox = policy.mailboxes[prospect.mailbox]
    pin = next((key for key in mailbox.keys if key.fingerprint == prospect.pin), None)
    place = pin.position if pin else mailbox.position
    purpose = "sign" if prospect.use is Use.SIGN else "encrypt"
    if prospect.forecast is Forecast.EXPIRES_SOON:
        return warning(
            place, f"{prospect.mailbox}: its key to {purpose} with expires {_day(prospect.expires)}"
        )
    return error(place, f"{prospect.mailbox}: no key to {purpose} with ({prospect.forecast})")


async def _check_passphrase(config: Config, policy: Policy, judged: Sequence[Prospect]) -> list[Found]:
    """Whether the private keys that are to sign can be opened. Each is tried once."""
    try:
        passphrase = config.openpgp.passphrase()
    except (OSError, UnicodeDecodeError):
        return []  # the file is a finding of its own
    signing = {each.key: each.mailbox for each in judged if each.use is Use.SIGN and each.key is not None}
    return [
        error(
            policy.mailboxes[mailbox].position,
            f"{mailbox}: its private key cannot be used; the passphrase is wrong, or gpg-agent failed",
        )
        for key, mailbox in signing.items()
        if not await try_signing(config.openpgp.home, key, passphrase)
    ]


async def _check_engine(
    config: Config, policy: Policy, judged: Sequence[Prospect], at: datetime
) -> list[Found]:
    """What the configured engine cannot work with, although gpg could."""
    try:
        passphrase = config.openpgp.passphrase()
    except (OSError, UnicodeDecodeError):
        return []  # the file is a finding of its own
    sealing = {each.key: each for each in judged if each.use is Use.SEAL and each.key is not None}
    try:
        refused = await refused_by_engine(
            config.openpgp.engine, config.openpgp.home, passphrase, now=at.timestamp, seal_to=sealing.keys()
        )
    except ConfigurationInvalid as fault:
        return [_of_home(line) for line in fault.public.splitlines()]
    return [
        error(
            policy.mailboxes[sealing[key].mailbox].position,
            f"{sealing[key].mailbox}: {config.openpgp.engine} cannot encrypt to its key ({why})",
        )
        for key, why in refused.items()
    ]


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else "soon"
