"""One connection to a next hop: greeting, EHLO, STARTTLS, AUTH, then transactions.

Invariants: no octet of an envelope or a message, and no password, goes out before
the connection is as protected as its route demands; a connection whose state is
not certain any more carries nothing else.

RFC 5321, section 4.5.3.2 (time limits); RFC 3207; RFC 4954. What LMTP does otherwise stands in `lmtp`.
"""

import asyncio
import contextlib
import ipaddress
import ssl
from base64 import b64encode
from dataclasses import dataclass
from typing import NoReturn

import aiosmtplib

from rorpost_gateway.smtp_client import transaction, verdict
from rorpost_gateway.smtp_client.base import Deferred, Outgoing, Relayed, Route, TlsMode
from rorpost_gateway.smtp_client.verdict import AttemptEnded

_CHUNK_OCTETS = 128 * 1024


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """`attempt_seconds` bounds one whole attempt, whatever its steps add up to.

    `connect_seconds` bounds name resolution with TCP, the greeting and the TLS
    handshake, each; the greeting's is shorter than RFC 5321 suggests (five minutes).
    """

    connect_seconds: float = 60
    command_seconds: float = 300
    block_seconds: float = 180
    final_reply_seconds: float = 600
    probe_seconds: float = 10
    quit_seconds: float = 5
    attempt_seconds: float = 840


class Session:
    """Not safe for concurrent use: its pool hands it to one attempt at a time."""

    hello = "EHLO"

    def __init__(self, route: Route, timeouts: Timeouts, context: ssl.SSLContext | None) -> None:
        self._route = route
        self._timeouts = timeouts
        self._context = context
        self._smtp = aiosmtplib.SMTP(
            hostname=route.host if route.socket is None else None,
            port=route.port if route.socket is None else None,
            socket_path=None if route.socket is None else str(route.socket),
            local_hostname=route.hostname,
            start_tls=False,
            timeout=timeouts.command_seconds,
        )
        self.step = "the connection"
        self.messages = 0
        self.idle_since = 0.0

    @property
    def connected(self) -> bool:
        return self._smtp.is_connected

    async def open(self) -> None:
        """Connect and become ready for MAIL. Raises AttemptEnded."""
        await self._connect()
        self._clear_text_only_to_loopback()
        await self._ehlo()
        if self._route.tls is not TlsMode.OFF:
            await self._start_tls()
            await self._ehlo()
        if self._route.username is not None:
            await self._authenticate(self._route.username, self._route.password or "")

    async def transact(self, outgoing: Outgoing) -> Relayed:
        """One MAIL, RCPT, DATA. Raises AttemptEnded for every other outcome."""
        extensions = self._smtp.esmtp_extensions
        unfit = transaction.unfit_for(outgoing, extensions, self._route)
        if unfit is not None:
            raise AttemptEnded(unfit, usable=True)
        await self._accepted("MAIL", transaction.mail_command(outgoing, extensions))
        await self._accepted("RCPT", transaction.rcpt_command(outgoing, extensions))
        code, text = await self._data(outgoing.octets)
        if not 200 <= code <= 299:
            raise self._refused("the message", code, text)
        self.messages += 1
        return verdict.of_acceptance(
            code, text, self._next_hop, notify_taken=transaction.takes_notify(extensions)
        )

    async def reset(self) -> bool:
        """Whether the next hop still answers, with nothing of a transaction left over."""
        try:
            code, _ = await self._command("RSET", "RSET", timeout_seconds=self._timeouts.probe_seconds)
        except AttemptEnded:
            return False
        return code == 250

    async def quit(self) -> None:
        if self.connected:
            with contextlib.suppress(AttemptEnded):
                await self._command("QUIT", "QUIT", timeout_seconds=self._timeouts.quit_seconds)
        self.abort()

    def abort(self) -> None:
        """Drop the connection at once, with whatever has not been sent yet."""
        transport = self._smtp.transport
        self._smtp.close()
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()

    @property
    def _next_hop(self) -> str:
        return self._route.next_hop

    async def _connect(self) -> None:
        try:
            await self._smtp.connect(timeout=self._timeouts.connect_seconds)
        except aiosmtplib.SMTPConnectResponseError as fault:
            raise self._of_session("the greeting", fault.code, fault.message) from None
        except aiosmtplib.SMTPResponseException:
            raise AttemptEnded(verdict.garbage(self._next_hop, "the greeting")) from None
        except (aiosmtplib.SMTPException, OSError) as fault:
            cause = fault if isinstance(fault, TimeoutError) else fault.__cause__
            if isinstance(cause, aiosmtplib.SMTPServerDisconnected):
                raise AttemptEnded(verdict.cut(self._next_hop, "the greeting")) from None
            raise AttemptEnded(verdict.unreachable(self._next_hop, cause)) from None
        except UnicodeError as fault:  # a host name that cannot even be asked for
            raise AttemptEnded(verdict.unreachable(self._next_hop, fault)) from None

    def _clear_text_only_to_loopback(self) -> None:
        if self._route.tls is not TlsMode.OFF or self._route.socket is not None:
            return
        try:
            peer = str(self._smtp.get_transport_info("peername")[0])
        except aiosmtplib.SMTPServerDisconnected:
            raise AttemptEnded(verdict.cut(self._next_hop, "the greeting")) from None
        if not ipaddress.ip_address(peer.partition("%")[0]).is_loopback:
            self._give_up("4.7.4", f"TLS to {self._next_hop} is turned off, which only loopback may be")
        if self._route.username is not None:
            self._give_up("4.7.4", f"a login to {self._next_hop} is configured, but TLS is turned off")

    async def _ehlo(self) -> None:
        code, text = await self._command(self.hello, f"{self.hello} {self._route.hostname}")
        if code != 250:
            raise self._of_session(self.hello, code, text)
        self._smtp.last_ehlo_response = aiosmtplib.SMTPResponse(code, text)

    async def _start_tls(self) -> None:
        if not self._smtp.supports_extension("starttls"):
            self._give_up("4.7.4", f"{self._next_hop} does not offer STARTTLS")
        self.step = "STARTTLS"
        try:
            await self._smtp.starttls(tls_context=self._context, timeout=self._timeouts.connect_seconds)
        except aiosmtplib.SMTPResponseException as fault:
            raise self._of_session("STARTTLS", fault.code, fault.message) from None
        except ssl.SSLError as fault:
            raise AttemptEnded(verdict.of_tls_fault(fault, self._next_hop, self._route.host)) from None
        except TimeoutError:
            raise AttemptEnded(verdict.silent(self._next_hop, "STARTTLS")) from None
        except (aiosmtplib.SMTPException, OSError):
            raise AttemptEnded(verdict.of_tls_cut(self._next_hop)) from None

    async def _authenticate(self, username: str, password: str) -> None:
        offered = self._smtp.server_auth_methods
        if "plain" in offered:
            secret = b64encode(f"\0{username}\0{password}".encode()).decode()
            code, text = await self._command("AUTH", f"AUTH PLAIN {secret}")
        elif "login" in offered:
            code, text = await self._command("AUTH", "AUTH LOGIN")
            for word in (username, password):
                if code == 334:
                    code, text = await self._command("AUTH", b64encode(word.encode()).decode())
        else:
            self._give_up("4.7.4", f"{self._next_hop} offers neither AUTH PLAIN nor AUTH LOGIN")
        if code != 235:
            raise self._of_session("AUTH", code, text)

    async def _accepted(self, step: str, command: str) -> None:
        code, text = await self._command(step, command)
        if not 200 <= code <= 299:
            raise self._refused(step, code, text)

    def _refused(self, step: str, code: int, text: str) -> AttemptEnded:
        if code < 400:
            return AttemptEnded(verdict.garbage(self._next_hop, step))
        return AttemptEnded(verdict.of_transaction(code, text, self._next_hop), usable=code != 421)

    def _of_session(self, step: str, code: int, text: str) -> AttemptEnded:
        return AttemptEnded(verdict.of_session(step, code, text, self._next_hop))

    def _give_up(self, status: str, text: str) -> NoReturn:
        raise AttemptEnded(Deferred(reply=verdict.own_line(status, text), next_hop=self._next_hop))

    async def _command(
        self, step: str, command: str, *, timeout_seconds: float | None = None
    ) -> tuple[int, str]:
        """Send one line and return code and text. Raises AttemptEnded for all but a sound reply."""
        self.step = step
        limit = self._timeouts.command_seconds if timeout_seconds is None else timeout_seconds
        try:
            code, text = await self._smtp.execute_command(command.encode("ascii"), timeout=limit)
        except aiosmtplib.SMTPResponseException:
            raise AttemptEnded(verdict.garbage(self._next_hop, step)) from None
        except TimeoutError:
            raise AttemptEnded(verdict.silent(self._next_hop, step)) from None
        except (aiosmtplib.SMTPException, OSError):
            raise AttemptEnded(verdict.cut(self._next_hop, step)) from None
        if not verdict.is_reply_code(code):
            raise AttemptEnded(verdict.garbage(self._next_hop, step))
        return code, text

    async def _data(self, octets: bytes) -> tuple[int, str]:
        code, text = await self._command("DATA", "DATA")
        if code != 354:
            raise self._refused("DATA", code, text)
        self.step = "the message"
        protocol = self._smtp.protocol
        if protocol is None:
            raise AttemptEnded(verdict.cut(self._next_hop, "DATA"))
        # Listening before writing: a next hop may refuse half way and hang up.
        answer = asyncio.create_task(protocol.read_response())
        answer.add_done_callback(_seen)
        try:
            whole = await self._write(protocol, octets, answer)
            async with asyncio.timeout(self._timeouts.final_reply_seconds):
                code, text = await answer
        except aiosmtplib.SMTPResponseException:
            raise AttemptEnded(verdict.garbage(self._next_hop, "the message")) from None
        except TimeoutError:
            raise AttemptEnded(verdict.silent(self._next_hop, "the message")) from None
        except (aiosmtplib.SMTPException, OSError):
            raise AttemptEnded(verdict.cut(self._next_hop, "the message")) from None
        finally:
            answer.cancel()
        if not verdict.is_reply_code(code) or (not whole and code < 400):
            raise AttemptEnded(verdict.garbage(self._next_hop, "the message"))
        if not whole:
            raise AttemptEnded(verdict.of_transaction(code, text, self._next_hop))
        if protocol._buffer:  # noqa: SLF001  (more answers than recipients: whose the next one is would be a guess)
            self.abort()
        return code, text

    async def _write(
        self,
        protocol: aiosmtplib.protocol.SMTPProtocol,
        octets: bytes,
        answer: asyncio.Task[aiosmtplib.SMTPResponse],
    ) -> bool:
        """Write in blocks, so that memory and the event loop stay free; False where an answer came early."""
        blocks = -(-len(octets) // _CHUNK_OCTETS)
        for written, block in enumerate(transaction.stuffed(octets, block_octets=_CHUNK_OCTETS), 1):
            try:
                protocol.write(block)
                async with asyncio.timeout(self._timeouts.block_seconds):
                    await protocol._drain_helper()  # noqa: SLF001  (aiosmtplib has no public way to wait)
            except (aiosmtplib.SMTPServerDisconnected, ConnectionError):
                return False
            await asyncio.sleep(0)
            if answer.done() and written < blocks:
                return False
        return True


def _seen(answer: asyncio.Task[aiosmtplib.SMTPResponse]) -> None:
    """Keep asyncio from complaining of an answer that nobody waited for in the end."""
    if not answer.cancelled():
        answer.exception()
