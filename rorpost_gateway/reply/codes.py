"""Reply code (RFC 5321) and enhanced status (RFC 3463) of each reason, in the order in which rules are tried.

Others rely on them; a site's own texts change none.
"""

from typing import NamedTuple

from rorpost_gateway.decision import Reason


class Status(NamedTuple):
    code: int
    enhanced: str


STATUSES: dict[Reason, Status] = {
    Reason.OK: Status(250, "2.0.0"),
    Reason.DUPLICATE: Status(250, "2.0.0"),
    Reason.TLS_REQUIRED: Status(530, "5.7.0"),
    Reason.LOGIN_REQUIRED: Status(530, "5.7.0"),
    Reason.LOGIN_FAILED: Status(535, "5.7.8"),
    Reason.CLIENT_NOT_ALLOWED: Status(550, "5.7.1"),
    Reason.SENDER_NOT_A_MAILBOX: Status(550, "5.7.1"),
    Reason.RECIPIENT_NOT_A_MAILBOX: Status(550, "5.1.1"),
    Reason.PAIR_NOT_ALLOWED: Status(550, "5.7.1"),
    Reason.CHANNEL_NOT_VALID: Status(550, "5.7.1"),
    Reason.KEY_MISSING: Status(550, "5.7.5"),
    Reason.KEY_EXPIRED: Status(550, "5.7.5"),
    Reason.KEY_REVOKED: Status(550, "5.7.5"),
    Reason.KEY_UNUSABLE: Status(550, "5.7.5"),
    Reason.USER_NOT_DECLARED: Status(550, "5.7.1"),
    Reason.USER_MISMATCH: Status(550, "5.7.1"),
    Reason.USER_NOT_AUTHORISED: Status(550, "5.7.1"),
    Reason.USER_NOT_VALID: Status(550, "5.7.1"),
    Reason.AUTHOR_MISMATCH: Status(550, "5.7.1"),
    Reason.HIDDEN_RECIPIENT: Status(550, "5.7.1"),
    Reason.OUTSIDE_RECIPIENT: Status(550, "5.7.1"),
    Reason.URGENT: Status(550, "5.7.1"),
    Reason.IDENTITY_NUMBER_IN_SUBJECT: Status(550, "5.7.1"),
    Reason.IDENTITY_NUMBER_IN_ATTACHMENT_NAME: Status(550, "5.7.1"),
    Reason.OUTSIDE_QUOTES: Status(550, "5.7.1"),
    Reason.ATTACHMENT_NOT_ALLOWED: Status(550, "5.7.1"),
    Reason.LEGAL_BASIS_MISSING: Status(550, "5.7.1"),
    Reason.MESSAGE_TOO_LARGE: Status(552, "5.3.4"),
    Reason.MESSAGE_MALFORMED: Status(550, "5.6.0"),
    Reason.MAIL_LOOP: Status(554, "5.4.6"),
    Reason.NOT_ENCRYPTED: Status(550, "5.7.5"),
    Reason.DECRYPTION_FAILED: Status(550, "5.7.5"),
    Reason.SIGNATURE_MISSING: Status(550, "5.7.5"),
    Reason.SIGNATURE_INVALID: Status(550, "5.7.5"),
    Reason.SIGNER_MISMATCH: Status(550, "5.7.5"),
    Reason.HEADERS_NOT_PROTECTED: Status(550, "5.7.5"),
    Reason.REPLAYED: Status(550, "5.7.1"),
    Reason.TOO_OLD: Status(550, "5.7.1"),
    Reason.TOO_MANY_RECIPIENTS: Status(452, "4.5.3"),
    Reason.TOO_MANY_CONNECTIONS: Status(421, "4.7.0"),
    Reason.SHUTTING_DOWN: Status(421, "4.3.2"),
    Reason.MESSAGE_TOO_COMPLEX: Status(550, "5.6.0"),
    Reason.GATEWAY_FAULT: Status(451, "4.3.0"),
    Reason.GATEWAY_FULL: Status(452, "4.3.1"),
}
