"""`rules`, of the policy and of a channel. Pure."""

from rorpost_gateway.policy.model import Rules, Source
from rorpost_gateway.policy.read_attachments import ANYTHING, EXTENSION, MOST_BYTES, TYPE, TYPE_CHARACTERS
from rorpost_gateway.policy.read_rules import (
    AUTHORISATION_MOST_DAYS,
    BASIS,
    BASIS_CHARACTERS,
    FIELD_NAME,
    REFUSED_OR_NOT,
)
from rorpost_gateway.policy.schema.words import Schema, list_of, mapping, one_of, text

_BUILT_IN = Rules()
_REFUSED = {
    "identity_number_in_subject": "A personal identity or coordination number in the subject.",
    "identity_number_in_attachment_names": "Such a number in the name of an attachment.",
    "outside_quotes": "Mail that answers, quotes or passes on correspondence from outside the channel.",
    "urgent": "Messages marked urgent. Urgent matters go by telephone.",
    "unprotected_headers": "From the partner: messages whose header fields do not stand under the signature.",
}


def channel_rules() -> Schema:
    """What a channel may say for itself."""
    return mapping("The rules by which this channel differs from the policy's own.", _rules())


def policy_rules() -> Schema:
    """What holds for every channel that says nothing else."""
    most_days: Schema = {
        "description": "How many days anybody is authorised at a time.",
        "type": "integer",
        "minimum": 1,
        "maximum": AUTHORISATION_MOST_DAYS,
        "default": _BUILT_IN.authorisation_max_days,
    }
    rules = _rules() | {"authorisation_max_days": most_days}
    return mapping("The rules for every channel that says nothing else.", rules)


def _rules() -> dict[str, Schema]:
    switches = {
        key: one_of(_REFUSED.get(key, key), ("reject", "allow"), default="reject") for key in REFUSED_OR_NOT
    }
    return switches | {
        "declared_user": _declared_user(),
        "recipients_in_header": one_of(
            "Whether everybody the message goes to must stand in To or Cc.",
            ("require", "allow"),
            default="require",
        ),
        "attachments": _attachments(),
        "legal_basis": _legal_basis(),
    }


def _declared_user() -> Schema:
    sources = one_of("Where to look for who sends.", tuple(source.value for source in Source))
    return mapping(
        "How the person who sends is stated.",
        {
            "sources": list_of(
                "Where to look, in this order. The first that says something counts.", sources, least=1
            )
            | {"default": [source.value for source in _BUILT_IN.sources]},
            "header": text("The header field that `header` names. It begins with X-.", pattern=FIELD_NAME)
            | {"default": _BUILT_IN.header},
            "inbound": one_of(
                "Whether a message from the partner must state a person.",
                ("require", "optional"),
                default="require",
            ),
        },
    )


def _legal_basis() -> Schema:
    value = text("A value that may be stated.", pattern=BASIS, longest=BASIS_CHARACTERS)
    return {
        "description": "off, or the values of which X-Rorpost-Legal-Basis must name one.",
        "anyOf": [{"const": "off"}, list_of("The values.", value, least=1)],
        "default": "off",
    }


def _attachments() -> Schema:
    kind = text("A type: application/pdf, or image/* for all images.", pattern=TYPE, longest=TYPE_CHARACTERS)
    extension = text("An extension without its dot: exe.", pattern=EXTENSION)
    limits = mapping(
        "What may be attached.",
        {
            "max_bytes": _octets("The size of the largest attachment, in octets."),
            "max_total_bytes": _octets("The size of all attachments together, in octets."),
            "deny_types": list_of("Types that may not be attached, by what is found in the content.", kind),
            "allow_types": list_of("The only types that may be attached.", kind),
            "deny_extensions": list_of("Endings of file names that may not be attached.", extension),
            "uninspectable": one_of(
                "What cannot be looked into: encrypted, broken, packed too deep.",
                ("reject", "allow"),
                default="reject",
            ),
        },
    )
    return {
        "description": "What may be attached; allow: anything.",
        "anyOf": [{"const": ANYTHING}, limits],
        "default": ANYTHING,
    }


def _octets(description: str) -> Schema:
    return {"description": description, "type": "integer", "minimum": 0, "maximum": MOST_BYTES}
