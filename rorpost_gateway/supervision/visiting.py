"""A visit to one mailbox: a session, a look, and whatever goes wrong on the way as a cause.

Nothing that a server does gets any further than here.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from rorpost_gateway.errors import LogUnavailable
from rorpost_gateway.imap.base import ImapError, ImapLoginFailed, Sessions
from rorpost_gateway.supervision.base import Now, Watched
from rorpost_gateway.supervision.contents import Contents, Look, NotLookedInto
from rorpost_gateway.supervision.logins import Logins
from rorpost_gateway.supervision.looking import HeaderTooLong, Looking
from rorpost_gateway.supervision.remembered import MailboxMemory

log = structlog.get_logger()

LONGEST_SECONDS = 900.0  # for one mailbox, however slowly its server answers
SESSIONS = 8  # for one look, one after the other
FAULT = "internal fault"
NOT_TRIED = "not tried: the server has refused the login to other mailboxes"


@dataclass(frozen=True, kw_only=True)
class Visit:
    """`worth_repeating` says that the next minute may be better; a login that is refused stays so, and
    servers lock out who tries too often.
    """

    look: Look
    worth_repeating: bool = False


@dataclass(frozen=True, kw_only=True)
class Visiting:
    sessions: Sessions
    looking: Looking
    now: Now
    logins: Logins = field(default_factory=Logins)

    async def visit(self, watched: Watched, memory: MailboxMemory) -> Visit:
        """Raises nothing but what ends the task."""
        began_at = datetime.fromtimestamp(self.now(), UTC)
        if not self.logins.may_try(self.now()):
            return Visit(look=NotLookedInto(looked_at=began_at, cause=NOT_TRIED), worth_repeating=True)
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                return Visit(look=await self._look(watched, memory))
        except ImapLoginFailed as error:
            self.logins.refused(watched.address, self.now())
            return Visit(look=NotLookedInto(looked_at=began_at, cause=error.public))
        except (ImapError, LogUnavailable) as error:
            cause = error.public
        except TimeoutError:
            cause = "the server took too long"
        except Exception as error:  # noqa: BLE001 - whatever a server makes of its answers
            log.error("supervision-fault", mailbox=watched.address, error=error)
            cause = FAULT
        return Visit(look=NotLookedInto(looked_at=began_at, cause=cause), worth_repeating=True)

    async def _look(self, watched: Watched, memory: MailboxMemory) -> Contents:
        """By one session, or by some more where a header is too long, until it is known whose."""
        for _ in range(SESSIONS - 1):
            with contextlib.suppress(HeaderTooLong):
                return await self._in_session(watched, memory)
        return await self._in_session(watched, memory)

    async def _in_session(self, watched: Watched, memory: MailboxMemory) -> Contents:
        async with self.sessions.open(watched.account) as session:
            self.logins.taken(watched.address)
            return await self.looking.look(session, watched.address, memory)
