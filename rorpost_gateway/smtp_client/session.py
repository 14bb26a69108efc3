"""One connection to a next hop, and the transactions it carries.

Invariant: a connection whose state is not certain any more carries nothing else.
Where the next hop offers it, MAIL, RCPT and DATA go out in one piece, as Postfix does.

RFC 5321, sections 3.3 and 4.5.3.2 (time limits); RFC 2920 (pipelining). What LMTP does
otherwise stands in `lmtp`, how a connection becomes ready in `opening`.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Mapping

from rorpost_gateway.smtp_client import transaction, verdict
from rorpost_gateway.smtp_client.base import Outgoing, Relayed, Route
from rorpost_gateway.smtp_client.opening import Opening
from rorpost_gateway.smtp_client.timeouts import Timeouts
from rorpost_gateway.smtp_client.verdict import AttemptEnded
from rorpost_gateway.smtp_client.wire import Reply, Unreadable, Wire

_CHUNK_OCTETS = 128 * 1024
_START_INPUT, _CLOSING = 354, 421


class Session:
    """Not safe for concurrent use: its pool hands it to one attempt at a time."""

    hello = "EHLO"
    answers_to_nothing = True  # whether a message without a recipient gets an answer

    def __init__(self, route: Route, timeouts: Timeouts, context: ssl.SSLContext | None) -> None:
        self._route = route
        self._timeouts = timeouts
        self._opening = Opening(route, timeouts, context, hello=self.hello)
        self._wire: Wire | None = None
        self._step = ""
        self.messages = 0
        self.idle_since = 0.0

    @property
    def step(self) -> str:
        """What was last asked of the next hop."""
        return self._step or self._opening.step

    @property
    def connected(self) -> bool:
        """Whether it may carry a transaction: ready, open, and nothing is unread."""
        return self._wire is not None and self._wire.clean

    async def open(self) -> None:
        """Connect and become ready for MAIL. Raises AttemptEnded."""
        self._wire = await self._opening.open()

    async def transact(self, outgoing: Outgoing) -> Relayed:
        """One MAIL, RCPT, DATA. Raises AttemptEnded for every other outcome."""
        extensions = self._opening.extensions
        unfit = transaction.unfit_for(outgoing, extensions, self._route)
        if unfit is not None:
            raise AttemptEnded(unfit, usable=True)
        commands = {
            "MAIL": transaction.mail_command(outgoing, extensions),
            "RCPT": transaction.rcpt_command(outgoing, extensions),
            "DATA": "DATA",
        }
        if "pipelining" in extensions:
            await self._ask_together(commands)
        else:
            await self._ask_in_turn(commands)
        code, text = await self._send(outgoing.octets)
        if not 200 <= code <= 299:
            raise self._refused("the message", code, text)
        self.messages += 1
        return verdict.of_acceptance(
            code, text, self._route.next_hop, notify_taken=transaction.takes_notify(extensions)
        )

    async def reset(self) -> bool:
        """Whether the next hop still answers, with nothing of a transaction left over."""
        if not self.connected:
            return False
        try:
            code, _ = await self._command("RSET", self._timeouts.probe_seconds)
        except AttemptEnded:
            return False
        return code == 250 and self.connected

    async def quit(self) -> None:
        if self.connected:
            with contextlib.suppress(AttemptEnded):
                await self._command("QUIT", self._timeouts.quit_seconds)
        self.abort()

    def abort(self) -> None:
        """Drop the connection at once, with whatever has not been sent yet."""
        self._opening.abort()

    async def _ask_in_turn(self, commands: Mapping[str, str]) -> None:
        """Up to the 354. Raises AttemptEnded."""
        for step, command in commands.items():
            self._step = step
            self._write(f"{command}\r\n".encode("ascii"))
            self._check(step, await self._reply(step))

    async def _ask_together(self, commands: Mapping[str, str]) -> None:
        """Up to the 354, in one piece. Raises AttemptEnded when every answer is heard."""
        steps = list(commands)
        self._step = steps[0]
        self._write("".join(f"{command}\r\n" for command in commands.values()).encode("ascii"))
        for place, step in enumerate(steps, 1):
            try:
                self._check(step, await self._reply(step))
            except AttemptEnded as ended:
                ended.usable = ended.usable and await self._hear_out(steps[place:])
                raise

    def _check(self, step: str, reply: Reply) -> None:
        if not (reply.code == _START_INPUT if step == "DATA" else 200 <= reply.code <= 299):
            raise self._refused(step, reply.code, reply.text)

    async def _hear_out(self, steps: list[str]) -> bool:
        """The answers after a refusal; whether the connection may carry another transaction.

        DATA may be answered 354 although there is no recipient: then a single dot follows, and
        never the message (RFC 2920, section 3.1). Where there is one, not even that.

        Raises AttemptEnded where the refusal was not an answer to this transaction.
        """
        patience = self._timeouts.probe_seconds
        try:
            answers = {step: (await self._reply(step, patience)).code for step in steps}
        except AttemptEnded:
            return False
        if 200 <= answers.get("DATA", _START_INPUT) <= 299:
            # What no DATA is answered: these answers belong one command further up, and so does the refusal.
            raise AttemptEnded(verdict.garbage(self._route.next_hop, "DATA"))
        if _CLOSING in answers.values():
            return False
        try:
            if answers.get("DATA") == _START_INPUT:
                if answers.get("RCPT", 500) < 400 or not self.answers_to_nothing:
                    return False
                await self._command(".", patience)
        except AttemptEnded:
            return False
        return self.connected

    async def _send(self, octets: bytes) -> Reply:
        """The message, and the answer to it."""
        self._step = "the message"
        whole = await self._send_blocks(octets)
        reply = await self._reply("the message", self._timeouts.final_reply_seconds)
        if not whole and reply.code < 400:
            raise AttemptEnded(verdict.garbage(self._route.next_hop, "the message"))
        if not whole:
            raise AttemptEnded(verdict.of_transaction(reply.code, reply.text, self._route.next_hop))
        return reply

    async def _send_blocks(self, octets: bytes) -> bool:
        """In blocks, so that memory and the event loop stay free; False where an answer came early."""
        wire = self._ready
        for written, block in enumerate(transaction.stuffed(octets, block_octets=_CHUNK_OCTETS)):
            if written:
                await asyncio.sleep(0)
            if wire.answered:
                return False
            try:
                wire.write(block)
                if not wire.has_room:
                    async with asyncio.timeout(self._timeouts.block_seconds):
                        await wire.drain()
            except TimeoutError:
                raise AttemptEnded(verdict.silent(self._route.next_hop, "the message")) from None
            except ConnectionError:
                return False
        return True

    @property
    def _ready(self) -> Wire:
        if self._wire is None:
            raise AttemptEnded(verdict.cut(self._route.next_hop, self.step))
        return self._wire

    async def _command(self, command: str, timeout_seconds: float) -> Reply:
        """One line and its answer. Raises AttemptEnded."""
        self._step = command
        self._write(f"{command}\r\n".encode("ascii"))
        return await self._reply(command, timeout_seconds)

    def _write(self, octets: bytes) -> None:
        try:
            self._ready.write(octets)
        except ConnectionError:
            raise AttemptEnded(verdict.cut(self._route.next_hop, self.step)) from None

    async def _reply(self, step: str, timeout_seconds: float | None = None) -> Reply:
        """The next answer, which is to `step`. Raises AttemptEnded where none that is sound comes."""
        self._step = step
        limit = self._timeouts.command_seconds if timeout_seconds is None else timeout_seconds
        try:
            return await self._ready.reply(limit)
        except Unreadable:
            raise AttemptEnded(verdict.garbage(self._route.next_hop, step)) from None
        except TimeoutError:
            raise AttemptEnded(verdict.silent(self._route.next_hop, step)) from None
        except OSError:
            raise AttemptEnded(verdict.cut(self._route.next_hop, step)) from None

    def _refused(self, step: str, code: int, text: str) -> AttemptEnded:
        if code < 400:
            return AttemptEnded(verdict.garbage(self._route.next_hop, step))
        return AttemptEnded(verdict.of_transaction(code, text, self._route.next_hop), usable=code != _CLOSING)
