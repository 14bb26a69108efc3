"""Reading `channels`: exact pairs of function mailboxes, and the rules each has for itself."""

from collections.abc import Mapping

from rorpost_gateway.address import is_function_mailbox
from rorpost_gateway.document import Findings, Kind, Node, Section, shown
from rorpost_gateway.policy.model import Channel, Mailbox, Pair, Rules
from rorpost_gateway.policy.read_addresses import mailbox_address, person_or_none
from rorpost_gateway.policy.read_mailboxes import NAME_CHARACTERS, check_period
from rorpost_gateway.policy.read_rules import CHANNEL_RULES, read_channel_rules

_A_RULE = dict.fromkeys(CHANNEL_RULES, "a rule of one channel stands below its `rules:`, indented")


def read_channel(
    node: Node, findings: Findings, *, name: str, defaults: Rules, mailboxes: Mapping[str, Mailbox] | None
) -> Channel:
    """One element of `channels`; findings for whatever is wrong with it.

    `mailboxes` are those that are defined; None where nobody knows, since a file could not be read.
    """
    section = Section(node, findings, name=name)
    channel_name = section.text("name", longest=NAME_CHARACTERS)
    if channel_name:
        section.name = f"channel {shown(channel_name)}"
    pairs = _read_pairs(section, findings, mailboxes) if node.kind is Kind.MAPPING else ()
    rules_section = section.section("rules")
    channel = Channel(
        name=channel_name,
        pairs=pairs,
        owner=person_or_none(section, "owner"),
        decision=section.text("decision", None),
        valid_from=section.date("valid_from", None),
        valid_until=section.date("valid_until", None),
        rules=read_channel_rules(rules_section, defaults) if rules_section else defaults,
        position=section.position(),
        validity_position=section.position("valid_until" if section.has("valid_until") else "valid_from"),
    )
    check_period(section, channel.valid_from, channel.valid_until)
    section.finish(elsewhere=_A_RULE)
    return channel


def _read_pairs(
    section: Section, findings: Findings, mailboxes: Mapping[str, Mailbox] | None
) -> tuple[Pair, ...]:
    both_ways, sender, recipients = (section.value(key, None) for key in ("between", "from", "to"))
    if both_ways is not None:
        if sender is not None or recipients is not None:
            section.complain(None, "has between as well as from or to; write one or the other")
        ends = _ends(section, "between", both_ways, findings, mailboxes)
        if both_ways.kind is Kind.SEQUENCE and len(both_ways.elements) != 2:
            section.complain("between", "must name exactly two mailboxes")
            return ()
        return _distinct(
            section, "between", [(a, b) for a in ends for b in ends if a != b], whole=len(ends) == 2
        )
    if sender is None or recipients is None:
        section.complain(None, "must name its mailboxes: between: [A, B], or from: A and to: [B]")
        return ()
    from_ends = _ends(section, "from", sender, findings, mailboxes)
    to_ends = _ends(section, "to", recipients, findings, mailboxes)
    if not to_ends and recipients.kind is Kind.SEQUENCE:
        section.complain("to", "names no mailbox")
    return _distinct(
        section, "to", [(a, b) for a in from_ends for b in to_ends], whole=bool(from_ends and to_ends)
    )


def _distinct(section: Section, key: str, pairs: list[Pair], *, whole: bool) -> tuple[Pair, ...]:
    """Each pair once, and nobody paired with themselves."""
    if any(a == b for a, b in pairs) or (whole and not pairs):
        section.complain(key, "pairs a mailbox with itself")
    if len(set(pairs)) != len(pairs):
        section.complain(key, "names a mailbox twice")
    return tuple(dict.fromkeys(pairs))


def _ends(
    section: Section, key: str, node: Node, findings: Findings, mailboxes: Mapping[str, Mailbox] | None
) -> list[str]:
    wants_one = key == "from"
    if (node.kind is not Kind.TEXT) if wants_one else (node.kind is not Kind.SEQUENCE):
        advice = "" if wants_one else "a list stands in brackets, or line by line with `- `: [A, B]"
        section.complain(
            key, "must be one mailbox" if wants_one else "must be a list of mailboxes", advice=advice
        )
        return []
    ends = []
    for element in [node] if wants_one else node.elements:
        if element.kind is not Kind.TEXT:
            findings.add(
                element.position,
                f"{section.name} {key} must name mailboxes, not a {element.kind}",
                length=element.length,
            )
            continue
        if mailboxes is not None and (defined := mailboxes.get(element.source)) is not None:
            ends.append(defined.address)
            continue
        before = len(findings)
        address = mailbox_address(element.source, element.position, findings)
        if len(findings) == before and mailboxes is not None and address not in mailboxes:
            meant = findings.nearest(address, mailboxes)
            findings.add(
                element.position,
                f"mailbox {shown(element.source)} is not defined under mailboxes",
                length=element.length,
                meant=meant if is_function_mailbox(meant) else "",
            )
        ends.append(address)
    return ends
