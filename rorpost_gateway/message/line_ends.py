"""Line ends and line lengths of whole messages, without going line by line.

RFC 5321, section 2.3.8: a line ends with CRLF, and neither CR nor LF stands alone.
"""

from rorpost_gateway.message.header import malformed

_ALL_BUT_LINE_ENDS = bytes(octet for octet in range(256) if octet not in b"\r\n")


def bare_line_ends(octets: bytes, others: bytes = _ALL_BUT_LINE_ENDS) -> bool:
    """Whether a CR or an LF stands alone.

    `others` may be a smaller alphabet; then any octet that is neither in it nor part
    of a line end counts as well.
    """
    return len(octets.translate(None, others)) != 2 * octets.count(b"\r\n")


def long_line(octets: bytes, most_octets: int) -> int:
    """Where the first line of more than `most_octets` (without its end) begins; -1 if there is none."""
    start = 0
    # Each step leaps to the last line end within reach, so a large body takes few of them.
    while len(octets) - start > most_octets:
        line_end = octets.rfind(b"\r\n", start, start + most_octets + 2)
        if line_end < 0:
            return start
        start = line_end + 2
    return -1


def with_crlf(octets: bytes) -> bytes:
    """Octets that have LF for line ends throughout, with CRLF; `octets` itself where they have CRLF.

    Raises MessageMalformed where both occur, or a CR alone: a line would end for one reader
    and not for another.
    """
    if not bare_line_ends(octets):
        return octets
    if b"\r" in octets:
        raise malformed("line ends of more than one kind")
    return octets.replace(b"\n", b"\r\n")
