"""Loading the policy: all files of a folder are one policy, checked whole, with every finding at once.

policies/README.md says what each key means. The revision is the SHA-256 of the RFC 8785 form of what was
parsed, all files merged, before any default is filled in.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from rorpost_gateway.address import domain_of
from rorpost_gateway.decision import Position
from rorpost_gateway.document import (
    REST,
    Aside,
    DocumentInvalid,
    Entry,
    Findings,
    Node,
    Section,
    parse_file,
    shown,
)
from rorpost_gateway.policy.canonical import Pieces
from rorpost_gateway.policy.loading import (
    CHECKING_CHANNELS,
    CHECKING_MAILBOXES,
    Progress,
    in_silence,
    shares,
)
from rorpost_gateway.policy.model import Channel, Mailbox, Pair, Policy, Rules
from rorpost_gateway.policy.read_channels import read_channel
from rorpost_gateway.policy.read_mailboxes import read_mailbox
from rorpost_gateway.policy.read_rules import AUTHORISATION_MOST_DAYS, read_policy_rules

MOST_CHANNELS_OF_A_PAIR = 200  # one after the other; they are compared with each other


@dataclass
class _Written:
    """What stood in the files, put together, not yet understood."""

    mailboxes: dict[str, Entry] = field(default_factory=dict)  # by lower-case address
    channels: list[tuple[str, Node]] = field(default_factory=list)
    rules: Node | None = None
    pieces: Pieces = field(default_factory=Pieces)
    complete: bool = True  # False: what a file refers to may stand in one that could not be read


def load_policy(
    path: Path,
    *,
    own_domains: frozenset[str],
    timezone: ZoneInfo,
    shown_as: str | None = None,
    progress: Progress = in_silence,
) -> Policy:
    """Load a policy file, or all `*.yaml` of a folder (its subfolders are not policy).

    `shown_as` is how findings name the path; `progress` is told how far a large one has come.
    Raises DocumentInvalid with every finding.
    """
    findings = Findings()
    written = _Written()
    files = policy_files(path, shown_as or str(path), findings)
    for (file, name), part in zip(files, shares([_octets(file) for file, _ in files]), strict=True):
        try:
            root = parse_file(
                file, shown_as=name, findings=findings, progress=part.of(progress, f"reading {file.name}")
            )
            _merge(root, written, findings)
        except DocumentInvalid as error:
            findings.take(error)
            written.complete = False
    policy = _understand(written, findings, own_domains, timezone, progress)
    findings.raise_if_any()
    return policy


def _octets(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:  # told when it is read
        return 0


def policy_files(path: Path, shown_as: str, findings: Findings) -> list[tuple[Path, str]]:
    """The files that make up the policy, in the order of their names, each with its name in findings."""
    start = Position(file=shown_as, line=1, column=1)
    if not path.is_dir():
        return [(path, shown_as)]
    try:
        files = sorted(file for file in path.iterdir() if not file.name.startswith(".") and not file.is_dir())
    except OSError as error:
        findings.add(start, f"cannot be read: {error.strerror or 'fault'}")
        return []
    for file in files:
        if file.suffix in {".yml", ".json"}:
            findings.add(start, f"{shown(file.name)} would not be read: policy files are named *.yaml")
    policies = [(file, f"{shown_as}/{file.name}") for file in files if file.suffix == ".yaml"]
    if not policies:
        findings.add(start, "holds no policy file (*.yaml)")
    return policies


def _merge(root: Node, written: _Written, findings: Findings) -> None:
    section = Section(root, findings)
    mailboxes = section.section("mailboxes")
    if mailboxes is None and section.has("mailboxes"):
        written.complete = False
    if mailboxes is not None:
        written.pieces.begin_mailboxes()
        for entry in mailboxes.node.entries:
            first = written.mailboxes.setdefault(entry.key.lower(), entry)
            if first is not entry:
                findings.add(
                    entry.position,
                    f"mailbox {shown(entry.key)} stands twice (first at {first.position})",
                    asides=(Aside(first.position, "first here"),),
                )
            written.pieces.mailbox(entry.key, entry.node)
    channels = section.elements("channels")
    if section.has("channels"):
        written.pieces.begin_channels()
        for _, channel in channels:
            written.pieces.channel(channel)
        written.channels.extend(channels)
    rules = section.value("rules", None)
    if rules is not None:
        if written.rules is not None:
            first_rules = written.rules.position
            findings.add(
                rules.position,
                f"rules stand twice (first at {first_rules})",
                length=REST,
                asides=(Aside(first_rules, "first here"),),
            )
        written.rules = rules
        written.pieces.rules(rules)
    section.finish()


def _understand(
    written: _Written,
    findings: Findings,
    own_domains: frozenset[str],
    timezone: ZoneInfo,
    progress: Progress,
) -> Policy:
    if written.rules is None and not written.complete:
        rules = Rules(authorisation_max_days=AUTHORISATION_MOST_DAYS)
    else:
        rules = read_policy_rules(written.rules, findings)
    mailboxes: dict[str, Mailbox] = {}
    for address in CHECKING_MAILBOXES.each(tuple(written.mailboxes), progress, "checking mailboxes"):
        # Taken out: a million nodes are let go as what they say is read, and not all at once.
        entry = written.mailboxes.pop(address)
        mailbox = read_mailbox(
            entry, findings, own_domains=own_domains, max_days=rules.authorisation_max_days
        )
        mailboxes[mailbox.address] = mailbox  # one string for an address, here and in every pair
    channels = []
    written.channels.reverse()
    for _ in CHECKING_CHANNELS.each(range(len(written.channels)), progress, "checking channels"):
        name, node = written.channels.pop()
        channels.append(
            read_channel(
                node, findings, name=name, defaults=rules, mailboxes=mailboxes if written.complete else None
            )
        )
    _check_names(channels, findings)
    canonical = written.pieces.joined() if not len(findings) else b""
    return Policy(
        revision=hashlib.sha256(canonical).hexdigest(),
        canonical=canonical,
        timezone=timezone,
        mailboxes=mailboxes,
        channels=tuple(channels),
        rules=rules,
        pairs=_pairs(channels, findings),
        known=_known(mailboxes, channels),
        user_domains=_user_domains(mailboxes),
    )


def _check_names(channels: list[Channel], findings: Findings) -> None:
    first: dict[str, Channel] = {}
    for channel in channels:
        other = first.setdefault(channel.name, channel)
        if channel.name and other is not channel:
            findings.add(
                channel.position,
                f"channel {shown(channel.name)} stands twice (first at {other.position})",
                length=REST,
                asides=(Aside(other.position, "first here"),),
            )


def _pairs(channels: list[Channel], findings: Findings) -> dict[Pair, tuple[Channel, ...]]:
    pairs: dict[Pair, tuple[Channel, ...]] = {}
    for channel in channels:
        alone = (channel,)
        for pair in channel.pairs:
            others = pairs.get(pair)
            if others is None:
                pairs[pair] = alone
                continue
            if len(others) >= MOST_CHANNELS_OF_A_PAIR:
                text = f"is one of more than {MOST_CHANNELS_OF_A_PAIR} for {pair[0]} to {pair[1]}"
                findings.add(channel.position, f"channel {shown(channel.name)} {text}", length=REST)
                continue
            clash = next(
                (other for other in others if other is not channel and other.overlaps(channel)), None
            )
            if clash is not None:
                findings.add(
                    channel.position,
                    f"channel {shown(channel.name)}: {pair[0]} to {pair[1]} stands in channel "
                    f"{shown(clash.name)} for the same days ({clash.position})",
                    length=REST,
                    advice="for each pair and day one channel decides: name the pair in one of them only, or"
                    " let one end before the other begins",
                    asides=(Aside(clash.position, "the other channel"),),
                )
            pairs[pair] = (*others, channel)
    return pairs


def _known(mailboxes: dict[str, Mailbox], channels: list[Channel]) -> frozenset[str]:
    known = set(mailboxes)
    for mailbox in mailboxes.values():
        known.update(mailbox.users)
        known.add(mailbox.manager or "")
        known.update(mailbox.on_duty)
        for periods in mailbox.users.values():
            for authorisation in periods:
                known.update((authorisation.requested_by, authorisation.executed_by))
    known.update(channel.owner or "" for channel in channels)
    return frozenset(known - {""})


def _user_domains(mailboxes: dict[str, Mailbox]) -> dict[str, frozenset[str]]:
    domains: dict[str, set[str]] = {}
    for mailbox in mailboxes.values():
        for user in mailbox.users:
            domains.setdefault(user, set()).add(domain_of(mailbox.address))
    return {user: frozenset(found) for user, found in domains.items()}
