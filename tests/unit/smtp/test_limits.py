from rorpost_gateway.smtp.limits import Admission, Budget, Connections


def test_a_share_counts_each_copy_and_gives_all_back_once() -> None:
    budget = Budget(100)
    share = budget.share(copies=3)
    assert share.take(30)
    assert not share.take(4)
    assert budget.used_octets == 90
    share.give_back()
    share.give_back()
    assert budget.used_octets == 0


def test_connections_beyond_the_limit_are_refused_and_beyond_twice_the_limit_dropped() -> None:
    connections = Connections(most=2, most_per_client=10)
    answers = [connections.admit(f"192.0.2.{n}") for n in range(5)]
    assert answers == [Admission.WELCOME] * 2 + [Admission.REFUSE] * 2 + [Admission.DROP]


def test_one_client_cannot_take_all_connections() -> None:
    connections = Connections(most=10, most_per_client=1)
    assert connections.admit("192.0.2.1") is Admission.WELCOME
    assert connections.admit("192.0.2.1") is Admission.REFUSE
    assert connections.admit("192.0.2.2") is Admission.WELCOME
    connections.leave("192.0.2.1")
    connections.leave("192.0.2.1")
    assert connections.admit("192.0.2.1") is Admission.WELCOME
    assert connections.open == 2
