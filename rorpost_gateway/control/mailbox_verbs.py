"""The verb `mailboxes`: how the watched mailboxes stand, as the watch saw them last.

    mailboxes  {}  → [{"mailbox": "rorpost.hemsjukvarden@motala.se", "unread": 2, …}]

Nothing is looked into for it. What an entry says, stands with `rorpost mailboxes`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rorpost_gateway.control.base import ArgumentInvalid, Caller, Handler
from rorpost_gateway.errors import GatewayError


class NotWatched(GatewayError):
    """The configuration has no supervision."""


@dataclass(frozen=True, kw_only=True)
class MailboxVerbs:
    """`standings` are such as JSON can carry; it raises NotWatched."""

    standings: Callable[[], Sequence[Mapping[str, Any]]]

    def handlers(self) -> dict[str, Handler]:
        """For `ControlServer`."""
        return {"mailboxes": self.mailboxes}

    async def mailboxes(self, _: Caller, arguments: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        if arguments:
            raise ArgumentInvalid("mailboxes takes no arguments")
        return self.standings()
