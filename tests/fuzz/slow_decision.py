"""The decision as somebody would make it who reads the policy from top to bottom, each time anew.

Shares nothing with the gateway but the words: no tables, no lower-casing at load, no inheritance of
rules worked out before. What it says of a question is what config/README.md and policies/README.md say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from rorpost_gateway.decision import KeyChoice, Reason
from rorpost_gateway.envelope import Login
from rorpost_gateway.facts import Look, MessageFacts, SealFacts
from tests.fuzz.drawn_policies import (
    ANNA,
    BASES,
    FIELD,
    IDENTITY_NUMBER,
    OURS,
    Drawn,
    is_open,
    pairs_of,
)
from tests.fuzz.slow_content import looked_for, names_an_identity_number, of_what_it_holds

BROKEN = "more than one, or no address"
READABLE = {"Anna Berg <ANNA@Motala.se>": ANNA}  # what a header field may hold, beside a bare address


@dataclass(frozen=True, kw_only=True)
class Keys:
    """A key index where a fingerprint, or what is found for an address, is as `states` says."""

    states: Mapping[str, Reason]

    def for_sealing(self, address: str, pinned: Any, at: datetime) -> KeyChoice | Reason:
        candidates = list(pinned) or [f"of {address}"]
        for each in candidates:
            if each not in self.states:
                return KeyChoice(primary=each, subkey=each)
        return self.states[candidates[0]]

    for_signing = for_sealing

    def accepts(self, *_: str, signed_at: datetime, at: datetime) -> Reason | None:
        return None

    def is_for(self, key_ids: Any, address: str, pinned: Any) -> bool:
        return "FOR US" in key_ids

    def fault_of(self, sealed_to: KeyChoice, at: datetime) -> Reason | None:
        return self.states.get(sealed_to.primary)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked, as plain as the policy."""

    inbound: bool
    at: datetime
    sender: str
    recipient: str
    others: tuple[str, ...] = ()  # recipients of the same message
    login: Login | None = None
    person: str | None = None
    facts: MessageFacts | None = None
    seal: SealFacts | None = None


def decide(policy: Drawn, keys: Keys, asked: Asked) -> Reason:
    day = asked.at.astimezone(policy.zone).date()
    if asked.sender not in policy.mailboxes or (not asked.inbound and asked.sender not in OURS):
        return Reason.SENDER_NOT_A_MAILBOX
    if asked.recipient not in policy.mailboxes or (asked.inbound and asked.recipient not in OURS):
        return Reason.RECIPIENT_NOT_A_MAILBOX
    named = [each for each in policy.channels if (asked.sender, asked.recipient) in pairs_of(each)]
    if not named:
        return Reason.PAIR_NOT_ALLOWED
    channel = next((each for each in named if is_open(each, day)), None)
    if channel is None:
        return Reason.CHANNEL_NOT_VALID
    if asked.inbound:
        return Reason.OK if asked.facts is None else of_opened(policy, keys, channel, asked, day)
    for address in (asked.recipient, asked.sender):
        fault = fault_of_key(policy, keys, address, day, asked.at)
        if fault is not None:
            return fault
    return Reason.OK if asked.facts is None else of_submitted(policy, channel, asked, day)


def to_look_at(policy: Drawn, each: list[Asked]) -> Look:
    """What of a message's content somebody has to know who decides these questions."""
    look = Look(0)
    for asked in each:
        day = asked.at.astimezone(policy.zone).date()
        for channel in policy.channels:
            if (asked.sender, asked.recipient) in pairs_of(channel) and is_open(channel, day):
                rules = with_defaults(policy.rules, channel.get("rules", {}))
                look |= looked_for(rules, inbound=asked.inbound)
    return look


def with_defaults(of_policy: dict[str, Any], of_channel: dict[str, Any]) -> dict[str, Any]:
    """A rule is the channel's, or else the policy's, or else the one that README.md names."""
    found: dict[str, Any] = {
        "recipients_in_header": "require",
        "identity_number_in_subject": "reject",
        "identity_number_in_attachment_names": "reject",
        "urgent": "reject",
        "outside_quotes": "reject",
        "attachments": "allow",
        "unprotected_headers": "reject",
        "legal_basis": "off",
        "sources": ["header", "sender"],
        "header": "X-Rorpost-Sending-User",
        "inbound": "require",
    }
    for rules in (of_policy, of_channel):
        for name, value in rules.items():
            if name == "attachments" and "allow" not in (found[name], value):
                value = found[name] | value  # what it does not say remains
            found |= value if name == "declared_user" else {name: value}
    return found


def pins_on(policy: Drawn, address: str, day: date) -> list[str]:
    pins = policy.mailboxes[address].get("key", [])
    return [pin["fingerprint"] for pin in pins if day <= pin.get("accept_until", date.max)]


def fault_of_key(policy: Drawn, keys: Keys, address: str, day: date, at: datetime) -> Reason | None:
    pins = pins_on(policy, address, day)
    if not pins and policy.mailboxes[address].get("key"):
        return Reason.KEY_EXPIRED
    choice = keys.for_sealing(address, pins, at)
    return None if isinstance(choice, KeyChoice) else choice


def in_field(facts: MessageFacts, name: str) -> list[str]:
    values = facts.fields.get(name.lower(), ())
    if not values:
        return []
    value = READABLE.get(values[0], values[0])
    good = len(values) == 1 and value.count("@") == 1 and " " not in value
    return [value if good else BROKEN]


def in_sender(facts: MessageFacts) -> list[str]:
    if not facts.sender or facts.sender == facts.authors:
        return []
    return [facts.sender[0] if len(facts.sender) == 1 else BROKEN]


def of_submitted(policy: Drawn, channel: dict[str, Any], asked: Asked, day: date) -> Reason:
    facts = asked.facts
    assert facts is not None
    rules = with_defaults(policy.rules, channel.get("rules", {}))
    if reason := of_the_person(policy, rules, asked, facts, day):
        return reason
    seen = {*facts.to, *facts.cc}
    required = {asked.recipient, *asked.others} if rules["recipients_in_header"] == "require" else set()
    if facts.authors != (asked.sender,):
        return Reason.AUTHOR_MISMATCH
    if facts.bcc_present or not required <= seen:
        return Reason.HIDDEN_RECIPIENT
    if not {*seen, *facts.reply_to, *facts.receipts_to} <= set(policy.mailboxes):
        return Reason.OUTSIDE_RECIPIENT
    if reason := of_the_content(policy, channel, rules, asked, facts):
        return reason
    loop = facts.sealed_already or facts.received_here or facts.received_count > 50
    return Reason.MAIL_LOOP if loop else Reason.OK


def of_the_person(
    policy: Drawn, rules: dict[str, Any], asked: Asked, facts: MessageFacts, day: date
) -> Reason | None:
    users = policy.mailboxes[asked.sender]["users"]
    mine = {asked.login.address, *asked.login.aliases} if asked.login else set()
    stated = stated_in(rules, asked, facts, {each["user"] for each in users})
    if not stated or BROKEN in stated:
        return Reason.USER_NOT_DECLARED
    user = stated[0]
    named = {*stated, *(set(facts.sender) - set(facts.authors))} | ({asked.person} if asked.person else set())
    if not (named == {user} or named <= mine) or (asked.login and user not in mine):
        return Reason.USER_MISMATCH
    if asked.person and facts.sender != (asked.person,):
        return Reason.USER_MISMATCH
    return of_the_authorisation(users, {user, *mine} if user in mine else {user}, day)


def stated_in(rules: dict[str, Any], asked: Asked, facts: MessageFacts, listed: set[str]) -> list[str]:
    """Everybody whom some source names, in the order of the sources."""
    stated: list[str] = []
    for source in rules["sources"]:
        if source == "header":
            stated += in_field(facts, rules["header"])
        elif source == "sender":
            stated += in_sender(facts)
        elif source == "login" and asked.login:
            names = [asked.login.address, *sorted(asked.login.aliases)]
            stated.append(next((name for name in names if name in listed), asked.login.address))
    return stated


def of_the_authorisation(users: list[dict[str, Any]], names: set[str], day: date) -> Reason | None:
    held = [each for each in users if each["user"] in names]
    if not held:
        return Reason.USER_NOT_AUTHORISED
    return None if any(is_open(each, day) for each in held) else Reason.USER_NOT_VALID


def of_the_content(
    policy: Drawn, channel: dict[str, Any], rules: dict[str, Any], asked: Asked, facts: MessageFacts
) -> Reason | None:
    mine = {asked.login.address, *asked.login.aliases} if asked.login else set()
    ends = {asked.sender, asked.recipient}
    if rules["urgent"] == "reject" and facts.urgent:
        return Reason.URGENT
    if not asked.inbound:
        if rules["identity_number_in_subject"] == "reject" and facts.subject == IDENTITY_NUMBER:
            return Reason.IDENTITY_NUMBER_IN_SUBJECT
        if rules["identity_number_in_attachment_names"] == "reject" and names_an_identity_number(facts):
            return Reason.IDENTITY_NUMBER_IN_ATTACHMENT_NAME
    if reason := of_what_it_holds(policy, channel, rules, facts, ends=ends, logged_in=mine):
        return reason
    readable = asked.seal is None or asked.seal.protected
    stated = readable and basis_is_stated(facts)
    return None if stated or rules["legal_basis"] == "off" else Reason.LEGAL_BASIS_MISSING


def basis_is_stated(facts: MessageFacts) -> bool:
    stated = facts.fields.get("x-rorpost-legal-basis", ())
    return len(stated) == 1 and stated[0].strip().lower() in BASES


def of_opened(policy: Drawn, keys: Keys, channel: dict[str, Any], asked: Asked, day: date) -> Reason:
    facts, seal = asked.facts, asked.seal
    rules = with_defaults(policy.rules, channel.get("rules", {}))
    assert facts is not None
    assert seal is not None
    users = policy.mailboxes[asked.sender]["users"]
    in_person = [each["user"] for each in users if each.get("key") == seal.signer and is_open(each, day)]
    reason = of_the_signature(policy, keys, rules, asked, seal, day, in_person=bool(in_person))
    reason = reason or of_whom_it_names(users, rules, asked, facts, seal, day, in_person)
    if reason or seal.outer_fault:
        return reason or seal.outer_fault or Reason.OK
    if not seal.protected and "FOR US" not in seal.sealed_to:
        return Reason.HIDDEN_RECIPIENT
    if reason := of_the_content(policy, channel, rules, asked, facts):
        return reason
    return Reason.TOO_OLD if asked.at - seal.signed_at > timedelta(days=14) else Reason.OK


def of_the_signature(
    policy: Drawn,
    keys: Keys,
    rules: dict[str, Any],
    asked: Asked,
    seal: SealFacts,
    day: date,
    *,
    in_person: bool,
) -> Reason | None:
    if seal.key_fault or seal.signed_at > asked.at + timedelta(hours=1):
        return Reason.SIGNATURE_INVALID
    accepted = seal.signer in pins_on(policy, asked.sender, day)
    accepted |= in_person and "signature" in rules["sources"] and seal.protected
    if asked.sender in OURS and not policy.mailboxes[asked.sender].get("key"):
        choice = keys.for_signing(asked.sender, (), asked.at)
        accepted |= isinstance(choice, KeyChoice) and choice.primary == seal.signer
    if not accepted:
        return Reason.SIGNER_MISMATCH
    protected = rules["unprotected_headers"] == "allow" or seal.protected
    return None if protected else Reason.HEADERS_NOT_PROTECTED


def of_whom_it_names(
    users: list[dict[str, Any]],
    rules: dict[str, Any],
    asked: Asked,
    facts: MessageFacts,
    seal: SealFacts,
    day: date,
    in_person: list[str],
) -> Reason | None:
    ours = asked.sender in OURS
    stated: list[str] = []
    for source in ["ours"] if ours else rules["sources"]:
        if source == "signature":
            stated += in_person
        elif seal.protected and source == "sender":
            stated += in_sender(facts)
        elif seal.protected:
            stated += in_field(facts, rules["header"] if source == "header" else FIELD)
    if BROKEN in stated or (rules["inbound"] == "require" and not stated):
        return Reason.USER_NOT_DECLARED
    others = set(facts.sender) - set(facts.authors) if stated and not ours else set()
    if len({*stated, *others}) > 1:
        return Reason.USER_MISMATCH
    return of_the_authorisation(users, {stated[0]}, day) if users and stated and not ours else None
