"""A file of cases: questions to the policy with the answers it must give. Pure."""

from rorpost_gateway.decision import Direction
from rorpost_gateway.policy.case_model import WANTED
from rorpost_gateway.policy.read_case_message import ANY_TYPE, LARGEST_OCTETS, LONGEST_TEXT, TYPE
from rorpost_gateway.policy.read_cases import KEY_STATES
from rorpost_gateway.policy.read_mailboxes import FINGERPRINT
from rorpost_gateway.policy.schema.words import (
    Schema,
    by_mailbox,
    document,
    list_of,
    mapping,
    one_of,
    text,
)

_DAY_OR_MOMENT = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([Tt ][0-9]{2}:?[0-9]{2}(:?[0-9]{2}([.,][0-9]+)?)?([Zz]|[+-][0-9]{2}(:?[0-9]{2}(:?[0-9]{2})?)?))?$"
)


def cases_schema() -> Schema:
    """The schema of `policies/tests/*.yaml`."""
    cases = {"description": "The questions.", "type": "array", "items": _case()}
    file = mapping("One file of cases.", {"cases": cases}, required=("cases",))
    return document("Cases of a policy of rörpost gateway", "cases", file)


def _case() -> Schema:
    keys: dict[str, Schema] = {
        "name": text("What is asked, in words."),
        "from": text("The mailbox that sends."),
        "to": text("The mailbox that it goes to."),
        "user": text("Who sends, stated in the way the channel reads first."),
        "login": text("Who is logged in, if not `user`; none: mail from a trusted network."),
        "aliases": list_of("Other addresses of that login.", text("An address.")),
        "at": _moment("When. Left out: now."),
        "direction": one_of("Which way it goes.", tuple(Direction), default=Direction.OUTBOUND.value),
        "message": _message(),
        "signed": _signed(),
        "keys": by_mailbox("The state of a mailbox's key.", one_of("Its state.", tuple(KEY_STATES))),
        "want": one_of("accept, or the reason it is refused with.", WANTED),
    }
    return mapping("One question, and the answer.", keys, required=("name", "from", "to", "want"))


def _moment(description: str) -> Schema:
    told = f"{description} A time with its offset, 2026-05-06T08:00:00+02:00, or a day, which means noon."
    return {"description": told, "type": "string", "pattern": _DAY_OR_MOMENT}


def _message() -> Schema:
    written = text("A value.")
    return mapping(
        "What is special about the message; what is left out is ordinary.",
        {
            "subject": text("Its subject."),
            "importance": text("The header field Importance."),
            "legal_basis": text("The header field X-Rorpost-Legal-Basis."),
            "headers": {
                "description": "Further header fields by name. One named here replaces the ordinary one.",
                "type": "object",
                "propertyNames": {"pattern": "^[\x21-\x39\x3b-\x7e]+$"},
                "additionalProperties": {"anyOf": [written, {"type": "array", "items": written}]},
            },
            "text": text("What is written in it, as plain text.", longest=LONGEST_TEXT),
            "html": text("What is written in it, as HTML.", longest=LONGEST_TEXT),
            "attachments": {
                "description": "What is attached.",
                "type": "array",
                "items": _attachment(),
            },
        },
    )


def _attachment() -> Schema:
    content: dict[str, Schema] = {
        "content": text("The words it holds.", longest=LONGEST_TEXT),
        "base64": text("Its octets in base64.", longest=LONGEST_TEXT),
        "file": text("A file in the folder of the cases that it holds."),
        "octets": {
            "description": "Where only its size matters: so many blanks.",
            "type": "integer",
            "minimum": 0,
            "maximum": LARGEST_OCTETS,
        },
    }
    keys = {
        "name": text("Its file name."),
        "type": text("The type that its part states.", pattern=TYPE) | {"default": ANY_TYPE},
    }
    exactly_one = [{"required": [key]} for key in content]
    return mapping("An attachment, and what it holds by one of four keys.", keys | content) | {
        "oneOf": exactly_one
    }


def _signed() -> Schema:
    return mapping(
        "Inbound: how the partner signed it.",
        {
            "by": text(
                "The fingerprint of the key. Left out: the one the policy asks for.", pattern=FINGERPRINT
            ),
            "at": _moment("When it was signed. Left out: when it comes."),
            "protected": {
                "description": "Whether the header fields stand under the signature.",
                "type": "boolean",
                "default": True,
            },
        },
    )
