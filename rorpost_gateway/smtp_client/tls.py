"""What the client asks of TLS. TLS 1.2 at least (RFC 8996), RFC 9525 for host names."""

import ssl

from rorpost_gateway.smtp_client.base import Route, TlsMode


def client_context(route: Route) -> ssl.SSLContext | None:
    """The context of a route; None where TLS is off. Reads files: not for the event loop.

    Raises OSError (ssl.SSLError among them) where the file of authorities cannot be used.
    """
    if route.tls is TlsMode.OFF:
        return None
    context = ssl.create_default_context(cafile=None if route.ca is None else str(route.ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if route.tls is TlsMode.ENCRYPT:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
