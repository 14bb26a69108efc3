"""Lines as the daemon writes them, for logs that are made to be measured."""

from functools import cache

from rorpost_gateway.decision import Action, DeclaredBy, Direction, Reason
from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.decision_log.record import Records
from tests.peers.gateway_world import ANNA, BRINKEN, HOME_CARE

DAY_SECONDS = 86_400
SPREAD = 1000


@cache
def _records() -> Records:
    return Records(contains_identity_number=lambda text: False, is_known=lambda text: True)


def one_in_a_thousand(number: int) -> str:
    """The Message-ID of message `number`, which every thousandth message shares."""
    return f"<{number % SPREAD:04d}.5c0ffee@ws17.motala.se>"


def lines_of_a_message(number: int) -> list[Record]:
    """Its decision, and that it was relayed; each as long as in a real log."""
    decision_id = f"019dfd3a-3e00-7cc3-98c4-{number % (1 << 48):012x}"
    common = {
        "decision_id": decision_id,
        "direction": Direction.OUTBOUND,
        "action": Action.ACCEPT,
        "reason": Reason.OK,
        "channel": "hemsjukvarden-brinken",
        "policy": "9f" * 32,
        "reverse_path": HOME_CARE,
        "recipient": BRINKEN,
        "declared_user": ANNA,
        "declared_by": DeclaredBy.HEADER,
        "queue_id": f"{number:016X}",
        "message_id": one_in_a_thousand(number),
        "size": 4096 + number % 512,
        "sealed_sha256": f"{number:064x}",
        "encrypted_to": "0F1E2D" + "0" * 34,
        "signed_by": "A1B2C3" + "0" * 34,
    }
    session = {"login": "anna", "client": "192.0.2.7", "tls": "TLSv1.3"}
    outcome = {"next_hop": "mx.regionostergotland.se:25", "reply": "250 2.0.0 Ok: queued", "attempt": 1}
    return [
        _records().decision(**common, **session, content_sha256="c0" * 32),  # type: ignore[arg-type]
        _records().relayed(**common, **outcome),  # type: ignore[arg-type]
    ]
