"""The section `access`: managers are reminded by mail before an authorisation of the policy ends."""

import re
from pathlib import Path
from typing import Final

from rorpost_gateway.config.model import AccessSettings, NotifySettings
from rorpost_gateway.config.notifying import read_notify
from rorpost_gateway.document import Findings, Section

REMIND: Final = ("30d", "7d")
MOST_DAYS: Final = 366
_DAYS: Final = re.compile(r"[1-9][0-9]{0,2}d")


def read_access(
    section: Section | None, findings: Findings, base: Path, *, notify: NotifySettings | None
) -> AccessSettings | None:
    """None where it is left out, and nobody is reminded. `notify` is that of `supervision`."""
    if section is None:
        return None
    told = section.texts("remind", list(REMIND), pattern=_DAYS)
    days = sorted({int(text[:-1]) for text in told if _DAYS.fullmatch(text)}, reverse=True)
    if not told:
        section.complain("remind", "names no time; leave out `access` to remind nobody")
    if days and days[0] > MOST_DAYS:
        section.complain("remind", f"must be from 1d to {MOST_DAYS}d")
    mail = read_notify(section.section("mail"), findings, base)
    if mail is None and notify is None and not section.has("mail"):
        section.complain(None, "needs `mail` (or `supervision.notify`): who takes reminders, and from whom")
    section.finish()
    return AccessSettings(remind_days=tuple(days), mail=mail)
