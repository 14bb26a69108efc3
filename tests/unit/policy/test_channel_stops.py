"""Which channels stop with a mailbox's last key: by direction, by cause, within their own validity."""

from datetime import UTC, datetime, timedelta
from typing import Any

from rorpost_gateway.decision import Reason
from rorpost_gateway.openpgp.base import KeyEnd, Need
from rorpost_gateway.policy.channel_stops import ChannelStop, channel_stops

NOW = datetime(2026, 5, 6, 8, tzinfo=UTC)
TEXT = """\
mailboxes:
  rorpost.hemsjukvarden@motala.se: {name: Hemsjukvården}
  rorpost.vcbrinken@regionostergotland.se: {key: "AAAA0000AAAA0000AAAA0000AAAA0000AAAA0001"}
  rorpost.vclyckorna@regionostergotland.se: {key: "AAAA0000AAAA0000AAAA0000AAAA0000AAAA0002"}
channels:
  - name: both
    between: [rorpost.hemsjukvarden@motala.se, rorpost.vcbrinken@regionostergotland.se]
    VALID
  - name: out
    from: rorpost.hemsjukvarden@motala.se
    to: [rorpost.vclyckorna@regionostergotland.se]
rules: {outside_quotes: allow}
"""


def end(days: int | None, fingerprint: str = "F" * 40) -> KeyEnd:
    at = None if days is None else NOW + timedelta(days=days)
    return KeyEnd(at=at, reason=Reason.KEY_EXPIRED, fingerprint=fingerprint)


def stops(world: Any, ends: dict[tuple[str, Need], KeyEnd], valid: str = "") -> tuple[ChannelStop, ...]:
    policy = world.load(TEXT.replace("    VALID\n", f"    {valid}\n" if valid else ""))
    return channel_stops(policy, ends, own_domains=world.OWN, at=NOW)


def test_no_end_no_stop(world: Any) -> None:
    assert stops(world, {}) == ()


def test_our_key_stops_every_channel_in_both_directions(world: Any) -> None:
    found = stops(world, {(world.HOME, Need.SEAL): end(9), (world.HOME, Need.SIGN): end(9)})
    assert [(stop.channel.name, len(stop.pairs), stop.mailbox) for stop in found] == [
        ("both", 2, world.HOME),
        ("out", 1, world.HOME),
    ]


def test_a_partners_key_to_verify_by_stops_only_what_comes_from_there(world: Any) -> None:
    (stop,) = stops(world, {(world.CARE, Need.VERIFY): end(9)})
    assert stop.pairs == ((world.CARE, world.HOME),)
    assert stops(world, {(world.CARE, Need.SIGN): end(9), (world.HOME, Need.VERIFY): end(9)}) == ()


def test_the_soonest_counts_and_comes_first(world: Any) -> None:
    found = stops(
        world,
        {
            (world.CARE, Need.SEAL): end(9),
            (world.HOME, Need.SIGN): end(3),
            (world.OTHER, Need.SEAL): end(None),
        },
    )
    assert [(stop.channel.name, stop.mailbox, stop.end.at) for stop in found] == [
        ("out", world.OTHER, None),
        ("both", world.HOME, NOW + timedelta(days=3)),
    ]


def test_what_the_channels_own_end_comes_before_is_not_told(world: Any) -> None:
    ends = {(world.CARE, Need.SEAL): end(9)}
    assert stops(world, ends, valid="valid_until: 2026-05-14") == ()
    assert stops(world, ends, valid="valid_until: 2026-05-15") != ()
    assert stops(world, {(world.CARE, Need.SEAL): end(None)}, valid="valid_until: 2026-05-05") == ()
