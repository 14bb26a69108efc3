"""How a login proves itself: a password or a token out of a file, or a token fetched for the purpose.

Files are read at each login, so that a changed one counts; a token that was fetched is kept until a
minute before it ends, and forgotten when a server refuses it. A client's secret goes in the request's
body only, never in a URL.

RFC 6749, sections 2.3.1, 4.4 and 5 (client credentials); RFC 6750.
"""

import asyncio
import json
import re
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol, runtime_checkable
from urllib.parse import urlencode

from rorpost_gateway.http.client import Bounds, Heard, HttpFailed, Url, post
from rorpost_gateway.imap.base import ImapLoginFailed, ImapUnavailable

SPARE_SECONDS = 60.0  # a token is not used in its last minute
DEFAULT_LIFE_SECONDS = 300.0  # where the server says nothing of it
LONGEST_LIFE_SECONDS = 24 * 3600.0
MOST_SECRET_OCTETS = 65536
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750, section 2.1
_FORM = "application/x-www-form-urlencoded"


@runtime_checkable
class KeepsTokens(Protocol):
    def forget(self) -> None:
        """A server refused the token: fetch another at the next login."""
        ...


class PasswordFile:
    """The first line of a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def password(self) -> str | None:
        return await _read_secret(self._path)

    async def token(self) -> str | None:
        return None


class TokenFile:
    """An access token that somebody else renews: the first line of a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def password(self) -> str | None:
        return None

    async def token(self) -> str | None:
        return await _read_secret(self._path)


async def _read_secret(path: Path) -> str:
    """Raises ImapLoginFailed."""
    try:
        return await asyncio.to_thread(_first_line, path)
    except (OSError, ValueError):
        raise ImapLoginFailed("the secret cannot be read", private=f"{path} holds no secret") from None


def _first_line(path: Path) -> str:
    with path.open("rb") as file:
        octets = file.read(MOST_SECRET_OCTETS)
    line = octets.partition(b"\n")[0].removesuffix(b"\r").decode("utf-8")
    if not line:
        raise ValueError
    return line


class ClientCredentials:
    """The client credentials grant. `now` is any clock in seconds; `url` is https but on loopback."""

    def __init__(
        self,
        *,
        url: Url,
        client_id: str,
        secret_file: Path,
        scope: str,
        ca: Path | None,
        now: Callable[[], float],
    ) -> None:
        self._url = url
        self._client_id = client_id
        self._secret_file = secret_file
        self._scope = scope
        self._ca = ca
        self._now = now
        self._token: str | None = None
        self._until = 0.0
        self._asking = asyncio.Lock()

    async def password(self) -> str | None:
        return None

    async def token(self) -> str | None:
        """Raises ImapLoginFailed where the grant is refused, ImapUnavailable where nobody answers."""
        async with self._asking:  # many logins at once ask for one token
            if self._token is None or self._now() >= self._until:
                await self._fetch()
            return self._token

    def forget(self) -> None:
        self._token = None

    async def _fetch(self) -> None:
        self._token = None
        secret = await _read_secret(self._secret_file)
        body = {"grant_type": "client_credentials", "scope": self._scope}
        try:
            heard = await post(
                self._url,
                urlencode({**body, "client_id": self._client_id, "client_secret": secret}).encode("ascii"),
                content_type=_FORM,
                tls=await asyncio.to_thread(self._context),
                bounds=Bounds(),
            )
        except HttpFailed as fault:
            raise ImapUnavailable(f"no token: {fault.public}") from None
        self._take(heard)

    def _context(self) -> ssl.SSLContext | None:
        if not self._url.tls or self._ca is None:
            return None
        try:
            return ssl.create_default_context(cafile=str(self._ca))
        except (OSError, ValueError):
            fault = "no token: the file of authorities cannot be used"
            raise ImapUnavailable(fault, private=f"{fault}: {self._ca}") from None

    def _take(self, heard: Heard) -> None:
        where = self._url.authority
        if heard.status in {400, 401, 403}:
            raise ImapLoginFailed(f"no token: {where} refuses the grant (HTTP {heard.status})")
        if heard.status != 200:
            raise ImapUnavailable(f"no token: {where} answers HTTP {heard.status}")
        told: object = None
        with suppress(ValueError, RecursionError):
            told = json.loads(heard.body)
        token = told.get("access_token") if isinstance(told, dict) else None
        if not isinstance(told, dict) or not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise ImapUnavailable(f"no token: the answer of {where} cannot be understood")
        self._until = self._now() + _life_seconds(told.get("expires_in")) - SPARE_SECONDS
        self._token = token


def _life_seconds(said: object) -> float:
    """Servers write a number or, some of them, a number as text."""
    try:
        seconds = float(said) if isinstance(said, int | float | str) else DEFAULT_LIFE_SECONDS
    except (ValueError, OverflowError):
        seconds = DEFAULT_LIFE_SECONDS
    return min(seconds, LONGEST_LIFE_SECONDS) if seconds > 0 else DEFAULT_LIFE_SECONDS
