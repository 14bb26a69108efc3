"""What a file's name makes a person, or Windows, believe that it is.

A name is looked at here and forgotten: what is handed on are its extensions and whether it misleads.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

from rorpost_gateway.content.kinds import MESSAGE, PROGRAMS, TEXT

EXTENSION_CHARACTERS: Final = 20
NAME_CHARACTERS: Final = 500  # of its end: normalisation takes quadratic time on odd ones

RUN_WHEN_OPENED: Final = frozenset(
    """
    ade adp apk app appcontent-ms appinstaller application appref-ms appx asp aspx bas bat bgi cab
    cer chm class cmd cnt com cpl crt csh der diagcab dll exe fxp gadget grp hlp hpj hta htc inf ins
    iso isp its jar jnlp js jse ksh lnk mad maf mag mam maq mar mas mat mau mav maw mcf mda mdb mde
    mdt mdw mdz msc msh msh1 msh1xml msh2 msh2xml mshxml msi msix msixbundle msp mst msu ocx ops osd
    pcd pif pl plg printerexport prf prg ps1 ps1xml ps2 ps2xml psc1 psc2 psd1 psdm1 psm1 py pyc pyo
    pyw pyz pyzw reg scf scr sct search-ms settingcontent-ms sh shb shs sys theme themepack tmp udl
    url vb vbe vbp vbs vhd vhdx vsmacros vsw webpnp website wim ws wsb wsc wsf wsh xbap xll xnk
    """.split()  # noqa: SIM905 - a list of words, easier to read as one
)  # fmt: skip
"""Extensions that Outlook itself keeps from being opened, and a few of the same kind."""

_OF_DOCUMENTS: Final = frozenset(
    """
    avi bmp csv doc docm docx gif heic htm html ics jpeg jpg log mov mp3 mp4 msg odp ods odt one pdf
    png pps ppsx ppt pptm pptx rtf svg tif tiff txt wav webp xls xlsb xlsm xlsx xml
    """.split()  # noqa: SIM905 - a list of words, easier to read as one
)  # fmt: skip

# What plain text is to whoever opens it: only its name tells.
_TEXTS: Final[Mapping[str, str]] = {
    "bat": "application/x-bat",
    "cmd": "application/x-bat",
    "csv": "text/csv",
    "eml": MESSAGE,
    "hta": "application/hta",
    "htm": "text/html",
    "html": "text/html",
    "inf": "application/x-setup-inf",
    "js": "text/javascript",
    "jse": "text/javascript",
    "json": "application/json",
    "md": "text/markdown",
    "mht": MESSAGE,
    "mhtml": MESSAGE,
    "mjs": "text/javascript",
    "ps1": "application/x-powershell",
    "psm1": "application/x-powershell",
    "py": "text/x-python",
    "reg": "text/x-ms-regedit",
    "sct": "text/scriptlet",
    "sh": "text/x-shellscript",
    "vbe": "text/vbscript",
    "vbs": "text/vbscript",
    "wsc": "text/scriptlet",
    "wsf": "application/x-wsf",
    "wsh": "application/x-wsf",
}
_LIKE_TEXT: Final = frozenset((TEXT, "text/html", "application/xml", "text/x-shellscript"))

_EXTENSION = re.compile(rf"[^\s.]{{1,{EXTENSION_CHARACTERS}}}")
_CLASS_ID = re.compile(r"\.\{[0-9a-f-]{36}\}\s*\Z", re.IGNORECASE)
_WIDE_GAP = re.compile(r"\s{8}")
# Not those that telephones put around any name, and that turn nothing: U+200E, U+2068, U+2069.
_TURNING: Final = frozenset("\u061c\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067")
_STREAM = re.compile(r":+\$data\Z", re.IGNORECASE)


def extensions_of(file_name: str) -> tuple[str, ...]:
    """The extensions of a file name as Windows would see them, lower case, without dots.

    Trailing dots and blanks, invisible characters, quotes and a stream's name (`a.exe::$DATA`) do not
    count. Where a colon stands elsewhere some mail clients put `_`, and some cut there.
    """
    visible = "".join(
        each
        for each in unicodedata.normalize("NFKC", file_name[-NAME_CHARACTERS:])
        if unicodedata.category(each) not in {"Cf", "Cc"}
    )
    base = _STREAM.sub("", re.split(r"[/\\]", visible.rstrip("/\\ "))[-1]).rstrip(". :")
    before, _, after = base.rpartition(":")
    name = after if "." in after or not before else before
    pieces = [piece.strip(" '\"`").lower() for piece in name.split(".")[1:]]
    return tuple(piece for piece in pieces if _EXTENSION.fullmatch(piece))


def all_extensions(names: Sequence[str]) -> tuple[str, ...]:
    """The extensions of a file with several names; those of the last come last."""
    return tuple(dict.fromkeys(each for name in names for each in extensions_of(name)))


def endings(names: Sequence[str]) -> tuple[str, ...]:
    """The last extension of each name: what it is opened by."""
    return tuple(dict.fromkeys(each[-1] for each in map(extensions_of, names) if each))


def text_kind(kind: str, last_extensions: Sequence[str]) -> str:
    """The type of what was found to be text: the one that its name makes of it, where it makes one."""
    if kind not in _LIKE_TEXT:
        return kind
    return next((_TEXTS[each] for each in last_extensions if each in _TEXTS), kind)


def is_disguised(kind: str, names: Sequence[str], declared: str) -> bool:
    """Whether the names, or the stated type, let a person believe that this is something else.

    A program under another kind's name, an executable extension behind that of a document, two
    names of which one is executable, and characters that turn or hide the end of a name.
    """
    if any(map(_misleads, names)):
        return True
    last = {extensions[-1] for extensions in map(extensions_of, names) if extensions}
    if len(last) > 1 and not last.isdisjoint(RUN_WHEN_OPENED):
        return True
    own = PROGRAMS.get(kind)
    if own is None:
        return False
    if names:
        return not (last or {""}) <= own
    return declared.partition("/")[0] in {"text", "image", "audio", "video"} or declared == "application/pdf"


def _misleads(name: str) -> bool:
    name = name[-NAME_CHARACTERS:]
    if not _TURNING.isdisjoint(name) or _CLASS_ID.search(name):
        return True
    if any(unicodedata.category(each) == "Cc" for each in name):
        return True
    extensions = extensions_of(name)
    if not extensions or extensions[-1] not in RUN_WHEN_OPENED:
        return False
    return _WIDE_GAP.search(name) is not None or not _OF_DOCUMENTS.isdisjoint(extensions[:-1])
