"""Opening sessions, and closing them whatever happens inside.

The secret is asked for before anything is connected, and handed over only when the connection is as
protected as its account demands.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

from rorpost_gateway.imap.base import Account, ImapError, ImapLoginFailed, ImapUnavailable, Session, Sessions
from rorpost_gateway.imap.connecting import CLOSE_SECONDS, Authorities, connect
from rorpost_gateway.imap.credentials import KeepsTokens
from rorpost_gateway.imap.login import log_in
from rorpost_gateway.imap.protocol import ImapProtocol
from rorpost_gateway.imap.session import ImapSession

FAREWELL_SECONDS = 5.0


class ImapSessions(Sessions):
    """`timeout_seconds` bounds a server's silence, and a command in all (see `protocol`);
    `most_header_octets` the header fields of one message.
    """

    def __init__(self, *, timeout_seconds: float = 30.0, most_header_octets: int = 65536) -> None:
        self._timeout_seconds = timeout_seconds
        self._most_header_octets = most_header_octets
        self._authorities = Authorities()

    def open(self, account: Account) -> AbstractAsyncContextManager[Session]:
        return self._open(account)

    @asynccontextmanager
    async def _open(self, account: Account) -> AsyncIterator[Session]:
        token = await account.credentials.token()
        password = await account.credentials.password() if token is None else None
        context = await self._authorities.context(account.server)
        protocol = ImapProtocol(account.server.name, timeout_seconds=self._timeout_seconds)
        try:
            await connect(protocol, account.server, context, timeout_seconds=self._timeout_seconds)
            await self._log_in(protocol, account, password, token)
            yield ImapSession(protocol, most_header_octets=self._most_header_octets)
            await self._log_out(protocol)
        finally:
            protocol.end(ImapUnavailable(f"{account.server.name}: the session is over"))
            await protocol.closed(CLOSE_SECONDS)

    @staticmethod
    async def _log_in(
        protocol: ImapProtocol, account: Account, password: str | None, token: str | None
    ) -> None:
        try:
            await log_in(protocol, account, password=password, token=token)
        except ImapLoginFailed:
            if isinstance(account.credentials, KeepsTokens):
                account.credentials.forget()
            raise

    async def _log_out(self, protocol: ImapProtocol) -> None:
        if protocol.fault is None:
            with suppress(ImapError):
                await protocol.command("LOGOUT", patience=min(1.0, FAREWELL_SECONDS / self._timeout_seconds))
