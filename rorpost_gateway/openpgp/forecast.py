"""Which keys the mailboxes of a policy depend on, and how long they last. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rorpost_gateway.decision import KeyChoice, Reason
from rorpost_gateway.openpgp.index import ListedKeys


class Use(StrEnum):
    SEAL = "seal"
    SIGN = "sign"


class Forecast(StrEnum):
    """What is to be expected of a key."""

    FINE = "fine"
    EXPIRES_SOON = "expires-soon"
    MISSING = "key-missing"
    EXPIRED = "key-expired"
    REVOKED = "key-revoked"
    UNUSABLE = "key-unusable"


@dataclass(frozen=True, kw_only=True)
class Prospect:
    """One key that one mailbox depends on. `pin` is None where the mailbox has none."""

    mailbox: str
    use: Use
    pin: str | None
    forecast: Forecast
    key: KeyChoice | None
    expires: datetime | None

    @property
    def fine(self) -> bool:
        return self.forecast is Forecast.FINE


@dataclass(frozen=True, kw_only=True)
class MailboxKeys:
    """What the policy says of a mailbox: its pins, and whether it lives behind this gateway.

    `pins_over`: it had pins, and the time of every one is over. Then no key counts, whatever lies there.
    """

    name: str
    pins: tuple[str, ...]
    ours: bool
    pins_over: bool = False


def prospects(
    index: ListedKeys, mailboxes: Mapping[str, MailboxKeys], *, at: datetime, within: timedelta
) -> Sequence[Prospect]:
    """Judge every pin of every mailbox, now and `within` from now; ours for signing too."""
    return [
        _over(address, use) if mailbox.pins_over else _prospect(index, address, pin, use, at, at + within)
        for address, mailbox in sorted(mailboxes.items())
        for pin in mailbox.pins or (None,)
        for use in ((Use.SEAL, Use.SIGN) if mailbox.ours else (Use.SEAL,))
    ]


def _over(address: str, use: Use) -> Prospect:
    return Prospect(mailbox=address, use=use, pin=None, forecast=Forecast.EXPIRED, key=None, expires=None)


def _prospect(
    index: ListedKeys, address: str, pin: str | None, use: Use, at: datetime, later: datetime
) -> Prospect:
    pinned = (pin,) if pin else ()
    ask = index.for_sealing if use is Use.SEAL else index.for_signing
    now = ask(address, pinned, at)
    key = now if isinstance(now, KeyChoice) else None
    summary = index.key(key.primary if key else pin or "", at)
    return Prospect(
        mailbox=address,
        use=use,
        pin=pin,
        forecast=_forecast(now, ask(address, pinned, later)),
        key=key,
        expires=summary.expires if summary else None,
    )


def _forecast(now: KeyChoice | Reason, later: KeyChoice | Reason) -> Forecast:
    if isinstance(now, Reason):
        return Forecast(now.value)
    return Forecast.FINE if isinstance(later, KeyChoice) else Forecast.EXPIRES_SOON
