"""Files to attach, made by hand or by the standard library, and messages that they are attached to."""

import base64
import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from itertools import pairwise

from rorpost_gateway.content import BOUNDS, Bounds, read_content
from rorpost_gateway.facts import Attachment, Look
from rorpost_gateway.message import parse_message

EXE = b"MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff" + bytes(100)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
ENCRYPTED_PDF = PDF.replace(b"/Root 1 0 R", b"/Root 1 0 R /Encrypt 9 0 R")
CONTENT_TYPES = b'<?xml version="1.0"?><Types/>'
DOCX: Mapping[str, bytes] = {
    "[Content_Types].xml": CONTENT_TYPES,
    "word/document.xml": b'<?xml version="1.0"?><w/>',
}

_NOTHING = 0xFFFFFFFF
_END = 0xFFFFFFFE


def zipped(files: Mapping[str, bytes], *, deflated: bool = True, comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED) as archive:
        for name, octets in files.items():
            archive.writestr(zipfile.ZipInfo(name), octets, archive.compression)
        archive.comment = comment
    return out.getvalue()


def gzipped(octets: bytes, name: str = "") -> bytes:
    out = io.BytesIO()
    with gzip.GzipFile(name, "wb", fileobj=out, mtime=0) as archive:
        archive.write(octets)
    return out.getvalue()


def tarred(files: Mapping[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, octets in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(octets)
            archive.addfile(info, io.BytesIO(octets))
    return out.getvalue()


def tnef(*attached: tuple[str, bytes]) -> bytes:
    """winmail.dat, with each file's name both in its title and as a property."""
    out = [struct.pack("<LH", 0x223E9F78, 1), _attribute(1, 0x00089006, struct.pack("<L", 0x10000))]
    for name, octets in attached:
        wide = name.encode("utf-16-le") + b"\0\0"
        padded = wide + bytes(-len(wide) % 4)
        long_name = struct.pack("<LHHLL", 1, 0x1F, 0x3707, 1, len(wide)) + padded
        out += [
            _attribute(2, 0x00069002, bytes(14)),
            _attribute(2, 0x00018010, name.encode("cp1252", "replace") + b"\0"),
            _attribute(2, 0x0006800F, octets),
            _attribute(2, 0x00069005, long_name),
        ]
    return b"".join(out)


def _attribute(level: int, which: int, octets: bytes) -> bytes:
    return struct.pack("<BLL", level, which, len(octets)) + octets + struct.pack("<H", sum(octets) & 0xFFFF)


def compound(streams: Mapping[str, bytes], class_id: bytes = bytes(16)) -> bytes:
    """A compound file of sectors of 512 octets; `a/b` is a stream b in a folder a, padded to 4,096."""
    nodes: list[list[object]] = [
        ["Root Entry", 5, _NOTHING, _END, 0, class_id]
    ]  # name, kind, child, start, size, id
    children: dict[int, list[int]] = {0: []}
    folders: dict[tuple[str, ...], int] = {(): 0}
    sectors: list[bytes] = []
    fat: list[int] = []
    for path, given in streams.items():
        *above, name = path.split("/")
        for depth in range(1, len(above) + 1):
            key = tuple(above[:depth])
            if key not in folders:
                folders[key] = len(nodes)
                children[folders[key[:-1]]].append(len(nodes))
                children[len(nodes)] = []
                nodes.append([key[-1], 1, _NOTHING, 0, 0, bytes(16)])
        octets = given + bytes(max(0, 4096 - len(given)))
        children[folders[tuple(above)]].append(len(nodes))
        nodes.append([name, 2, _NOTHING, _append(sectors, fat, octets), len(octets), bytes(16)])
    right: dict[int, int] = {}
    for parent, own in children.items():
        if own:
            nodes[parent][2] = own[0]
            right.update(pairwise(own))
    records = b"".join(_record(node, right.get(index, _NOTHING)) for index, node in enumerate(nodes))
    records += bytes(-len(records) % 512)
    first_folder = _append(sectors, fat, records)
    fat_sectors = -(-(len(fat) + 4) // 127)
    first_fat = len(sectors)
    fat += [0xFFFFFFFD] * fat_sectors
    table = b"".join(struct.pack("<L", each) for each in fat)
    table += b"\xff" * (fat_sectors * 512 - len(table))
    places = [first_fat + each for each in range(fat_sectors)] + [_NOTHING] * (109 - fat_sectors)
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH6x", 62, 3, 0xFFFE, 9, 6)
    header += struct.pack("<LLLLLLLLL", 0, fat_sectors, first_folder, 0, 4096, _END, 0, _END, 0)
    return header + struct.pack("<109L", *places) + b"".join(sectors) + table


def _append(sectors: list[bytes], fat: list[int], octets: bytes) -> int:
    first = len(sectors)
    octets += bytes(-len(octets) % 512)
    pieces = [octets[at : at + 512] for at in range(0, len(octets), 512)]
    sectors += pieces
    fat += [*range(first + 1, first + len(pieces)), _END]
    return first


def _record(node: Sequence[object], right: int) -> bytes:
    name, kind, child, start, size, class_id = node
    wide = str(name).encode("utf-16-le")
    out = (
        wide + bytes(64 - len(wide)) + struct.pack("<HBBLLL", len(wide) + 2, kind, 1, _NOTHING, right, child)
    )
    assert isinstance(class_id, bytes)
    return out + class_id + bytes(20) + struct.pack("<LQ", start, size)


def part(
    octets: bytes, name: str = "", kind: str = "application/octet-stream", encoding: str = "base64"
) -> bytes:
    """A part of a message; `name` as it is, in quotes."""
    body = base64.encodebytes(octets).replace(b"\n", b"\r\n") if encoding == "base64" else octets
    named = f'; filename="{name}"' if name else ""
    fields = f"Content-Type: {kind}\r\nContent-Disposition: attachment{named}\r\n"
    return f"{fields}Content-Transfer-Encoding: {encoding}\r\n\r\n".encode() + body


def message(*parts: bytes) -> bytes:
    """A text, and the parts behind it."""
    octets = b'From: a@x.se\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="=_b"\r\n\r\n'
    for each in (b"Content-Type: text/plain\r\n\r\nHej.\r\n", *parts):
        octets += b"--=_b\r\n" + each + b"\r\n"
    return octets + b"--=_b--\r\n"


def attachments_of(octets: bytes, bounds: Bounds = BOUNDS) -> tuple[Attachment, ...]:
    found = read_content(parse_message(octets), Look.ATTACHMENTS, bounds=bounds).attachments
    assert found is not None
    return found


def found_in(octets: bytes, name: str = "", kind: str = "application/octet-stream") -> tuple[Attachment, ...]:
    """What is found of one file that is attached."""
    return attachments_of(message(part(octets, name, kind)))
