"""Reading a message's content: as much of it as the rules of its channels ask for."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from rorpost_gateway.content.attachments import read_attachments
from rorpost_gateway.content.bounds import BOUNDS, Bounds
from rorpost_gateway.content.names import identity_number_in_a_name
from rorpost_gateway.content.quotes import read_quotes
from rorpost_gateway.facts import ContentFacts, Look
from rorpost_gateway.message import Message, check_structure

# More text than this may be felt by other sessions; an archive of that size holds any amount of it.
LARGE_OCTETS: Final = 16 * 1024
SMALL_OCTETS: Final = 1024
FEW_PARTS: Final = 32
# Threads of its own, and few: however long looking takes, the others' work does not wait behind it, and
# no more messages than these are held expanded at a time.
_LOOKERS: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="content")


def read_content(message: Message, look: Look, *, bounds: Bounds = BOUNDS) -> ContentFacts:
    """What `look` asks for; the rest stays None. Pure, bounded in time and memory.

    Raises MessageTooComplex as `check_structure` does.
    """
    parts = check_structure(message)
    return ContentFacts(
        attachments=read_attachments(message, parts, bounds) if Look.ATTACHMENTS in look else None,
        quotes=read_quotes(message, parts, bounds) if Look.QUOTES in look else None,
        identity_number_in_name=identity_number_in_a_name(message, parts) if Look.NAMES in look else None,
    )


async def look_into(message: Message, look: Look) -> ContentFacts | None:
    """The same; None where nothing is asked for. In a thread, where it would be felt by other sessions."""
    if not look:
        return None
    expands = Look.ATTACHMENTS in look and len(message.octets) > message.header_end + SMALL_OCTETS
    if expands or len(message.octets) > LARGE_OCTETS or message.octets.count(b"\n--") > FEW_PARTS:
        return await asyncio.get_running_loop().run_in_executor(_LOOKERS, read_content, message, look)
    return read_content(message, look)
