"""Random policies as plain data, and the YAML that says the same; random questions to ask of them."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from rorpost_gateway.decision import Reason
from rorpost_gateway.envelope import Login
from rorpost_gateway.facts import NOTHING_FOUND, MessageFacts, SealFacts
from tests.fuzz.drawn_content import attachment_rules, contents, mostly

OWN = frozenset({"motala.se"})
OURS = ["rorpost.a@motala.se", "rorpost.b@motala.se"]
THEIRS = ["rorpost.x@region.se", "rorpost.y@region.se"]
ANNA, BO, CIA, ALIAS = "anna@motala.se", "bo@motala.se", "cia@region.se", "a.berg@motala.se"
DAN = "dan@region.se"  # of no drawn mailbox
OUTSIDER = "patient@example.com"
IDENTITY_NUMBER = "Om 811218-9876"
BASES = ["samtycke", "menprovning"]
FIELD, OTHER_FIELD = "x-rorpost-sending-user", "x-user"
ZONES = ["Europe/Stockholm", "UTC", "Pacific/Kiritimati", "America/Anchorage"]
FIRST = date(2026, 3, 27)  # summer time begins two days later
PRINTS = [digit * 40 for digit in "ABCDEF"]

DAYS = st.integers(0, 6).map(lambda days: FIRST + timedelta(days=days))
REFUSE_OR_ALLOW = st.sampled_from(["reject", "allow"])
KEY_FAULTS = [Reason.KEY_MISSING, Reason.KEY_EXPIRED, Reason.KEY_REVOKED, Reason.KEY_UNUSABLE]


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A policy as plain data: addresses lower case, days as dates. `text` is the same as YAML."""

    mailboxes: dict[str, dict[str, Any]]
    channels: list[dict[str, Any]]
    rules: dict[str, Any]
    zone: ZoneInfo
    text: str = field(repr=False)


@st.composite
def periods(draw: st.DrawFn, user: str) -> list[dict[str, Any]]:
    """One authorisation, or two of the same person, one after the other."""
    days = [FIRST - timedelta(days=1), FIRST + timedelta(days=8)]
    if draw(st.booleans()):
        days = sorted(draw(st.lists(DAYS, min_size=2, max_size=4, unique=True)))
    found = [{"user": user, "valid_from": days[0], "valid_until": days[1]}]
    if len(days) == 4:
        found.append({"user": user, "valid_from": days[2], "valid_until": days[3]})
    for period in found:
        period |= {"requested_by": "chef@motala.se", "executed_by": "it@motala.se"}
        if draw(st.integers(0, 3)) == 0:
            period["key"] = draw(st.sampled_from(PRINTS))
    return found


@st.composite
def mailboxes(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    drawn: dict[str, dict[str, Any]] = {}
    for address in OURS + THEIRS:
        users = draw(st.sampled_from([[ANNA], [ANNA, BO], [CIA, ANNA], [ALIAS], [BO], []]))
        mailbox: dict[str, Any] = {"users": [each for user in users for each in draw(periods(user))]}
        least = 0 if address in OURS else 1
        prints = draw(st.lists(st.sampled_from(PRINTS), min_size=least, max_size=2, unique=True))
        pins = [{"fingerprint": each} for each in prints]
        for pin in pins:
            if draw(st.integers(0, 3)) == 0:
                pin["accept_until"] = draw(DAYS)  # type: ignore[assignment]
        drawn[address] = mailbox | ({"key": pins} if pins else {})
    return drawn


RULE_CHOICES: dict[str, st.SearchStrategy[Any]] = {
    "recipients_in_header": st.sampled_from(["require", "allow"]),
    "identity_number_in_subject": REFUSE_OR_ALLOW,
    "identity_number_in_attachment_names": REFUSE_OR_ALLOW,
    "urgent": REFUSE_OR_ALLOW,
    "outside_quotes": REFUSE_OR_ALLOW,
    "unprotected_headers": REFUSE_OR_ALLOW,
    "legal_basis": st.sampled_from(["off", BASES]),
    "attachments": attachment_rules(),
}
DECLARED_CHOICES: dict[str, st.SearchStrategy[Any]] = {
    "sources": st.lists(st.sampled_from(["header", "sender", "login", "signature"]), min_size=1, unique=True),
    "header": st.sampled_from(["X-Rorpost-Sending-User", "X-User"]),
    "inbound": st.sampled_from(["require", "optional"]),
}


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    """Any of the rules, each perhaps."""
    drawn = {name: draw(values) for name, values in RULE_CHOICES.items() if draw(st.integers(0, 2)) == 0}
    declared = {name: draw(values) for name, values in DECLARED_CHOICES.items() if draw(st.booleans())}
    return drawn | ({"declared_user": declared} if declared else {})


@st.composite
def channels(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Channels of which no two have a pair in common on any day."""
    drawn: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 4))):
        channel: dict[str, Any] = {"name": f"c{number}"}
        anybody = st.lists(st.sampled_from(OURS + THEIRS), min_size=2, max_size=4, unique=True)
        ends = draw(st.one_of(st.just([OURS[0], THEIRS[0]]), anybody))
        channel |= {"between": ends[:2]} if draw(st.booleans()) else {"from": ends[0], "to": ends[1:]}
        days = sorted(draw(st.lists(DAYS, min_size=2, max_size=2)))
        channel |= {
            key: day
            for key, day in zip(("valid_from", "valid_until"), days, strict=True)
            if draw(st.integers(0, 2)) == 0
        }
        if draw(st.booleans()):
            channel["rules"] = draw(rules())
        if not any(
            set(pairs_of(channel)) & set(pairs_of(other)) and share_a_day(channel, other) for other in drawn
        ):
            drawn.append(channel)
    return drawn


@st.composite
def policies(draw: st.DrawFn) -> Drawn:
    parts: dict[str, Any] = {
        "mailboxes": draw(mailboxes()),
        "channels": draw(channels()),
        "rules": draw(rules()),
    }
    flips = draw(st.randoms(use_true_random=False))

    def spelt(text: str) -> str:
        """An address in any mixture of letters, since case does not matter."""
        return "".join(flips.choice((c.lower(), c.upper())) for c in text) if "@" in text else text

    return Drawn(text=as_yaml(parts, spelt), zone=ZoneInfo(draw(st.sampled_from(ZONES))), **parts)


def as_yaml(value: Any, spelt: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{spelt(key)}": {as_yaml(each, spelt)}' for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(as_yaml(each, spelt) for each in value) + "]"
    if isinstance(value, int):
        return str(value)
    return value.isoformat() if isinstance(value, date) else f'"{spelt(value)}"'


def pairs_of(channel: dict[str, Any]) -> list[tuple[str, str]]:
    if "between" in channel:
        one, other = channel["between"]
        return [(one, other), (other, one)]
    return [(channel["from"], recipient) for recipient in channel["to"]]


def is_open(what: dict[str, Any], day: date) -> bool:
    return what.get("valid_from", date.min) <= day <= what.get("valid_until", date.max)


def share_a_day(one: dict[str, Any], other: dict[str, Any]) -> bool:
    days = [FIRST + timedelta(days=days) for days in range(-1, 9)]
    return any(is_open(one, day) and is_open(other, day) for day in days)


@st.composite
def moments(draw: st.DrawFn) -> datetime:
    """Any moment near the days of the policy, most of them near some midnight."""
    hour = draw(
        st.sampled_from([time(0), time(0, 30), time(9, 59), time(12), time(22, 30), time(23, 59, 59)])
    )
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    return datetime.combine(draw(DAYS), hour, tzinfo=zone).astimezone(UTC)


STATED = [
    (ANNA,),
    ("Anna Berg <ANNA@Motala.se>",),
    (BO,),
    (ALIAS,),
    (CIA,),
    (),
    (ANNA, ANNA),
    ("anna",),
    ("a@b, c@d",),
]
PEOPLE = [*OURS, *THEIRS, ANNA, BO, CIA, DAN, ALIAS, OUTSIDER]
LOGIN = Login(name="anna", address=ANNA, aliases=frozenset({ALIAS}))
LOGINS = [None, Login(name="bo", address=BO), Login(name="x", address=ALIAS, aliases=frozenset({ANNA}))]


@st.composite
def messages(draw: st.DrawFn, sender: str, recipients: tuple[str, ...]) -> MessageFacts:
    """Mostly sound, with one thing or two wrong."""
    stated = draw(st.sampled_from(STATED)) if draw(st.integers(0, 2)) == 0 else (ANNA,)
    fields = {FIELD: stated, OTHER_FIELD: draw(mostly((ANNA,), (), (BO,)))}
    basis = draw(mostly((" Samtycke ",), (), ("nej",), ("samtycke", "samtycke")))
    fields |= {"x-rorpost-legal-basis": basis} if basis else {}
    return MessageFacts(
        authors=draw(mostly((sender,), (), (OURS[0],), (sender, ANNA))),
        sender=draw(mostly((), (ANNA,), (BO,), (sender,), (ANNA, BO))),
        to=draw(mostly(recipients, recipients[1:], (*recipients, OUTSIDER), (*recipients, THEIRS[0]))),
        cc=draw(mostly((), recipients, (ANNA,), (OURS[1],))),
        reply_to=draw(mostly((), (OUTSIDER,), (sender,))),
        receipts_to=draw(mostly((), (ANNA,), (sender,))),
        bcc_present=draw(mostly(False, True)),
        subject=draw(mostly("Hej", IDENTITY_NUMBER)),
        urgent=draw(mostly(False, True)),
        sealed_already=draw(mostly(False, True)),
        received_count=draw(mostly(3, 50, 51)),
        received_here=draw(mostly(False, True)),
        fields={name: values for name, values in fields.items() if values},
        content=draw(st.one_of(st.just(NOTHING_FOUND), contents((sender, recipients[0]), PEOPLE))),
    )


@st.composite
def seals(draw: st.DrawFn, at: datetime, own_key: list[str]) -> SealFacts:
    """Mostly by the mailbox's own key."""
    age = draw(mostly(timedelta(hours=2), timedelta(days=15), timedelta(hours=-2), timedelta(minutes=-30)))
    return SealFacts(
        signer=draw(mostly((own_key or ["0" * 40])[0], *PRINTS)),
        signed_at=at - age,
        protected=draw(mostly(True, False)),
        sealed_to=draw(mostly(("FOR US",), ("FOR OTHERS",))),
        key_fault=draw(mostly(None, *KEY_FAULTS)),
        outer_fault=draw(
            mostly(None, Reason.AUTHOR_MISMATCH, Reason.HIDDEN_RECIPIENT, Reason.HEADERS_NOT_PROTECTED)
        ),
    )
