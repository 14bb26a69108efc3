"""One request to somebody else's server, bounded in time and octets, with TLS verified.

No redirects, no cookies, no proxies, no login: a URL, a body, an answer. Whatever the other
side does, the caller gets a `Heard` or an `HttpFailed` within `Bounds.seconds`.

RFC 3986, RFC 9110, RFC 9112; RFC 9525 (the host name in the certificate).
"""

import asyncio
import re
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import h11

from rorpost_gateway.errors import ConfigurationInvalid, GatewayError

_READ_OCTETS = 4096
_PORTS = {"https": 443, "http": 80}
_PATH = re.compile(r"(?:/[A-Za-z0-9._~!$&'()+*,;=:@%-]*)*(?:\?[A-Za-z0-9._~!$&'()+*,;=:@%/?-]*)?")
_HOST = re.compile(r"[A-Za-z0-9.:_-]{1,253}")


class HttpFailed(GatewayError):
    """No answer, or none that can be understood; the text says why, without what the other side sent."""


@dataclass(frozen=True, kw_only=True)
class Url:
    """Where a request goes; `target` is path and query as sent."""

    tls: bool
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS["https" if self.tls else "http"] else f"{host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Heard:
    """The answer. `content_type` is lower case, without parameters."""

    status: int
    content_type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Bounds:
    seconds: float = 10.0  # from the first look at the host's name to the last octet
    header_octets: int = 16384
    body_octets: int = 65536


def parse_url(text: str) -> Url:
    """`https://HOST[:PORT]/PATH[?QUERY]` or http. Raises ConfigurationInvalid for anything else."""
    # What stands before an @ or behind a question mark may be a secret, and the text goes into a log.
    shown = "the URL" if "@" in text or "?" in text else repr(text)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ConfigurationInvalid(f"{shown} is no URL") from None
    host, target = parts.hostname or "", parts.path or "/"
    if parts.scheme not in _PORTS or not _HOST.fullmatch(host) or port == 0:
        raise ConfigurationInvalid(f"{shown} is no https:// or http:// URL")
    if "@" in parts.netloc or "#" in text:
        raise ConfigurationInvalid(f"{shown}: no user name and no fragment can stand in it")
    target += f"?{parts.query}" if parts.query else ""
    if not _PATH.fullmatch(target):
        raise ConfigurationInvalid(f"{shown}: its path holds what must be written as %XX")
    return Url(tls=parts.scheme == "https", host=host, port=port or _PORTS[parts.scheme], target=target)


async def post(
    url: Url, body: bytes, *, content_type: str, tls: ssl.SSLContext | None, bounds: Bounds | None = None
) -> Heard:
    """POST `body`. `tls` is the context for a https URL (None: the system's authorities).

    Raises HttpFailed.
    """
    bounds = bounds or Bounds()
    headers = [
        ("Host", url.authority),
        ("Content-Type", content_type),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
    ]
    request = h11.Request(method="POST", target=url.target, headers=headers)
    try:
        async with asyncio.timeout(bounds.seconds):
            return await _exchange(url, request, body, tls, bounds)
    except TimeoutError:
        raise HttpFailed(f"{url.authority}: no answer within {bounds.seconds:g} seconds") from None
    except ssl.SSLError as error:
        cause = getattr(error, "verify_message", "") or error.reason or "fault"
        raise HttpFailed(f"{url.authority}: TLS: {cause}") from error
    except OSError as error:
        raise HttpFailed(f"{url.authority}: {error.strerror or type(error).__name__}") from error
    except h11.ProtocolError:
        raise HttpFailed(f"{url.authority}: no answer, or none that is HTTP") from None


async def _exchange(
    url: Url, request: h11.Request, body: bytes, tls: ssl.SSLContext | None, bounds: Bounds
) -> Heard:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=bounds.header_octets)
    context = (tls or ssl.create_default_context()) if url.tls else None
    reader, writer = await asyncio.open_connection(url.host, url.port, ssl=context)
    try:
        # A server may answer, and stop reading, before it has taken all of the request.
        with suppress(ConnectionError):
            for event in (request, h11.Data(data=body), h11.EndOfMessage()):
                writer.write(connection.send(event) or b"")
            await writer.drain()
        return await _hear(connection, reader, url, bounds)
    finally:
        writer.transport.abort()


async def _hear(connection: h11.Connection, reader: asyncio.StreamReader, url: Url, bounds: Bounds) -> Heard:
    """Raises HttpFailed, h11.RemoteProtocolError, OSError."""
    response: h11.Response | None = None
    body = bytearray()
    header_octets = 0
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            received = await reader.read(_READ_OCTETS)
            header_octets += len(received) if response is None else 0
            if header_octets > bounds.header_octets + bounds.body_octets:  # 1xx answers without end
                raise HttpFailed(f"{url.authority}: the answer is too large")
            connection.receive_data(received)
        elif isinstance(event, h11.Response):
            response = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > bounds.body_octets:
                raise HttpFailed(f"{url.authority}: the answer is too large")
        elif not isinstance(event, h11.InformationalResponse):
            break
    if response is None or not isinstance(event, h11.EndOfMessage):
        raise HttpFailed(f"{url.authority}: the connection was closed before an answer")
    kind = next((value for name, value in response.headers if name == b"content-type"), b"")
    return Heard(
        status=response.status_code,
        content_type=kind.decode("latin-1").partition(";")[0].strip().lower(),
        body=bytes(body),
    )
