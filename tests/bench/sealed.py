"""A partner's messages, sealed before the clock runs: each another one, by pysequoia and our own wrapping."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pysequoia

from rorpost_gateway.message import parse_message
from rorpost_gateway.openpgp.armour import with_crlf
from rorpost_gateway.pgpmime import Added, Outer, protect, wrap
from tests.peers.gateway_world import BRINKEN, HOME_CARE, THEIRS
from tests.peers.gnupg_home import PreparedKeys, export_public, export_secret
from tests.peers.two_gateways import DORA

_LINE = b"0123456789" * 7 + b"abcdef\r\n"


class Partner:
    """Seals as Brinken to home care."""

    def __init__(self, keys: PreparedKeys) -> None:
        secret = pysequoia.Tsk.from_bytes(export_secret(keys.receiver_home, keys.receiver))
        self._signer = secret.signer()
        self._recipient = pysequoia.Cert.from_bytes(export_public(keys.receiver_home, keys.sender))
        self._made = 0

    def seal(self, octets: int) -> bytes:
        """The next message, whose body has that many octets; on the wire it has a third more."""
        self._made += 1
        now = datetime.now(tz=UTC).replace(microsecond=0)
        outer = Outer(
            author=BRINKEN,
            recipient=HOME_CARE,
            date=now,
            message_id=f"<{self._made:032x}@{THEIRS}>",
            hostname=f"gw.{THEIRS}",
            queue_id=f"{self._made:016d}",
            received_at=now,
        )
        added = Added(
            sending_user=DORA, channel="hemsjukvarden-brinken", salt=self._made.to_bytes(16), outer=outer
        )
        payload = protect(parse_message(_written(self._made, now, octets)), added)
        block = bytes(pysequoia.encrypt(payload, [self._recipient], self._signer))
        return wrap(with_crlf(block), outer)


def _written(number: int, now: datetime, octets: int) -> bytes:
    fields = (
        f"From: <{BRINKEN}>",
        f"To: <{HOME_CARE}>",
        "Subject: Hjalpmedel",
        f"Date: {format_datetime(now)}",
        f"Message-ID: <bench.{number}@ws17.{THEIRS}>",
        f"X-Rorpost-Sending-User: {DORA}",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        "",
    )
    whole = (_LINE * (octets // len(_LINE) + 1))[: octets - 2] + b"\r\n"
    return "\r\n".join(fields).encode("ascii") + whole
