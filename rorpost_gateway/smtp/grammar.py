"""The grammar of command lines and of the parameters of MAIL and RCPT. Pure.

Strict on purpose: what does not follow the grammar is refused and never
repaired, since two servers that repair differently disagree on who is meant.
Values of parameters keep their case.

RFC 5321, sections 4.1.1 and 4.1.2; RFC 1870 (SIZE); RFC 6152 (BODY); RFC 3461
(RET, ENVID, NOTIFY, ORCPT); RFC 4954 (AUTH=, whose value is accepted and ignored).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rorpost_gateway.address import parse_path
from rorpost_gateway.envelope import Notify, Recipient, ReversePath
from rorpost_gateway.errors import AddressMalformed
from rorpost_gateway.reply import Reply

COMMAND_OCTETS = 512  # with CRLF; RFC 5321, section 4.5.3.1.4
PATH_COMMAND_OCTETS = 2048  # extensions lengthen MAIL and RCPT
AUTH_OCTETS = 12_288  # RFC 4954, section 4
ENVID_CHARACTERS = 100  # RFC 3461, section 4.4
ORCPT_CHARACTERS = 500  # RFC 3461, section 4.2

_LIMITS = {"MAIL": PATH_COMMAND_OCTETS, "RCPT": PATH_COMMAND_OCTETS, "AUTH": AUTH_OCTETS}
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~]+))?")
_SIZE = re.compile(r"[0-9]{1,20}")
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[2-6][0-9A-F]|\+7[0-9A-E])+")
_ADDRESS_TYPE = re.compile(r"[A-Za-z0-9-]+")
_HELO = re.compile(r"[A-Za-z0-9._:?\[\]-]{1,255}")


class CommandRefused(Exception):
    """A command that the session itself refuses, with what to answer."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"{reply.code} {reply.enhanced}")
        self.reply = reply


def refused(code: int, enhanced: str, text: str, *, close: bool = False) -> CommandRefused:
    return CommandRefused(Reply(code=code, enhanced=enhanced, text=text, close=close))


@dataclass(frozen=True, kw_only=True)
class Command:
    verb: str  # upper case
    argument: str  # printable ASCII, no spaces at its ends


def split_command(line: bytes) -> Command:
    """Take a line with its line end apart.

    A bare CR or LF is refused and ends the connection: a peer for whom it ends a
    line would see other commands than this gateway does. Raises CommandRefused.
    """
    if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
        raise refused(500, "5.5.2", "Lines end with CR LF and hold neither alone", close=True)
    verb_octets, _, argument = line[:-2].partition(b" ")
    verb = verb_octets.decode("ascii", "replace").upper()
    if verb in {"EHLO", "HELO"}:
        # Windows computers are named with letters outside ASCII too; nothing is decided by the name.
        argument = bytes(octet if octet < 0x80 else 0x3F for octet in argument)
    if not all(0x20 <= octet <= 0x7E for octet in argument) or not verb.isascii() or not verb.isalpha():
        raise refused(500, "5.5.2", "Not a command in printable ASCII")
    if len(line) > _LIMITS.get(verb, COMMAND_OCTETS):
        raise refused(500, "5.5.2", "Line too long")
    return Command(verb=verb, argument=argument.decode("ascii").strip(" "))


def parse_helo(argument: str) -> str:
    """The client's name for itself: a domain, an address literal or what Windows calls a computer."""
    if not _HELO.fullmatch(argument):
        raise refused(501, "5.5.4", "One host name or address literal, please")
    return argument


def parse_mail(argument: str, *, extended: bool) -> ReversePath:
    """`FROM:<path> parameters`. Raises CommandRefused."""
    path = _after_keyword(argument, "FROM:")
    try:
        address, rest = parse_path(path)
    except AddressMalformed as error:
        raise refused(501, "5.1.7", "Malformed reverse-path: MAIL FROM:<local-part@domain>") from error
    given = _parameters(rest, extended=extended, known={"SIZE", "BODY", "RET", "ENVID", "AUTH"})
    size = _matching(given, "SIZE", _SIZE)
    if "AUTH" in given and given["AUTH"] != "<>":
        _matching(given, "AUTH", _XTEXT)
    return ReversePath(
        address=address,
        size_octets=None if size is None else int(size),
        body=_one_of(given, "BODY", {"7BIT", "8BITMIME"}) or "7BIT",
        ret=_one_of(given, "RET", {"FULL", "HDRS"}),
        envid=_matching(given, "ENVID", _XTEXT, most=ENVID_CHARACTERS),
    )


def parse_rcpt(argument: str, *, extended: bool) -> Recipient:
    """`TO:<path> parameters`. Raises CommandRefused."""
    path = _after_keyword(argument, "TO:")
    try:
        address, rest = parse_path(path)
    except AddressMalformed as error:
        raise refused(501, "5.1.3", "Malformed recipient: RCPT TO:<local-part@domain>") from error
    if not address:
        raise refused(501, "5.1.3", "A recipient cannot be the null path")
    given = _parameters(rest, extended=extended, known={"NOTIFY", "ORCPT"})
    return Recipient(address=address, notify=_notify(given), original_recipient=_orcpt(given))


def _after_keyword(argument: str, keyword: str) -> str:
    if argument[: len(keyword)].upper() != keyword:
        raise refused(501, "5.5.2", f"Syntax: {keyword}<local-part@domain>")
    return argument[len(keyword) :]


def _parameters(text: str, *, extended: bool, known: set[str]) -> Mapping[str, str | None]:
    given: dict[str, str | None] = {}
    for token in text.split():
        match = _PARAMETER.fullmatch(token)
        if match is None:
            raise refused(501, "5.5.4", "Malformed parameter")
        keyword = match[1].upper()
        if keyword not in known or not extended:
            raise refused(555, "5.5.4", "Parameter not known here")
        if keyword in given:
            raise refused(501, "5.5.4", f"{keyword} given twice")
        given[keyword] = match[2]
    return given


def _matching(
    given: Mapping[str, str | None],
    keyword: str,
    pattern: re.Pattern[str],
    *,
    most: int = PATH_COMMAND_OCTETS,
) -> str | None:
    if keyword not in given:
        return None
    value = given[keyword]
    if value is None or len(value) > most or not pattern.fullmatch(value):
        raise _wrong_value(keyword)
    return value


def _one_of(given: Mapping[str, str | None], keyword: str, allowed: set[str]) -> str | None:
    if keyword not in given:
        return None
    value = (given[keyword] or "").upper()
    if value not in allowed:
        raise _wrong_value(keyword)
    return value


def _notify(given: Mapping[str, str | None]) -> frozenset[Notify] | None:
    if "NOTIFY" not in given:
        return None
    words = (given["NOTIFY"] or "").upper().split(",")
    if not set(words) <= {word.value for word in Notify} or ("NEVER" in words and len(words) > 1):
        raise _wrong_value("NOTIFY")
    return frozenset(Notify(word) for word in words)


def _orcpt(given: Mapping[str, str | None]) -> str | None:
    if "ORCPT" not in given:
        return None
    value = given["ORCPT"] or ""
    kind, _, address = value.partition(";")
    if len(value) > ORCPT_CHARACTERS or not _ADDRESS_TYPE.fullmatch(kind) or not _XTEXT.fullmatch(address):
        raise _wrong_value("ORCPT")
    return value


def _wrong_value(keyword: str) -> CommandRefused:
    return refused(501, "5.5.4", f"{keyword} has no value that is allowed here")
