"""Zip archives, and the documents that are zip archives, read strictly.

Two readers of one archive must see the same files, or what was looked at is not what is
opened: so the directory at the end, the header before each file and the room between them have
to agree, no two files may share octets, and nothing may lie between them that has a header of its
own. What does not hold is Closed. The directory is read without copying what it describes.

PKWARE APPNOTE 6.3.10, sections 4.3 to 4.5; ISO/IEC 29500-2 (documents); ODF 1.3, part 2.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from rorpost_gateway.content.entries import Budget, Closed, Contents, Entry, closed
from rorpost_gateway.content.file_names import RUN_WHEN_OPENED, extensions_of
from rorpost_gateway.content.inflate import RAW, inflate
from rorpost_gateway.content.kinds import (
    CLOSED,
    COMPOUND,
    GZIP,
    MACROS,
    MESSAGE,
    PDF,
    PROGRAMS,
    TAR,
    TNEF,
    UNKNOWN,
    ZIP,
    Octets,
    kind_of,
)

_END: Final = b"PK\x05\x06"
_HEADER: Final = b"PK\x03\x04"
_END_RECORD = struct.Struct("<4s4H2LH")
_DIRECTORY_RECORD = struct.Struct("<4s6H3L5H2L")
_LOCAL_RECORD = struct.Struct("<4s5H3L2H")
_COMMENT_OCTETS = 65535
_NAME_OCTETS = 4096
_ENCRYPTED, _SIZES_FOLLOW, _UTF_8 = 0x1, 0x8, 0x800
_STORED, _DEFLATED = 0, 8
_IN_ZIP64 = 0xFFFFFFFF
_UNICODE_PATH = 0x7075

_MIMETYPE = re.compile(r"application/(?:vnd\.oasis\.opendocument\.[a-z-]{2,40}|epub\+zip)")
_OFFICE: Final = (
    ("word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "word.document"),
    ("xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "excel.sheet"),
    (
        "ppt/",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "powerpoint.presentation",
    ),
    ("visio/", "application/vnd.ms-visio.drawing", "visio.drawing"),
)
_NEVER_A_DOCUMENTS_OWN: Final = frozenset(
    (*PROGRAMS, *CLOSED, ZIP, GZIP, TAR, TNEF, COMPOUND, MESSAGE, PDF)
) - {UNKNOWN}


@dataclass(frozen=True, kw_only=True)
class _File:
    """One file as the directory describes it; its packed octets are `start` to `end`."""

    names: tuple[str, ...] = field(repr=False)
    encrypted: bool
    method: int
    check: int
    size: int
    header: int
    start: int
    end: int


def has_directory(octets: Octets) -> bool:
    """Whether something that is no zip archive by its beginning is one by its end."""
    at = octets.rfind(_END, max(0, len(octets) - _COMMENT_OCTETS - _END_RECORD.size))
    if at < 0 or at + _END_RECORD.size > len(octets):
        return False
    size = int.from_bytes(octets[at + 12 : at + 16], "little")
    return 0 < size <= at and octets.startswith(b"PK\x01\x02", at - size)


def read_zip(octets: Octets, budget: Budget) -> Contents:
    """Its files; of a document, those that are no part of what such documents are made of.

    Raises Closed.
    """
    files = _files(octets, budget)
    kind = _kind(octets, files, budget)
    if kind in {ZIP, "application/java-archive", "application/vnd.android.package-archive"}:
        return Contents(kind=kind, entries=(_entry(octets, file, budget) for file in files))
    if any(file.names[0] == "META-INF/manifest.xml" for file in files) and _is_encrypted(
        octets, files, budget
    ):
        return closed(kind)
    return Contents(kind=kind, entries=_foreign(octets, files, budget))


def _files(octets: Octets, budget: Budget) -> list[_File]:
    begins, count, shift, end = _directory(octets)
    position = begins
    found: list[_File] = []
    for _ in range(count):
        budget.take_entry()
        file, position = _file(octets, position, end, shift)
        if file is not None:
            found.append(file)
    if position != end:
        raise Closed("a directory of another length")
    _check_room(octets, found, begins)
    return found


def _directory(octets: Octets) -> tuple[int, int, int, int]:
    """Where the directory begins, how many it names, what stands before the archive, where it ends."""
    first = max(0, len(octets) - _COMMENT_OCTETS - _END_RECORD.size)
    fitting = []
    at = octets.find(_END, first)
    while at >= 0:
        if at + _END_RECORD.size <= len(octets):
            comment = int.from_bytes(octets[at + 20 : at + 22], "little")
            if at + _END_RECORD.size + comment == len(octets):
                fitting.append(at)
        at = octets.find(_END, at + 1)
    if len(fitting) != 1:
        raise Closed("not exactly one end")
    end = fitting[0]
    _, disk, first_disk, here, count, size, offset, _ = _END_RECORD.unpack_from(octets, end)
    if disk or first_disk or here != count or count == 0xFFFF or size > end or offset > end - size:
        raise Closed("a directory that is not there")
    return end - size, count, end - size - offset, end


def _file(octets: Octets, at: int, end: int, shift: int) -> tuple[_File | None, int]:
    """The file that a record of the directory names (None for a folder), and where the next begins."""
    if at + _DIRECTORY_RECORD.size > end:
        raise Closed("a directory cut off")
    record = _DIRECTORY_RECORD.unpack_from(octets, at)
    magic, _, _, flags, method, _, _, check, packed, size, name_octets, extra_octets, comment, *_, header = (
        record
    )
    named = at + _DIRECTORY_RECORD.size
    following = named + name_octets + extra_octets + comment
    if magic != b"PK\x01\x02" or following > end or not 0 < name_octets <= _NAME_OCTETS:
        raise Closed("not a directory")
    raw = bytes(octets[named : named + name_octets])
    extra = bytes(octets[named + name_octets : named + name_octets + extra_octets])
    size, packed, header = _wide(extra, size, packed, header)
    header += shift
    start = _start(octets, header, end, raw=raw, flags=flags, method=method, sizes=(check, packed, size))
    if start + packed > end:
        raise Closed("a file beyond the end")
    names = _names(raw, extra, utf_8=bool(flags & _UTF_8))
    if names[0].endswith(("/", "\\")):
        if size or packed > 2:
            raise Closed("a folder that holds something")
        return None, following
    file = _File(
        names=names, encrypted=bool(flags & _ENCRYPTED), method=method, check=check, size=size, header=header,
        start=start, end=start + packed,
    )  # fmt: skip
    return file, following


def _wide(extra: bytes, *sizes: int) -> list[int]:
    """Sizes and offset, where those of 64 bits stand in the extra field 0x0001 (section 4.5.3)."""
    wide = _extra(extra, 1)
    found: list[int] = []
    for each in sizes:
        if each == _IN_ZIP64:
            if len(wide) < 8:
                raise Closed("a size that is not there")
            each, wide = int.from_bytes(wide[:8], "little"), wide[8:]
        found.append(each)
    return found


def _extra(extra: bytes, wanted: int) -> bytes:
    at = 0
    while at + 4 <= len(extra):
        which, octets = struct.unpack_from("<2H", extra, at)
        if which == wanted:
            return extra[at + 4 : at + 4 + octets]
        at += 4 + octets
    return b""


def _names(raw: bytes, extra: bytes, *, utf_8: bool) -> tuple[str, ...]:
    name = raw.decode("utf-8" if utf_8 else "cp437", "replace")
    second = _extra(extra, _UNICODE_PATH)[5:].decode("utf-8", "replace")
    # Not of another script only: some readers show the one, some the other.
    if second and extensions_of(second) != extensions_of(name):
        return name, second
    return (second or name,)


def _start(
    octets: Octets, at: int, end: int, *, raw: bytes, flags: int, method: int, sizes: tuple[int, int, int]
) -> int:
    """Where the octets of a file begin, if its own header says what the directory says."""
    if not 0 <= at <= end - _LOCAL_RECORD.size:
        raise Closed("a header beyond the end")
    magic, _, own_flags, own_method, _, _, check, packed, size, name_octets, extra_octets = (
        _LOCAL_RECORD.unpack_from(octets, at)
    )
    named = at + _LOCAL_RECORD.size
    same = magic == _HEADER and own_method == method and octets[named : named + name_octets] == raw
    if not same or (own_flags ^ flags) & (_ENCRYPTED | _SIZES_FOLLOW):
        raise Closed("a header that says something else")
    stated = (check, packed, size)
    if not own_flags & _SIZES_FOLLOW and any(
        own not in (wanted, _IN_ZIP64) for own, wanted in zip(stated, sizes, strict=True)
    ):
        raise Closed("sizes that say something else")
    start: int = named + name_octets + extra_octets
    return start


def _check_room(octets: Octets, files: list[_File], end: int) -> None:
    """No two files overlap, and none lies before, between or behind them that the directory does not name."""
    position = 0
    for file in sorted(files, key=lambda each: each.header):
        if file.header < position:
            raise Closed("files that overlap")
        _check_gap(octets, position, file.header)
        position = file.end
    _check_gap(octets, position, end)


def _check_gap(octets: Octets, position: int, end: int) -> None:
    """Nothing but the headers of folders."""
    at = octets.find(_HEADER, position, end)
    while at >= 0:
        name_octets = int.from_bytes(octets[at + 26 : at + 28], "little")
        name = octets[at + _LOCAL_RECORD.size : at + _LOCAL_RECORD.size + name_octets]
        if not name.endswith((b"/", b"\\")):
            raise Closed("a file that the directory does not name")
        at = octets.find(_HEADER, at + 4, end)


def _entry(octets: Octets, file: _File, budget: Budget) -> Entry:
    if file.encrypted or file.method not in (_STORED, _DEFLATED):
        return Entry(names=file.names, octets=None, size_octets=file.size)
    packed = file.end - file.start
    most = min(file.size, budget.most_from(packed))
    if file.size > most:
        return Entry(names=file.names, octets=None, size_octets=file.size)
    if file.method == _STORED:
        if packed != file.size:
            raise Closed("a stored file of another size")
        budget.take_octets(packed)
        out: Octets = octets[file.start : file.end]
    else:
        out, ended = inflate(octets, file.start, file.end, form=RAW, budget=budget, most=most)
        if ended != file.end or len(out) != file.size:
            raise Closed("a file of another size")
    if zlib.crc32(out) != file.check:
        raise Closed("a file that is damaged")
    return Entry(names=file.names, octets=out)


def _kind(octets: Octets, files: list[_File], budget: Budget) -> str:
    names = {file.names[0] for file in files}
    if "AndroidManifest.xml" in names:
        return "application/vnd.android.package-archive"
    if "META-INF/MANIFEST.MF" in names or any(name.endswith(".class") for name in names):
        return "application/java-archive"
    if "[Content_Types].xml" in names:
        return _office_kind(names)
    mimetype = next((file for file in files if file.names[0] == "mimetype" and file.size <= 100), None)
    if mimetype is not None:
        text = bytes(_entry(octets, mimetype, budget).octets or b"").decode("ascii", "replace").strip()
        return text if _MIMETYPE.fullmatch(text) else ZIP
    return ZIP


def _office_kind(names: set[str]) -> str:
    for folder, kind, short in _OFFICE:
        if any(name.lower().startswith(folder) for name in names):
            if any(name.lower().endswith("vbaproject.bin") for name in names):
                return f"application/vnd.ms-{short}.macroenabled.12"
            if folder == "xl/" and any(name.lower() == "xl/workbook.bin" for name in names):
                return "application/vnd.ms-excel.sheet.binary.macroenabled.12"
            return kind
    return ZIP


def _is_encrypted(octets: Octets, files: list[_File], budget: Budget) -> bool:
    """ODF 1.3, part 2, section 3.4.1: the manifest tells how each file was encrypted."""
    manifest = next(file for file in files if file.names[0] == "META-INF/manifest.xml")
    content = _entry(octets, manifest, budget).octets
    return content is None or b"encryption-data" in content


def _foreign(octets: Octets, files: list[_File], budget: Budget) -> Iterator[Entry]:
    """What lies in a document and is none of its own kinds of parts: embedded files, macros, programs."""
    for file in files:
        entry = _entry(octets, file, budget)
        if entry.octets is None:
            yield entry
            continue
        extension = (extensions_of(file.names[0]) or ("",))[-1]
        kind = kind_of(entry.octets)
        if file.names[0].lower().endswith("vbaproject.bin"):
            yield Entry(names=entry.names, octets=entry.octets, kind=MACROS)
        elif (
            kind in _NEVER_A_DOCUMENTS_OWN or extension in RUN_WHEN_OPENED or "/embeddings/" in file.names[0]
        ):
            yield entry
