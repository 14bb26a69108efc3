"""What octets are, by what stands in them and never by what they are called.

A table of signatures, of what is sent by mail and of what must not be. Whatever is neither in
it nor text is UNKNOWN, and nobody knows what that holds. Only the beginning is looked at (and
a few places further on), so the time does not grow with the size.

The names are those of IANA's registry of media types where it has one, in lower case.
"""

import re
from collections.abc import Mapping
from typing import Final

Octets = bytes | bytearray

UNKNOWN: Final = "application/octet-stream"
TEXT: Final = "text/plain"
ZIP: Final = "application/zip"
GZIP: Final = "application/gzip"
TAR: Final = "application/x-tar"
COMPOUND: Final = "application/x-ole-storage"
TNEF: Final = "application/vnd.ms-tnef"
MESSAGE: Final = "message/rfc822"
PDF: Final = "application/pdf"
RTF: Final = "application/rtf"
PROGRAM: Final = "application/x-msdownload"
MACROS: Final = "application/vnd.ms-office.vbaproject"
PGP_ENCRYPTED: Final = "application/pgp-encrypted"
PKCS7: Final = "application/pkcs7-mime"
PKCS7_SIGNATURE: Final = "application/pkcs7-signature"

HEAD_OCTETS: Final = 64 * 1024

ALIASES: Final[Mapping[str, str]] = {
    "application/vnd.microsoft.portable-executable": PROGRAM,
    "application/x-dosexec": PROGRAM,
    "application/exe": PROGRAM,
    "application/x-exe": PROGRAM,
    "application/x-zip-compressed": ZIP,
    "application/x-zip": ZIP,
    "application/x-gzip": GZIP,
    "application/x-rar": "application/vnd.rar",
    "application/x-rar-compressed": "application/vnd.rar",
    "application/ms-tnef": TNEF,
    "application/x-pdf": PDF,
    "text/rtf": RTF,
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/x-ms-bmp": "image/bmp",
    "audio/x-wav": "audio/wav",
    "audio/mp3": "audio/mpeg",
    "text/xml": "application/xml",
    "application/javascript": "text/javascript",
    "application/x-javascript": "text/javascript",
    "application/x-pkcs7-mime": PKCS7,
    "application/x-pkcs7-signature": PKCS7_SIGNATURE,
}
"""Other names that are used for the same; a policy may use either."""

# Programs, and what starts one when it is opened: what each may be called without disguise.
PROGRAMS: Final[Mapping[str, frozenset[str]]] = {
    PROGRAM: frozenset(
        ("exe", "dll", "com", "scr", "sys", "cpl", "ocx", "pif", "drv", "mui", "efi", "ax", "xll")
    ),
    "application/x-executable": frozenset(("", "so", "o", "bin", "elf", "run", "ko", "appimage")),
    "application/x-mach-binary": frozenset(("", "dylib", "bundle", "o")),
    "application/x-msi": frozenset(("msi", "msp", "mst", "msm")),
    "application/x-ms-shortcut": frozenset(("lnk",)),
    "application/x-mswinurl": frozenset(("url", "website")),
    "application/vnd.ms-htmlhelp": frozenset(("chm",)),
    "application/java-vm": frozenset(("class",)),
    "application/java-archive": frozenset(("jar", "war", "ear")),
    "application/vnd.android.package-archive": frozenset(("apk",)),
    "application/x-iso9660-image": frozenset(("iso",)),
    "application/x-vhd": frozenset(("vhd", "vhdx")),
}

# Known for what they are, and not looked into: archives of other kinds, disk images, what is encrypted.
CLOSED: Final = frozenset(
    (
        UNKNOWN, "application/vnd.rar", "application/x-7z-compressed", "application/x-bzip2",
        "application/x-xz", "application/zstd", "application/x-lz4", "application/x-compress",
        "application/x-arj", "application/x-lzh", "application/x-ace",
        "application/vnd.ms-cab-compressed", "application/x-cpio", "application/x-archive",
        "application/x-rpm", "application/x-iso9660-image", "application/x-vhd",
        "application/x-apple-diskimage", "application/onenote", "application/vnd.ms-outlook-pst",
        "application/x-msaccess", PGP_ENCRYPTED, PKCS7, "message/partial", "message/external-body",
    )
)  # fmt: skip

_BEGINNINGS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"MZ", PROGRAM),
    (b"\x7fELF", "application/x-executable"),
    (b"\xfe\xed\xfa\xce", "application/x-mach-binary"),
    (b"\xfe\xed\xfa\xcf", "application/x-mach-binary"),
    (b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\x4c\x00\x00\x00\x01\x14\x02\x00", "application/x-ms-shortcut"),
    (b"ITSF", "application/vnd.ms-htmlhelp"),
    (b"vhdxfile", "application/x-vhd"),
    (b"conectix", "application/x-vhd"),
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),
    (b"PK\x07\x08", ZIP),
    (b"\x1f\x8b", GZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", COMPOUND),
    (b"\x78\x9f\x3e\x22", TNEF),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"\x04\x22\x4d\x18", "application/x-lz4"),
    (b"\x1f\x9d", "application/x-compress"),
    (b"\x60\xea", "application/x-arj"),
    (b"MSCF", "application/vnd.ms-cab-compressed"),
    (b"ISc(", "application/vnd.ms-cab-compressed"),
    (b"070701", "application/x-cpio"),
    (b"!<arch>", "application/x-archive"),
    (b"\xed\xab\xee\xdb", "application/x-rpm"),
    (b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3", "application/onenote"),
    (b"!BDN", "application/vnd.ms-outlook-pst"),
    (b"\x00\x01\x00\x00Standard ", "application/x-msaccess"),
    (b"SQLite format 3\x00", "application/vnd.sqlite3"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"8BPS", "image/vnd.adobe.photoshop"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
    (b"\xd7\xcd\xc6\x9a", "image/wmf"),
    (b"\x01\x00\x09\x00\x00\x03", "image/wmf"),
    (b"\xff\x0a", "image/jxl"),
    (b"\x00\x00\x00\x0cJXL ", "image/jxl"),
    (b"\x00\x00\x00\x0cjP  ", "image/jp2"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf2", "audio/mpeg"),
    (b"\xff\xf1", "audio/aac"),
    (b"\xff\xf9", "audio/aac"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"#!AMR", "audio/amr"),
    (b"MThd", "audio/midi"),
    (b"\x1a\x45\xdf\xa3", "video/x-matroska"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"),
    (b"\x00\x00\x01\xba", "video/mpeg"),
    (b"\x00\x00\x01\xb3", "video/mpeg"),
    (b"FLV\x01", "video/x-flv"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"OTTO", "font/otf"),
    (b"\x00\x01\x00\x00\x00", "font/ttf"),
    (b"%!PS", "application/postscript"),
    (b"\x00\x00\x00\x01Bud1", "application/x-ds-store"),
    (b"\xc5\xd0\xd3\xc6", "application/postscript"),
    (b"\x00\x05\x16\x07", "application/applefile"),
    (b"\x00\x05\x16\x00", "application/applefile"),
    (b"bplist00", "application/x-plist"),
)  # fmt: skip
_ELSEWHERE: Final[tuple[tuple[int, bytes, str], ...]] = (
    (257, b"ustar", TAR),
    (2, b"-lh", "application/x-lzh"),
    (7, b"**ACE**", "application/x-ace"),
    (128, b"DICM", "application/dicom"),
    (32769, b"CD001", "application/x-iso9660-image"),
    (34817, b"CD001", "application/x-iso9660-image"),
    (40, b" EMF", "image/emf"),
)
_RIFF: Final = {b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo", b"WEBP": "image/webp"}
_BRANDS: Final = {
    b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heif", b"avif": "image/avif",
    b"qt  ": "video/quicktime", b"M4A ": "audio/mp4",
}  # fmt: skip

# A declaration, comments and a document type; each is bounded, so that no beginning takes long.
_PROLOGUE: Final = (
    rb"(?>(?:<\?xml[^>]{0,500}+>\s*+)?)(?>(?:<!--[^>]{0,2000}+-->\s*+){0,3})"
    rb"(?>(?:<!doctype svg[^>]{0,500}+>\s*+)?)"
)
_TEXT_BEGINNINGS: Final[tuple[tuple[re.Pattern[bytes], str], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (rb"\{\\rt", RTF),
        (rb"%!PS", "application/postscript"),
        (rb"-----BEGIN PGP MESSAGE-----", PGP_ENCRYPTED),
        (rb"-----BEGIN PGP SIGNATURE-----", "application/pgp-signature"),
        (rb"-----BEGIN PGP PUBLIC KEY BLOCK-----", "application/pgp-keys"),
        (rb"-----BEGIN PKCS7-----", PKCS7),
        (rb"BEGIN:VCALENDAR", "text/calendar"),
        (rb"BEGIN:VCARD", "text/vcard"),
        (rb"\[InternetShortcut\]", "application/x-mswinurl"),
        (_PROLOGUE + rb"<(?:!doctype html|html|head|body|script|iframe|meta|table|div)\b", "text/html"),
        (_PROLOGUE + rb"<svg\b", "image/svg+xml"),
        (rb"<\?xml\b", "application/xml"),
        (rb"(?:mime-version|received|return-path|x-sender):[ \t]", MESSAGE),
        (rb"#!", "text/x-shellscript"),
    )
)  # fmt: skip
_NOT_IN_TEXT: Final = bytes(octet for octet in range(32) if octet not in b"\t\n\r\f\x0b\x08\x1a\x1b")
_BYTE_ORDER_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_SIGNED_DATA: Final = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
_ENCLOSED_DATA: Final = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
_PKCS7: Final = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07"


def canonical(kind: str) -> str:
    """The name under which this room knows a type, in lower case."""
    kind = kind.lower()
    return ALIASES.get(kind, kind)


def kind_of(octets: Octets) -> str:
    """The type of what stands in `octets`; UNKNOWN where nothing tells."""
    head = bytes(octets[:HEAD_OCTETS])
    if head.find(b"%PDF-", 0, 1024 + 5) >= 0:  # readers look for it in the first 1,024 octets
        return PDF
    return _by_signature(head) or _by_structure(head) or _of_text(head) or UNKNOWN


def is_nearly_text(octets: Octets) -> bool:
    """Whether it is text but for a few control characters, as word processors leave them in it."""
    head = bytes(octets[:HEAD_OCTETS])
    stray = len(head) - len(head.translate(None, _NOT_IN_TEXT))
    return b"\0" not in head and stray <= 8 + len(head) // 100


def _by_signature(head: bytes) -> str | None:
    for magic, kind in _BEGINNINGS:
        if head.startswith(magic) and not (_may_begin_text(magic) and _is_text(head)):
            return kind
    for offset, magic, kind in _ELSEWHERE:
        if head.startswith(magic, offset) and not (offset < 10 and _is_text(head)):
            return kind
    return None


def _may_begin_text(magic: bytes) -> bool:
    """Many a text begins with a personal number or a name: 070701-1234, OTTO."""
    return len(magic) < 4 or (magic.isascii() and magic.decode("ascii").isprintable())


def _by_structure(head: bytes) -> str | None:
    if head.startswith(b"\xca\xfe\xba\xbe"):
        # A Java class has its version there, of 45 and more; a universal program how many it holds.
        return (
            "application/java-vm" if int.from_bytes(head[4:8], "big") >= 45 else "application/x-mach-binary"
        )
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    if head.startswith(b"BM") and head[6:10] == b"\0\0\0\0":
        return "image/bmp"
    if head[:1] == b"\x30" and _PKCS7 in head[:64]:
        return _of_pkcs7(head)
    return None


def _of_pkcs7(head: bytes) -> str:
    """A signature that stands beside what it signs, or anything else of RFC 5652."""
    if _SIGNED_DATA not in head[:64]:
        return PKCS7
    at = head.find(_ENCLOSED_DATA)
    following = head[at + len(_ENCLOSED_DATA) : at + len(_ENCLOSED_DATA) + 1] if at >= 0 else b"\xa0"
    return PKCS7 if following == b"\xa0" else PKCS7_SIGNATURE


def _of_text(head: bytes) -> str | None:
    if not _is_text(head):
        return None
    start = _readable(head[:8192]).lstrip(b"\xef\xbb\xbf \t\r\n\x0b\x0c")
    return next((kind for pattern, kind in _TEXT_BEGINNINGS if pattern.match(start)), TEXT)


def _is_text(head: bytes) -> bool:
    if head.startswith(_BYTE_ORDER_MARKS):
        head = _readable(head)
    return len(head.translate(None, _NOT_IN_TEXT)) == len(head)


def _readable(head: bytes) -> bytes:
    """UTF-16 as UTF-8, anything else as it is."""
    if head.startswith(_BYTE_ORDER_MARKS[1:]):
        return head[: len(head) & ~1].decode("utf-16", "replace").encode("utf-8", "replace")
    return head
