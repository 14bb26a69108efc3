"""The whole of a mail that the gateway writes to a person by itself, and not about a message. Pure.

Invariants: the header is ASCII; the same arguments make the same octets; it says that it is automatic, so
that nothing answers it. It is to be sent with the null path.

RFC 5322; RFC 2047 (Subject, From); RFC 3834 (Auto-Submitted); RFC 2045, section 6.7 (quoted-printable).
"""

import hashlib
import quopri
from datetime import datetime, tzinfo

from rorpost_gateway.address import domain_of
from rorpost_gateway.dsn.fields import date_time, encoded_words, folded


def automatic_message(
    *, sender: str, recipient: str, subject: str, message_id: str, text: str, now: datetime, zone: tzinfo
) -> bytes:
    """CRLF line ends; `now` is aware. `text` has its lines ended by a bare line feed."""
    head = folded(
        [
            ("Date", date_time(now.timestamp(), zone)),
            ("From", f"{encoded_words('Rörposten')} <{sender}>"),
            ("To", f"<{recipient}>"),
            ("Message-ID", message_id),
        ]
    )
    head += f"Subject: {encoded_words(subject, first=9)}\r\n".encode("ascii")
    head += folded(
        [
            ("Auto-Submitted", "auto-generated"),
            ("MIME-Version", "1.0"),
            ("Content-Type", 'text/plain; charset="utf-8"'),
            ("Content-Transfer-Encoding", "quoted-printable"),
        ]
    )
    return head + b"\r\n" + quopri.encodestring(text.encode("utf-8")).replace(b"\n", b"\r\n")


def message_id_of(kind: str, about: str, *, sender: str) -> str:
    """The same for the same words, so that what is sent again is known as the same one."""
    return f"<{kind}.{hashlib.sha256(about.encode('utf-8')).hexdigest()[:32]}@{domain_of(sender)}>"


def one_line(name: str) -> str:
    """A name as it may stand in a header field or a line of text."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())


def with_address(name: str, address: str) -> str:
    """Whom it is about, in one line; a mailbox without a name of its own is named by its address."""
    name = one_line(name)
    return address if name == address else f"{name} <{address}>"
