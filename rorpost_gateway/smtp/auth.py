"""SASL exchanges: from an AUTH command to a name and a password. Pure but for the asking.

Nothing that passes through here is ever logged or put into an error.

RFC 4954 (AUTH); RFC 4616 (PLAIN); LOGIN as Outlook speaks it.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from rorpost_gateway.smtp.grammar import CommandRefused, refused

Ask = Callable[[bytes], Awaitable[bytes]]  # a challenge in base64 → the client's line, without its line end

MECHANISMS = ("PLAIN", "LOGIN")
_USERNAME = base64.b64encode(b"Username:")
_PASSWORD = base64.b64encode(b"Password:")


@dataclass(frozen=True, kw_only=True)
class Credentials:
    name: str
    password: bytes = field(repr=False)


async def exchange(argument: str, ask: Ask) -> Credentials:
    """Run the exchange that `argument` (mechanism, perhaps an initial response) asks for.

    Raises CommandRefused.
    """
    words = argument.split()
    if not 1 <= len(words) <= 2:
        raise refused(501, "5.5.4", "Syntax: AUTH mechanism [initial-response]")
    mechanism = words[0].upper()
    if mechanism not in MECHANISMS:
        raise refused(504, "5.5.4", "Mechanism not known here")
    initial = _initial(words[1]) if len(words) == 2 else None
    return await (_plain if mechanism == "PLAIN" else _login)(initial, ask)


def _initial(word: str) -> bytes:
    return b"" if word == "=" else _decode(word.encode("ascii"))  # "=": empty, RFC 4954, section 4


async def _plain(initial: bytes | None, ask: Ask) -> Credentials:
    response = await _response(b"", ask) if initial is None else initial
    parts = response.split(b"\0")
    if len(parts) != 3:
        raise _not_understood()
    authorisation, name, password = parts
    if authorisation not in {b"", name}:
        raise refused(501, "5.5.4", "Acting for another identity is not possible")
    return _credentials(name, password)


async def _login(initial: bytes | None, ask: Ask) -> Credentials:
    name = await _response(_USERNAME, ask) if initial is None else initial
    return _credentials(name, await _response(_PASSWORD, ask))


async def _response(challenge: bytes, ask: Ask) -> bytes:
    line = await ask(challenge)
    if line == b"*":
        raise refused(501, "5.7.0", "Login cancelled")
    return _decode(line)


def _decode(line: bytes) -> bytes:
    try:
        return base64.b64decode(line, validate=True)
    except binascii.Error:
        # The cause is dropped: it could hold what the client sent.
        raise _not_understood() from None


def _credentials(name: bytes, password: bytes) -> Credentials:
    if not name or not password or b"\0" in name + password:
        raise _not_understood()
    try:
        return Credentials(name=name.decode("utf-8"), password=password)
    except UnicodeDecodeError:
        raise _not_understood() from None


def _not_understood() -> CommandRefused:
    return refused(501, "5.5.2", "Not understood; nothing was checked")
