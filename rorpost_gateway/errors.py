"""The kinds of trouble this gateway names.

Every error has a *public* text, which a peer may read, and a *private* reason,
which only the operator's log sees. Neither ever holds content, a subject, an
identity number or a secret. Whatever is not one of these is unforeseen: the
peer hears `451 4.3.0` and nothing else.
"""


class GatewayError(Exception):
    """Base of all named errors.

    `public` is one line that may be shown to the peer; `private` is for the log.
    """

    def __init__(self, public: str, *, private: str = "") -> None:
        super().__init__(private or public)
        self.public = public
        self.private = private or public


class AddressMalformed(GatewayError):
    """An envelope path or a mailbox that does not follow the grammar (RFC 5321, section 4.1.2)."""


class MessageMalformed(GatewayError):
    """A message that cannot be read without guessing.

    `close` says that the peer's idea of line ends is not ours (bare CR or LF),
    so that the connection must not be used any further (SMTP smuggling, 2023).
    """

    def __init__(self, public: str, *, private: str = "", close: bool = False) -> None:
        super().__init__(public, private=private)
        self.close = close


class MessageTooComplex(GatewayError):
    """MIME deeper, or with more parts, than is bounded."""


class ConfigurationInvalid(GatewayError):
    """Configuration or policy that must not be used; its text lists every finding."""


class SealingFailed(GatewayError):
    """The OpenPGP engine failed, or what it made is not what it claims to be."""


class LogUnavailable(GatewayError):
    """A decision line could not be made durable; nothing may be answered that needs it."""


class LogDamaged(GatewayError):
    """An existing decision log does not hold; `private` names file, line and entry number."""


class QueueFull(GatewayError):
    """The store has no room; the peer hears `452 4.3.1`."""


class QueueUnavailable(GatewayError):
    """The store cannot be written or read for another reason."""


class SealSeen(GatewayError):
    """The same signed content came before, to the same recipient: nothing was queued."""


class NotFound(GatewayError):
    """An operator asked for a queue entry, a key or a user that does not exist."""


class SealedTooLarge(GatewayError):
    """Sealed, the message is larger than the recipient's next hop takes."""

    def __init__(self, recipient: str) -> None:
        super().__init__("the sealed message is too large", private=f"sealed too large for {recipient}")
        self.recipient = recipient


class LoginsBusy(GatewayError):
    """Too many logins are being checked at once; the client hears `454 4.7.0`."""
