"""Delivery into a mail store over LMTP (RFC 2033), such as Dovecot's.

Better than SMTP where it can be had: the store answers for the mailbox itself, so
that one over quota, or not there, is known before the gateway lets go of the copy.
Everything else is as in `smtp`.
"""

from rorpost_gateway.delivery.smtp import SmtpDelivery
from rorpost_gateway.smtp_client.base import MailProtocol


class LmtpDelivery(SmtpDelivery):
    """See `base.Delivery`. The route may name a Unix socket."""

    protocol = MailProtocol.LMTP
