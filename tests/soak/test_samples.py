"""What counts as growth."""

import pytest

from tests.soak.samples import Sample, judge, sparkline

MESSAGES = 10_000


def samples(*, leak: float = 0.0, noise: int = 0) -> list[Sample]:
    return [
        Sample(
            seconds=at,
            arrived=at * 100,
            octets=round(50_000_000 + leak * at * 100)
            + (noise if at % 2 else -noise)
            - 20_000_000 * (at < 10),
        )
        for at in range(101)
    ]


def test_a_leak_is_seen_through_the_noise() -> None:
    verdict = judge(samples(leak=1000, noise=300_000), messages=MESSAGES)
    assert verdict.growth == pytest.approx(6_800_000, rel=0.1)
    assert verdict.per_message == pytest.approx(1000, rel=0.1)


def test_what_comes_up_once_at_the_start_is_no_growth() -> None:
    assert abs(judge(samples(noise=300_000), messages=MESSAGES).growth) <= 600_000


def test_too_little_to_say_anything_is_said() -> None:
    with pytest.raises(ValueError, match="too few"):
        judge(samples()[:20], messages=MESSAGES)


def test_the_line_shows_the_rise() -> None:
    line = sparkline(samples(leak=10_000), columns=20)
    assert len(line) == 20
    assert line[0] < line[-1] == "█"
