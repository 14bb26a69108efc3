"""The message: reading what was submitted, without guessing and without changing an octet.

Pure and linear in the size of the message. Whatever two readers could read in two
ways is refused (MessageMalformed), since what the rules saw must be what the
recipient sees. RFC 5322 (fields), RFC 2045 to 2047 (MIME).
"""

from rorpost_gateway.message.content_type import ContentType
from rorpost_gateway.message.header import Field
from rorpost_gateway.message.mime import Part, check_structure
from rorpost_gateway.message.parse import Message, parse_message, without_private_fields
from rorpost_gateway.message.reading import read_facts

__all__ = [
    "ContentType",
    "Field",
    "Message",
    "Part",
    "check_structure",
    "parse_message",
    "read_facts",
    "without_private_fields",
]
