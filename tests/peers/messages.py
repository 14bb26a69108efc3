"""Messages for tests: built from lines, and the outside and the added fields of a copy."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from rorpost_gateway.pgpmime import Added, Outer

SENDER = "rorpost.hemsjukvarden@motala.se"
RECEIVER = "rorpost.vcbrinken@regionostergotland.se"
USER = "anna.berg@motala.se"
HOSTNAME = "gw.motala.se"
CORPUS = sorted((Path(__file__).parents[1] / "golden" / "corpus").glob("*.eml"))
SUMMER = timezone(timedelta(hours=2))


def octets_of(*lines: str, body: bytes | None = b"hej\r\n") -> bytes:
    """A message of these header lines, and a body unless it is None."""
    header = "".join(f"{line}\r\n" for line in lines).encode("ascii")
    return header if body is None else header + b"\r\n" + body


def outer(**changes: object) -> Outer:
    values: dict[str, object] = {
        "author": SENDER,
        "recipient": RECEIVER,
        "date": datetime(2026, 5, 6, 8, 0, tzinfo=SUMMER),
        "message_id": "<0123456789abcdef0123456789abcdef@motala.se>",
        "hostname": HOSTNAME,
        "queue_id": "4fX2k0ABCDEF",
        "received_at": datetime(2026, 5, 6, 6, 0, 1, tzinfo=UTC),
    }
    return Outer(**(values | changes))  # type: ignore[arg-type]


def added(**changes: object) -> Added:
    values: dict[str, object] = {
        "sending_user": USER,
        "channel": "hemsjukvarden-brinken",
        "salt": bytes(range(16)),
        "outer": outer(),
    }
    return Added(**(values | changes))  # type: ignore[arg-type]
