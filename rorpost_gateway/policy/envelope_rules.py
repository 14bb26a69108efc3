"""The rules on an envelope, one pure function each: may the one mailbox write to the other at all?

They ask nothing of the message, and hold in both directions; the one on keys is for what is sealed here.
"""

from rorpost_gateway.decision import KeyChoice, Position, Reason
from rorpost_gateway.policy.answers import Answer, Rule
from rorpost_gateway.policy.inquiry import Inquiry


def _sender_is_a_mailbox(asked: Inquiry) -> Answer:
    return Reason.SENDER_NOT_A_MAILBOX if asked.sender is None else None


def sender_line(asked: Inquiry) -> Position | None:
    return asked.sender.position if asked.sender else None


def _recipient_is_a_mailbox(asked: Inquiry) -> Answer:
    return Reason.RECIPIENT_NOT_A_MAILBOX if asked.recipient is None else None


def _recipient_line(asked: Inquiry) -> Position | None:
    return asked.recipient.position if asked.recipient else None


def _pair_is_allowed(asked: Inquiry) -> Answer:
    return Reason.PAIR_NOT_ALLOWED if asked.channel is None else None


def _channel_line(asked: Inquiry) -> Position | None:
    return asked.channel.position if asked.channel else None


def _channel_is_valid(asked: Inquiry) -> Answer:
    valid = asked.channel is not None and asked.channel.in_force(asked.day)
    return None if valid else Reason.CHANNEL_NOT_VALID


def _validity_line(asked: Inquiry) -> Position | None:
    return asked.channel.validity_position if asked.channel else None


def _keys_are_usable(asked: Inquiry) -> Answer:
    for choice in (asked.seal_to, asked.sign_with):
        if not isinstance(choice, KeyChoice):
            return choice
    return None


def _key_line(asked: Inquiry) -> Position | None:
    for mailbox, choice in ((asked.recipient, asked.seal_to), (asked.sender, asked.sign_with)):
        if not isinstance(choice, KeyChoice):
            pins = mailbox.keys if mailbox else ()
            return pins[0].position if pins else mailbox.position if mailbox else None
    pins = asked.recipient.keys if asked.recipient else ()
    return pins[0].position if pins else None


PAIR_RULES: tuple[Rule[Inquiry], ...] = (
    Rule(
        reasons=(Reason.SENDER_NOT_A_MAILBOX,),
        name="mailboxes",
        check=_sender_is_a_mailbox,
        position=sender_line,
    ),
    Rule(
        reasons=(Reason.RECIPIENT_NOT_A_MAILBOX,),
        name="mailboxes",
        check=_recipient_is_a_mailbox,
        position=_recipient_line,
    ),
    Rule(reasons=(Reason.PAIR_NOT_ALLOWED,), name="channels", check=_pair_is_allowed, position=_channel_line),
    Rule(
        reasons=(Reason.CHANNEL_NOT_VALID,),
        name="channels.valid_until",
        check=_channel_is_valid,
        position=_validity_line,
    ),
)

KEY_RULE: Rule[Inquiry] = Rule(
    reasons=(Reason.KEY_MISSING, Reason.KEY_EXPIRED, Reason.KEY_REVOKED, Reason.KEY_UNUSABLE),
    name="mailboxes.key",
    check=_keys_are_usable,
    position=_key_line,
)

ENVELOPE_RULES: tuple[Rule[Inquiry], ...] = (*PAIR_RULES, KEY_RULE)
"""Tried at RCPT, outbound."""
