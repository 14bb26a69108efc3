"""Supervision over a real Dovecot on the days on which the clocks change; nothing in a mailbox does.

`python -m tests.integration.supervision_table` prints it.
"""

from datetime import date

import pytest

from tests.peers.authority import Authority
from tests.peers.dovecot import DISTRICT, HOME_CARE
from tests.peers.supervised_day import AUTUMN, EXPECTED, SPRING, TOLD, supervise


@pytest.mark.parametrize("day", [SPRING, AUTUMN], ids=str)
def test_each_deadline_once_and_no_flag_changed(day: date, authority: Authority) -> None:
    found = supervise(day, authority)
    assert found.outcomes() == EXPECTED[day]
    assert found.told == TOLD[day]
    assert found.looks > len(found.rows)
    assert not found.disturbed
    for row in found.rows:
        assert row.before[0], "an empty inbox would show nothing"
        assert row.unchanged
    last = [row.line for row in found.rows][-2:]
    figures = {line.mailbox: (line.unread, line.in_inbox, line.foreign) for line in last}
    assert figures[DISTRICT] == (2, 3, 1)
    assert figures[HOME_CARE][0] == 0
