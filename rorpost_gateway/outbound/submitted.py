"""The message as submitted, read once: what is sealed, and what the rules look at."""

from collections.abc import Collection
from dataclasses import dataclass

from rorpost_gateway.facts import MessageFacts
from rorpost_gateway.message import (
    Message,
    check_structure,
    parse_message,
    read_facts,
    without_private_fields,
)

LEGAL_BASIS_FIELD = "x-rorpost-legal-basis"


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """`message` is without the X-Rorpost-* fields that were not the client's to write."""

    message: Message
    facts: MessageFacts


def read_submitted(octets: bytes, *, hostname: str, keep: Collection[str]) -> Submitted:
    """Read what DATA brought. Pure, linear.

    `keep` names the X-Rorpost-* fields of the client's that state the sending user.

    Raises MessageMalformed and MessageTooComplex.
    """
    message = parse_message(octets)
    check_structure(message)
    kept = without_private_fields(message, (*keep, LEGAL_BASIS_FIELD))
    return Submitted(message=kept, facts=read_facts(kept, hostname=hostname))
