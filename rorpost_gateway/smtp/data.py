"""Reading DATA: finding its end, undoing dot-stuffing, staying within bounds.

The end is CRLF.CRLF and nothing else; a bare CR or LF is content, for the message
parser to refuse (SMTP smuggling, 2023). A message over the limit is read past
without being kept.

RFC 5321, sections 4.1.1.4 and 4.5.2.
"""

import io

from rorpost_gateway.decision import Reason
from rorpost_gateway.smtp.incoming import Incoming
from rorpost_gateway.smtp.limits import Share
from rorpost_gateway.smtp.pace import DataPace

_END = b"\r\n.\r\n"
_STARTS_OF_END = tuple(_END[:length] for length in range(len(_END) - 1, 0, -1))


class DotDecoder:
    """Finds the end of data chunk by chunk, at the speed of `find` and `replace`."""

    def __init__(self) -> None:
        # The line end of the DATA command itself, so that a dot on the first line is no special case.
        self._held = b"\r\n"
        self._first = True

    def feed(self, chunk: bytes | bytearray) -> tuple[bytes, bytes | None]:
        """Content octets, and what follows the end of data (None while it has not come).

        Octets that may yet turn out to begin the end are held until the next chunk.
        """
        window = self._held + chunk
        end = window.find(_END)
        if end >= 0:
            return self._content(window[: end + 2]), window[end + len(_END) :]
        self._held = next((start for start in _STARTS_OF_END if window.endswith(start)), b"")
        return self._content(window[: len(window) - len(self._held)]), None

    def _content(self, window: bytes) -> bytes:
        content = window.replace(b"\r\n.", b"\r\n") if b"\r\n." in window else window
        if self._first and content:
            self._first = False
            content = content[2:]
        return content


async def read_message(
    incoming: Incoming, *, limit_octets: int, share: Share, timeout_seconds: float, pace: DataPace
) -> bytes | Reason:
    """The message, or why it was read past: MESSAGE_TOO_LARGE or GATEWAY_FULL.

    The caller gives `share` back when the message has been answered.
    Raises incoming.Ended, incoming.IdleTooLong and pace.TooSlow.
    """
    decoder = DotDecoder()
    content = io.BytesIO()  # gives its octets away at the end without copying them
    come = 0
    reason: Reason | None = None
    while True:
        patience_seconds = min(timeout_seconds, pace.seconds_left(come))
        octets, rest = decoder.feed(await incoming.chunk(timeout_seconds=patience_seconds))
        come += len(octets)
        if reason is None:
            reason = _why_not(come, len(octets), limit_octets, share)
            if reason is None:
                content.write(octets)
            else:
                content = io.BytesIO()
                share.give_back()
        if rest is not None:
            incoming.put_back(rest)
            return reason or content.getvalue()


def _why_not(total: int, more: int, limit_octets: int, share: Share) -> Reason | None:
    if total > limit_octets or not share.could_ever_hold(total):
        return Reason.MESSAGE_TOO_LARGE
    return None if share.take(more) else Reason.GATEWAY_FULL
