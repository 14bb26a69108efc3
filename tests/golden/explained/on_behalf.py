"""What comes without a login: from trusted networks, and in Exchange's on-behalf form."""

from datetime import UTC, datetime

from rorpost_gateway.decision import Direction, Reason
from rorpost_gateway.envelope import TrustedNetwork
from tests.golden.explained.trial import Trial
from tests.peers import gateway_world as world
from tests.peers.submitting import make_message

NARROW = TrustedNetwork(network="192.0.2.0/28")
SHARED = TrustedNetwork(network="198.0.0.0/8", originator_org="motala.se")
_ON_BEHALF = {"X_Rorpost_Sending_User": None, "Sender": world.ANNA}


def _trial(name: str, want: Reason, number: int, **given: object) -> Trial:
    message = {"Message_ID": f"<behalf{number}@motala.se>", **given.pop("message", {})}  # type: ignore[dict-item]
    recipients = given.pop("recipients", (world.BRINKEN,))
    return Trial(
        name=name,
        direction=Direction.OUTBOUND,
        sender=world.HOME_CARE,
        recipients=recipients,  # type: ignore[arg-type]
        octets=make_message(recipients=recipients, **message),  # type: ignore[arg-type]
        at=datetime.now(tz=UTC),
        want=want,
        **{"trusted": (NARROW,), **given},  # type: ignore[arg-type]
    )


def trials() -> list[Trial]:
    """The refusals first."""
    given: list[tuple[str, Reason, dict[str, object]]] = [
        ("from nowhere, without a login", Reason.LOGIN_REQUIRED, {"client": "203.0.113.9", "trusted": ()}),
        (
            "a shared network without its organisation",
            Reason.LOGIN_REQUIRED,
            {"client": "198.51.100.7", "trusted": (SHARED,)},
        ),
        (
            "on behalf, by somebody else than Sender",
            Reason.USER_MISMATCH,
            {"reverse_path": world.BO, "message": _ON_BEHALF},
        ),
        (
            "on behalf, but From is the person",
            Reason.SENDER_NOT_A_MAILBOX,
            {"reverse_path": world.ANNA, "message": {**_ON_BEHALF, "From": world.ANNA}},
        ),
        (
            "on behalf, to no mailbox",
            Reason.RECIPIENT_NOT_A_MAILBOX,
            {
                "reverse_path": world.ANNA,
                "message": _ON_BEHALF,
                "recipients": ("patient@example.org",),
            },
        ),
        (
            "on behalf, over a channel that there is not",
            Reason.PAIR_NOT_ALLOWED,
            {"reverse_path": world.ANNA, "message": _ON_BEHALF, "recipients": (world.NO_CHANNEL,)},
        ),
        ("somebody unknown as reverse-path", Reason.SENDER_NOT_A_MAILBOX, {"reverse_path": world.CLARA}),
        ("on behalf", Reason.OK, {"reverse_path": world.ANNA, "message": _ON_BEHALF}),
        ("a claim from a trusted network", Reason.OK, {}),
        (
            "a shared network with its organisation",
            Reason.OK,
            {
                "client": "198.51.100.7",
                "trusted": (SHARED,),
                "message": {"X_OriginatorOrg": world.OURS},
            },
        ),
        (
            "larger than is taken",
            Reason.MESSAGE_TOO_LARGE,
            {"message": {"body": ("x" * 70 + "\r\n") * 3_000}},
        ),
    ]
    return [_trial(name, want, number, **more) for number, (name, want, more) in enumerate(given)]
