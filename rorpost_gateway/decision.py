"""What can be decided of a message, and the words for it. Frozen, no I/O."""

from dataclasses import dataclass
from enum import StrEnum


class Direction(StrEnum):
    OUTBOUND = "outbound"
    INBOUND = "inbound"


class Action(StrEnum):
    ACCEPT = "accept"
    REJECT = "reject"
    DEFER = "defer"


class DeclaredBy(StrEnum):
    """Where the sending user was stated."""

    HEADER = "header"
    SENDER = "sender"
    LOGIN = "login"
    SIGNATURE = "signature"


class Reason(StrEnum):
    """Every outcome, in the order in which rules are tried (the first two are no rules)."""

    OK = "ok"
    DUPLICATE = "duplicate"
    TLS_REQUIRED = "tls-required"
    LOGIN_REQUIRED = "login-required"
    LOGIN_FAILED = "login-failed"
    CLIENT_NOT_ALLOWED = "client-not-allowed"
    SENDER_NOT_A_MAILBOX = "sender-not-a-mailbox"
    RECIPIENT_NOT_A_MAILBOX = "recipient-not-a-mailbox"
    PAIR_NOT_ALLOWED = "pair-not-allowed"
    CHANNEL_NOT_VALID = "channel-not-valid"
    KEY_MISSING = "key-missing"
    KEY_EXPIRED = "key-expired"
    KEY_REVOKED = "key-revoked"
    KEY_UNUSABLE = "key-unusable"
    USER_NOT_DECLARED = "user-not-declared"
    USER_MISMATCH = "user-mismatch"
    USER_NOT_AUTHORISED = "user-not-authorised"
    USER_NOT_VALID = "user-not-valid"
    AUTHOR_MISMATCH = "author-mismatch"
    HIDDEN_RECIPIENT = "hidden-recipient"
    OUTSIDE_RECIPIENT = "outside-recipient"
    URGENT = "urgent"
    IDENTITY_NUMBER_IN_SUBJECT = "identity-number-in-subject"
    IDENTITY_NUMBER_IN_ATTACHMENT_NAME = "identity-number-in-attachment-name"
    OUTSIDE_QUOTES = "outside-quotes"
    ATTACHMENT_NOT_ALLOWED = "attachment-not-allowed"
    LEGAL_BASIS_MISSING = "legal-basis-missing"
    MESSAGE_TOO_LARGE = "message-too-large"
    MESSAGE_MALFORMED = "message-malformed"
    MAIL_LOOP = "mail-loop"
    NOT_ENCRYPTED = "not-encrypted"
    DECRYPTION_FAILED = "decryption-failed"
    SIGNATURE_MISSING = "signature-missing"
    SIGNATURE_INVALID = "signature-invalid"
    SIGNER_MISMATCH = "signer-mismatch"
    HEADERS_NOT_PROTECTED = "headers-not-protected"
    REPLAYED = "replayed"
    TOO_OLD = "too-old"
    TOO_MANY_RECIPIENTS = "too-many-recipients"
    TOO_MANY_CONNECTIONS = "too-many-connections"
    SHUTTING_DOWN = "shutting-down"
    MESSAGE_TOO_COMPLEX = "message-too-complex"
    GATEWAY_FAULT = "gateway-fault"
    GATEWAY_FULL = "gateway-full"


SENT_COPY_RULE = "delivery.sent_copy"  # `rule` of every line about a copy for a Sent folder


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """A place in a configuration or policy file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredUser:
    """The human sender, and how the gateway came to know."""

    address: str
    declared_by: DeclaredBy


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyChoice:
    """A key that may be used now: full upper-case hex fingerprints.

    `subkey` does the work (it may be the primary itself).
    """

    primary: str
    subkey: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What the policy says of one recipient, and by what.

    `reason` is OK or the first rule that failed. `rule` names the rule that
    decided (its key in the policy file, such as `rules.urgent` or `channels`),
    `position` the line of YAML behind it. `because_of` is the recipient whose
    refusal after DATA refused the whole message, where that is another one.
    """

    reason: Reason
    rule: str
    position: Position | None = None
    channel: str | None = None
    phone: str | None = None  # of the receiving unit
    declared_user: DeclaredUser | None = None
    legal_basis: str | None = None
    seal_to: KeyChoice | None = None
    sign_with: KeyChoice | None = None
    because_of: str | None = None

    @property
    def accepted(self) -> bool:
        return self.reason is Reason.OK
