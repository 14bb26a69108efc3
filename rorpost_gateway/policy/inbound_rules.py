"""The rules for a partner's message once it is opened, one pure function each.

What a signature that does not hold is wrapped around is not read: so the rules on
the signature come first, and then the others in the order of `Reason`. Replay is
not judged here; only the queue knows what has come before.
"""

from datetime import timedelta

from rorpost_gateway.decision import DeclaredUser, Reason
from rorpost_gateway.facts import SealFacts
from rorpost_gateway.policy.answers import Answer, Rule, answer
from rorpost_gateway.policy.content_rules import attachments_are_allowed, quotes_stay_inside
from rorpost_gateway.policy.inquiry import Inquiry

FUTURE = timedelta(hours=1)  # how far a partner's clock may be ahead


def _seal(asked: Inquiry) -> SealFacts:
    seal = asked.question.seal
    if seal is None:
        raise ValueError("an inbound rule without a seal")
    return seal


def _signature_holds(asked: Inquiry) -> Answer:
    seal = _seal(asked)
    early = seal.signed_at > asked.question.at + FUTURE
    return answer(Reason.SIGNATURE_INVALID, None, fails=seal.key_fault is not None or early)


def _signer_is_accepted(asked: Inquiry) -> Answer:
    mailbox = asked.sender
    position = mailbox.keys[0].position if mailbox and mailbox.keys else None
    return answer(Reason.SIGNER_MISMATCH, position, fails=_seal(asked).signer not in asked.accepted_signers)


def _headers_are_protected(asked: Inquiry) -> Answer:
    position = asked.rules.positions.get("unprotected_headers")
    fails = asked.rules.unprotected_headers_refused and not _seal(asked).protected
    return answer(Reason.HEADERS_NOT_PROTECTED, position, fails=fails)


def _user_is_declared(asked: Inquiry) -> Answer:
    position = asked.rules.positions.get("declared_user.inbound")
    broken = any(not isinstance(each, DeclaredUser) for each in asked.statements)
    missing = asked.rules.inbound_user_required and not asked.statements
    return answer(Reason.USER_NOT_DECLARED, position, fails=broken or missing)


def _sources_agree(asked: Inquiry) -> Answer:
    named = {each.address for each in asked.statements if isinstance(each, DeclaredUser)}
    if named and not asked.submitted_here:
        # Whoever reads it sees "on behalf of" this person, whether or not Sender is a source here.
        named.update(address for address in asked.facts.sender if address not in asked.facts.authors)
    return answer(
        Reason.USER_MISMATCH, asked.rules.positions.get("declared_user.sources"), fails=len(named) > 1
    )


def _user_is_authorised(asked: Inquiry) -> Answer:
    """A partner that lists nobody answers for its people itself: its word is taken."""
    mailbox = asked.sender
    if mailbox is None or not mailbox.users or asked.declared_user is None or asked.submitted_here:
        return Answer(Reason.OK, mailbox.position if mailbox else None)
    return answer(Reason.USER_NOT_AUTHORISED, mailbox.position, fails=not asked.authorisations)


def _authorisation_is_valid(asked: Inquiry) -> Answer:
    listed = asked.authorisations
    valid = next((period for period in listed if period.in_force(asked.day)), None)
    if not listed or valid is not None or asked.submitted_here:
        return Answer(Reason.OK, valid.position if valid else None)
    return Answer(Reason.USER_NOT_VALID, listed[-1].position)


def _is_sealed_to_the_recipient(asked: Inquiry) -> Answer:
    """Where nothing under the signature says whom it is for, the seal has to.

    All our mailboxes' keys are in one home: who cannot open a message could otherwise still
    have it delivered to another of them.
    """
    seal, recipient = _seal(asked), asked.recipient
    if seal.protected:
        return Answer(Reason.OK)
    if recipient is None:
        return Answer(Reason.HIDDEN_RECIPIENT)
    pinned = tuple(key.fingerprint for key in recipient.keys)
    fails = not asked.keys.is_for(seal.sealed_to, recipient.address, pinned)
    return answer(Reason.HIDDEN_RECIPIENT, recipient.position, fails=fails)


def _outside_says_the_same(asked: Inquiry) -> Answer:
    return Answer(_seal(asked).outer_fault or Reason.OK)


def _is_not_urgent(asked: Inquiry) -> Answer:
    urgent = asked.rules.urgent_refused and asked.facts.urgent
    return answer(Reason.URGENT, asked.rules.positions.get("urgent"), fails=urgent)


def _legal_basis_is_stated(asked: Inquiry) -> Answer:
    missing = asked.rules.legal_basis is not None and asked.legal_basis is None
    return answer(Reason.LEGAL_BASIS_MISSING, asked.rules.positions.get("legal_basis"), fails=missing)


def _is_not_too_old(asked: Inquiry) -> Answer:
    late = asked.question.at - _seal(asked).signed_at > asked.question.max_age
    return answer(Reason.TOO_OLD, None, fails=late)


OPENED_RULES = (
    Rule(reasons=(Reason.SIGNATURE_INVALID,), name="signature", check=_signature_holds),
    Rule(reasons=(Reason.SIGNER_MISMATCH,), name="mailboxes.key", check=_signer_is_accepted),
    Rule(
        reasons=(Reason.HEADERS_NOT_PROTECTED,),
        name="rules.unprotected_headers",
        check=_headers_are_protected,
    ),
    Rule(reasons=(Reason.USER_NOT_DECLARED,), name="rules.declared_user", check=_user_is_declared),
    Rule(reasons=(Reason.USER_MISMATCH,), name="rules.declared_user", check=_sources_agree),
    Rule(reasons=(Reason.USER_NOT_AUTHORISED,), name="mailboxes.users", check=_user_is_authorised),
    Rule(reasons=(Reason.USER_NOT_VALID,), name="mailboxes.users.valid_until", check=_authorisation_is_valid),
    Rule(
        reasons=(Reason.AUTHOR_MISMATCH, Reason.HIDDEN_RECIPIENT, Reason.HEADERS_NOT_PROTECTED),
        name="outer fields",
        check=_outside_says_the_same,
    ),
    Rule(reasons=(Reason.HIDDEN_RECIPIENT,), name="mailboxes.key", check=_is_sealed_to_the_recipient),
    Rule(reasons=(Reason.URGENT,), name="rules.urgent", check=_is_not_urgent),
    Rule(reasons=(Reason.OUTSIDE_QUOTES,), name="rules.outside_quotes", check=quotes_stay_inside),
    Rule(reasons=(Reason.ATTACHMENT_NOT_ALLOWED,), name="rules.attachments", check=attachments_are_allowed),
    Rule(reasons=(Reason.LEGAL_BASIS_MISSING,), name="rules.legal_basis", check=_legal_basis_is_stated),
    Rule(reasons=(Reason.TOO_OLD,), name="inbound.max_age", check=_is_not_too_old),
)
