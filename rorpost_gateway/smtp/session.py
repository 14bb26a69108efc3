"""The SMTP commands: their order, their answers, and the transaction they build.

Nothing is decided here but protocol. Before TLS no mail command and no login is
taken unless the client is on loopback; after STARTTLS nothing from before it counts.
One transaction is open at a time; EHLO, HELO, RSET and the end of the connection
abort it. Every reply has an enhanced status code, but for 220, 354, 334 and EHLO's.

RFC 5321, section 4.1; RFC 2034; RFC 3207; RFC 4954; RFC 1870; RFC 3461.
"""

# ruff: noqa: N802, ARG002 - aiosmtpd finds a command by the name of its method and always gives an argument

from dataclasses import dataclass, replace

from rorpost_gateway.decision import Reason
from rorpost_gateway.reply import Reply
from rorpost_gateway.smtp import grammar
from rorpost_gateway.smtp.auth import MECHANISMS, exchange
from rorpost_gateway.smtp.base import Transaction
from rorpost_gateway.smtp.connection import Connection, Shared
from rorpost_gateway.smtp.data import read_message
from rorpost_gateway.smtp.grammar import refused
from rorpost_gateway.smtp.limits import Share
from rorpost_gateway.smtp.pace import DataPace
from rorpost_gateway.smtp.settings import TlsMode
from rorpost_gateway.stages import Stage

FAILED_LOGINS = 3
# Commands that bring no message, since the last message. Each costs little, and they can be sent by the
# million by whoever can connect; a mail client needs ten.
FRUITLESS_COMMANDS = 100
_FRUITFUL = frozenset({"RCPT", "DATA", "QUIT"})
_BROWSERS = frozenset({"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT"})
_OK = Reply(code=250, enhanced="2.0.0", text="OK")
_BYE = Reply(code=221, enhanced="2.0.0", text="Bye", close=True)


@dataclass(kw_only=True)
class _Mail:
    """An open transaction. A refused recipient costs a durable line too, so `offered` is bounded as well."""

    transaction: Transaction
    offered: int = 0
    taken: int = 0


class ServerSession(Connection):
    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self._mail: _Mail | None = None
        self._greeted = False
        self._extended = False
        self._failed_logins = 0
        self._fruitless = 0

    async def _obey(self, line: bytes) -> None:
        command = grammar.split_command(line)
        method = self._smtp_methods.get(command.verb)
        if command.verb in _BROWSERS:
            raise refused(421, "4.7.0", "This is a mail server, closing")
        if method is None:
            raise refused(500, "5.5.1", "Command not known here")
        if command.verb not in _FRUITFUL:
            self._count_fruitless()
        await method(command.argument)

    def _count_fruitless(self) -> None:
        self._fruitless += 1
        if self._fruitless > FRUITLESS_COMMANDS:
            raise refused(421, "4.7.0", "Too many commands and no message, closing")

    async def _abandon(self) -> None:
        """Abort the open transaction, if there is one."""
        mail, self._mail = self._mail, None
        if mail is not None:
            await mail.transaction.abort()

    # What must be so before a command is taken

    @property
    def _may_log_in(self) -> bool:
        in_the_open = self._settings.tls is TlsMode.OFF and self._client.loopback
        return self._settings.auth and (self._client.tls is not None or in_the_open)

    async def _require_tls(self, *, even_on_loopback: bool = False) -> None:
        if self._settings.tls is TlsMode.OFF or self._client.tls is not None:
            return
        exempt = self._client.loopback and self._settings.clear_text_on_loopback
        if even_on_loopback or not exempt:
            raise grammar.CommandRefused(await self._receiver.turn_away(self._client, Reason.TLS_REQUIRED))

    def _require_greeting(self) -> None:
        if not self._greeted:
            raise refused(503, "5.5.1", "Say EHLO first")

    def _require_nothing(self, argument: str) -> None:
        if argument:
            raise refused(501, "5.5.4", "This command takes no argument")

    # Greetings

    async def smtp_EHLO(self, hostname: str) -> None:
        await self._greet(hostname, extended=True)
        lines = [self._settings.hostname, f"SIZE {self._settings.message_size_octets}"]
        lines += ["8BITMIME", "PIPELINING", "ENHANCEDSTATUSCODES", "DSN"]
        if self._shared.tls.context is not None and self._client.tls is None:
            lines.append("STARTTLS")
        if self._may_log_in and self._client.login is None:
            lines.append("AUTH " + " ".join(MECHANISMS))
        for line in lines[:-1]:
            self._say(f"250-{line}")
        self._say(f"250 {lines[-1]}")

    async def smtp_HELO(self, hostname: str) -> None:
        await self._greet(hostname, extended=False)
        self._say(f"250 {self._settings.hostname}")

    async def _greet(self, hostname: str, *, extended: bool) -> None:
        name = grammar.parse_helo(hostname)
        await self._abandon()
        self._greeted, self._extended = True, extended
        self._client = replace(self._client, helo=name)

    async def smtp_STARTTLS(self, arg: str) -> None:
        if self._shared.tls.context is None:
            raise refused(502, "5.5.1", "TLS is not offered here")
        if self._client.tls is not None:
            raise refused(503, "5.5.1", "TLS is on already")
        self._require_nothing(arg)
        await self._abandon()
        await self._start_tls("220 2.0.0 Ready to start TLS")
        self._greeted = self._extended = False
        self._client = replace(self._client, helo="")

    # Logins

    async def smtp_AUTH(self, arg: str) -> None:
        await self._require_tls(even_on_loopback=True)
        self._require_greeting()
        if not self._may_log_in:
            raise refused(502, "5.5.1", "Logins are not offered here")
        if not self._extended:
            raise refused(503, "5.5.1", "Say EHLO first")
        if self._client.login is not None:
            raise refused(503, "5.5.1", "Logged in already")
        if self._mail is not None:
            raise refused(503, "5.5.1", "Not during a mail transaction")
        if self._failed_logins >= FAILED_LOGINS:
            raise refused(421, "4.7.0", "Too many failed logins, closing")
        await self._log_in(arg)

    async def _log_in(self, arg: str) -> None:
        credentials = await exchange(arg, self._ask)
        outcome = await self._receiver.authenticate(self._client, credentials.name, credentials.password)
        if isinstance(outcome, Reply):
            self._failed_logins += 1  # also where nobody had time to look: asking again at once is no help
            self._answer(outcome)
            return
        self._client = replace(self._client, login=outcome)
        self._answer(Reply(code=235, enhanced="2.7.0", text="Logged in"))

    async def _ask(self, challenge: bytes) -> bytes:
        self._say("334 " + challenge.decode("ascii"))
        line = await self._next_line()
        if not line.endswith(b"\r\n"):
            raise refused(500, "5.5.2", "Lines end with CR LF", close=True)
        return line[:-2]

    # The transaction

    async def smtp_MAIL(self, arg: str) -> None:
        await self._require_tls()
        self._require_greeting()
        if self._mail is not None:
            raise refused(503, "5.5.1", "One transaction at a time")
        path = grammar.parse_mail(arg, extended=self._extended)
        if not self._shared.budget.has_room(path.size_octets or 0):
            self._answer(self._refusal(Reason.GATEWAY_FULL))  # sooner than after all of it has come
            return
        outcome = await self._receiver.begin(self._client, path)
        if isinstance(outcome, Reply):
            self._answer(outcome)
            return
        self._mail = _Mail(transaction=outcome)
        self._answer(Reply(code=250, enhanced="2.1.0", text="OK"))

    async def smtp_RCPT(self, arg: str) -> None:
        await self._require_tls()
        if self._mail is None:
            raise refused(503, "5.5.1", "MAIL comes first")
        recipient = grammar.parse_rcpt(arg, extended=self._extended)
        if self._is_full(self._mail):
            self._answer(self._refusal(Reason.TOO_MANY_RECIPIENTS))
            return
        self._mail.offered += 1
        reply = await self._mail.transaction.recipient(recipient)
        self._mail.taken += reply.positive
        self._answer(reply)

    def _is_full(self, mail: _Mail) -> bool:
        return mail.taken >= self._settings.recipients or mail.offered >= 2 * self._settings.recipients

    async def smtp_DATA(self, arg: str) -> None:
        await self._require_tls()
        self._require_nothing(arg)
        if self._mail is None:
            raise refused(503, "5.5.1", "MAIL comes first")
        if not self._mail.taken:
            raise refused(554 if self._mail.offered else 503, "5.5.1", "No valid recipients")
        self._say("354 End data with <CR><LF>.<CR><LF>")
        await self._flush()
        self._fruitless = 0
        self._answer(await self._receive(self._mail))
        self._pace.message_answered()

    async def _receive(self, mail: _Mail) -> Reply:
        share = self._shared.budget.share(copies=mail.taken)
        try:
            with self._shared.stages.timed(Stage.RECEIVE):
                outcome = await self._read(share)
            self._mail = None  # ended by what follows, whatever comes of it
            with self._shared.stages.timed(Stage.ANSWER):
                if isinstance(outcome, Reason):
                    return await mail.transaction.refuse(outcome)
                return await mail.transaction.message(outcome)
        finally:
            share.give_back()

    async def _read(self, share: Share) -> bytes | Reason:
        try:
            return await read_message(
                self._incoming,
                limit_octets=self._settings.message_size_octets,
                share=share,
                timeout_seconds=self._settings.data_timeout_seconds,
                pace=DataPace(self._settings, self._shared.now),
            )
        except BaseException:
            self._over = True  # in the middle of a message no command can follow
            raise

    # The rest

    async def smtp_RSET(self, arg: str) -> None:
        self._require_nothing(arg)
        await self._abandon()
        self._answer(_OK)

    async def smtp_NOOP(self, arg: str) -> None:
        self._answer(_OK)

    async def smtp_QUIT(self, arg: str) -> None:
        self._require_nothing(arg)
        self._answer(_BYE)

    async def smtp_VRFY(self, arg: str) -> None:
        await self._require_tls()
        self._answer(Reply(code=252, enhanced="2.5.0", text="Cannot verify; send the message and see"))

    async def smtp_EXPN(self, arg: str) -> None:
        raise refused(502, "5.5.1", "Not offered here")

    async def smtp_HELP(self, arg: str) -> None:
        raise refused(502, "5.5.1", "Not offered here")
