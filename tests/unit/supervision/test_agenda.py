"""Who is looked into next."""

from rorpost_gateway.supervision.agenda import Agenda


def test_urgent_ones_come_first_and_nobody_twice() -> None:
    agenda = Agenda()
    for address in ("a", "b", "c"):
        agenda.add(address)
    agenda.add("c", urgent=True)
    agenda.add("c")
    assert len(agenda) == 3
    assert [agenda.take() for _ in range(4)] == ["c", "a", "b", None]


def test_one_that_is_in_hand_is_not_taken_in_until_it_is_done() -> None:
    agenda = Agenda()
    agenda.add("a")
    assert agenda.take() == "a"
    agenda.add("a", urgent=True)
    assert agenda.take() is None
    agenda.done("a")
    agenda.add("a", urgent=True)
    assert agenda.take() == "a"
