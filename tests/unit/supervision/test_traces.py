"""What a message says of itself, whatever its header looks like."""

from datetime import UTC, datetime

import pytest

from rorpost_gateway.imap.base import Summary
from rorpost_gateway.supervision.base import Place
from rorpost_gateway.supervision.traces import trace_of

ID = "019dfd3a-3e00-7cc3-98c4-dc0c0c07398f"
VERIFIED = (
    f"X-Rorpost-Verified: yes; channel=x;\r\n sending-user=a@b.se;\r\n signed-by=AB;\r\n decision={ID}\r\n"
)


def found(header: str) -> tuple[str | None, str | None]:
    summary = Summary(
        uid=1, flags=frozenset(), arrived_at=datetime(2026, 5, 6, tzinfo=UTC), size=1, header=header.encode()
    )
    trace = trace_of(summary, mailbox="rorpost.a@b.se", place=Place.INBOX)
    return trace.decision_id, trace.message_id


def test_the_fields_as_this_gateway_writes_them() -> None:
    assert found(f"{VERIFIED}Message-ID: <1@x.se>\r\n\r\n") == (ID, "<1@x.se>")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", (None, None)),
        ("\r\n", (None, None)),
        ("message-id:\r\n <1@x.se> (a comment)\r\n\r\n", (None, "<1@x.se>")),
        ("Message-ID: <1@x.se>\r\nMESSAGE-ID: <2@x.se>\r\n\r\n", (None, None)),
        ("Message-ID: 1@x.se\r\n\r\n", (None, None)),
        ("Message-ID: <1@x.se> <2@x.se>\r\n\r\n", (None, None)),
        (f"{VERIFIED}{VERIFIED}\r\n", (None, None)),
        (f"X-Rorpost-Verified: no; decision={ID}x\r\n\r\n", (None, None)),
        (f"X-Rorpost-Verified: no; channel=decision={ID}\r\n\r\n", (None, None)),
        ("X-Rorpost-Verified\r\nåäö \x00\r\n:\r\n\r\n", (None, None)),
        (f"Subject: x\r\n X-Rorpost-Verified: yes; decision={ID}\r\n\r\n", (None, None)),
    ],
)
def test_what_is_not_said_clearly_is_not_said(header: str, expected: tuple[str | None, str | None]) -> None:
    assert found(header) == expected
