"""What a server answers, and the octets of it. No I/O.

RFC 9110, RFC 9112.
"""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import h11

PLAIN: Final = "text/plain; charset=utf-8"
_WORDS: Final = {
    400: "bad request",
    404: "there is nothing at this path",
    405: "another method is needed here",
    413: "the body is too large",
    431: "the header is too large",
    500: "fault",
    501: "not offered here",
    505: "HTTP/1.0 and HTTP/1.1 only",
}
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Answer:
    body: bytes = field(repr=False)
    status: int = 200
    content_type: str = PLAIN


def error(status: int) -> Answer:
    """The answer to a request that is not taken; 400 stands for every status without words of its own."""
    known = status if status in _WORDS else 400
    return Answer(status=known, body=f"{_WORDS[known]}\n".encode("ascii"))


def octets(connection: h11.Connection, answer: Answer, *, without_body: bool, more: Headers) -> bytes:
    """The answer, which ends the connection. Raises h11.LocalProtocolError where nobody listens."""
    headers = [
        ("Content-Type", answer.content_type),
        ("Content-Length", str(len(answer.body))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Connection", "close"),
        *more,
    ]
    body = [] if without_body else [h11.Data(data=answer.body)]
    begin = h11.Response(
        status_code=answer.status, headers=headers, reason=HTTPStatus(answer.status).phrase.encode("ascii")
    )
    return b"".join(connection.send(event) or b"" for event in (begin, *body, h11.EndOfMessage()))
