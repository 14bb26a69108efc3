"""Logging in: XOAUTH2 with a token; with a password LOGIN, or AUTHENTICATE PLAIN.

PLAIN is taken where LOGIN is not allowed, and for what LOGIN's strings are known to hurt (quotes,
backslashes, anything outside ASCII). What a server answers to a login is never repeated: it may
hold what was sent.

RFC 3501, section 6.2; RFC 4616 (PLAIN); RFC 4959 (SASL-IR); RFC 5530 (why it was refused).
"""

import re
from base64 import b64encode

from rorpost_gateway.imap.answers import Status, Untagged, capabilities_of
from rorpost_gateway.imap.base import Account, ImapLoginFailed, ImapUnavailable
from rorpost_gateway.imap.protocol import AUTH, ImapProtocol

_SIMPLE = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]+")  # what stands in quotes as it is
_FOR_A_WHILE = frozenset({"UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "CONTACTADMIN"})


async def log_in(
    protocol: ImapProtocol, account: Account, *, password: str | None, token: str | None
) -> None:
    """Raises ImapLoginFailed, ImapUnavailable."""
    if not protocol.capabilities:
        await read_capabilities(protocol)
    if token is not None:
        status = await _by_token(protocol, account, token)
    elif password is not None:
        status = await _by_password(protocol, account, password)
    else:
        raise ImapLoginFailed(f"{account.server.name}: there is neither password nor token")
    if not status.ok:
        if status.code in _FOR_A_WHILE:
            raise ImapUnavailable(f"{account.server.name}: no login for the moment ({status.code})")
        raise ImapLoginFailed(f"{account.server.name}: the server refuses the login{_why(status)}")
    protocol.state = AUTH
    await _capabilities_after(protocol, status)


def _why(status: Status) -> str:
    return f" ({status.code})" if status.code else ""


async def _by_password(protocol: ImapProtocol, account: Account, password: str) -> Status:
    username = account.username
    simple = bool(_SIMPLE.fullmatch(username) and _SIMPLE.fullmatch(password))
    may_log_in = not protocol.has("LOGINDISABLED")
    if may_log_in and simple:
        return await protocol.command("LOGIN", f'"{username}"', f'"{password}"')
    if protocol.has("AUTH=PLAIN") and "\0" not in username + password:
        return await _authenticate(protocol, "PLAIN", f"\0{username}\0{password}")
    if may_log_in and "\0" not in username + password:
        return await protocol.command("LOGIN", username.encode(), password.encode())
    raise ImapLoginFailed(f"{account.server.name}: the server offers no way to log in by password")


async def _by_token(protocol: ImapProtocol, account: Account, token: str) -> Status:
    if not protocol.has("AUTH=XOAUTH2"):
        raise ImapLoginFailed(f"{account.server.name}: the server does not offer XOAUTH2")
    if "\x01" in account.username + token:
        raise ImapLoginFailed(f"{account.server.name}: no such token or user name can be")
    return await _authenticate(protocol, "XOAUTH2", f"user={account.username}\x01auth=Bearer {token}\x01\x01")


async def _authenticate(protocol: ImapProtocol, mechanism: str, response: str) -> Status:
    answer = b64encode(response.encode())
    protocol.begin("AUTHENTICATE")
    if protocol.has("SASL-IR"):
        await protocol.send_line(mechanism, answer.decode("ascii"))
    else:
        await protocol.send_line(mechanism)
        if await protocol.invited() is None:
            return await protocol.answered()
        await protocol.write(answer + b"\r\n")
    # A second invitation says why not (XOAUTH2 does so); an empty line asks for the answer itself.
    if await protocol.invited() is not None:
        await protocol.write(b"\r\n")
        if await protocol.invited() is not None:
            raise ImapUnavailable(f"{protocol.name}: the server does not end the login")
    return await protocol.answered()


async def _capabilities_after(protocol: ImapProtocol, status: Status) -> None:
    if status.code == "CAPABILITY" and status.rest:
        protocol.capabilities = capabilities_of(status.rest)
    else:
        await read_capabilities(protocol)


async def read_capabilities(protocol: ImapProtocol) -> None:
    """Ask what the server can do now. Raises ImapUnavailable."""
    found: list[str] = []

    def take(heard: Untagged) -> None:
        if heard.kind == "CAPABILITY":
            found.append(heard.response[0].decode("ascii", "replace").split(" ", 2)[-1])

    status = await protocol.command("CAPABILITY", take=take)
    protocol.capabilities = capabilities_of(" ".join(found))
    if not status.ok or not protocol.capabilities & {"IMAP4REV1", "IMAP4REV2"}:
        raise ImapUnavailable(f"{protocol.name}: the server does not speak IMAP4rev1")
