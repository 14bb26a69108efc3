"""The rules for a partner's message once it is opened, one pure function each.

What a signature that does not hold is wrapped around is not read: so the rules on
the signature come first, and then the others in the order of `Reason`. Replay is
not judged here; only the queue knows what has come before.
"""

from datetime import timedelta

from rorpost_gateway.decision import DeclaredUser, Position, Reason
from rorpost_gateway.policy.answers import Answer, Rule, rule_line
from rorpost_gateway.policy.content_rules import CONTENT_RULES, URGENT_RULE
from rorpost_gateway.policy.envelope_rules import sender_line
from rorpost_gateway.policy.message_inquiry import OpenedInquiry

FUTURE = timedelta(hours=1)  # how far a partner's clock may be ahead


def _signature_holds(asked: OpenedInquiry) -> Answer:
    early = asked.seal.signed_at > asked.question.at + FUTURE
    return Reason.SIGNATURE_INVALID if asked.seal.key_fault is not None or early else None


def _signer_is_accepted(asked: OpenedInquiry) -> Answer:
    return None if asked.seal.signer in asked.accepted_signers else Reason.SIGNER_MISMATCH


def _signer_line(asked: OpenedInquiry) -> Position | None:
    return asked.sender.keys[0].position if asked.sender and asked.sender.keys else None


def _headers_are_protected(asked: OpenedInquiry) -> Answer:
    fails = asked.rules.unprotected_headers_refused and not asked.seal.protected
    return Reason.HEADERS_NOT_PROTECTED if fails else None


def _user_is_declared(asked: OpenedInquiry) -> Answer:
    broken = any(not isinstance(each, DeclaredUser) for each in asked.statements)
    missing = asked.rules.inbound_user_required and not asked.statements
    return Reason.USER_NOT_DECLARED if broken or missing else None


def _sources_agree(asked: OpenedInquiry) -> Answer:
    named = {each.address for each in asked.statements if isinstance(each, DeclaredUser)}
    if named and not asked.submitted_here:
        # Whoever reads it sees "on behalf of" this person, whether or not Sender is a source here.
        named.update(address for address in asked.facts.sender if address not in asked.facts.authors)
    return Reason.USER_MISMATCH if len(named) > 1 else None


def _user_is_authorised(asked: OpenedInquiry) -> Answer:
    """A partner that lists nobody answers for its people itself: its word is taken."""
    mailbox = asked.sender
    if mailbox is None or not mailbox.users or asked.declared_user is None or asked.submitted_here:
        return None
    return None if asked.authorisations else Reason.USER_NOT_AUTHORISED


def _authorisation_is_valid(asked: OpenedInquiry) -> Answer:
    if not asked.authorisations or asked.submitted_here:
        return None
    return Reason.USER_NOT_VALID if asked.authorisation is None else None


def _authorisation_line(asked: OpenedInquiry) -> Position | None:
    if asked.authorisation is not None:
        return asked.authorisation.position
    ended = () if asked.submitted_here else asked.authorisations
    return ended[-1].position if ended else None


def _is_sealed_to_the_recipient(asked: OpenedInquiry) -> Answer:
    """Where nothing under the signature says whom it is for, the seal has to.

    All our mailboxes' keys are in one home: who cannot open a message could otherwise still
    have it delivered to another of them.
    """
    seal, recipient = asked.seal, asked.recipient
    if seal.protected:
        return None
    if recipient is None:
        return Reason.HIDDEN_RECIPIENT
    pinned = tuple(key.fingerprint for key in recipient.keys)
    its_own = asked.keys.is_for(seal.sealed_to, recipient.address, pinned)
    return None if its_own else Reason.HIDDEN_RECIPIENT


def _recipient_line(asked: OpenedInquiry) -> Position | None:
    return None if asked.seal.protected or asked.recipient is None else asked.recipient.position


def _outside_says_the_same(asked: OpenedInquiry) -> Answer:
    return asked.seal.outer_fault


def _is_not_too_old(asked: OpenedInquiry) -> Answer:
    late = asked.question.at - asked.seal.signed_at > asked.question.max_age
    return Reason.TOO_OLD if late else None


OPENED_RULES: tuple[Rule[OpenedInquiry], ...] = (
    Rule(reasons=(Reason.SIGNATURE_INVALID,), name="signature", check=_signature_holds),
    Rule(
        reasons=(Reason.SIGNER_MISMATCH,),
        name="mailboxes.key",
        check=_signer_is_accepted,
        position=_signer_line,
    ),
    Rule(
        reasons=(Reason.HEADERS_NOT_PROTECTED,),
        name="rules.unprotected_headers",
        check=_headers_are_protected,
        position=rule_line("unprotected_headers"),
    ),
    Rule(
        reasons=(Reason.USER_NOT_DECLARED,),
        name="rules.declared_user",
        check=_user_is_declared,
        position=rule_line("declared_user.inbound"),
    ),
    Rule(
        reasons=(Reason.USER_MISMATCH,),
        name="rules.declared_user",
        check=_sources_agree,
        position=rule_line("declared_user.sources"),
    ),
    Rule(
        reasons=(Reason.USER_NOT_AUTHORISED,),
        name="mailboxes.users",
        check=_user_is_authorised,
        position=sender_line,
    ),
    Rule(
        reasons=(Reason.USER_NOT_VALID,),
        name="mailboxes.users.valid_until",
        check=_authorisation_is_valid,
        position=_authorisation_line,
    ),
    Rule(
        reasons=(Reason.AUTHOR_MISMATCH, Reason.HIDDEN_RECIPIENT, Reason.HEADERS_NOT_PROTECTED),
        name="outer fields",
        check=_outside_says_the_same,
    ),
    Rule(
        reasons=(Reason.HIDDEN_RECIPIENT,),
        name="mailboxes.key",
        check=_is_sealed_to_the_recipient,
        position=_recipient_line,
    ),
    URGENT_RULE,
    *CONTENT_RULES,
    Rule(reasons=(Reason.TOO_OLD,), name="inbound.max_age", check=_is_not_too_old),
)
