"""Who is at the other end of a connection: address, loopback, trusted networks. Pure."""

import ipaddress
from collections.abc import Iterable

from rorpost_gateway.envelope import Client, TrustedNetwork

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def describe_peer(host: str, networks: Iterable[TrustedNetwork]) -> Client:
    """The Client of a new connection from `host`, an IP address as the socket names it.

    A scope (`fe80::1%eth0`) is dropped and an IPv4 address in IPv6 clothes is undressed,
    so that networks and limits mean the same on both kinds of socket.
    """
    address = _plain(host)
    return Client(
        ip=str(address),
        loopback=address.is_loopback,
        trusted=tuple(network for network in networks if _contains(network, address)),
    )


def _plain(host: str) -> _Address:
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _contains(trusted: TrustedNetwork, address: _Address) -> bool:
    return address in ipaddress.ip_network(trusted.network, strict=False)
