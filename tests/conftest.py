"""Fixtures shared by the whole suite; the real peers stand in tests/peers, a file each."""

from hypothesis import settings

# A slow machine is no failure, and what fails once fails again.
settings.register_profile("suite", deadline=None, derandomize=True, database=None)
settings.load_profile("suite")

pytest_plugins: list[str] = [
    "tests.peers.rights",
    "tests.peers.gnupg_home",
    "tests.peers.authority",
    "tests.peers.queues",
    "tests.peers.sink",
    "tests.peers.postfix",
    "tests.peers.dovecot",
    "tests.peers.mutt",
    "tests.peers.whole_gateway",
    "tests.peers.two_gateways",
    "tests.peers.go_sumdb",
    "tests.peers.timestamp_authority",
    "tests.peers.bare_client",
    "tests.peers.outbound_house",
    "tests.peers.inbound_house",
]
