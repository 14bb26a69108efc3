"""Supervision over a real Dovecot on the days on which the clocks change; nothing in a mailbox does.

`python -m tests.integration.supervision_table` prints it.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.peers.authority import Authority
from tests.peers.clock_changes import AUTUMN, EXPECTED, SPRING, TOLD
from tests.peers.dovecot import DISTRICT, HOME_CARE, Dovecot
from tests.peers.supervised_day import dovecot_to_supervise, supervise


@pytest.fixture(scope="module")
def dovecot(authority: Authority) -> Iterator[Dovecot]:
    with dovecot_to_supervise(authority) as running:
        yield running


@pytest.mark.parametrize("day", [SPRING, AUTUMN], ids=str)
def test_each_deadline_once_and_no_flag_changed(day: date, dovecot: Dovecot, tmp_path: Path) -> None:
    found = supervise(day, dovecot, tmp_path)
    assert found.outcomes() == EXPECTED[day]
    assert found.told == TOLD[day]
    assert found.looks > len(found.rows)
    assert not found.disturbed
    for row in found.rows:
        assert row.before[0], "an empty inbox would show nothing"
        assert row.unchanged
    figures = {
        row.line.mailbox: (row.line.unread, row.line.in_inbox, row.line.foreign) for row in found.rows[-2:]
    }
    assert figures[DISTRICT] == (2, 3, 1)
    assert figures[HOME_CARE][0] == 0
