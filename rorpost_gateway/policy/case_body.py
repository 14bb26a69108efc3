"""The body of a case's message, and the fields that describe it. Pure.

RFC 2045 and 2046 (MIME), RFC 2183 and 2231 (names of attachments).
"""

import binascii
import hashlib
from collections.abc import Sequence
from urllib.parse import quote

from rorpost_gateway.message.line_ends import with_crlf
from rorpost_gateway.policy.case_model import CaseAttachment, CaseMessage

_LINE_OCTETS = 57  # of what makes a line of 76 characters: RFC 2045, section 6.8

Fields = dict[str, str]


def body_of(message: CaseMessage) -> tuple[Fields, bytes]:
    """The Content-* fields of a message, and its body with CRLF line ends."""
    entity = _words(message)
    if message.attachments:
        entity = _together("mixed", [entity, *map(_attached, message.attachments)])
    fields, body = entity
    plain = fields == {"Content-Type": "text/plain; charset=utf-8"} and body.isascii()
    return ({} if plain else {"MIME-Version": "1.0", **fields}), body


def _words(message: CaseMessage) -> tuple[Fields, bytes]:
    forms = []
    if message.text is not None or message.html is None:
        forms.append(_text("plain", message.text if message.text is not None else "Text."))
    if message.html is not None:
        forms.append(_text("html", message.html))
    return forms[0] if len(forms) == 1 else _together("alternative", forms)


def _text(subtype: str, text: str) -> tuple[Fields, bytes]:
    octets = with_crlf(text.encode("utf-8"))
    fields = {"Content-Type": f"text/{subtype}; charset=utf-8"}
    if not octets.isascii():
        fields["Content-Transfer-Encoding"] = "8bit"
    return fields, octets if octets.endswith(b"\r\n") else octets + b"\r\n"


def _attached(attachment: CaseAttachment) -> tuple[Fields, bytes]:
    named = _name(attachment.name)
    fields = {
        "Content-Type": attachment.kind,
        "Content-Disposition": f"attachment; {named}" if named else "attachment",
    }
    if attachment.kind.startswith("message/"):  # RFC 2046, section 5.2: never in base64
        return fields | {"Content-Transfer-Encoding": "8bit"}, with_crlf(attachment.content)
    return fields | {"Content-Transfer-Encoding": "base64"}, _lines_of_base64(attachment.content)


def _lines_of_base64(octets: bytes) -> bytes:
    if octets.count(octets[:1]) == len(octets):  # `octets: 10485761`: most lines are one and the same
        whole, rest = divmod(len(octets), _LINE_OCTETS)
        return _line(octets[:_LINE_OCTETS]) * whole + (_line(octets[:rest]) if rest else b"")
    return b"".join(
        _line(octets[start : start + _LINE_OCTETS]) for start in range(0, len(octets), _LINE_OCTETS)
    )


def _line(octets: bytes) -> bytes:
    return binascii.b2a_base64(octets, newline=False) + b"\r\n"


def _name(name: str | None) -> str:
    if name is None:
        return ""
    if name.isascii():
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'filename="{escaped}"'
    return f"filename*=utf-8''{quote(name, safe='')}"


def _together(subtype: str, entities: Sequence[tuple[Fields, bytes]]) -> tuple[Fields, bytes]:
    parts = [(_header(fields), body) for fields, body in entities]
    hashed = hashlib.sha256()  # whoever writes a case cannot write its own hash into it
    for header, body in parts:
        hashed.update(header)
        hashed.update(body)
    boundary = hashed.hexdigest()
    opening = b"--" + boundary.encode("ascii")
    pieces = [piece for header, body in parts for piece in (opening, b"\r\n", header, b"\r\n", body, b"\r\n")]
    body = b"".join((*pieces, opening, b"--\r\n"))
    return {"Content-Type": f'multipart/{subtype}; boundary="{boundary}"'}, body


def _header(fields: Fields) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode("ascii")
