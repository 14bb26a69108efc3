"""Over random policies: the decision is the one that reading all channels line by line would give."""

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rorpost_gateway.decision import Direction, KeyChoice, Reason
from rorpost_gateway.document import DocumentInvalid
from rorpost_gateway.policy.evaluate import Question, evaluate
from rorpost_gateway.policy.load import load_policy

STOCKHOLM = ZoneInfo("Europe/Stockholm")
OWN = frozenset({"motala.se"})
OURS = [f"rorpost.{unit}@motala.se" for unit in ("a", "b")]
THEIRS = [f"rorpost.{unit}@region.se" for unit in ("x", "y")]
ADDRESSES = [*OURS, *THEIRS, "rorpost.nobody@motala.se", "anna@motala.se"]
FIRST = date(2026, 3, 27)  # summer time begins two days later
DAYS = st.integers(0, 6).map(lambda days: FIRST + timedelta(days=days))


@st.composite
def channels(draw: st.DrawFn) -> list[dict[str, Any]]:
    drawn = []
    for number in range(draw(st.integers(0, 4))):
        channel: dict[str, Any] = {"name": f"c{number}"}
        ends = draw(st.lists(st.sampled_from(OURS + THEIRS), min_size=2, max_size=4, unique=True))
        if draw(st.booleans()):
            channel["between"] = ends[:2]
        else:
            channel["from"], channel["to"] = ends[0], ends[1:]
        days = draw(st.lists(DAYS, min_size=2, max_size=2))
        if draw(st.integers(0, 9)):  # one in ten may end before it begins
            days.sort()
        dated = zip(("valid_from", "valid_until"), days, strict=True)
        channel |= {key: day for key, day in dated if draw(st.integers(0, 4))}
        drawn.append(channel)
    return drawn


def text_of(drawn: list[dict[str, Any]]) -> str:
    mailboxes = [f"  {address}: {{}}\n" for address in OURS]
    mailboxes += [f"  {address}: {{key: {'A' * 39}{number}}}\n" for number, address in enumerate(THEIRS)]
    text = "mailboxes:\n" + "".join(mailboxes) + "rules: {outside_quotes: allow}\nchannels:\n"
    for channel in drawn:
        fields = [f"{key}: {str(value).replace(chr(39), '')}" for key, value in channel.items()]
        text += "  - {" + ", ".join(fields) + "}\n"
    return text if drawn else text.replace("channels:\n", "channels: []\n")


def pairs(channel: dict[str, Any]) -> set[tuple[str, str]]:
    if "between" in channel:
        a, b = channel["between"]
        return {(a, b), (b, a)}
    return {(channel["from"], recipient) for recipient in channel["to"]}


def open_on(channel: dict[str, Any], day: date) -> bool:
    return channel.get("valid_from", date.min) <= day <= channel.get("valid_until", date.max)


def backwards(channel: dict[str, Any]) -> bool:
    return channel.get("valid_from", date.min) > channel.get("valid_until", date.max)


def must_be_refused(drawn: list[dict[str, Any]]) -> bool:
    days = [FIRST + timedelta(days=days) for days in range(-1, 9)]
    return any(map(backwards, drawn)) or any(
        pairs(one) & pairs(other) and any(open_on(one, day) and open_on(other, day) for day in days)
        for place, one in enumerate(drawn)
        for other in drawn[:place]
    )


def slow_and_obvious(drawn: list[dict[str, Any]], sender: str, recipient: str, day: date) -> Reason:
    if sender not in OURS:
        return Reason.SENDER_NOT_A_MAILBOX
    if recipient not in OURS + THEIRS:
        return Reason.RECIPIENT_NOT_A_MAILBOX
    named = [channel for channel in drawn if (sender, recipient) in pairs(channel)]
    if not named:
        return Reason.PAIR_NOT_ALLOWED
    return Reason.OK if any(open_on(channel, day) for channel in named) else Reason.CHANNEL_NOT_VALID


class AllKeys:
    def for_sealing(self, address: str, pinned: Any, at: datetime) -> KeyChoice:
        return KeyChoice(primary=address, subkey=address)

    for_signing = for_sealing


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(drawn=channels(), day=DAYS, hour=st.sampled_from([time(0), time(12), time(23, 59, 59)]))
def test_decisions(drawn: list[dict[str, Any]], day: date, hour: time, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text_of(drawn), encoding="utf-8")
    try:
        policy = load_policy(file, own_domains=OWN, timezone=STOCKHOLM)
    except DocumentInvalid:
        assert must_be_refused(drawn)
        return
    assert not must_be_refused(drawn)
    at = datetime.combine(day, hour, tzinfo=STOCKHOLM).astimezone(ZoneInfo("UTC"))
    for sender in ADDRESSES:
        for recipient in ADDRESSES:
            asked = Question(
                direction=Direction.OUTBOUND, at=at, sender=sender, recipient=recipient, own_domains=OWN
            )
            verdict = evaluate(policy, AllKeys(), asked)
            assert verdict.reason is slow_and_obvious(drawn, sender, recipient, day)
            assert (verdict.seal_to is not None) == verdict.accepted
