"""What a message holds and quotes, judged as somebody would who reads policies/README.md beside it.

Like `slow_decision`: nothing of the gateway's but the words.
"""

from typing import Any

from rorpost_gateway.decision import Reason
from rorpost_gateway.facts import Attachment, ContentFacts, Look, MessageFacts
from tests.fuzz.drawn_content import UNSTATED
from tests.fuzz.drawn_policies import Drawn, pairs_of

SAME_TYPE = {"image/jpg": "image/jpeg"}  # two names of one


def of_what_it_holds(
    policy: Drawn,
    channel: dict[str, Any],
    rules: dict[str, Any],
    facts: MessageFacts,
    *,
    ends: set[str],
    logged_in: set[str],
) -> Reason | None:
    """Of quotes and attachments, alike in both directions. Where nobody has looked, that is a refusal."""
    content = facts.content or ContentFacts()
    if rules["outside_quotes"] == "reject":
        inside = people_of(policy, channel) | logged_in
        if content.quotes is None:
            return Reason.OUTSIDE_QUOTES
        if any(not may_be_quoted(policy, each, inside, ends) for each in content.quotes.quoted):
            return Reason.OUTSIDE_QUOTES
    if rules["attachments"] != "allow":
        found = content.attachments
        if found is None or not all(may_be_attached(rules["attachments"], each) for each in found):
            return Reason.ATTACHMENT_NOT_ALLOWED
        sizes = [each.octets for each in found if each.depth == 0]
        if sum(sizes) > rules["attachments"].get("max_total_bytes", sum(sizes)):
            return Reason.ATTACHMENT_NOT_ALLOWED
    return None


def people_of(policy: Drawn, channel: dict[str, Any]) -> set[str]:
    """The channel's mailboxes, and everybody who at any time may act as one of them."""
    ends = {end for pair in pairs_of(channel) for end in pair}
    return ends | {each["user"] for end in ends for each in policy.mailboxes[end]["users"]}


def may_be_quoted(policy: Drawn, quoted: frozenset[str], inside: set[str], ends: set[str]) -> bool:
    if quoted <= inside:
        return True
    return ends <= quoted and quoted <= inside | set(policy.mailboxes)


def may_be_attached(asks: dict[str, Any], one: Attachment) -> bool:
    if one.disguised or (not one.inspected and asks.get("uninspectable") != "allow"):
        return False
    if one.depth == 0 and one.octets > asks.get("max_bytes", one.octets):
        return False
    stated = set() if one.declared == UNSTATED else {one.declared}
    if any(is_named(kind, asks.get("deny_types", [])) for kind in {one.kind, *stated}):
        return False
    if "allow_types" in asks and not is_named(one.kind, asks["allow_types"]):
        return False
    denied = [ending.lower() for ending in asks.get("deny_extensions", [])]
    return not one.extensions or one.extensions[-1] not in denied


def is_named(kind: str, written: list[str]) -> bool:
    for text in written:
        name = SAME_TYPE.get(text.lower(), text.lower())
        if name == kind or (name.endswith("/*") and kind.startswith(name.removesuffix("*"))):
            return True
    return False


def names_an_identity_number(facts: MessageFacts) -> bool:
    """In the name of a file, however deep it lies; also where nobody has looked."""
    content = facts.content or ContentFacts()
    within = [each.identity_number_in_name for each in content.attachments or ()]
    return content.identity_number_in_name is not False or any(within)


def looked_for(rules: dict[str, Any], *, inbound: bool) -> Look:
    """What somebody has to look for who decides by these rules."""
    look = Look(0)
    if rules["outside_quotes"] == "reject":
        look |= Look.QUOTES
    if rules["attachments"] != "allow":
        look |= Look.ATTACHMENTS
    if rules["identity_number_in_attachment_names"] == "reject" and not inbound:
        look |= Look.NAMES
    return look
