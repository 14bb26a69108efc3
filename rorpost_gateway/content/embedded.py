"""Messages inside a message: forwarded as an attachment, or returned by a mail system.

Their header is read leniently, for its addresses only; their text is read like the message's own.
RFC 2046, section 5.2.1.
"""

import re

from rorpost_gateway.content.addresses import addresses_in
from rorpost_gateway.content.reply_headers import Quoted
from rorpost_gateway.content.visible import visible
from rorpost_gateway.message.encoded_words import decode_words

EMBEDDED = frozenset({"message/rfc822", "message/global", "message/news"})
HEADER_OCTETS = 256 * 1024
_FIELD = re.compile(
    r"^(?P<name>from|to|cc|reply-to|resent-from|resent-to)[ \t]*+:(?P<value>[^\n]*+(?>(?:\n[ \t][^\n]*+)*))",
    re.IGNORECASE | re.MULTILINE,
)


def quoted_by_header(header: bytes) -> Quoted:
    """Who stands in the header of an embedded message."""
    text = header[:HEADER_OCTETS].decode("utf-8", "replace").replace("\r\n", "\n")
    text = text.partition("\n\n")[0]
    authors: set[str] = set()
    everybody: set[str] = set()
    for match in _FIELD.finditer(text):
        addresses = addresses_in(visible(decode_words(match["value"].replace("\n", ""))))
        everybody |= addresses
        if match["name"].lower() == "from":
            authors |= addresses
    return Quoted(addresses=frozenset(everybody), author_told=bool(authors))
