"""Delivery status notifications: multipart/report, built from what the queue knows. Pure.

Invariants: nothing of content or subject can get in, since neither is an argument
and of the outer fields only harmless ones are copied; the same arguments make the
same octets, so that a notice built twice is one notice; the path is null and the
DSN says that it is automatic, so that nothing answers it.

RFC 3464 (delivery-status), RFC 6522 (multipart/report), RFC 3461 (NOTIFY, ENVID,
ORCPT), RFC 3834 (Auto-Submitted), RFC 2047 (Subject).
"""

import hashlib
import quopri
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

from rorpost_gateway.dsn.fields import date_time, encoded_words, folded, from_xtext, readable
from rorpost_gateway.dsn.text import Cause, Happened, Receiver, body, cause_of, subject
from rorpost_gateway.envelope import Notify
from rorpost_gateway.reply import Language, ascii_line

_SMTP_REPLY = re.compile(
    r"(?P<code>[2-5][0-9]{2})(?:[ -](?P<status>[245]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.]))?"
)
_OWN_FINDING = re.compile(r"(?P<status>[245]\.[0-9]{1,3}\.[0-9]{1,3}) ")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,900}>")
_OUTER_FIELDS = ("from", "to", "date", "message-id", "mime-version", "content-type")
_OUTER_SUBJECT = b"[...]"
_ACTIONS = {Happened.EXPIRED: "failed", Happened.HELD: "delayed"}
_WANTED_AS = {
    Happened.FAILED: Notify.FAILURE,
    Happened.EXPIRED: Notify.FAILURE,
    Happened.DELAYED: Notify.DELAY,
    Happened.HELD: Notify.DELAY,
    Happened.RELAYED: Notify.SUCCESS,
}


@dataclass(frozen=True, kw_only=True)
class Reported:
    """The message a DSN is about. `outer` is the sealed message, or its header block alone."""

    queue_id: str  # empty for a message that was never queued
    sender: str  # the function mailbox that the DSN goes to
    received_at: float  # seconds since the epoch, UTC
    message_id: str | None  # the inner one, with its angle brackets, for threading
    envid: str | None  # the client's, xtext as received
    outer: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """One recipient it happened to. `reply` is a line as smtp_client/base.py describes."""

    address: str
    unit: str | None
    phone: str | None
    original_recipient: str | None = None  # addr-type;xtext, as received
    reply: str | None = None
    next_hop: str | None = None  # host:port
    last_attempt_at: float | None = None


def wanted(notify: Collection[Notify] | None, happened: Happened) -> bool:
    """Whether the sender wants to hear of this (RFC 3461, section 4.1).

    Who said nothing hears of failures and delays.
    """
    if notify is None:
        return happened is not Happened.RELAYED
    if happened is Happened.HELD and Notify.FAILURE in notify:
        return True  # nothing ends a hold but an operator: for who sent it, that may well be the end of it
    return _WANTED_AS[happened] in notify


def build_dsn(
    *,
    happened: Happened,
    reported: Reported,
    recipients: Sequence[Recipient],
    hostname: str,
    now: float,
    zone: tzinfo,
    language: Language,
    retry_until: float | None = None,
) -> bytes:
    """The whole message, CRLF line ends. `recipients` are only those it happened to."""
    identity = _identity(happened, reported, recipients)
    boundary = f"=_rorpost_{identity}"
    receivers = [_receiver(happened, recipient) for recipient in recipients]
    parts = (
        _text_part(happened, reported, receivers, zone, language, retry_until),
        _status_part(happened, reported, recipients, hostname, zone, retry_until),
        _header_part(reported.outer),
    )
    head = folded(
        [
            ("Date", date_time(now, zone)),
            ("From", f"{encoded_words('Rörposten')} <MAILER-DAEMON@{hostname}>"),
            ("To", f"<{reported.sender}>"),
            ("Message-ID", f"<dsn.{identity}@{hostname}>"),
            *_threading(reported.message_id),
        ]
    )
    head += f"Subject: {encoded_words(subject(happened, receivers, language), first=9)}\r\n".encode("ascii")
    head += folded(
        [
            ("Auto-Submitted", "auto-replied"),
            ("MIME-Version", "1.0"),
            ("Content-Type", f'multipart/report; report-type=delivery-status; boundary="{boundary}"'),
        ]
    )
    delimiter = f"--{boundary}\r\n".encode("ascii")
    return (
        head
        + b"\r\n"
        + b"".join(delimiter + part + b"\r\n" for part in parts)
        + f"--{boundary}--\r\n".encode("ascii")
    )


def message_ids(queue_id: str, recipient: str, *, hostname: str) -> frozenset[str]:
    """What DSNs about this one recipient of a queued message are called, whatever happened to it."""
    return frozenset(f"<dsn.{_digest(each, queue_id, [recipient])}@{hostname}>" for each in Happened)


def status_of(happened: Happened, reply: str | None) -> str:
    """The enhanced status code (RFC 3463) of what happened.

    Its class follows the action: a 550 that is tried again is 4, a time that ran
    out is 4.4.7, whatever the last reply was.
    """
    fixed = {Happened.EXPIRED: "4.4.7", Happened.HELD: "4.7.0"}.get(happened)
    if fixed is not None:
        return fixed
    match = _SMTP_REPLY.match(reply or "") or _OWN_FINDING.match(reply or "")
    found = match["status"] if match else None
    first = {Happened.FAILED: "5", Happened.DELAYED: "4", Happened.RELAYED: "2"}[happened]
    return first + (found[1:] if found else ".0.0")


def _receiver(happened: Happened, recipient: Recipient) -> Receiver:
    return Receiver(
        address=recipient.address,
        unit=recipient.unit,
        phone=recipient.phone,
        cause=_cause(happened, recipient.reply),
        said=recipient.reply,
    )


def _cause(happened: Happened, reply: str | None) -> Cause:
    if reply is None:
        return Cause.UNKNOWN
    # For a time that ran out, the cause is what the last attempt was told.
    status = status_of(Happened.DELAYED if happened is Happened.EXPIRED else happened, reply)
    return cause_of(status, own_finding=_OWN_FINDING.match(reply) is not None)


def _text_part(
    happened: Happened,
    reported: Reported,
    receivers: Sequence[Receiver],
    zone: tzinfo,
    language: Language,
    retry_until: float | None,
) -> bytes:
    text = body(
        happened,
        receivers,
        language,
        sent=readable(reported.received_at, zone),
        until=readable(retry_until, zone) if retry_until is not None else "?",
        queue_id=reported.queue_id,
    )
    encoded = quopri.encodestring(text.encode("utf-8")).replace(b"\n", b"\r\n")
    return (
        b'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
        + encoded
    )


def _status_part(
    happened: Happened,
    reported: Reported,
    recipients: Sequence[Recipient],
    hostname: str,
    zone: tzinfo,
    retry_until: float | None,
) -> bytes:
    per_message = [("Reporting-MTA", f"dns; {hostname}")]
    envid = from_xtext(reported.envid)
    if envid:
        per_message.insert(0, ("Original-Envelope-Id", envid))
    per_message.append(("Arrival-Date", date_time(reported.received_at, zone)))
    blocks = [folded(per_message)]
    blocks += [folded(_recipient_fields(happened, r, zone, retry_until)) for r in recipients]
    return b"Content-Type: message/delivery-status\r\n\r\n" + b"\r\n".join(blocks)


def _recipient_fields(
    happened: Happened, recipient: Recipient, zone: tzinfo, retry_until: float | None
) -> list[tuple[str, str]]:
    fields = []
    kind, _, original = (recipient.original_recipient or "").partition(";")
    decoded = from_xtext(original)
    if kind and decoded:
        fields.append(("Original-Recipient", f"{kind}; {decoded}"))
    fields.append(("Final-Recipient", f"rfc822; {recipient.address}"))
    fields.append(("Action", _ACTIONS.get(happened, happened.value)))
    fields.append(("Status", status_of(happened, recipient.reply)))
    if recipient.reply and happened is not Happened.HELD:
        if _SMTP_REPLY.match(recipient.reply):
            if recipient.next_hop:
                fields.append(("Remote-MTA", f"dns; {recipient.next_hop.rpartition(':')[0]}"))
            fields.append(("Diagnostic-Code", f"smtp; {ascii_line(recipient.reply)}"))
        else:
            fields.append(("Diagnostic-Code", f"X-Rorpost; {ascii_line(recipient.reply)}"))
    if recipient.last_attempt_at is not None:
        fields.append(("Last-Attempt-Date", date_time(recipient.last_attempt_at, zone)))
    if happened is Happened.DELAYED and retry_until is not None:
        fields.append(("Will-Retry-Until", date_time(retry_until, zone)))
    return fields


def _header_part(outer: bytes) -> bytes:
    """Outer fields that tell nothing; a Subject only where it is the outer one of a sealed message."""
    head = outer.partition(b"\r\n\r\n")[0]
    kept = []
    for unfolded in re.split(rb"\r\n(?![ \t])", head):
        name, _, value = unfolded.partition(b":")
        known = name.lower().decode("ascii", "replace") in _OUTER_FIELDS
        harmless = known or (name.lower() == b"subject" and value.strip() == _OUTER_SUBJECT)
        if harmless and unfolded.isascii():
            kept.append(unfolded + b"\r\n")
    return b"Content-Type: text/rfc822-headers\r\n\r\n" + b"".join(kept)


def _identity(happened: Happened, reported: Reported, recipients: Sequence[Recipient]) -> str:
    reported_as = reported.queue_id or f"{reported.message_id} {reported.received_at}"
    return _digest(happened, reported_as, [recipient.address for recipient in recipients])


def _digest(happened: Happened, reported_as: str, recipients: Sequence[str]) -> str:
    words = [happened.value, reported_as, *sorted(recipients)]
    return hashlib.sha256("\n".join(words).encode("utf-8")).hexdigest()[:32]


def _threading(message_id: str | None) -> list[tuple[str, str]]:
    if message_id is None or not _MESSAGE_ID.fullmatch(message_id):
        return []
    return [("In-Reply-To", message_id), ("References", message_id)]
