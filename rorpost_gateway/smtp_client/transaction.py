"""The words of one mail transaction: parameters, dot-stuffing, and what must not be tried. Pure.

RFC 5321, sections 3.3 and 4.5.2; RFC 1870 (SIZE); RFC 6152 (8BITMIME); RFC 3461 (DSN).
"""

import re
from collections.abc import Iterator, Mapping

from rorpost_gateway.address import parse_address
from rorpost_gateway.errors import AddressMalformed
from rorpost_gateway.message.line_ends import bare_line_ends
from rorpost_gateway.smtp_client.base import Failed, Outgoing, Route
from rorpost_gateway.smtp_client.verdict import own_line

ENVID_CHARACTERS = 100  # RFC 3461, section 4.4
_ORIGINAL_RECIPIENT = re.compile(r"[A-Za-z0-9-]{1,40};[!-*,-<>-~+]{1,500}")
_NOTIFY_ORDER = ("NEVER", "SUCCESS", "FAILURE", "DELAY")

Extensions = Mapping[str, str]  # lower-case keyword → its parameters, as EHLO offered them


def xtext(plain: str) -> str:
    """RFC 3461, section 4: printable ASCII but `+` and `=`; all else as `+XX`."""
    return "".join(
        chr(octet) if 33 <= octet <= 126 and octet not in b"+=" else f"+{octet:02X}"
        for octet in plain.encode("utf-8")
    )


def mail_command(outgoing: Outgoing, extensions: Extensions) -> str:
    words = [f"MAIL FROM:<{outgoing.reverse_path}>"]
    if "size" in extensions:
        words.append(f"SIZE={len(outgoing.octets)}")
    if not outgoing.octets.isascii():
        words.append("BODY=8BITMIME")
    if "dsn" in extensions:
        words.append(f"RET={outgoing.ret}")
        envid = xtext(outgoing.envid or "")
        if 0 < len(envid) <= ENVID_CHARACTERS:
            words.append(f"ENVID={envid}")
    return " ".join(words)


def rcpt_command(outgoing: Outgoing, extensions: Extensions) -> str:
    words = [f"RCPT TO:<{outgoing.recipient}>"]
    if "dsn" in extensions:
        if outgoing.notify is not None:
            words.append("NOTIFY=" + ",".join(n for n in _NOTIFY_ORDER if n in outgoing.notify))
        if outgoing.original_recipient and _ORIGINAL_RECIPIENT.fullmatch(outgoing.original_recipient):
            words.append(f"ORCPT={outgoing.original_recipient}")
    return " ".join(words)


def takes_notify(extensions: Extensions) -> bool:
    return "dsn" in extensions


def stuffed(octets: bytes, *, block_octets: int) -> Iterator[bytes]:
    """The octets as DATA carries them, block by block: leading dots doubled, ended by `.`.

    Only for octets that `unfit` let pass: every line ends with CRLF.
    """
    for start in range(0, len(octets), block_octets):
        block = octets[start : start + block_octets].replace(b"\n.", b"\n..")
        if block.startswith(b".") and (start == 0 or octets[start - 1 : start] == b"\n"):
            block = b"." + block
        yield block if start + block_octets < len(octets) else block + b".\r\n"


def too_large(outgoing: Outgoing, limit_octets: int | None, route: Route) -> Failed | None:
    if not limit_octets or len(outgoing.octets) <= limit_octets:
        return None
    return _never(
        route, "5.3.4", f"{len(outgoing.octets)} octets are more than {route.next_hop} takes ({limit_octets})"
    )


def unfit(outgoing: Outgoing, route: Route) -> Failed | None:
    """What is known before a connection is made.

    A bare CR or LF would let a next hop see another end of data than ours
    (SMTP smuggling, 2023), so such octets are never sent.
    """
    if not _addresses_sound(outgoing):
        return _never(route, "5.1.3", "an address of the envelope does not follow the grammar")
    if bare_line_ends(outgoing.octets) or not outgoing.octets.endswith(b"\r\n"):
        return _never(route, "5.6.0", "the message has line ends that SMTP does not allow")
    return too_large(outgoing, route.max_size_octets, route)


def unfit_for(outgoing: Outgoing, extensions: Extensions, route: Route) -> Failed | None:
    """What is known once the next hop has said what it can."""
    if not outgoing.octets.isascii() and "8bitmime" not in extensions:
        return _never(route, "5.6.3", f"{route.next_hop} does not take 8-bit messages")
    return too_large(outgoing, size_limit(extensions), route)


def size_limit(extensions: Extensions) -> int | None:
    """Octets; None where the next hop states none (RFC 1870, section 4: 0 is none too)."""
    stated = extensions.get("size", "").split(" ", 1)[0]
    return int(stated) or None if re.fullmatch(r"[0-9]{1,18}", stated) else None


def _addresses_sound(outgoing: Outgoing) -> bool:
    try:
        parse_address(outgoing.recipient)
        if outgoing.reverse_path:
            parse_address(outgoing.reverse_path)
    except AddressMalformed:
        return False
    return True


def _never(route: Route, status: str, text: str) -> Failed:
    return Failed(reply=own_line(status, text), next_hop=route.next_hop)
