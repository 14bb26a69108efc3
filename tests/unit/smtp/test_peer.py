import pytest

from rorpost_gateway.envelope import TrustedNetwork
from rorpost_gateway.smtp.peer import describe_peer

OFFICE = TrustedNetwork(network="192.0.2.0/24")
EXCHANGE = TrustedNetwork(network="192.0.2.16/28", originator_org="motala.se")
SIX = TrustedNetwork(network="2001:db8::/32")


@pytest.mark.parametrize(
    ("host", "networks"),
    [
        ("192.0.2.1", (OFFICE,)),
        ("192.0.2.17", (OFFICE, EXCHANGE)),
        ("::ffff:192.0.2.17", (OFFICE, EXCHANGE)),
        ("198.51.100.1", ()),
        ("2001:db8::1", (SIX,)),
        ("fe80::1%eth0", ()),
    ],
)
def test_every_network_that_holds_the_address(host: str, networks: tuple[TrustedNetwork, ...]) -> None:
    assert describe_peer(host, (OFFICE, EXCHANGE, SIX)).trusted == networks


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1"])
def test_loopback_in_all_its_clothes(host: str) -> None:
    assert describe_peer(host, ()).loopback


@pytest.mark.parametrize("host", ["192.0.2.1", "::", "0.0.0.0", "::ffff:192.0.2.1"])
def test_not_loopback(host: str) -> None:
    assert not describe_peer(host, ()).loopback
