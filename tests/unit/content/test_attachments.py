"""What is attached, by what is in it: types, names, and what lies within."""

import tarfile
from binascii import b2a_uu
from collections.abc import Sequence
from dataclasses import replace

import pytest

from rorpost_gateway.content import BOUNDS
from rorpost_gateway.facts import Attachment
from tests.peers.attached_files import (
    CONTENT_TYPES,
    DOCX,
    ENCRYPTED_PDF,
    EXE,
    PDF,
    PNG,
    attachments_of,
    compound,
    found_in,
    gzipped,
    message,
    part,
    tarred,
    tnef,
    zipped,
)

NUMBER = "19811218-9876"  # the Tax Agency's own example number
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PROGRAM = "application/x-msdownload"
MACROS = "application/vnd.ms-office.vbaproject"


def kinds(found: Sequence[Attachment]) -> list[str]:
    """`type` for each, two blanks for each step deeper, with ! for what cannot be looked into."""
    return ["  " * each.depth + each.kind + ("" if each.inspected else " !") for each in found]


def native(name: bytes, octets: bytes) -> bytes:
    path = name + b"\0" + b"C:\\icon.dll\0"
    body = b"\2\0" + path + b"\0\0\3\0" + (len(name) + 1).to_bytes(4, "little") + name + b"\0"
    body += len(octets).to_bytes(4, "little") + octets
    return len(body).to_bytes(4, "little") + body


WITHIN: dict[str, tuple[bytes, list[str]]] = {
    "a program": (EXE, [PROGRAM]),
    "a picture": (PNG, ["image/png"]),
    "plain text": (b"Hej\r\n", ["text/plain"]),
    "text in latin-1": ("Hej på er åäö".encode("latin-1"), ["text/plain"]),
    "text in UTF-16": ("Hej på er".encode("utf-16"), ["text/plain"]),
    "nothing at all": (b"", ["text/plain"]),
    "a page": (b"\r\n<!DOCTYPE html><html>", ["text/html"]),
    "a drawing": (b'<?xml version="1.0"?><svg>', ["image/svg+xml"]),
    "text that begins with a personal number": (b"070701-1234 har ramlat", ["text/plain"]),
    "text that begins with a name": (b"OTTO har ramlat", ["text/plain"]),
    "PostScript": (b"%!PS-Adobe", ["application/postscript"]),
    "cpio": (b"070701" + bytes(100), ["application/x-cpio !"]),
    "what macOS leaves in archives": (b"\0\0\0\1Bud1" + bytes(90), ["application/x-ds-store"]),
    "two zip archives": (zipped({"a.exe": EXE}) + zipped({"b.txt": b"Hej"}), ["application/zip !"]),
    "a calendar": (b"BEGIN:VCALENDAR\r\n", ["text/calendar"]),
    "what nobody knows": (bytes(range(256)) * 4, ["application/octet-stream !"]),
    "a 7z archive": (b"7z\xbc\xaf\x27\x1c" + bytes(50), ["application/x-7z-compressed !"]),
    "a rar archive": (b"Rar!\x1a\x07\x01\0" + bytes(50), ["application/vnd.rar !"]),
    "a disk image": (bytes(32769) + b"CD001" + bytes(50), ["application/x-iso9660-image !"]),
    "a shortcut": (b"\x4c\0\0\0\1\x14\2\0" + bytes(50), ["application/x-ms-shortcut"]),
    "a sealed text": (b"-----BEGIN PGP MESSAGE-----\r\n\r\nx", ["application/pgp-encrypted !"]),
    "PDF": (PDF, ["application/pdf"]),
    "PDF after something else": (b"\0\1\2" + PDF, ["application/pdf"]),
    "PDF, encrypted": (ENCRYPTED_PDF, ["application/pdf !"]),
    "PDF, encrypted, in other letters": (
        ENCRYPTED_PDF.replace(b"/Encrypt", b"/Encr#79pt"),
        ["application/pdf !"],
    ),
    "PDF that speaks of it": (PDF + b"(/EncryptMetadata /Encrypted)", ["application/pdf"]),
    "PDF that is a zip too": (PDF + zipped({"a.exe": EXE}), ["application/pdf", f"  {PROGRAM}"]),
    "RTF": (b"{\\rtf1 Hej}", ["application/rtf"]),
    "RTF with an object": (b"{\\rtf1{\\object\\objemb{\\*\\objdata 0105}}}", ["application/rtf !"]),
    "zip": (
        zipped({"a.txt": b"Hej", "b/": b"", "b/c.png": PNG}),
        ["application/zip", "  text/plain", "  image/png"],
    ),
    "zip, stored": (zipped({"a.exe": EXE}, deflated=False), ["application/zip", f"  {PROGRAM}"]),
    "zip with a comment": (zipped({"a.txt": b"Hej"}, comment=b"PK"), ["application/zip", "  text/plain"]),
    "zip after something else": (
        bytes(20) + zipped({"a.exe": EXE}),
        ["application/octet-stream !", f"  {PROGRAM}"],
    ),
    "zip in zip": (
        zipped({"a.zip": zipped({"b.exe": EXE})}),
        ["application/zip", "  application/zip", f"    {PROGRAM}"],
    ),
    "an empty zip": (zipped({}), ["application/zip"]),
    "jar": (zipped({"META-INF/MANIFEST.MF": b"x"}), ["application/java-archive", "  text/plain"]),
    "Word": (zipped(DOCX), [WORD]),
    "Word with a picture and a font": (
        zipped({**DOCX, "word/media/1.png": PNG, "word/f.odttf": bytes(50)}),
        [WORD],
    ),
    "Word with a program": (zipped({**DOCX, "word/embeddings/1.bin": EXE}), [WORD, f"  {PROGRAM}"]),
    "Word with macros": (
        zipped({**DOCX, "word/vbaProject.bin": compound({"VBA/dir": b"x"})}),
        ["application/vnd.ms-word.document.macroenabled.12", f"  {MACROS}"],
    ),
    "Word with an object": (
        zipped({**DOCX, "word/embeddings/1.bin": compound({"\1Ole10Native": native(b"a.exe", EXE)})}),
        [WORD, "  application/x-ole-storage", f"    {PROGRAM}"],
    ),
    "Excel, binary": (
        zipped({"[Content_Types].xml": CONTENT_TYPES, "xl/workbook.bin": b"\0\1"}),
        ["application/vnd.ms-excel.sheet.binary.macroenabled.12"],
    ),
    "OpenDocument": (
        zipped({"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": b"<?xml?>"}),
        ["application/vnd.oasis.opendocument.text"],
    ),
    "OpenDocument, encrypted": (
        zipped(
            {
                "mimetype": b"application/vnd.oasis.opendocument.text",
                "META-INF/manifest.xml": b"<?xml?><manifest:encryption-data/>",
            }
        ),
        ["application/vnd.oasis.opendocument.text !"],
    ),
    "gzip": (gzipped(EXE, "a.exe"), ["application/gzip", f"  {PROGRAM}"]),
    "gzip of several": (gzipped(b"a") + gzipped(b"b"), ["application/gzip", "  text/plain"]),
    "gzip, cut off": (gzipped(PNG)[:-9], ["application/gzip !"]),
    "gzip and something": (gzipped(PNG) + EXE, ["application/gzip !"]),
    "tar": (tarred({"a.png": PNG, "b.exe": EXE}), ["application/x-tar", "  image/png", f"  {PROGRAM}"]),
    "tar.gz": (
        gzipped(tarred({"a.exe": EXE})),
        ["application/gzip", "  application/x-tar", f"    {PROGRAM}"],
    ),
    "tar, cut off": (tarred({"a.png": PNG * 9})[:900], ["application/x-tar !"]),
    "winmail.dat": (
        tnef(("a.png", PNG), ("b.zip", zipped({"c.exe": EXE}))),
        ["application/vnd.ms-tnef", "  image/png", "  application/zip", f"    {PROGRAM}"],
    ),
    "winmail.dat, cut off": (tnef(("a.png", PNG))[:-5], ["application/vnd.ms-tnef !"]),
    "Word 97": (compound({"WordDocument": bytes(100)}), ["application/msword"]),
    "Word 97 with macros": (
        compound({"WordDocument": bytes(100), "Macros/VBA/dir": b"x"}),
        ["application/msword", f"  {MACROS}"],
    ),
    "Word 97 with a program": (
        compound({"WordDocument": bytes(100), "ObjectPool/_1/\1Ole10Native": native(b"a.exe", EXE)}),
        ["application/msword", f"  {PROGRAM}"],
    ),
    "Word 97 with a password": (
        compound({"WordDocument": bytes(11) + b"\1" + bytes(100)}),
        ["application/msword !"],
    ),
    "Word with a password": (
        compound({"EncryptionInfo": b"x", "EncryptedPackage": b"x"}),
        ["application/x-ole-storage !"],
    ),
    "Excel 97": (compound({"Workbook": b"\x09\x08\x10\0" + bytes(50)}), ["application/vnd.ms-excel"]),
    "Excel 97 with a password": (
        compound({"Workbook": b"\x09\x08\2\0\0\0\x2f\0\x36\0" + bytes(50)}),
        ["application/vnd.ms-excel !"],
    ),
    "an installer": (
        compound({"x": b"x"}, bytes.fromhex("84100c0000000000c000000000000046")),
        ["application/x-msi"],
    ),
    "Outlook's .msg": (
        compound(
            {
                "__properties_version1.0": b"x",
                "__attach_version1.0_#00000000/__substg1.0_37010102": EXE + bytes(4096),
                "__attach_version1.0_#00000000/__substg1.0_3707001F": "a.exe".encode("utf-16-le"),
            }
        ),
        ["application/vnd.ms-outlook", f"  {PROGRAM}"],
    ),
}


@pytest.mark.parametrize("name", WITHIN)
def test_what_is_found(name: str) -> None:
    octets, wanted = WITHIN[name]
    assert kinds(found_in(octets)) == wanted
    deeper = kinds(found_in(zipped({"x": octets})))
    assert deeper == ["application/zip", *(f"  {each}" for each in wanted)]


def test_neither_text_of_the_message_is_attached() -> None:
    html = b"Content-Type: text/html\r\n\r\n<p>Hej</p>\r\n"
    assert attachments_of(message(html)) == ()
    assert attachments_of(b"From: a@x.se\r\n\r\nHej\r\n") == ()


@pytest.mark.parametrize(
    ("octets", "wanted"),
    [
        (
            message(b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nTVqQAAMAAAA=\r\n"),
            [PROGRAM],
        ),
        (
            message(
                b"Content-Type: text/plain\r\nContent-Transfer-Encoding:\r\n base64\r\n\r\nTVqQAAMAAAA=\r\n"
            ),
            [PROGRAM],
        ),
        (
            message(b"Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n\r\nTVqQ\r\n"),
            ["application/octet-stream !"],
        ),
        (message(b"Content-Transfer-Encoding: 8bit;\r\n\r\nHej \x1f och \x02 hej\r\n"), []),
        (message(b"\r\n070701-1234 har ramlat\r\n"), []),
        (
            message(
                b"Content-Type: text/plain; charset=utf-16\r\n"
                b"Content-Transfer-Encoding: base64\r\n\r\nTVqQAAMAAAA="
            ),
            [PROGRAM],
        ),
        (
            message(
                b"Content-Type: text/plain; charset=utf-16le\r\n"
                b"Content-Transfer-Encoding: base64\r\n\r\nSABlAGoA"
            ),
            [],
        ),
        (message(part(b"Hej\r\n", "a.txt", "text/plain", "7bit")), ["text/plain"]),
        (message(part(b"Hej\r\n", "", "text/plain", "7bit")), ["text/plain"]),
        (b"From: a@x.se\r\nContent-Type: application/pdf\r\n\r\n%PDF-1.4", ["application/pdf"]),
        (message(b"Content-Type: text/plain; x\r\n\r\nHej\r\n"), ["application/octet-stream !"]),
        (message(part(b"!!!!", "a.png", "image/png", "x-uuencode")), ["application/octet-stream !"]),
        (message(part(b"TVo=TVo=", "a.exe", "image/png", "BASE64")), ["application/octet-stream !"]),
        (message(part(b"=4D=5A=90=00", "a.exe", encoding="quoted-printable")), [PROGRAM]),
        (
            message(
                b"Content-Type: multipart/mixed; boundary=x\r\nContent-Transfer-Encoding: base64\r\n\r\nTVqQ"
            ),
            ["application/octet-stream !"],
        ),
        (message(b"Content-Type: message/external-body; access-type=URL\r\n\r\nx\r\n"), ["text/plain !"]),
        (
            message(
                b"Content-Type: text/plain\r\n\r\nHej\r\nbegin 644 a.exe\r\n"
                + b2a_uu(EXE[:45]).replace(b"\n", b"\r\n")
                + b"`\r\nend\r\n"
            ),
            [PROGRAM],
        ),
        (message(b"Content-Type: text/plain\r\n\r\nbegin with this. begin 644\r\n"), []),
    ],
)
def test_forms_of_parts(octets: bytes, wanted: list[str]) -> None:
    assert kinds(attachments_of(octets)) == wanted


def test_messages_are_looked_into() -> None:
    inner = message(part(EXE, "a.exe"))
    forwarded = b"Content-Type: message/rfc822\r\n\r\n" + inner
    wanted = ["message/rfc822", f"  {PROGRAM}"]
    # Two boundaries must differ, or the outer one ends the inner message.
    assert kinds(attachments_of(message(forwarded.replace(b"=_b", b"=_c")))) == wanted
    assert kinds(found_in(inner, "fwd.eml")) == wanted
    assert kinds(found_in(inner.replace(b"\r\n", b"\n"), "fwd.eml")) == wanted
    assert kinds(found_in(inner, kind="message/rfc822")) == wanted
    assert kinds(found_in(b"Received: from x\r\nno field\r\n", "a.eml")) == ["message/rfc822 !"]


def test_no_deeper_than_bounded() -> None:
    octets = EXE
    for _ in range(BOUNDS.depth + 2):
        octets = zipped({"x.zip": octets})
    found = kinds(found_in(octets))
    assert len(found) == BOUNDS.depth + 1
    assert [each.endswith("!") for each in found] == [False] * BOUNDS.depth + [True]


def test_messages_no_deeper_than_bounded() -> None:
    octets = message(part(EXE, "a.exe"))
    for each in "cdefg":
        octets = message(b"Content-Type: message/rfc822\r\n\r\n" + octets).replace(
            b"=_b", b"=_" + each.encode()
        )
    found = kinds(attachments_of(octets))
    assert [each.endswith("!") for each in found] == [False] * BOUNDS.depth + [True]


@pytest.mark.parametrize(
    "bound",
    [{"entries": 2}, {"expanded_octets": 100}, {"entry_octets": 100}],
    ids=lambda bound: next(iter(bound)),
)
def test_beyond_a_bound_nothing_is_taken_as_seen(bound: dict[str, int]) -> None:
    octets = zipped({"a.png": PNG, "b.png": PNG, "c.png": PNG})
    found = attachments_of(message(part(octets)), replace(BOUNDS, **bound))
    assert not all(each.inspected for each in found)


def test_sizes_are_those_of_what_was_sent() -> None:
    archive = zipped({"a.png": PNG})
    assert [each.octets for each in found_in(archive)] == [len(archive), len(PNG)]


@pytest.mark.parametrize(
    ("name", "octets", "kind"),
    [
        ("faktura.pdf", EXE, "application/pdf"),
        ("bild.png", b"\x4c\0\0\0\1\x14\2\0" + bytes(50), "image/png"),
        ("", EXE, "image/png"),
        ("faktura.pdf.exe", EXE, "application/octet-stream"),
        ("faktura.pdf.js", b"alert(1)", "application/octet-stream"),
        ("faktura.pdf.exe. .", EXE, "application/octet-stream"),
        ("faktura                    .exe", EXE, "application/octet-stream"),
        ("=?utf-8?B?ZmFrdHVyYeKArmZkcC5leGU=?=", EXE, "application/octet-stream"),  # right-to-left override
        ("a.{3050f4d8-98b5-11cf-bb82-00aa00bdce0b}", PDF, "application/octet-stream"),
        ('a.pdf"; name="b.exe', PDF, "application/octet-stream"),
        ('a.txt"; name="b.js', b"alert(1)", "application/octet-stream"),
    ],
)
def test_disguises(name: str, octets: bytes, kind: str) -> None:
    assert found_in(octets, name, kind)[0].disguised
    if kind == "application/octet-stream" and ";" not in name and "=?" not in name:
        assert found_in(zipped({name: octets}))[1].disguised


@pytest.mark.parametrize(
    ("name", "octets", "kind"),
    [
        ("setup.exe", EXE, "application/octet-stream"),
        ("rapport.v2.pdf", PDF, "application/pdf"),
        ("bild.jpg", PNG, "image/jpeg"),
        ("Ang. 12.5 mg.docx", zipped(DOCX), WORD),
        ("", PDF, "application/pdf"),
        ("RAPPOR~1.DOC", zipped(DOCX), "application/msword"),
        ("www.motala.se", b"[text]", "text/plain"),
        ("En lang rapport om\r\n\tnagot.pdf", PDF, "application/pdf"),
        ("=?utf-8?B?4oCOV2hhdHNBcHAgYmlsZC5wbmc=?=", PNG, "image/png"),  # U+200E
        ("=?utf-8?B?4oGoUmFwcG9ydOKBqS5wZGY=?=", PDF, "application/pdf"),  # U+2068, U+2069
        ("=?utf-8?B?2KrZgtix2YrYsS5wZGY=?=", PDF, "application/pdf"),  # in Arabic
    ],
)
def test_no_disguise(name: str, octets: bytes, kind: str) -> None:
    assert not found_in(octets, name, kind)[0].disguised


@pytest.mark.parametrize(
    ("name", "extensions"),
    [
        ("a.PDF", ("pdf",)),
        ("a.pdf.exe", ("pdf", "exe")),
        ("C:\\x.y\\a.exe", ("exe",)),
        ("a.exe::$DATA", ("exe",)),
        ("a.e\u200bxe. ", ("exe",)),
        ("a．ｅｘｅ", ("exe",)),
        ("rapport: slut.exe", ("exe",)),
        ("SV: Plan 12:30.pdf", ("pdf",)),
        ("a.exe:", ("exe",)),
        ("a.exe:x", ("exe",)),
        ("'a.exe'", ("exe",)),
        ("utan", ()),
        (".", ()),
    ],
)
def test_extensions(name: str, extensions: tuple[str, ...]) -> None:
    assert found_in(zipped({name: b"x"}))[1].extensions == extensions


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.vbs", "text/vbscript"),
        ("a.js", "text/javascript"),
        ("a.csv", "text/csv"),
        ("a.hta", "application/hta"),
    ],
)
def test_text_is_what_its_name_makes_of_it(name: str, kind: str) -> None:
    assert found_in(b"a;b\r\n", name)[0].kind == kind


@pytest.mark.parametrize("pack", [zipped, tarred, lambda files: tnef(*files.items())])
def test_identity_numbers_in_names_within(pack: object) -> None:
    assert callable(pack)
    found = found_in(pack({f"journal {NUMBER}.txt": b"Hej", "annat.txt": b"Hej"}))
    assert [each.identity_number_in_name for each in found] == [False, True, False]


def test_an_identity_number_in_the_name_of_the_file_itself() -> None:
    assert found_in(PDF, f"{NUMBER}.pdf")[0].identity_number_in_name


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_in_tar(form: int) -> None:
    name = "m" * 90 + "/" + ("" if form == tarfile.USTAR_FORMAT else "n" * 200) + "fil.exe"
    assert found_in(tarred({name: EXE}, form))[1].extensions == ("exe",)


def test_files_that_only_some_readers_find() -> None:
    """The directory names one; another stands before it, or behind it, with a header of its own."""
    named, hidden = zipped({"b.txt": b"Hej"}), zipped({"a.exe": EXE})
    own = hidden[: hidden.index(b"PK\1\2")]
    at = named.index(b"PK\1\2")
    end = bytearray(named[at:])
    place = end.index(b"PK\5\6") + 16
    end[place : place + 4] = (at + len(own)).to_bytes(4, "little")
    assert kinds(found_in(named[:at] + own + bytes(end))) == ["application/zip !"]
    assert kinds(found_in(bytes(9) + own + named)) == ["application/octet-stream !"]


def test_folders_may_stand_anywhere() -> None:
    octets = zipped({"a/": b"", "a/b.txt": b"Hej", "c/": b""})
    assert kinds(found_in(octets)) == ["application/zip", "  text/plain"]


def test_what_is_nearly_text_is_not_what_is_attached() -> None:
    assert kinds(found_in(b"Hej \x1f och \x02 hej", "a.bin")) == ["application/octet-stream !"]
    own = b"Content-Type: text/plain\r\n\r\n" + bytes(range(1, 9)) * 9 + b"\r\n"
    assert kinds(attachments_of(message(own))) == ["application/octet-stream !"]


@pytest.mark.parametrize(
    "parameters",
    [
        'filename*0=a.js; filename*0=".txt"',
        'filename*0=a.js; filename*2=".txt"',
        "filename*0==?utf-8?Q?a=2E?=; filename*1=js",
        "filename=a.txt; filename*=utf-8''a.js",
        'filename="a.js"; name=a.txt',
    ],
)
def test_whichever_name_a_reader_takes(parameters: str) -> None:
    octets = f"Content-Type: text/plain\r\nContent-Disposition: attachment; {parameters}\r\n\r\nx\r\n"
    (found,) = attachments_of(message(octets.encode()))
    assert "js" in found.endings
    assert found.kind == "text/javascript"


def test_a_parameter_without_its_semicolon() -> None:
    octets = b"Content-Type: text/plain\r\nContent-Disposition : attachment filename=a.js\r\n\r\nx\r\n"
    assert attachments_of(message(octets))[0].extensions == ("js",)


def test_a_number_that_a_name_ends_with_is_in_no_representation() -> None:
    found = attachments_of(message(part(PDF, f"beslut.{NUMBER}")))
    assert found[0].identity_number_in_name
    assert NUMBER not in repr(found)
