"""Reading what a case says of its message: `subject`, `importance`, `legal_basis`, `headers`, `text`,
`html` and `attachments` (each with `name`, `type`, and one of `content`, `base64`, `file`, `octets`).

A `file` lies in the folder of the cases, or below it, and nowhere else.
"""

import binascii
import re
from pathlib import Path

from rorpost_gateway.document import Kind, Section, shown
from rorpost_gateway.policy.case_model import CaseAttachment, CaseMessage

LONGEST_TEXT = 1024 * 1024  # characters of text, of html, and of an attachment that is written out
LARGEST_OCTETS = 64 * 1024 * 1024  # of one attachment
ANY_TYPE = "application/octet-stream"

TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,60}/[A-Za-z0-9!#$&^_.+-]{1,100}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SOURCES = ("content", "base64", "file", "octets")


def read_message(section: Section, folder: Path) -> CaseMessage:
    """What stands under `message`; the ordinary message where nothing does. `folder` is that of the cases."""
    message = section.section("message")
    if message is None:
        return CaseMessage()
    read = CaseMessage(
        subject=message.text("subject", "Case"),
        importance=message.text("importance", None),
        legal_basis=message.text("legal_basis", None),
        fields=_read_fields(message.section("headers")),
        text=message.text("text", None, longest=LONGEST_TEXT),
        html=message.text("html", None, longest=LONGEST_TEXT),
        attachments=tuple(_read_attachment(each, folder) for each in message.sections("attachments")),
    )
    message.finish()
    for value in (read.subject, read.importance or "", read.legal_basis or ""):
        if not value.isprintable():
            message.complain(None, "holds something that cannot stand in a header field")
    return read


def _read_fields(headers: Section | None) -> dict[str, tuple[str, ...]]:
    if headers is None:
        return {}
    fields: dict[str, tuple[str, ...]] = {}
    for name, _, node in headers.items():
        values = headers.texts(name) if node.kind is Kind.SEQUENCE else [headers.text(name)]
        fields[name] = tuple(values)
        if not name.isascii() or not name.isprintable() or ":" in name or " " in name:
            headers.complain(name, "is no header field name")
        if not all(value.isprintable() for value in values):
            headers.complain(name, "holds something that cannot stand in a header field")
    return fields


def _read_attachment(section: Section, folder: Path) -> CaseAttachment:
    name = section.text("name", None)
    if name is not None and _CONTROL.search(name):
        section.complain("name", "holds something that cannot stand in a file name")
    kind = section.text("type", ANY_TYPE, pattern=TYPE).lower()
    if kind.startswith("multipart/"):
        section.complain("type", "is that of several parts, not of one")
    content = _read_content(section, folder)
    section.finish()
    return CaseAttachment(name=name, kind=kind, content=content)


def _read_content(section: Section, folder: Path) -> bytes:
    given = [key for key in _SOURCES if section.has(key)]
    if len(given) != 1:
        section.complain(None, "says what it holds by exactly one of: " + ", ".join(_SOURCES))
    content = section.text("content", None, longest=LONGEST_TEXT)
    encoded = section.text("base64", None, longest=LONGEST_TEXT)
    file = section.text("file", None)
    size_octets = section.integer("octets", 0, most=LARGEST_OCTETS)
    if encoded is not None:
        return _decoded(section, encoded)
    if file is not None:
        return _of_file(section, file, folder)
    return b" " * size_octets if content is None else content.encode("utf-8")


def _decoded(section: Section, encoded: str) -> bytes:
    try:
        return binascii.a2b_base64("".join(encoded.split()), strict_mode=True)
    except ValueError:
        section.complain("base64", "is not base64")
        return b""


def _of_file(section: Section, written: str, folder: Path) -> bytes:
    try:
        path = (folder / written).resolve()
        if not path.is_relative_to(folder.resolve()) or not path.is_file():
            section.complain("file", f"names no file of this folder: {shown(written)}")
            return b""
        with path.open("rb") as opened:
            octets = opened.read(LARGEST_OCTETS + 1)
    except (OSError, ValueError):
        section.complain("file", f"cannot be read: {shown(written)}")
        return b""
    if len(octets) > LARGEST_OCTETS:
        section.complain("file", f"is larger than {LARGEST_OCTETS} octets")
    return octets
