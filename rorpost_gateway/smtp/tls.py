"""The server's side of TLS: one context from a certificate and a key, replaceable while running.

TLS 1.2 and newer; under 1.2 only forward-secret suites with authenticated
encryption (RFC 9325, sections 3.1.1 and 4.2). Sessions begun before a reload keep
what they began with.
"""

import asyncio
import ssl
from pathlib import Path
from typing import cast

from rorpost_gateway.errors import ConfigurationInvalid
from rorpost_gateway.smtp.settings import ListenerSettings, TlsMode

_TLS12_SUITES = "ECDHE+AESGCM:ECDHE+CHACHA20"


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Raises ConfigurationInvalid where certificate or key cannot be read or do not match."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_TLS12_SUITES)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    try:
        # An empty password: a key file that asks for one is an error here, not a prompt on a terminal.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        raise ConfigurationInvalid(
            f"TLS certificate {certificate} with key {key} cannot be used: {_cause(error)}"
        ) from error
    return context


def _cause(error: OSError | ValueError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "not readable as PEM").replace("_", " ").lower()
    return getattr(error, "strerror", None) or "not readable as PEM"


class ServerTls:
    """The context in force. `context` is None where the listener's TLS mode is off."""

    def __init__(self, settings: ListenerSettings) -> None:
        self._settings = settings
        self.context: ssl.SSLContext | None = self._load()

    def _load(self) -> ssl.SSLContext | None:
        if self._settings.tls is TlsMode.OFF:
            return None
        if self._settings.certificate is None or self._settings.key is None:
            raise ConfigurationInvalid("TLS needs a certificate and a key")
        return server_context(self._settings.certificate, self._settings.key)

    def reload(self) -> None:
        """Read the files again. Raises ConfigurationInvalid and keeps the old context."""
        self.context = self._load()


def hand_over(transport: asyncio.BaseTransport, octets: bytes) -> None:
    """Give the TLS layer that now reads from a transport what came before it did.

    With implicit TLS a client may greet before anybody is there to listen: uvloop reads at once.
    """
    protocol = transport.get_protocol()
    if protocol is None or not hasattr(protocol, "get_buffer"):
        return  # the connection has ended, and TLS was never begun
    layer = cast("asyncio.BufferedProtocol", protocol)
    while octets:
        room = memoryview(layer.get_buffer(len(octets)))
        count = min(len(room), len(octets))
        room[:count] = octets[:count]
        layer.buffer_updated(count)
        octets = octets[count:]
