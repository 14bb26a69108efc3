"""The section `submission`: where Outlook connects, and who may."""

import ipaddress
import re
from pathlib import Path
from typing import Final

from rorpost_gateway.config.model import Submission
from rorpost_gateway.config.reading import is_loopback, optional_path, word
from rorpost_gateway.document import Findings, Kind, Node, Section
from rorpost_gateway.envelope import TrustedNetwork
from rorpost_gateway.smtp.settings import TlsMode

_ON_LOOPBACK: Final = ("optional", "required")
_LISTEN = re.compile(r"(?P<host>\[[0-9a-fA-F:]+\]|[0-9.]+|localhost):(?P<port>[0-9]{1,5})")

# Widest networks that may be trusted by address alone; a wider one is shared with strangers.
_NARROW: Final = {4: 24, 6: 64}


def read_submission(section: Section, findings: Findings, base: Path) -> Submission:
    tls = section.section("tls", required=True)
    mode, certificate, key = _tls(tls, base)
    clear_text = tls is None or tls.choice("on_loopback", _ON_LOOPBACK, _ON_LOOPBACK[0]) == _ON_LOOPBACK[0]
    if tls is not None:
        tls.finish()
    auth = section.section("auth")
    users = None
    if auth is not None:
        auth.choice("backend", ("file",), "file")
        users = (base / auth.text("users")).resolve()
        auth.finish()
    submission = Submission(
        listen=read_listen(section, loopback_only=mode is TlsMode.OFF),
        tls=mode,
        certificate=certificate,
        key=key,
        clear_text_on_loopback=clear_text,
        users=users,
        trusted_networks=tuple(_trusted_networks(section, findings)),
    )
    if users is None and not submission.trusted_networks:
        section.complain(None, "lets nobody submit; give `auth` or `trusted_networks`")
    section.finish()
    return submission


def _tls(tls: Section | None, base: Path) -> tuple[TlsMode, Path | None, Path | None]:
    if tls is None:
        return TlsMode.STARTTLS, None, None
    mode = word(tls, "mode", TlsMode.STARTTLS)
    certificate, key = optional_path(tls, "certificate", base), optional_path(tls, "key", base)
    if mode is not TlsMode.OFF and (certificate is None or key is None):
        tls.complain(None, f"mode {mode} needs `certificate` and `key`")
    return mode, certificate, key


def read_listen(section: Section, *, loopback_only: bool) -> tuple[str, ...]:
    """The addresses of a listener; each IP:PORT, IPv6 in brackets."""
    addresses = section.texts("listen")
    for address in addresses:
        match = _LISTEN.fullmatch(address)
        if match is None or int(match["port"]) > 65535:
            section.complain("listen", f"holds {address!r}, which is not IP:PORT")
        elif loopback_only and not is_loopback(match["host"]):
            section.complain("listen", f"holds {address!r}, but without TLS only loopback may be listened on")
    if not addresses:
        section.complain("listen", "must name at least one IP:PORT")
    return tuple(addresses)


def _trusted_networks(section: Section, findings: Findings) -> list[TrustedNetwork]:
    node = section.value("trusted_networks", None)
    if node is None:
        return []
    if node.kind is not Kind.SEQUENCE:
        section.complain("trusted_networks", "must be a list")
        return []
    networks = [_trusted_network(element, findings) for element in node.elements]
    return [network for network in networks if network is not None]


def _trusted_network(node: Node, findings: Findings) -> TrustedNetwork | None:
    text, organisation = str(node.value), None
    if node.kind is Kind.MAPPING:
        mapping = Section(node, findings, name="trusted_networks")
        text, organisation = mapping.text("network"), mapping.text("originator_org", None)
        mapping.finish()
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        findings.add(node.position, f"trusted_networks: {text!r} is no network: {error}")
        return None
    narrow = _NARROW[network.version]
    if organisation is None and network.prefixlen < narrow and not network.is_loopback:
        findings.add(
            node.position,
            f"trusted_networks: {text} is wider than /{narrow}, so others may stand in it; "
            f"write {{network: {text}, originator_org: your.domain}}",
        )
    return TrustedNetwork(network=str(network), originator_org=organisation)
