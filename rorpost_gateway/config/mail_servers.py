"""A server that takes plain mail of ours: opened mail, and notices.

It crosses a network only to a server whose certificate is verified; clear text stays on this machine.
"""

from pathlib import Path
from typing import Final

from rorpost_gateway.config.model import MailServer
from rorpost_gateway.config.reading import HOST, is_loopback, optional_path, part
from rorpost_gateway.document import Findings, Section
from rorpost_gateway.smtp_client.base import MailProtocol, TlsMode

_PORTS: Final = {MailProtocol.SMTP: 25, MailProtocol.LMTP: 24}
_SOCKET_PATH_OCTETS: Final = 107  # unix(7): sun_path holds 108 with the NUL


def read_mail_server(section: Section, base: Path, findings: Findings, protocol: MailProtocol) -> MailServer:
    """The keys of a server; whoever asks finishes the section."""
    socket = _socket(section, base) if protocol is MailProtocol.LMTP else None
    host, port, tls, ca = "localhost", _PORTS[protocol], TlsMode.OFF, None
    if socket is None:
        host = section.text("host", pattern=HOST)
        port = section.integer("port", port, least=1, most=65535)
        tls, ca = _tls(part(section, "tls", findings), base, section, host)
    username, password_file = None, None
    if protocol is MailProtocol.SMTP:
        username, password_file = _login(section, base, tls)
    return MailServer(
        protocol=protocol,
        socket=socket,
        host=host,
        port=port,
        tls=tls,
        ca=ca,
        username=username,
        password_file=password_file,
    )


def _socket(section: Section, base: Path) -> Path | None:
    socket = optional_path(section, "socket", base)
    if socket is None:
        return None
    for key in ("host", "port", "tls"):
        if section.has(key):
            section.complain(
                key, "is for a connection over the network; leave it out where `socket` is given"
            )
        section.value(key, None)
    if len(str(socket).encode()) > _SOCKET_PATH_OCTETS:
        section.complain(
            "socket", f"is longer than {_SOCKET_PATH_OCTETS} octets, which no Unix socket may be"
        )
    return socket


def _tls(tls: Section, base: Path, section: Section, host: str) -> tuple[TlsMode, Path | None]:
    usual = TlsMode.OFF if is_loopback(host) else TlsMode.VERIFY
    mode = TlsMode(tls.choice("mode", (TlsMode.VERIFY, TlsMode.OFF), usual) or usual)
    ca = optional_path(tls, "ca", base)
    tls.finish()
    if mode is TlsMode.OFF and not is_loopback(host):
        section.complain("host", "is not loopback; opened mail leaves this machine over verified TLS only")
    if mode is TlsMode.OFF and ca is not None:
        tls.complain("ca", "is looked at in mode verify only")
    return mode, ca


def _login(section: Section, base: Path, tls: TlsMode) -> tuple[str | None, Path | None]:
    username, password_file = section.text("username", None), optional_path(section, "password_file", base)
    if (username is None) != (password_file is None):
        section.complain(None, "needs `username` and `password_file` together, or neither")
    if username is not None and tls is TlsMode.OFF:
        section.complain("username", "must not be sent in clear text; tls mode is off")
    return username, password_file
