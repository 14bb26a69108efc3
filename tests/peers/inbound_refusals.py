"""What a refusal on the way in must be: the reply as promised, a line for each recipient, nothing queued."""

from typing import Any

from tests.peers import gateway_world as world
from tests.peers.inbound_house import PHONE_OURS, InboundHouse
from tests.peers.outbound_house import Answered

# As it was promised; written down once more, not taken from the code.
CODES = {
    "not-encrypted": "550 5.7.5",
    "decryption-failed": "550 5.7.5",
    "signature-missing": "550 5.7.5",
    "signature-invalid": "550 5.7.5",
    "signer-mismatch": "550 5.7.5",
    "headers-not-protected": "550 5.7.5",
    "user-not-declared": "550 5.7.1",
    "user-mismatch": "550 5.7.1",
    "user-not-authorised": "550 5.7.1",
    "user-not-valid": "550 5.7.1",
    "author-mismatch": "550 5.7.1",
    "hidden-recipient": "550 5.7.1",
    "urgent": "550 5.7.1",
    "legal-basis-missing": "550 5.7.1",
    "pair-not-allowed": "550 5.7.1",
    "replayed": "550 5.7.1",
    "too-old": "550 5.7.1",
    "message-malformed": "550 5.6.0",
    "message-too-complex": "550 5.6.0",
    "message-too-large": "552 5.3.4",
    "mail-loop": "554 5.4.6",
    "gateway-fault": "451 4.3.0",
    "gateway-full": "452 4.3.1",
}
OPENED = ("sealed_sha256", "signed_by", "encrypted_to")


async def refused(
    house: InboundHouse,
    octets: bytes,
    reason: str,
    *,
    sender: str = world.BRINKEN,
    recipients: tuple[str, ...] = (world.HOME_CARE,),
    phone: str = PHONE_OURS,
    signed_by: str | None = None,
    **line: Any,
) -> Answered:
    """Send it and see it refused after DATA. `signed_by` is set where it could be opened and verified."""
    before, queued = len(house.lines()), [copy.name for copy in await house.copies()]
    heard = await house.receive(octets, sender=sender, recipients=recipients)
    require(heard, reason, phone)
    lines = house.lines()[before:]
    assert [each["recipient"] for each in lines] == list(recipients)
    action = "defer" if CODES[reason].startswith("4") else "reject"
    wanted = {"direction": "inbound", "action": action, "reason": reason, "reverse_path": sender} | line
    for each in lines:
        assert {name: each.get(name, "absent") for name in wanted} == wanted
        assert (each["client"], each["tls"], each["login"]) == ("192.0.2.25", "TLSv1.3", None)
        assert each["size"] == len(octets)
        assert each["channel"]
        assert not {"content_sha256", "queue_id"} & each.keys()
        if signed_by is None:
            assert not set(OPENED) & each.keys()
        else:
            assert each["signed_by"] == signed_by
            assert len(each["sealed_sha256"]) == 64
    assert [copy.name for copy in await house.copies()] == queued
    assert house.told_relay == len({copy.message.queue_id for copy in await house.copies()})
    return heard


def require(heard: Answered, reason: str, phone: str = PHONE_OURS) -> None:
    """The reply to the message: code, status, reason, and whom to phone."""
    reply = heard.reply
    assert (reply.reason, f"{reply.code} {reply.enhanced}") == (reason, CODES[reason])
    assert reply.line.startswith(f"{CODES[reason]} [{reason}] ")
    assert reply.line.endswith(phone)
