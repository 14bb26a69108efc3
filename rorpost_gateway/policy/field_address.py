"""The address of a person in a header field that the policy reads: exactly one, or none. Pure.

RFC 5322, section 3.4: of all that a mailbox may be, an address with or without a display name.
"""

from rorpost_gateway.address import parse_address
from rorpost_gateway.errors import AddressMalformed


def one_address(value: str) -> str | None:
    """The one address of a field value, perhaps with a display name; None where it is anything else."""
    text = value.strip()
    if text.endswith(">"):
        name, bracket, text = text[:-1].rpartition("<")
        if not bracket or not _is_display_name(name.strip()):
            return None
    try:
        return parse_address(text)
    except AddressMalformed:
        return None


def _is_display_name(name: str) -> bool:
    """Words, or one quoted string: nothing that could hold or hide a second address."""
    if len(name) >= 2 and name[0] == name[-1] == '"':
        return '"' not in name[1:-1] and "\\" not in name
    return not set(name) & set('<>@,;:"()[]\\')
