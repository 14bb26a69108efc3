"""One mail transaction on the way out: recipients, then the message, then the answer.

The order of the work, and nothing else: read, ask the policy, commit. Whatever is
refused has its lines in the decision log before the client hears of it. What is
unforeseen is answered 451 and leaves a line too, as long as the log takes one.
"""

import asyncio

import structlog

from rorpost_gateway.decision import Reason, Verdict
from rorpost_gateway.envelope import Recipient, ReversePath
from rorpost_gateway.errors import (
    GatewayError,
    LogUnavailable,
    MessageMalformed,
    MessageTooComplex,
    QueueFull,
    SealedTooLarge,
)
from rorpost_gateway.outbound.account import Account
from rorpost_gateway.outbound.commit import Committer, Work
from rorpost_gateway.outbound.house import House, InForce
from rorpost_gateway.outbound.judging import Judge, Judgement, Verdicts
from rorpost_gateway.outbound.submitted import Submitted, read_submitted
from rorpost_gateway.reply import Reply, reply_for

log = structlog.get_logger()

# Reading a message this large takes long enough to be felt by other sessions.
LARGE_OCTETS = 256 * 1024
# For so long a transaction may be decided by what was in force when it began. NOOP keeps one open for
# weeks, and a removed authorisation must not live on in it.
KEEPS_REVISION_SECONDS = 60.0


class OutboundTransaction:
    """A `smtp.base.Transaction`, decided after DATA by one policy revision.

    It is the one the transaction began with, unless that was replaced and the client took its time.
    """

    def __init__(
        self,
        *,
        house: House,
        in_force: InForce,
        account: Account,
        committer: Committer,
        path: ReversePath,
        judge: Judge,
    ) -> None:
        self._house = house
        self._in_force = in_force
        self._account = account
        self._committer = committer
        self._path = path
        self._judge = judge
        self._began = house.now()
        self._recipients: dict[str, Recipient] = {}

    async def recipient(self, recipient: Recipient) -> Reply:
        verdict = self._judge.at_rcpt(recipient.address)
        if verdict.accepted:
            # The same recipient twice is one copy (RFC 5321, 4.5.5 leaves that to the server).
            self._recipients.setdefault(recipient.address, recipient)
            return Reply(code=250, enhanced="2.1.5", text="Recipient ok")
        await self._account.refused(verdict, recipient.address)
        return self._reply(verdict.reason, ((recipient.address, verdict),))

    async def message(self, octets: bytes) -> Reply:
        self._account.size = len(octets)
        if not self._catch_up():
            return await self._refuse_unread(Reason.LOGIN_REQUIRED)
        try:
            return await self._decide(octets)
        except MessageMalformed as error:
            log.info("message-malformed", why=error.private)
            return await self._refuse_unread(Reason.MESSAGE_MALFORMED, close=error.close)
        except MessageTooComplex as error:
            log.info("message-too-complex", why=error.private)
            return await self._refuse_unread(Reason.MESSAGE_TOO_COMPLEX)
        except QueueFull as error:
            log.error("queue-full", error=error)
            return await self._refuse_unread(Reason.GATEWAY_FULL)
        except LogUnavailable:
            raise  # there is nowhere to write a line to; the session answers 451
        except GatewayError as error:
            log.error("not-committed", error=error)
            return await self._refuse_unread(Reason.GATEWAY_FAULT)
        except Exception:
            await self._refuse_unread(Reason.GATEWAY_FAULT)
            raise

    async def refuse(self, reason: Reason) -> Reply:
        return await self._refuse_unread(reason)

    async def abort(self) -> None:
        self._recipients.clear()

    def _catch_up(self) -> bool:
        """Go over to what is in force now, where that is due; whether the login is still one."""
        latest, login = self._house.in_force(), self._account.client.login
        took_seconds = self._house.now() - self._began
        if latest is self._in_force or 0 <= took_seconds <= KEEPS_REVISION_SECONDS:
            return True
        self._in_force = self._account.in_force = latest
        self._judge = self._judge.under(latest)
        return login is None or latest.logins.knows(login.name)

    async def _decide(self, octets: bytes) -> Reply:
        if len(octets) > LARGE_OCTETS:
            submitted = await asyncio.to_thread(self._read, octets)
        else:
            submitted = self._read(octets)
        self._account.message_id = submitted.facts.message_id
        judgement = self._judge.after_data(submitted.facts, tuple(self._recipients))
        self._account.reverse_path = judgement.sender or self._account.reverse_path
        if judgement.reason is not Reason.OK:
            return await self._refuse(judgement)
        try:
            committed = await self._committer.commit(self._work(submitted, judgement), self._account)
        except SealedTooLarge as error:
            return await self._refuse(
                judgement.refused(Reason.MESSAGE_TOO_LARGE, error.recipient, rule="relay.max_size")
            )
        return reply_for(committed.reason, self._house.language, queue_id=committed.queue_id)

    def _read(self, octets: bytes) -> Submitted:
        submitted = read_submitted(octets, hostname=self._house.hostname, keep=self._in_force.user_headers)
        if len(octets) > LARGE_OCTETS:
            _ = submitted.message.sha256  # kept by the message: in this thread rather than on the loop
        return submitted

    def _work(self, submitted: Submitted, judgement: Judgement) -> Work:
        return Work(
            sender=judgement.sender,
            path=self._path,
            submitted=submitted,
            accepted=tuple((self._recipients[address], verdict) for address, verdict in judgement.verdicts),
        )

    async def _refuse(self, judgement: Judgement) -> Reply:
        await self._account.refused_all(judgement.verdicts)
        return self._reply(judgement.reason, judgement.verdicts, judgement.because_of)

    async def _refuse_unread(self, reason: Reason, *, close: bool = False) -> Reply:
        """Refuse for a reason that the policy has no part in."""
        verdicts = tuple(
            (address, Verdict(reason=reason, rule="message", channel=self._judge.channel(address)))
            for address in self._recipients
        )
        await self._account.refused_all(verdicts)
        return self._reply(reason, verdicts, close=close)

    def _reply(
        self,
        reason: Reason,
        verdicts: Verdicts,
        because_of: str | None = None,
        *,
        close: bool = False,
    ) -> Reply:
        """The reply with the telephone number of the unit concerned, or of the first recipient."""
        address = because_of or (verdicts[0][0] if verdicts else "")
        mailbox = self._in_force.policy.mailbox(address)
        return reply_for(
            reason,
            self._house.language,
            unit=mailbox.name if mailbox else "",
            phone=mailbox.phone if mailbox else None,
            close=close,
        )
