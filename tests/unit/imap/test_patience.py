"""How long is waited for an answer."""

import pytest

from rorpost_gateway.imap.patience import SLOWEST_OCTETS_PER_SECOND, Patience


def test_silence_is_bounded() -> None:
    patience = Patience(30, now=100)
    assert patience.due == 130
    patience.moved(SLOWEST_OCTETS_PER_SECOND * 1000, now=110)
    assert patience.due == 140


def test_drops_buy_next_to_nothing() -> None:
    patience = Patience(30, now=100)
    for second in range(29):
        patience.moved(1, now=100 + second)
    assert patience.due == pytest.approx(130, abs=0.01)


def test_what_comes_fast_enough_may_take_its_time() -> None:
    patience = Patience(30, now=100)
    for second in range(1, 1001):
        patience.moved(SLOWEST_OCTETS_PER_SECOND, now=100 + second)
    assert patience.due == 1130


def test_begun_again() -> None:
    patience = Patience(30, now=100)
    patience.moved(10**9, now=110)
    patience.begin_again(now=500)
    assert patience.due == 530
