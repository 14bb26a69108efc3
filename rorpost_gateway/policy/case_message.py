"""The message of a case, as octets: what a client would submit, or what a partner would seal. Pure."""

import re
from datetime import datetime
from email.header import Header
from email.utils import format_datetime

from rorpost_gateway.decision import Direction
from rorpost_gateway.policy.case_body import body_of
from rorpost_gateway.policy.case_model import Case
from rorpost_gateway.policy.message_inquiry import LEGAL_BASIS_FIELD, SENDING_USER_FIELD
from rorpost_gateway.policy.model import Policy, Rules, Source

_BEYOND_ASCII = re.compile(r"\S*[^\x00-\x7f]\S*(?: +\S*[^\x00-\x7f]\S*)*")


def message_of(case: Case, policy: Policy, *, at: datetime) -> bytes:
    """The message of a case as it would be sent: CRLF line ends, ASCII header fields.

    Raises MessageMalformed where a text mixes line ends.
    """
    described, body = body_of(case.message)
    written: dict[str, tuple[str, ...]] = {
        "From": (case.sender,),
        "To": (case.recipient,),
        "Date": (format_datetime(at),),
        "Message-ID": ("<case@case.invalid>",),
        "Subject": (case.message.subject,),
    }
    written |= _statement(case, rules_of(case, policy, at))
    if case.message.importance is not None:
        written["Importance"] = (case.message.importance,)
    if case.message.legal_basis is not None:
        written[LEGAL_BASIS_FIELD] = (case.message.legal_basis,)
    written |= {name: (value,) for name, value in described.items()}
    for name, values in case.message.fields.items():
        for same in [other for other in written if other.lower() == name.lower()]:
            del written[same]
        written[name] = values
    lines = [f"{name}: {_encoded(value)}" for name, values in written.items() for value in values]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def rules_of(case: Case, policy: Policy, at: datetime) -> Rules:
    """The rules of the channel in force for a case; the policy's own where there is none."""
    day = policy.day(at)
    channels = policy.pairs.get((case.sender, case.recipient), ())
    return next((channel.rules for channel in channels if channel.in_force(day)), policy.rules)


def _statement(case: Case, rules: Rules) -> dict[str, tuple[str, ...]]:
    """How the user is stated: in the way that the channel in force reads first."""
    user = case.user
    if user is None:
        return {}
    if Source.HEADER in rules.sources:
        return {rules.header: (user,)}
    if Source.SENDER in rules.sources:
        return {"Sender": (user,)}
    by_gateway = case.direction is Direction.INBOUND and Source.LOGIN in rules.sources
    return {SENDING_USER_FIELD: (user,)} if by_gateway else {}


def _encoded(value: str) -> str:
    """Words beyond ASCII as encoded words (RFC 2047), and nothing else: an address stays one."""
    return _BEYOND_ASCII.sub(lambda words: Header(words[0], "utf-8", maxlinelen=100_000).encode(), value)
