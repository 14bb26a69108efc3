"""From what went wrong to an outcome: pure.

A 5xx counts as permanent only where it answers this message's own transaction.
Before that (greeting, EHLO, STARTTLS, AUTH) it says something of the two servers,
which an operator can mend, so the message waits (RFC 5321, sections 4.2.1 and 4.5.4).
"""

import re
import socket
import ssl

from rorpost_gateway.reply import ascii_line
from rorpost_gateway.smtp_client.base import Attempt, Deferred, Failed, Relayed

_X509_HAS_EXPIRED = 10
_X509_NOT_YET_VALID = 9
_X509_SELF_SIGNED = (18, 19)
_X509_NO_ISSUER = (2, 20, 21)
_X509_NAME_MISMATCH = (62, 64)
_AUTHENTICATION_REQUIRED = 530
_WHITE_SPACE = re.compile(r"[ \t\r\n]+")


class AttemptEnded(Exception):
    """Carries an outcome from where it was found to where it is returned."""

    def __init__(self, outcome: Attempt, *, usable: bool = False) -> None:
        super().__init__(outcome.reply)
        self.outcome = outcome
        self.usable = usable  # whether the connection may carry another transaction


def reply_line(code: int, text: str) -> str:
    """The next hop's reply, of however many lines, as one line of printable ASCII."""
    return ascii_line(f"{code} {_WHITE_SPACE.sub(' ', text)}".rstrip())


def own_line(status: str, text: str) -> str:
    """A finding of this gateway's own: enhanced status code and text."""
    return ascii_line(f"{status} {text}")


def is_reply_code(code: int) -> bool:
    return 200 <= code <= 599


def of_session(step: str, code: int, text: str, next_hop: str) -> Deferred:
    """What a refusal outside a transaction means, whatever its first digit: our two servers disagree.

    It is told as a finding of ours, so that a 554 to EHLO is not read as an answer about a recipient.
    """
    status = {"AUTH": "4.7.0", "STARTTLS": "4.7.4"}.get(step, "4.3.2")
    if code < 400 or not is_reply_code(code):
        return garbage(next_hop, step)
    refused = f"{next_hop} refused {step}: {reply_line(code, text)}"
    return Deferred(reply=own_line(status, refused), next_hop=next_hop)


def of_transaction(code: int, text: str, next_hop: str) -> Deferred | Failed:
    """What a refusal of MAIL, RCPT, DATA or the message itself means.

    530 asks for a login or for TLS, which no sender can mend: it is deferred.
    """
    line = reply_line(code, text)
    if 500 <= code <= 599 and code != _AUTHENTICATION_REQUIRED:
        return Failed(reply=line, next_hop=next_hop)
    return Deferred(reply=line, next_hop=next_hop)


def of_acceptance(code: int, text: str, next_hop: str, *, notify_taken: bool) -> Relayed:
    return Relayed(reply=reply_line(code, text), next_hop=next_hop, notify_taken=notify_taken)


def garbage(next_hop: str, step: str) -> Deferred:
    return Deferred(
        reply=own_line("4.5.0", f"{next_hop} does not speak SMTP: unreadable reply to {step}"),
        next_hop=next_hop,
    )


def cut(next_hop: str, step: str) -> Deferred:
    return Deferred(reply=own_line("4.4.2", f"{next_hop} closed the connection at {step}"), next_hop=next_hop)


def silent(next_hop: str, step: str) -> Deferred:
    return Deferred(reply=own_line("4.4.2", f"{next_hop} did not answer {step} in time"), next_hop=next_hop)


def unreachable(next_hop: str, fault: BaseException | None) -> Deferred:
    """DNS and connection faults."""
    if isinstance(fault, socket.gaierror | UnicodeError):
        found = own_line("4.4.3", f"the name of {next_hop} cannot be resolved")
    elif isinstance(fault, ConnectionRefusedError):
        found = own_line("4.4.1", f"{next_hop} refused the connection")
    elif isinstance(fault, TimeoutError):
        found = own_line("4.4.1", f"{next_hop} did not answer in time")
    elif isinstance(fault, FileNotFoundError):
        found = own_line("4.4.1", f"there is no socket {next_hop}")
    elif isinstance(fault, PermissionError):
        found = own_line("4.4.1", f"this gateway may not connect to {next_hop}")
    else:
        found = own_line("4.4.1", f"{next_hop} cannot be reached")
    return Deferred(reply=found, next_hop=next_hop)


def of_tls_fault(fault: ssl.SSLError, next_hop: str, host: str) -> Deferred:
    """Why the handshake failed, said so that the one who can mend it knows what to mend."""
    if isinstance(fault, ssl.SSLCertVerificationError):
        text = _certificate_fault(fault.verify_code, host)
    else:
        text = f"the handshake failed ({(fault.reason or 'no reason given').lower()})"
    return Deferred(reply=own_line("4.7.5", f"TLS to {next_hop}: {text}"), next_hop=next_hop)


def of_tls_cut(next_hop: str) -> Deferred:
    text = f"TLS to {next_hop}: the handshake failed (the next hop broke it off)"
    return Deferred(reply=own_line("4.7.5", text), next_hop=next_hop)


def _certificate_fault(verify_code: int, host: str) -> str:
    if verify_code == _X509_HAS_EXPIRED:
        return "its certificate has expired"
    if verify_code == _X509_NOT_YET_VALID:
        return "its certificate is not valid yet"
    if verify_code in _X509_SELF_SIGNED:
        return "its certificate is self-signed and not trusted here"
    if verify_code in _X509_NO_ISSUER:
        return "its certificate comes from an authority that is not trusted here"
    if verify_code in _X509_NAME_MISMATCH:
        return f"its certificate is not for the name {host}"
    return f"its certificate cannot be verified (X.509 error {verify_code})"
