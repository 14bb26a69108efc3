r"""Folder names: ours (plain text, `/` between levels) and the server's (modified UTF-7, its separator).

INBOX is INBOX in any case. A server whose own folders lie under a prefix (`INBOX.`) is given that
prefix; a name that is written the server's way already is taken as it stands.

RFC 3501, section 5.1.3 (modified UTF-7); RFC 2342 (namespaces).
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass

from rorpost_gateway.imap.tokens import Unreadable

INBOX = "INBOX"
_PLAIN = re.compile(r"[\x20-\x25\x27-\x7e]+")
_RUNS = re.compile(r"[\x20-\x25\x27-\x7e]+|&|[^\x20-\x7e]+")
_SHIFTED = re.compile(r"&([A-Za-z0-9+,]*)-")


def encode_name(name: str) -> str:
    """Modified UTF-7: printable ASCII throughout."""
    return "".join(map(_encode_run, _RUNS.findall(name)))


def _encode_run(run: str) -> str:
    if run == "&":
        return "&-"
    if _PLAIN.fullmatch(run):
        return run
    shifted = b64encode(run.encode("utf-16-be", "surrogatepass")).rstrip(b"=").replace(b"/", b",")
    return f"&{shifted.decode('ascii')}-"


def decode_name(octets: bytes) -> str:
    """Of a server's name; UTF-8 as it is, since some servers send it. Raises Unreadable."""
    try:
        return _SHIFTED.sub(_decode_run, octets.decode("utf-8"))
    except (UnicodeDecodeError, Base64Error):
        raise Unreadable from None


def _decode_run(match: re.Match[str]) -> str:
    shifted = match[1].replace(",", "/")
    if not shifted:
        return "&"
    return b64decode(shifted + "=" * (-len(shifted) % 4), validate=True).decode("utf-16-be")


@dataclass(frozen=True, kw_only=True)
class Naming:
    """How a server names the folders of the one who is logged in. Both may be empty."""

    prefix: str = ""
    separator: str = "/"

    def of_server(self, name: str) -> str:
        """A plain name as the server has it, not encoded yet."""
        if name.upper() == INBOX:
            return INBOX
        levels = name.replace("/", self.separator) if self.separator else name
        first, separator, rest = levels.partition(self.separator) if self.separator else (levels, "", "")
        if first.upper() == INBOX and separator:
            levels = f"{INBOX}{separator}{rest}"
        return levels if self.prefix and levels.startswith(self.prefix) else self.prefix + levels

    def plain(self, name: str) -> str:
        """A server's name, decoded, as we write it."""
        if name.upper() == INBOX:
            return INBOX
        own = name.removeprefix(self.prefix)
        return own.replace(self.separator, "/") if self.separator else own
