"""One connection: what comes in, what goes out, TLS, and the end of it all.

A subclass of aiosmtpd's protocol in which nothing of aiosmtpd's own shows: lines
are read, answered and timed here, and the shared `mail.log` logger, which would
write message lines, is silenced for good. A handler is never cancelled because
its peer went away: a message in hand is finished even if its 250 cannot be heard.
An exception anywhere is `451 4.3.0` to the peer, and its type and stack to the
operator. The commands are session.py's.

RFC 5321, sections 3.8 and 4.5.3.2; RFC 2920 (pipelining); RFC 3207 (STARTTLS).
"""

import asyncio
import logging
import ssl
from abc import abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import cast

import structlog
from aiosmtpd.smtp import SMTP

from rorpost_gateway.decision import Reason
from rorpost_gateway.envelope import Client
from rorpost_gateway.reply import Reply
from rorpost_gateway.smtp import grammar
from rorpost_gateway.smtp.auth import MECHANISMS
from rorpost_gateway.smtp.base import Receiver
from rorpost_gateway.smtp.fault import describe_fault
from rorpost_gateway.smtp.grammar import CommandRefused
from rorpost_gateway.smtp.incoming import Ended, IdleTooLong, Incoming, Interrupted, LineTooLong
from rorpost_gateway.smtp.limits import Admission, Budget, Connections
from rorpost_gateway.smtp.pace import Now, SessionPace, TooSlow
from rorpost_gateway.smtp.peer import describe_peer
from rorpost_gateway.smtp.settings import ListenerSettings, TlsMode
from rorpost_gateway.smtp.tls import ServerTls, hand_over
from rorpost_gateway.stages import Stages

BAD_COMMANDS = 20
_OUTBOX_OCTETS = 8192
_FAULT = Reply(code=451, enhanced="4.3.0", text="Temporary fault", reason=Reason.GATEWAY_FAULT)

_aiosmtpd_log = logging.getLogger("mail.log")
_aiosmtpd_log.disabled = True
_aiosmtpd_log.propagate = False
_aiosmtpd_log.addFilter(lambda _record: False)  # holds even where logging is configured anew

_log = structlog.get_logger(__name__)


class TlsFailed(Exception):
    """The handshake failed; there is nobody left to answer."""


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What the connections of one listener have in common."""

    settings: ListenerSettings
    receiver: Receiver
    tls: ServerTls
    connections: Connections
    budget: Budget
    stages: Stages
    now: Now
    opened: Callable[["Connection"], None]
    closed: Callable[["Connection"], None]  # its task has ended and its peer is gone


class Connection(SMTP):
    """Subclasses carry out the commands: `_obey` one line, `_abandon` what is open at the end."""

    def __init__(self, shared: Shared) -> None:
        super().__init__(
            None,
            hostname=shared.settings.hostname,
            data_size_limit=shared.settings.message_size_octets,
            auth_exclude_mechanism=MECHANISMS,
            loop=asyncio.get_running_loop(),
        )
        self._shared = shared
        self._settings = shared.settings
        self._receiver = shared.receiver
        self._incoming = Incoming()
        self._outbox = bytearray()
        self._client = Client(ip="unknown")
        self._admission = Admission.DROP
        self._counted = False
        self._lost = False
        self._over = False
        self._bad_commands = 0
        self._pace = SessionPace(shared.settings, shared.now)

    # As asyncio tells of it

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._plain = cast("asyncio.Transport", transport)
        self._incoming.attach(self._plain)
        peer = transport.get_extra_info("peername")
        if peer:  # None where the peer was gone before it was accepted
            self._client = describe_peer(peer[0], self._settings.trusted_networks)
            self._admission = self._shared.connections.admit(self._client.network)
            self._counted = True
        super().connection_made(transport)
        self.task.add_done_callback(lambda _task: self._perhaps_closed())
        self._shared.opened(self)

    def data_received(self, data: bytes) -> None:
        self._incoming.feed(data)

    def eof_received(self) -> bool:
        """Half-closed: the peer still listens, so whatever it sent is still answered.

        TLS cannot stay half open: there the answer cannot be heard, and the work is finished all the same.
        """
        self._incoming.feed_end()
        return self._client.tls is None

    def connection_lost(self, error: Exception | None) -> None:
        # Past aiosmtpd's own, which would cancel the handler half way.
        super(SMTP, self).connection_lost(error)
        self._depart()

    def _depart(self) -> None:
        self._lost = True
        self._incoming.feed_end()
        if self._counted:
            self._counted = False
            self._shared.connections.leave(self._client.network)
        self._perhaps_closed()

    def _perhaps_closed(self) -> None:
        if self._lost and self.task.done():
            self._shared.closed(self)

    def _reset_timeout(self, duration: float | None = None) -> None:
        """Nothing: the timer of aiosmtpd closes without a word; here each read has its own bound."""

    # As the listener ends it

    @property
    def task(self) -> "asyncio.Task[None]":
        return cast("asyncio.Task[None]", self._handler_coroutine)

    def shut_down(self) -> None:
        """Take no new command; a message on its way in is finished first."""
        self._incoming.interrupt()

    def abort(self) -> None:
        """End now, whatever is in hand."""
        self.task.cancel()
        self._plain.abort()

    # The conversation

    @abstractmethod
    async def _obey(self, line: bytes) -> None:
        """Carry out one command line."""

    async def _abandon(self) -> None:
        """The connection is ending: give up what is open."""

    async def _handle_client(self) -> None:
        try:
            await self._welcome()
            while not self._over and not self._lost:
                await self._turn()
            await self._flush()
        except (Ended, TlsFailed):
            pass
        except Exception as error:  # noqa: BLE001 - the last place where a fault can be told of
            self._tell_operator(error)
        finally:
            try:
                await self._abandon()
            except Exception as error:  # noqa: BLE001 - the connection is still to be closed
                self._tell_operator(error)
            finally:
                if not self._writer.is_closing():  # closing twice breaks asyncio's TLS transport
                    self._writer.close()

    async def _welcome(self) -> None:
        if self._admission is Admission.DROP:
            self._plain.abort()
            raise Ended
        if self._settings.tls is TlsMode.IMPLICIT:
            await self._start_tls()
        if self._admission is Admission.REFUSE:
            self._end(self._refusal(Reason.TOO_MANY_CONNECTIONS))
            return
        try:
            await self._receiver.connected(self._client)
        except Exception as error:  # noqa: BLE001 - the client is told, and nothing more
            self._tell_operator(error)
            self._end(Reply(code=421, enhanced="4.3.0", text="Temporary fault, closing"))
        else:
            self._say(f"220 {self._settings.hostname} ESMTP")

    async def _turn(self) -> None:
        """Read one command and answer it."""
        try:
            await self._obey(await self._next_line())
        except CommandRefused as refusal:
            self._refuse(refusal.reply)
        except LineTooLong:
            self._refuse(Reply(code=500, enhanced="5.5.2", text="Line too long"))
        except Interrupted:
            self._end(self._refusal(Reason.SHUTTING_DOWN))
        except IdleTooLong:
            self._end(Reply(code=421, enhanced="4.4.2", text="Nothing heard for too long, closing"))
        except TooSlow:
            self._end(Reply(code=421, enhanced="4.4.2", text="Too slow, closing"))
        except (Ended, TlsFailed):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not the peer's fault
            self._say(await self.handle_exception(error))

    async def _next_line(self) -> bytes:
        if not self._incoming.has_line():
            await self._flush()
        elif len(self._outbox) > _OUTBOX_OCTETS:
            await self._flush()
            await asyncio.sleep(0)  # a client that pipelines without end must not keep the others waiting
        known = self._client.login is not None or bool(self._client.trusted)
        patience_seconds = min(self._settings.command_timeout_seconds, self._pace.seconds_left(known=known))
        return await self._incoming.line(limit_octets=grammar.AUTH_OCTETS, timeout_seconds=patience_seconds)

    async def handle_exception(self, error: Exception) -> str:
        self._tell_operator(error)
        return self._refusal(Reason.GATEWAY_FAULT).line

    def _tell_operator(self, error: Exception) -> None:
        with suppress(Exception):  # a log that cannot be written must not change what the peer hears
            _log.error("session-fault", client=self._client.ip, **describe_fault(error))

    def _refusal(self, reason: Reason) -> Reply:
        try:
            return self._receiver.refusal(self._client, reason)
        except Exception as error:  # noqa: BLE001 - a refusal must have an answer
            self._tell_operator(error)
            return _FAULT

    # Answers

    def _say(self, line: str) -> None:
        self._outbox += line.encode("ascii") + b"\r\n"

    def _answer(self, reply: Reply) -> None:
        self._say(reply.line)
        self._over = self._over or reply.close or reply.code == 421

    def _end(self, reply: Reply) -> None:
        self._answer(reply)
        self._over = True

    def _refuse(self, reply: Reply) -> None:
        """A refusal that counts: who only ever makes mistakes is not worth a connection."""
        self._bad_commands += 1
        if self._bad_commands > BAD_COMMANDS:
            reply = Reply(code=421, enhanced="4.7.0", text="Too many bad commands, closing")
        self._answer(reply)

    async def push(self, status: str | bytes) -> None:
        """The way aiosmtpd answers leads through the same outbox."""
        self._outbox += (status.encode("ascii") if isinstance(status, str) else status) + b"\r\n"

    async def _flush(self) -> None:
        """Answers to pipelined commands leave together. Raises Ended where nobody takes them."""
        if not self._outbox:
            return
        octets, self._outbox = bytes(self._outbox), bytearray()
        if self._lost:
            raise Ended
        try:
            self._writer.write(octets)
            async with asyncio.timeout(self._settings.command_timeout_seconds):
                await self._writer.drain()
        except (OSError, TimeoutError) as error:
            self._plain.abort()
            raise Ended from error

    # TLS

    async def _start_tls(self, announcement: str = "") -> None:
        """Go over to TLS. What was sent in clear text after STARTTLS never counts.

        Between the pause and the handshake nothing is read, so that nothing slips
        in between (command injection, 2011 and 2021).
        """
        context = cast("ssl.SSLContext", self._shared.tls.context)
        early = self._incoming.hold_and_discard()
        if announcement:
            self._say(announcement)
            await self._flush()
        elif early:  # implicit TLS, where nothing is ever said in clear text
            asyncio.get_running_loop().call_soon(hand_over, self._plain, early)
        try:
            await self._writer.start_tls(
                context, ssl_handshake_timeout=self._settings.handshake_timeout_seconds
            )
        except BaseException as error:
            self._depart()  # asyncio does not tell of a connection that ends during its handshake
            if not isinstance(error, OSError | TimeoutError):
                raise
            _log.info("tls-handshake-failed", client=self._client.ip, error=type(error).__name__)
            raise TlsFailed from error
        secure = cast("asyncio.Transport", self._writer.transport)
        self._incoming.attach(secure)
        self.transport = secure
        self._client = replace(self._client, tls=secure.get_extra_info("ssl_object").version())
