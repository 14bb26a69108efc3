"""A mail transaction up to its answer: what both ways do alike.

Every way to fail has its answer and its lines here. What is refused has its lines in
the decision log before the client hears of it; what is unforeseen is answered 451, and
leaves lines too, as long as the log takes any.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import structlog

from rorpost_gateway.decision import Reason, Verdict
from rorpost_gateway.envelope import Recipient
from rorpost_gateway.errors import (
    GatewayError,
    LogUnavailable,
    MessageMalformed,
    MessageTooComplex,
    QueueFull,
)
from rorpost_gateway.facts import ContentFacts
from rorpost_gateway.policy.inquiry import Question
from rorpost_gateway.reception.account import Account
from rorpost_gateway.reception.house import House, InForce
from rorpost_gateway.reply import Reply, reply_for
from rorpost_gateway.stages import Suspicion

log = structlog.get_logger()

# For so long a transaction may be decided by what was in force when it began. NOOP keeps one open for
# weeks, and a removed authorisation or a closed channel must not live on in it.
KEEPS_REVISION_SECONDS: Final = 60.0
Verdicts = tuple[tuple[str, Verdict], ...]
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Unacceptable(GatewayError):
    """The message cannot be taken, whoever it is for. `reason` is what its sender hears."""

    def __init__(self, reason: Reason, *, private: str, use_pgp_mime: bool = False) -> None:
        super().__init__(f"the message cannot be taken: {reason}", private=private)
        self.reason = reason
        self.use_pgp_mime = use_pgp_mime


class GuardedTransaction(ABC):
    """A `smtp.base.Transaction`, decided after DATA by one policy revision.

    It is the one the transaction began with, unless that was replaced and the client took its time.
    """

    def __init__(self, house: House, in_force: InForce, account: Account) -> None:
        self._house = house
        self._in_force = in_force
        self._account = account
        self._began = house.now()
        self._recipients: dict[str, Recipient] = {}
        self.fault = ""  # for operators: what kept the message from being decided by the policy

    @property
    @abstractmethod
    def asked(self) -> tuple[Question, ...]:
        """What the policy was asked last, for whoever wants to know why it answered so."""

    @abstractmethod
    def _judge_recipient(self, address: str) -> Verdict:
        """What the envelope alone says of a recipient."""

    @abstractmethod
    async def _decide(self, octets: bytes) -> Reply:
        """Decide the message and take it. May raise what `message` has an answer for."""

    def _channel(self, address: str) -> str | None:
        """The channel towards a recipient, as far as the envelope tells."""
        return self._judge_recipient(address).channel

    def _go_over(self, latest: InForce) -> bool:
        """Be decided by what is in force now; whether the client may still bring messages."""
        self._in_force = self._account.in_force = latest
        return True

    async def recipient(self, recipient: Recipient) -> Reply:
        verdict = self._judge_recipient(recipient.address)
        if verdict.accepted:
            # The same recipient twice is one copy (RFC 5321, 4.5.5 leaves that to the server).
            self._recipients.setdefault(recipient.address, recipient)
            return Reply(code=250, enhanced="2.1.5", text="Recipient ok")
        await self._account.refused(verdict, recipient.address)
        return self._reply(verdict.reason, recipient.address)

    async def message(self, octets: bytes) -> Reply:
        self._account.size = len(octets)
        if not self._catch_up():
            return await self._refuse_unread(Reason.LOGIN_REQUIRED)
        try:
            return await self._decide(octets)
        except LogUnavailable:
            raise  # there is nowhere to write a line to; the session answers 451
        except GatewayError as error:
            self.fault = error.private
            return await self._refuse_for(error)
        except Exception:
            await self._refuse_unread(Reason.GATEWAY_FAULT)
            raise

    async def refuse(self, reason: Reason) -> Reply:
        return await self._refuse_unread(reason)

    async def abort(self) -> None:
        self._recipients.clear()

    def _catch_up(self) -> bool:
        """Go over to what is in force now, where that is due; all that RCPT judged is judged again."""
        latest, took_seconds = self._house.in_force(), self._house.now() - self._began
        if latest is self._in_force or 0 <= took_seconds <= KEEPS_REVISION_SECONDS:
            return True
        return self._go_over(latest)

    async def _refuse_for(self, error: GatewayError) -> Reply:
        """The answer to a named error: the message's fault, or the gateway's own."""
        match error:
            case Unacceptable():
                log.info("unacceptable", reason=error.reason, why=error.private)
                return await self._refuse_unread(error.reason, use_pgp_mime=error.use_pgp_mime)
            case MessageMalformed():
                log.info("message-malformed", why=error.private)
                return await self._refuse_unread(Reason.MESSAGE_MALFORMED, close=error.close)
            case MessageTooComplex():
                log.info("message-too-complex", why=error.private)
                return await self._refuse_unread(Reason.MESSAGE_TOO_COMPLEX)
            case QueueFull():
                log.error("queue-full", error=error)
                return await self._refuse_unread(Reason.GATEWAY_FULL)
            case _:
                log.error("not-taken", error=error)
                return await self._refuse_unread(Reason.GATEWAY_FAULT)

    def _note_suspected(self, content: ContentFacts | None) -> None:
        """Count what a content rule of an accepted message could not tell for certain."""
        if content is not None and content.quotes is not None and content.quotes.suspected:
            self._house.stages.suspected(Suspicion.OUTSIDE_QUOTES)

    async def _refuse_unread(
        self,
        reason: Reason,
        *,
        close: bool = False,
        use_pgp_mime: bool = False,
        more: Mapping[str, str] = _NOTHING,
    ) -> Reply:
        """Refuse for a reason that the policy has no part in."""
        verdicts = tuple(
            (address, Verdict(reason=reason, rule="message", channel=self._channel(address)))
            for address in self._recipients
        )
        await self._account.refused_all(verdicts, more)
        first = next(iter(self._recipients), "")
        return self._reply(reason, first, close=close, use_pgp_mime=use_pgp_mime)

    async def _refuse(self, verdicts: Verdicts, more: Mapping[str, str] = _NOTHING) -> Reply:
        """Refuse by the policy: a line for every recipient, and the reply of the one concerned."""
        await self._account.refused_all(verdicts, more)
        first, verdict = verdicts[0]
        concerned = next((each.because_of for _, each in verdicts if each.because_of), first)
        return self._reply(verdict.reason, concerned)

    def _reply(
        self, reason: Reason, recipient: str, *, close: bool = False, use_pgp_mime: bool = False
    ) -> Reply:
        """The reply with the telephone number of the unit concerned."""
        mailbox = self._in_force.policy.mailbox(recipient)
        return reply_for(
            reason,
            self._house.language,
            own_texts=self._house.own_texts,
            unit=mailbox.name if mailbox else "",
            phone=mailbox.phone if mailbox else None,
            close=close,
            use_pgp_mime=use_pgp_mime,
        )
