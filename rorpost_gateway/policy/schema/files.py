"""A policy file. All files of a folder are one policy, so that nothing in one of them is required. Pure."""

from rorpost_gateway.policy.read_mailboxes import FINGERPRINT, NAME_CHARACTERS, PHONE, PHONE_CHARACTERS
from rorpost_gateway.policy.read_reading import NAMED_DAYS, TIME_OF_DAY, WEEKDAYS
from rorpost_gateway.policy.schema.rules import channel_rules, policy_rules
from rorpost_gateway.policy.schema.words import (
    Schema,
    by_mailbox,
    day,
    document,
    list_of,
    mailbox,
    mapping,
    one_of,
    person,
    text,
)


def policy_schema() -> Schema:
    """The schema of `policies/*.yaml`."""
    parts = {
        "mailboxes": by_mailbox("The function mailboxes, on both sides.", _mailbox()),
        "channels": {
            "description": "Who may write to whom. What stands here is allowed; everything else is refused.",
            "type": "array",
            "items": _channel(),
        },
        "rules": policy_rules(),
    }
    return document("A policy of rörpost gateway", "policy", mapping("One file of a policy.", parts))


def _mailbox() -> Schema:
    keys: dict[str, Schema] = {
        "name": text("What people call the unit. Left out: its address.", longest=NAME_CHARACTERS),
        "phone": text(
            "For urgent matters, and when nothing works. It stands in refusals of mail to it. In quotes.",
            pattern=PHONE,
            longest=PHONE_CHARACTERS,
        ),
        "manager": person("Who answers for the mailbox and reviews who may use it."),
        "read_at": list_of(
            "When it is read at the latest, the earliest first. Each in quotes.",
            text("A time of the day.", pattern=TIME_OF_DAY),
        ),
        "read_on": _read_on(),
        "on_duty": list_of("Who hears first that it was not read in time.", person("A person on duty.")),
        "users": {
            "description": "Who may send as this mailbox.",
            "type": "array",
            "items": _authorisation(),
        },
        "key": _keys(),
    }
    described = mapping("One function mailbox.", keys)
    return described | {"dependentRequired": {"read_on": ["read_at"], "on_duty": ["read_at"]}}


def _read_on() -> Schema:
    days = list_of("The very days, holidays among them too.", one_of("A day.", WEEKDAYS), least=1)
    return {
        "description": "On which days it is read.",
        "anyOf": [{"enum": list(NAMED_DAYS)}, days],
        "default": next(iter(NAMED_DAYS)),
    }


def _authorisation() -> Schema:
    return mapping(
        "One person, and from when until when.",
        {
            "user": person("The person's mail address."),
            "name": text("The person's name, as the reader sees it.", longest=NAME_CHARACTERS),
            "requested_by": person("The manager who asked for it."),
            "executed_by": person("Who carried it out: neither the one who asked nor the user."),
            "valid_from": day("The first day."),
            "valid_until": day("The last day."),
            "key": _fingerprint("The person's own signing key, at a partner's mailbox."),
        },
        required=("user", "requested_by", "executed_by", "valid_from", "valid_until"),
    )


def _keys() -> Schema:
    plain = _fingerprint("A key by its full fingerprint.")
    ending = mapping(
        "A key that is on its way out.",
        {
            "fingerprint": _fingerprint("The key."),
            "accept_until": day("After this day it is neither used nor accepted."),
        },
        required=("fingerprint",),
    )
    several = list_of("Seal to the first that can be used, accept all.", {"anyOf": [plain, ending]}, least=1)
    return {
        "description": "The OpenPGP key. A mailbox outside our own domains must have one.",
        "anyOf": [plain, ending, several],
    }


def _fingerprint(description: str) -> Schema:
    told = f"{description} All its digits, in quotes, compared over the telephone."
    return text(told, pattern=FINGERPRINT)


def _channel() -> Schema:
    keys = {
        "name": text("Its name in logs; no two alike.", longest=NAME_CHARACTERS),
        "between": list_of("These two write to each other.", mailbox("One of the two."), least=2, most=2),
        "from": mailbox("This one writes to each of `to`, and nothing comes back."),
        "to": list_of("Whom `from` may write to.", mailbox("A recipient."), least=1),
        "owner": person("Whom to ask about the channel."),
        "decision": text("The reference under which it was decided."),
        "valid_from": day("The first day; left out: no limit."),
        "valid_until": day("The last day; left out: no limit."),
        "rules": channel_rules(),
    }
    return mapping("Who may write to whom, and under which rules.", keys, required=("name",)) | {
        "dependentRequired": {"from": ["to"], "to": ["from"]},
        "anyOf": [{"required": ["between"]}, {"required": ["from"]}],
        "not": {"required": ["between", "from"]},
    }
