"""What lies in the documents that are compound files: embedded files, macros, and whether they are encrypted.

[MS-OFFCRYPTO] (encryption), [MS-DOC] 2.5.1, [MS-XLS] 2.4.117, [MS-PPT] 2.3.2 (its marks in old
documents), [MS-OLEDS] 2.3.6 (embedded files), [MS-OXMSG] 2.2.2 (attachments of a .msg).
"""

import struct
from collections.abc import Iterator
from typing import Final

from rorpost_gateway.content.compound import CompoundFile, Node
from rorpost_gateway.content.entries import Budget, Contents, Entry, closed
from rorpost_gateway.content.kinds import (
    COMPOUND,
    GZIP,
    MACROS,
    MESSAGE,
    PDF,
    PROGRAMS,
    TNEF,
    ZIP,
    Octets,
    kind_of,
)

OUTLOOK: Final = "application/vnd.ms-outlook"
_WORD: Final = "application/msword"
_EXCEL: Final = "application/vnd.ms-excel"
_POWERPOINT: Final = "application/vnd.ms-powerpoint"
_BY_STREAM: Final = (
    ("__properties_version1.0", OUTLOOK),
    ("WordDocument", _WORD),
    ("Workbook", _EXCEL),
    ("Book", _EXCEL),
    ("PowerPoint Document", _POWERPOINT),
    ("VisioDocument", "application/vnd.visio"),
    ("Quill", "application/vnd.ms-publisher"),
)
_INSTALLER: Final = bytes.fromhex("84100c0000000000c000000000000046")
_MACRO_FOLDERS: Final = frozenset(("Macros", "_VBA_PROJECT_CUR", "VBA"))
_HEAD_OCTETS: Final = 4096
_REMARKABLE: Final = frozenset((*PROGRAMS, ZIP, GZIP, PDF, COMPOUND, TNEF, MESSAGE))
_ATTACHMENT: Final = "__attach_version1.0"
_ATTACHED_DATA: Final = "__substg1.0_37010102"
_ATTACHED_NAMES: Final = ("3707001F", "3704001F", "3707001E", "3704001E")


def read_compound(octets: Octets, budget: Budget) -> Contents:
    """Which document it is, and what lies in it. Raises Closed."""
    file = CompoundFile(octets, budget)
    kind = _kind(file)
    if _is_encrypted(file, kind):
        return closed(kind)
    entries = _of_outlook(file) if kind == OUTLOOK else _of_office(file)
    return Contents(kind=kind, entries=entries)


def _kind(file: CompoundFile) -> str:
    if file.class_id == _INSTALLER:
        return "application/x-msi"
    top = {node.name for node in file.nodes if len(node.path) == 1}
    return next((kind for name, kind in _BY_STREAM if name in top), COMPOUND)


def _is_encrypted(file: CompoundFile, kind: str) -> bool:
    top = {node.name: node for node in file.nodes if len(node.path) == 1 and node.is_stream}
    if not top.keys().isdisjoint(("EncryptedPackage", "EncryptedSummary", "EncryptionInfo", "DRMContent")):
        return True
    if kind == _WORD:
        beginning = file.read(top["WordDocument"], 12) if "WordDocument" in top else b""
        return len(beginning) < 12 or bool(beginning[11] & 1)
    if kind == _EXCEL:
        node = top.get("Workbook") or top.get("Book")
        return node is None or _has_password(file.read(node, _HEAD_OCTETS))
    if kind == _POWERPOINT and "Current User" in top:
        return file.read(top["Current User"], 16)[12:16] == b"\xdf\xc4\xd1\xf3"
    return False


def _has_password(records: bytes) -> bool:
    """Whether the record FilePass stands among the first of a workbook's."""
    at = 0
    while at + 4 <= len(records):
        which, length = struct.unpack_from("<HH", records, at)
        if which == 0x2F:
            return True
        at += 4 + length
    return False


def _of_office(file: CompoundFile) -> Iterator[Entry]:
    for node in file.nodes:
        if not node.is_stream:
            if node.name in _MACRO_FOLDERS and not _MACRO_FOLDERS.intersection(node.path[:-1]):
                yield Entry(octets=b"", kind=MACROS)
        elif node.name.lower().endswith("ole10native"):
            yield _embedded(file.read(node))
        elif kind_of(file.read(node, _HEAD_OCTETS)) in _REMARKABLE:
            yield Entry(octets=file.read(node))


def _embedded(native: bytes) -> Entry:
    """A file that was inserted as an object: label, name, and its octets."""
    try:
        label, _, rest = native[6:].partition(b"\0")
        _, _, rest = rest.partition(b"\0")
        (skipped,) = struct.unpack_from("<L", rest, 4)
        name = rest[8 : 8 + skipped].rstrip(b"\0")  # the one before is where its icon came from
        (size,) = struct.unpack_from("<L", rest, 8 + skipped)
    except struct.error:
        return Entry(octets=None, size_octets=len(native))
    content = rest[12 + skipped : 12 + skipped + size]
    if len(content) != size:
        return Entry(octets=None, size_octets=len(native))
    names = dict.fromkeys(each.decode("cp1252", "replace") for each in (label, name) if each)
    return Entry(names=tuple(names), octets=content)


def _of_outlook(file: CompoundFile) -> Iterator[Entry]:
    streams = {node.path: node for node in file.nodes if node.is_stream}
    for node in file.nodes:
        if node.is_stream or not node.name.startswith(_ATTACHMENT):
            continue
        data = streams.get((*node.path, _ATTACHED_DATA))
        if data is not None:
            yield Entry(names=_names(file, node, streams), octets=file.read(data))


def _names(file: CompoundFile, folder: Node, streams: dict[tuple[str, ...], Node]) -> tuple[str, ...]:
    found: list[str] = []
    for tag in _ATTACHED_NAMES:
        node = streams.get((*folder.path, f"__substg1.0_{tag}"))
        if node is not None:
            octets = file.read(node, _HEAD_OCTETS)
            found.append(
                octets.decode("utf-16-le" if tag.endswith("1F") else "cp1252", "replace").rstrip("\0")
            )
    return tuple(dict.fromkeys(found))
