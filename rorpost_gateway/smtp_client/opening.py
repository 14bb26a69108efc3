"""From nothing to a connection that is ready for MAIL: greeting, EHLO, STARTTLS, AUTH, by aiosmtplib.

Invariant: no password goes out, and nobody is handed the connection, before it is as
protected as its route demands.

RFC 5321, sections 3.1 and 3.2; RFC 3207; RFC 4954.
"""

import asyncio
import ipaddress
import ssl
from base64 import b64encode
from collections.abc import Mapping
from typing import NoReturn, cast

import aiosmtplib

from rorpost_gateway.smtp_client import verdict
from rorpost_gateway.smtp_client.base import Deferred, Route, TlsMode
from rorpost_gateway.smtp_client.timeouts import Timeouts
from rorpost_gateway.smtp_client.verdict import AttemptEnded
from rorpost_gateway.smtp_client.wire import Wire


class Opening:
    """One connection on its way to being ready. `hello` is EHLO or LHLO; `step` is where it stands."""

    def __init__(
        self, route: Route, timeouts: Timeouts, context: ssl.SSLContext | None, *, hello: str
    ) -> None:
        self._route = route
        self._timeouts = timeouts
        self._context = context
        self._hello = hello
        self._smtp = aiosmtplib.SMTP(
            hostname=route.host if route.socket is None else None,
            port=route.port if route.socket is None else None,
            socket_path=None if route.socket is None else str(route.socket),
            local_hostname=route.hostname,
            start_tls=False,
            timeout=timeouts.command_seconds,
        )
        self.step = "the connection"

    @property
    def extensions(self) -> Mapping[str, str]:
        """Lower-case keyword → its parameters, as the last EHLO had them."""
        return self._smtp.esmtp_extensions

    async def open(self) -> Wire:
        """Connect and become ready for MAIL. Raises AttemptEnded."""
        await self._connect()
        self._clear_text_only_to_loopback()
        await self._ehlo()
        if self._route.tls is not TlsMode.OFF:
            await self._start_tls()
            await self._ehlo()
        if self._route.username is not None:
            await self._authenticate(self._route.username, self._route.password or "")
        return self._handed_over()

    def abort(self) -> None:
        """Drop the connection at once, handed over or not, with whatever has not been sent yet."""
        transport = self._smtp.transport
        self._smtp.close()
        if transport is not None:
            cast("asyncio.Transport", transport).abort()  # uvloop's are of no common class

    @property
    def _next_hop(self) -> str:
        return self._route.next_hop

    async def _connect(self) -> None:
        try:
            await self._smtp.connect(timeout=self._timeouts.connect_seconds)
        except aiosmtplib.SMTPConnectResponseError as fault:
            raise self._refused("the greeting", fault.code, fault.message) from None
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
        code, text = await self._command(self._hello, f"{self._hello} {self._route.hostname}")
        if code != 250:
            raise self._refused(self._hello, code, text)
        self._smtp.last_ehlo_response = aiosmtplib.SMTPResponse(code, text)

    async def _start_tls(self) -> None:
        if not self._smtp.supports_extension("starttls"):
            self._give_up("4.7.4", f"{self._next_hop} does not offer STARTTLS")
        self.step = "STARTTLS"
        try:
            await self._smtp.starttls(tls_context=self._context, timeout=self._timeouts.connect_seconds)
        except aiosmtplib.SMTPResponseException as fault:
            raise self._refused("STARTTLS", fault.code, fault.message) from None
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
            raise self._refused("AUTH", code, text)

    async def _command(self, step: str, command: str) -> tuple[int, str]:
        """Send one line and return code and text. Raises AttemptEnded for all but a sound reply."""
        self.step = step
        try:
            code, text = await self._smtp.execute_command(
                command.encode("ascii"), timeout=self._timeouts.command_seconds
            )
        except aiosmtplib.SMTPResponseException:
            raise AttemptEnded(verdict.garbage(self._next_hop, step)) from None
        except TimeoutError:
            raise AttemptEnded(verdict.silent(self._next_hop, step)) from None
        except (aiosmtplib.SMTPException, OSError):
            raise AttemptEnded(verdict.cut(self._next_hop, step)) from None
        if not verdict.is_reply_code(code):
            raise AttemptEnded(verdict.garbage(self._next_hop, step))
        return code, text

    def _handed_over(self) -> Wire:
        """From here on a Wire listens: aiosmtplib forgets what it did not ask for."""
        transport, protocol = self._smtp.transport, self._smtp.protocol
        if protocol is None or transport is None or transport.is_closing():
            raise AttemptEnded(verdict.cut(self._next_hop, self.step))
        if protocol._buffer:  # noqa: SLF001  (an answer to nothing: whose the next one is would be a guess)
            raise AttemptEnded(verdict.garbage(self._next_hop, self.step))
        wire = Wire(cast("asyncio.Transport", transport))
        transport.set_protocol(wire)
        return wire

    def _refused(self, step: str, code: int, text: str) -> AttemptEnded:
        return AttemptEnded(verdict.of_session(step, code, text, self._next_hop))

    def _give_up(self, status: str, text: str) -> NoReturn:
        raise AttemptEnded(Deferred(reply=verdict.own_line(status, text), next_hop=self._next_hop))
