"""One policy and two sound messages, one in each direction; and what is wrong with them in turn."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rorpost_gateway.decision import Reason
from rorpost_gateway.facts import NOTHING_FOUND, Attachment, MessageFacts, Quotes, SealFacts
from tests.fuzz.drawn_policies import (
    ALIAS,
    ANNA,
    BASES,
    BO,
    CIA,
    DAN,
    FIELD,
    FIRST,
    IDENTITY_NUMBER,
    LOGIN,
    OURS,
    OUTSIDER,
    PRINTS,
    THEIRS,
    Drawn,
    as_yaml,
)
from tests.fuzz.slow_decision import Asked

DAY = datetime(2026, 3, 28, 12, tzinfo=UTC)
SOUND = MessageFacts(
    authors=(OURS[0],),
    to=(THEIRS[0],),
    fields={FIELD: (ANNA,), "x-rorpost-legal-basis": ("samtycke",)},
    content=NOTHING_FOUND,
)
SUBMITTED = Asked(inbound=False, at=DAY, sender=OURS[0], recipient=THEIRS[0], login=LOGIN, facts=SOUND)
SEAL = SealFacts(signer=PRINTS[0], signed_at=DAY, protected=True)
OPENED = Asked(
    inbound=True,
    at=DAY,
    sender=THEIRS[0],
    recipient=OURS[0],
    facts=replace(SOUND, authors=(THEIRS[0],)),
    seal=SEAL,
)


def quoting(*people: str) -> dict[str, Any]:
    return {"content": replace(NOTHING_FOUND, quotes=Quotes(quoted=(frozenset(people),)))}


def attaching(kind: str, octets: int, **more: Any) -> dict[str, Any]:
    one = Attachment(kind=kind, declared=kind, octets=octets, **more)
    return {"content": replace(NOTHING_FOUND, attachments=(one,))}


ENTRY = {"depth": 1, "identity_number_in_name": True}
# What is asked otherwise, of the message or of its seal → what both must say.
WRONG: list[tuple[Asked, dict[str, Any], Reason]] = [
    (SUBMITTED, {}, Reason.OK),
    (SUBMITTED, {"fields": {}}, Reason.USER_NOT_DECLARED),
    (SUBMITTED, {"sender": (BO,)}, Reason.USER_MISMATCH),
    (replace(SUBMITTED, login=None), {"fields": {FIELD: (CIA,)}}, Reason.USER_NOT_AUTHORISED),
    (replace(SUBMITTED, login=None), {"fields": {FIELD: (BO,)}}, Reason.USER_NOT_VALID),
    (SUBMITTED, {"authors": ()}, Reason.AUTHOR_MISMATCH),
    (SUBMITTED, {"to": ()}, Reason.HIDDEN_RECIPIENT),
    (SUBMITTED, {"reply_to": (OUTSIDER,)}, Reason.OUTSIDE_RECIPIENT),
    (SUBMITTED, {"urgent": True}, Reason.URGENT),
    (SUBMITTED, {"subject": IDENTITY_NUMBER}, Reason.IDENTITY_NUMBER_IN_SUBJECT),
    (SUBMITTED, {"content": None}, Reason.IDENTITY_NUMBER_IN_ATTACHMENT_NAME),
    (SUBMITTED, attaching("application/pdf", 1, **ENTRY), Reason.IDENTITY_NUMBER_IN_ATTACHMENT_NAME),
    (SUBMITTED, quoting(OUTSIDER), Reason.OUTSIDE_QUOTES),
    (SUBMITTED, quoting(OURS[1]), Reason.OUTSIDE_QUOTES),
    (SUBMITTED, quoting(OURS[0], OURS[1]), Reason.OUTSIDE_QUOTES),
    (SUBMITTED, quoting(OURS[0], THEIRS[0], OURS[1]), Reason.OK),
    (SUBMITTED, quoting(OURS[0], THEIRS[0], OUTSIDER), Reason.OUTSIDE_QUOTES),
    (SUBMITTED, quoting(BO, ALIAS), Reason.OK),
    (SUBMITTED, quoting(DAN), Reason.OK),
    (SUBMITTED, quoting(CIA), Reason.OUTSIDE_QUOTES),
    (SUBMITTED, attaching("application/pdf", 1000), Reason.OK),
    (SUBMITTED, attaching("application/pdf", 1001), Reason.ATTACHMENT_NOT_ALLOWED),
    (SUBMITTED, attaching("image/jpeg", 1), Reason.ATTACHMENT_NOT_ALLOWED),
    (SUBMITTED, {"content": replace(NOTHING_FOUND, attachments=None)}, Reason.ATTACHMENT_NOT_ALLOWED),
    (SUBMITTED, {"fields": {FIELD: (ANNA,)}}, Reason.LEGAL_BASIS_MISSING),
    (SUBMITTED, {"received_here": True}, Reason.MAIL_LOOP),
    (SUBMITTED, {"received_count": 50}, Reason.OK),
    (SUBMITTED, {"received_count": 51}, Reason.MAIL_LOOP),
    (OPENED, {}, Reason.OK),
    (OPENED, {"key_fault": Reason.KEY_REVOKED}, Reason.SIGNATURE_INVALID),
    (OPENED, {"signed_at": DAY + timedelta(hours=2)}, Reason.SIGNATURE_INVALID),
    (OPENED, {"signer": PRINTS[1]}, Reason.SIGNER_MISMATCH),
    (OPENED, {"signer": PRINTS[2]}, Reason.OK),
    (OPENED, {"signer": PRINTS[2], "protected": False}, Reason.SIGNER_MISMATCH),
    (OPENED, {"signer": PRINTS[3]}, Reason.SIGNER_MISMATCH),
    (OPENED, {"protected": False}, Reason.HEADERS_NOT_PROTECTED),
    (OPENED, {"fields": {}}, Reason.USER_NOT_DECLARED),
    (OPENED, {"sender": (BO,)}, Reason.USER_MISMATCH),
    (OPENED, {"fields": {FIELD: (CIA,)}}, Reason.USER_NOT_AUTHORISED),
    (OPENED, {"fields": {FIELD: (BO,)}}, Reason.USER_NOT_VALID),
    (OPENED, {"fields": {FIELD: (DAN,)}}, Reason.USER_NOT_VALID),
    (OPENED, {"outer_fault": Reason.AUTHOR_MISMATCH}, Reason.AUTHOR_MISMATCH),
    (OPENED, {"urgent": True}, Reason.URGENT),
    (OPENED, {"content": None}, Reason.OUTSIDE_QUOTES),
    (OPENED, quoting(OURS[1]), Reason.OUTSIDE_QUOTES),
    (OPENED, quoting(OURS[0], THEIRS[0], OURS[1]), Reason.OK),
    (OPENED, quoting(DAN), Reason.OK),
    (OPENED, quoting(ALIAS), Reason.OUTSIDE_QUOTES),
    (OPENED, {"content": replace(NOTHING_FOUND, identity_number_in_name=True)}, Reason.OK),
    (OPENED, attaching("application/pdf", 1000), Reason.OK),
    (OPENED, attaching("application/pdf", 1001), Reason.ATTACHMENT_NOT_ALLOWED),
    (OPENED, attaching("image/jpeg", 1), Reason.ATTACHMENT_NOT_ALLOWED),
    (OPENED, {"fields": {FIELD: (ANNA,)}}, Reason.LEGAL_BASIS_MISSING),
    (OPENED, {"signed_at": DAY - timedelta(days=15)}, Reason.TOO_OLD),
]


BY_DEFAULT = {
    "legal_basis": BASES,
    "declared_user": {"sources": ["header", "sender", "signature"]},
    "attachments": {"max_bytes": 10, "deny_types": ["image/jpg"]},
}
BEFORE, NOW = {"urgent": "allow"}, {"attachments": {"max_bytes": 1000}}


def by_hand(default: dict[str, Any], *each_day: dict[str, Any]) -> Drawn:
    """One pair, each day in a channel with other rules, and mailboxes that stand in none."""
    span = {"requested_by": "chef@motala.se", "executed_by": "it@motala.se", "valid_from": FIRST}
    last_days = {ANNA: date(2026, 4, 9), BO: FIRST}
    users = [
        {"user": user, **span, "valid_until": last_day, "key": own_key}
        for (user, last_day), own_key in zip(last_days.items(), PRINTS[2:4], strict=True)
    ]
    theirs = [*users, {"user": DAN, **span, "valid_until": FIRST}]
    pins = [{"fingerprint": PRINTS[0]}]
    ends = {"between": [OURS[0], THEIRS[0]]}
    parts: dict[str, Any] = {
        "mailboxes": {each: {"users": users, "key": pins} for each in OURS}
        | {each: {"users": theirs, "key": pins} for each in THEIRS},
        "channels": [
            {"name": f"day{number}", **ends, "valid_from": day, "valid_until": day, "rules": said}
            for number, said in enumerate(each_day)
            for day in [FIRST + timedelta(days=number)]
        ],
        "rules": default,
    }
    return Drawn(text=as_yaml(parts, str), zone=ZoneInfo("Europe/Stockholm"), **parts)


def on_day(asked: Asked, number: int) -> Asked:
    at = DAY + timedelta(days=number - 1)
    return replace(asked, at=at, seal=replace(asked.seal, signed_at=at) if asked.seal else None)


def with_facts(asked: Asked, **changes: Any) -> Asked:
    assert asked.facts is not None
    return replace(asked, facts=replace(asked.facts, **changes))
