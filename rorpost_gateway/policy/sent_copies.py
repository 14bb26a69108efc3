"""Copies for a mailbox's own Sent folder: which keys, and whether one may still go there.

No channel is asked: such a copy goes to whoever wrote the message. Pure, as `evaluate`.
"""

from dataclasses import dataclass
from datetime import datetime

from rorpost_gateway.decision import SENT_COPY_RULE, Direction, KeyChoice, Reason, Verdict
from rorpost_gateway.openpgp.base import KeyIndex
from rorpost_gateway.policy.evaluate import sealed_with_usable_keys
from rorpost_gateway.policy.inquiry import Inquiry, Question
from rorpost_gateway.policy.model import Policy


@dataclass(frozen=True, kw_only=True)
class SentCopyQuestion:
    """`mailbox` is the sending one, in lower case; `at` is aware."""

    mailbox: str
    at: datetime
    own_domains: frozenset[str]


def keys_for_sent_copy(policy: Policy, keys: KeyIndex, question: SentCopyQuestion) -> Verdict:
    """The mailbox's own keys, to seal to and to sign with; else why there are none."""
    asked = _inquiry(policy, keys, question)
    if asked.sender is None:
        return _verdict(Reason.SENDER_NOT_A_MAILBOX)
    seal_to, sign_with = asked.seal_to, asked.sign_with
    if isinstance(seal_to, KeyChoice) and isinstance(sign_with, KeyChoice):
        return Verdict(reason=Reason.OK, rule=SENT_COPY_RULE, seal_to=seal_to, sign_with=sign_with)
    return _verdict(seal_to if isinstance(seal_to, Reason) else Reason.KEY_UNUSABLE)


def judge_sent_copy(
    policy: Policy,
    keys: KeyIndex,
    question: SentCopyQuestion,
    *,
    encrypted_to: str,
    encrypted_to_subkey: str,
    signed_by: str,
) -> Verdict:
    """Before an attempt: is the mailbox still one of this side's, are its keys still usable?

    `encrypted_to`, `signed_by` are primary fingerprints.
    """
    asked = _inquiry(policy, keys, question)
    if asked.sender is None:
        return _verdict(Reason.SENDER_NOT_A_MAILBOX)
    return _verdict(sealed_with_usable_keys(asked, encrypted_to, encrypted_to_subkey, signed_by))


def _inquiry(policy: Policy, keys: KeyIndex, question: SentCopyQuestion) -> Inquiry:
    """From the mailbox to itself."""
    asked = Question(
        direction=Direction.OUTBOUND,
        at=question.at,
        sender=question.mailbox,
        recipient=question.mailbox,
        own_domains=question.own_domains,
    )
    return Inquiry(policy, keys, asked)


def _verdict(reason: Reason) -> Verdict:
    return Verdict(reason=reason, rule=SENT_COPY_RULE)
