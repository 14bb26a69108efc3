"""The sections `submission` and `inbound`: where Outlook and partners connect, and who may."""

import ipaddress
from pathlib import Path
from typing import Final

from rorpost_gateway.config.collecting import read_collecting, read_poll
from rorpost_gateway.config.model import Inbound, InboundSmtp, Listening, Submission
from rorpost_gateway.config.reading import LISTEN, is_loopback, optional_path, word
from rorpost_gateway.document import Findings, Kind, Node, Section
from rorpost_gateway.envelope import TrustedNetwork
from rorpost_gateway.smtp.settings import TlsMode

DEFAULT_MAX_AGE_SECONDS: Final = 14 * 86400.0
_ON_LOOPBACK: Final = ("optional", "required")

# Widest networks that may be trusted by address alone; a wider one is shared with strangers.
_NARROW: Final = {4: 24, 6: 64}


def read_submission(section: Section, findings: Findings, base: Path) -> Submission:
    place = _listening(section, base)
    auth = section.section("auth")
    users = None
    if auth is not None:
        auth.choice("backend", ("file",), "file")
        users = (base / auth.text("users")).resolve()
        auth.finish()
    trusted = _networks(section, "trusted_networks", findings, shared=False)
    submission = Submission(**vars(place), users=users, trusted_networks=trusted)
    if users is None and not submission.trusted_networks:
        section.complain(None, "lets nobody submit; give `auth` or `trusted_networks`")
    section.finish()
    return submission


def read_inbound(
    section: Section | None, findings: Findings, base: Path, *, domains: frozenset[str]
) -> Inbound | None:
    """The section `inbound`; None where it is left out, and nothing is taken in."""
    if section is None:
        return None
    max_age = section.duration("max_age", DEFAULT_MAX_AGE_SECONDS)
    smtp = section.section("smtp")
    inbound = Inbound(
        smtp=None if smtp is None else _inbound_smtp(smtp, findings, base),
        max_age_seconds=max_age,
        imap=read_collecting(section, findings, base, domains),
        poll_seconds=read_poll(section),
    )
    if not section.has("smtp") and not inbound.imap:
        section.complain(None, "takes nothing in; give `smtp` or `imap`, or leave the section out")
    section.finish()
    return inbound


def _inbound_smtp(section: Section, findings: Findings, base: Path) -> InboundSmtp:
    place = _listening(section, base)
    allowed = _networks(section, "allowed_networks", findings, shared=True)
    if not allowed:
        section.complain("allowed_networks", "must name at least one network that partners come from")
    section.finish()
    return InboundSmtp(**vars(place), allowed_networks=allowed)


def _listening(section: Section, base: Path) -> Listening:
    tls = section.section("tls", required=True)
    mode, certificate, key = _tls(tls, base)
    clear_text = _clear_text_on_loopback(tls, mode)
    if tls is not None:
        tls.finish()
    return Listening(
        listen=read_listen(section, loopback_only=mode is TlsMode.OFF),
        tls=mode,
        certificate=certificate,
        key=key,
        clear_text_on_loopback=clear_text,
    )


def _tls(tls: Section | None, base: Path) -> tuple[TlsMode, Path | None, Path | None]:
    if tls is None:
        return TlsMode.STARTTLS, None, None
    mode = word(tls, "mode", TlsMode.STARTTLS)
    certificate, key = optional_path(tls, "certificate", base), optional_path(tls, "key", base)
    if mode is not TlsMode.OFF and (certificate is None or key is None):
        tls.complain(None, f"mode {mode} needs `certificate` and `key`")
    return mode, certificate, key


def _clear_text_on_loopback(tls: Section | None, mode: TlsMode) -> bool:
    if tls is None:
        return True
    optional = tls.choice("on_loopback", _ON_LOOPBACK, _ON_LOOPBACK[0]) == _ON_LOOPBACK[0]
    if not optional and mode is TlsMode.OFF:
        tls.complain("on_loopback", "cannot be required where the mode is off: there is no TLS to use")
    return optional


def read_listen(section: Section, *, loopback_only: bool) -> tuple[str, ...]:
    """The addresses of a listener; each IP:PORT, IPv6 in brackets."""
    addresses = section.texts("listen")
    for address in addresses:
        match = LISTEN.fullmatch(address)
        if match is None or int(match["port"]) > 65535:
            section.complain("listen", f"holds {address!r}, which is not IP:PORT")
        elif loopback_only and not is_loopback(match["host"]):
            section.complain("listen", f"holds {address!r}, but without TLS only loopback may be listened on")
    if not addresses:
        section.complain("listen", "must name at least one IP:PORT")
    return tuple(addresses)


def _networks(section: Section, key: str, findings: Findings, *, shared: bool) -> tuple[TrustedNetwork, ...]:
    """The networks behind a key. `shared` ones may be of any width: who comes from there is not
    believed anything, and an originator_org would say nothing.
    """
    node = section.value(key, None)
    if node is None:
        return ()
    if node.kind is not Kind.SEQUENCE:
        section.complain(key, "must be a list")
        return ()
    networks = [_network(element, key, findings, shared=shared) for element in node.elements]
    return tuple(network for network in networks if network is not None)


def _network(node: Node, key: str, findings: Findings, *, shared: bool) -> TrustedNetwork | None:
    text, organisation = node.source, None
    if node.kind is Kind.SEQUENCE or (shared and node.kind is Kind.MAPPING):
        kinds = "a network" if shared else "a network, or {network, originator_org}"
        findings.add(node.position, f"{key}: each must be {kinds}")
        return None
    if node.kind is Kind.MAPPING:
        mapping = Section(node, findings, name=key)
        text, organisation = mapping.text("network"), mapping.text("originator_org", None)
        mapping.finish()
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        findings.add(node.position, f"{key}: {text!r} is no network: {error}")
        return None
    narrow = _NARROW[network.version]
    if not shared and organisation is None and network.prefixlen < narrow and not network.is_loopback:
        findings.add(
            node.position,
            f"{key}: {text} is wider than /{narrow}, so others may stand in it; "
            f"write {{network: {text}, originator_org: your.domain}}",
        )
    return TrustedNetwork(network=str(network), originator_org=organisation)
