"""What the partner brings: sealed by the plain `gpg` command, sound and otherwise.

The same signed content can be sealed more than once, in another envelope each time:
the gateway must take one of them.
"""

from rorpost_gateway.message import parse_message
from rorpost_gateway.pgpmime import Added, Outer, protect, wrap
from tests.peers.gateway_world import BRINKEN, HOME_CARE, THEIRS
from tests.peers.gnupg_home import PreparedKeys, gpg
from tests.peers.openpgp_messages import under_encryption
from tests.peers.two_gateways import DORA
from tests.torture.traffic import BEGAN, Kind, Planned


def sealings(keys: PreparedKeys, planned: Planned, count: int) -> list[bytes]:
    """The message as the partner's server brings it, `count` times sealed; once where it is wrong anyway."""
    octets = planned.octets()
    if planned.kind is Kind.NOT_SEALED:
        return [octets]
    signer = keys.two_user_ids if planned.kind is Kind.STRANGER else keys.receiver
    outer = _outer(planned.message.number)
    added = Added(sending_user=DORA, channel="hemsjukvarden-brinken", salt=bytes(16), outer=outer)
    options = ("--compress-algo", "none", "--digest-algo", "SHA512", "--local-user", f"{signer}!", "--sign")
    signed = gpg(keys.receiver_home, *options, stdin=protect(parse_message(octets), added))
    blocks = [
        under_encryption(keys.receiver_home, keys.sender, signed).replace(b"\n", b"\r\n")
        for _ in range(count if planned.kind is Kind.SOUND else 1)
    ]
    if planned.kind is Kind.DAMAGED:
        blocks = [_damaged(block) for block in blocks]
    return [wrap(block, outer) for block in blocks]


def _outer(number: int) -> Outer:
    return Outer(
        author=BRINKEN,
        recipient=HOME_CARE,
        date=BEGAN,
        message_id=f"<{number:032x}@{THEIRS}>",
        hostname=f"gw.{THEIRS}",
        queue_id=f"{number:016d}",
        received_at=BEGAN,
    )


def _damaged(block: bytes) -> bytes:
    """One character in the middle is another; the armour's checksum is left out, as RFC 9580 allows."""
    lines = [line for line in block.split(b"\r\n") if not line.startswith(b"=")]
    middle = len(lines) // 2
    line = lines[middle]
    lines[middle] = (b"B" if line[:1] == b"A" else b"A") + line[1:]
    return b"\r\n".join(lines)
