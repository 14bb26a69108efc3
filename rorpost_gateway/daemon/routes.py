"""The configuration's next hops as the relay wants them, their passwords read."""

from pathlib import Path

from rorpost_gateway.config.model import Config, NextHop
from rorpost_gateway.errors import ConfigurationInvalid
from rorpost_gateway.smtp_client.base import Route, Routes


def routes_of(config: Config) -> Routes:
    """Every configured route. Raises ConfigurationInvalid where a password cannot be read."""
    default = config.relay.default
    return Routes(
        default=_route(config, default) if default else None,
        by_domain={domain: _route(config, hop) for domain, hop in config.relay.routes.items()},
    )


def read_password(file: Path | None) -> str | None:
    """What the file holds, without its line end. Raises ConfigurationInvalid where it cannot be read."""
    if file is None:
        return None
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationInvalid(f"{file}: cannot be read: {error}") from error


def _route(config: Config, hop: NextHop) -> Route:
    return Route(
        host=hop.host,
        port=hop.port,
        hostname=config.hostname,
        tls=hop.tls,
        ca=hop.ca,
        username=hop.username,
        password=read_password(hop.password_file),
        max_size_octets=hop.max_size_octets,
        connections=hop.connections,
    )
