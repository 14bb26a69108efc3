"""What of a policy its cases would notice: which channels, pairs, users and rules no case touches.

A channel, a pair or an authorisation is touched where a case is decided by its line. A rule is
touched where some case would be answered otherwise if the rule were another. Pure.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rorpost_gateway.decision import Position, Reason
from rorpost_gateway.errors import MessageMalformed, MessageTooComplex
from rorpost_gateway.policy.cases import MAX_AGE, Case, CaseKeys, question_of
from rorpost_gateway.policy.evaluate import evaluate, trace
from rorpost_gateway.policy.inquiry import Question
from rorpost_gateway.policy.model import Channel, Policy
from rorpost_gateway.policy.rule_variants import Variant, variants

_BEFORE_CHANNELS = {Reason.SENDER_NOT_A_MAILBOX, Reason.RECIPIENT_NOT_A_MAILBOX, Reason.PAIR_NOT_ALLOWED}


class Part(StrEnum):
    """What a policy is made of, as far as cases can touch it."""

    CHANNEL = "channel"
    PAIR = "pair"
    USER = "user"
    RULE = "rule"


@dataclass(frozen=True, kw_only=True)
class Element:
    """One channel, directed pair, authorisation or rule. `position` is None for a built-in default."""

    part: Part
    name: str
    position: Position | None
    touched: bool


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """Everything that cases can touch, in the order of the policy."""

    elements: tuple[Element, ...]

    @property
    def untouched(self) -> tuple[Element, ...]:
        return tuple(element for element in self.elements if not element.touched)

    @property
    def complete(self) -> bool:
        return not self.untouched

    def counts(self) -> dict[Part, tuple[int, int]]:
        """For each part: how many are touched, and how many there are."""
        return {
            part: (
                sum(element.touched for element in self.elements if element.part is part),
                sum(element.part is part for element in self.elements),
            )
            for part in Part
        }


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """A case as it was decided: by which channel, and for which reason."""

    keys: CaseKeys
    question: Question
    channel: str | None
    reason: Reason


def coverage_of(
    policy: Policy,
    cases: Sequence[Case],
    *,
    own_domains: frozenset[str],
    now: datetime,
    max_age: timedelta = MAX_AGE,
) -> Coverage:
    """What these cases touch; see `cases.run_cases` for the arguments."""
    asked = []
    lines: set[Position] = set()
    for case in cases:
        try:
            question = question_of(
                policy, case, own_domains=own_domains, now=now, max_age=max_age, whole_content=True
            )
        except (MessageMalformed, MessageTooComplex):
            continue
        asked.append(_decided(policy, CaseKeys(case.keys), question))
        lines.update(_authorisations_behind(policy, asked[-1]))
    pairs = {(one.channel, one.question.sender, one.question.recipient) for one in asked}
    return Coverage(
        elements=(
            *_channels(policy.channels, pairs),
            *_users(policy, lines),
            *_rules(policy, asked),
        )
    )


def _decided(policy: Policy, keys: CaseKeys, question: Question) -> _Asked:
    verdict = evaluate(policy, keys, question)
    channel = None if verdict.reason in _BEFORE_CHANNELS else verdict.channel
    return _Asked(keys=keys, question=question, channel=channel, reason=verdict.reason)


def _authorisations_behind(policy: Policy, asked: _Asked) -> Iterator[Position]:
    for step in trace(policy, asked.keys, asked.question):
        if Reason.USER_NOT_VALID in step.reasons and step.position is not None:
            yield step.position


def _channels(channels: Iterable[Channel], decided: set[tuple[str | None, str, str]]) -> Iterator[Element]:
    for channel in channels:
        touched = [(channel.name, *pair) in decided for pair in channel.pairs]
        yield Element(part=Part.CHANNEL, name=channel.name, position=channel.position, touched=any(touched))
        for (sender, recipient), is_touched in zip(channel.pairs, touched, strict=True):
            name = f"{channel.name}: {sender} to {recipient}"
            yield Element(part=Part.PAIR, name=name, position=channel.position, touched=is_touched)


def _users(policy: Policy, lines: set[Position]) -> Iterator[Element]:
    for mailbox in policy.mailboxes.values():
        for periods in mailbox.users.values():
            for period in periods:
                days = f" ({period.valid_from} to {period.valid_until})" if len(periods) > 1 else ""
                yield Element(
                    part=Part.USER,
                    name=f"{period.user} as {mailbox.address}{days}",
                    position=period.position,
                    touched=period.position in lines,
                )


def _rules(policy: Policy, asked: Sequence[_Asked]) -> Iterator[Element]:
    with_message = [one for one in asked if one.question.facts is not None and one.channel is not None]
    by_channel: dict[str | None, list[_Asked]] = {}
    for one in with_message:
        by_channel.setdefault(one.channel, []).append(one)
    for variant in variants(policy):
        candidates = with_message if variant.channel is None else by_channel.get(variant.channel, ())
        yield Element(
            part=Part.RULE,
            name=variant.name,
            position=variant.position,
            touched=_is_noticed(policy, variant, candidates),
        )


def _is_noticed(policy: Policy, variant: Variant, candidates: Iterable[_Asked]) -> bool:
    other = variant.of(policy)
    return any(evaluate(other, one.keys, one.question).reason is not one.reason for one in candidates)
