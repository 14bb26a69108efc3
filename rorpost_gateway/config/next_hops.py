"""The section `relay`: where sealed mail goes, and how often it is tried."""

from pathlib import Path

from rorpost_gateway.config.model import NextHop, Relay
from rorpost_gateway.config.reading import DOMAIN, HOST, is_loopback, optional_path, part, word
from rorpost_gateway.document import Findings, Section
from rorpost_gateway.retry import Schedule
from rorpost_gateway.smtp_client.base import TlsMode


def read_relay(section: Section, findings: Findings, base: Path, *, sealed_size: int) -> Relay:
    default = section.section("default")
    routes = part(section, "routes", findings)
    read_routes = {}
    for name, position, node in routes.items():
        if not DOMAIN.fullmatch(name):
            findings.add(position, f"relay.routes: {name!r} is no domain name")
        if name.lower() in read_routes:
            findings.add(position, f"relay.routes: {name!r} stands twice (case does not matter)")
        hop = Section(node, findings, name=f"relay.routes.{name}")
        read_routes[name.lower()] = _next_hop(hop, base, findings, sealed_size)
    if default is None and not read_routes:
        section.complain(None, "has nowhere to relay to; give `default` or `routes`")
    relay = Relay(
        default=None if default is None else _next_hop(default, base, findings, sealed_size),
        routes=read_routes,
        retry=_retry(part(section, "retry", findings)),
    )
    section.finish()
    return relay


def _next_hop(section: Section, base: Path, findings: Findings, sealed_size: int) -> NextHop:
    tls = part(section, "tls", findings)
    mode, ca = word(tls, "mode", TlsMode.VERIFY), optional_path(tls, "ca", base)
    if ca is not None and mode is not TlsMode.VERIFY:
        tls.complain("ca", f"is looked at in mode verify only; mode {mode} checks no certificate")
    tls.finish()
    host = section.text("host", pattern=HOST)
    if mode is TlsMode.OFF and not is_loopback(host):
        section.complain("host", "is not loopback; without TLS (mode off) only loopback may be")
    username, password_file = section.text("username", None), optional_path(section, "password_file", base)
    if (username is None) != (password_file is None):
        section.complain(None, "needs `username` and `password_file` together, or neither")
    if username is not None and mode is TlsMode.OFF:
        section.complain("username", "must not be sent in clear text; tls mode is off")
    hop = NextHop(
        host=host,
        port=section.integer("port", 25, least=1, most=65535),
        tls=mode,
        ca=ca,
        username=username,
        password_file=password_file,
        max_size_octets=section.integer("max_size", sealed_size, least=65536, most=1 << 40),
        connections=section.integer("connections", 4, least=1, most=100),
    )
    section.finish()
    return hop


def _retry(section: Section) -> Schedule:
    usual = Schedule()
    first = section.duration("first", usual.first_seconds)
    longest = section.duration("longest", usual.longest_seconds)
    give_up_after = section.duration("give_up_after", usual.give_up_after_seconds)
    factor = section.number("factor", usual.factor, least=1.0, most=10.0)
    warn_after = section.duration("warn_after", usual.warn_after_seconds)
    section.finish()
    if min(first, longest, give_up_after) <= 0:
        section.complain(None, "must give times longer than nothing")
        return usual
    return Schedule(
        first_seconds=first,
        factor=factor,
        longest_seconds=longest,
        warn_after_seconds=warn_after,
        give_up_after_seconds=give_up_after,
    )
