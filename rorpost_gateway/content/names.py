"""Names of attachments, as the parts of a message state them.

Leniently: every name that some mail client might show counts. RFC 2183 (Content-Disposition),
RFC 2231 (parameters that are split or encoded), RFC 2047 (encoded words, which do not belong there
and are there).
"""

import re
from collections.abc import Iterator, Sequence
from itertools import count, takewhile
from urllib.parse import unquote_to_bytes

from rorpost_gateway.content.visible import visible
from rorpost_gateway.identity_number import contains_identity_number
from rorpost_gateway.message import Message, Part
from rorpost_gateway.message.encoded_words import decode_text, decode_words

_FIELD = re.compile(
    r"^content-(?P<what>type|disposition|description)[ \t]*+:(?P<value>[^\n]*+(?>(?:\n[ \t][^\n]*+)*))",
    re.IGNORECASE | re.MULTILINE,
)
_PARAMETER = re.compile(
    r"(?:;|(?<![\s;])\s)\s*+(?P<base>(?:file)?name)(?:\*(?P<number>[0-9]{1,3}))?(?P<encoded>\*)?\s*+="
    r'\s*+(?:"(?P<quoted>(?>(?:[^"\\]++|\\.)*))"|(?P<loose>[^;]*+))',
    re.IGNORECASE,
)
_PAIR = re.compile(r"\\(.)")
_PARTS_OF_A_NAME = 200
_Piece = tuple[int, bool, str]  # its number, whether it is encoded, its text


def names_of(message: Message, part: Part) -> tuple[str, ...]:
    """Every name that some mail client might show for this part, decoded; most parts have none."""
    return tuple(dict.fromkeys(visible(name) for _, name in _stated(message, part) if name))


def file_names_of(message: Message, part: Part) -> tuple[str, ...]:
    """The names under which some mail client might save this part, decoded, with what cannot be seen."""
    return tuple(dict.fromkeys(name for is_file, name in _stated(message, part) if is_file and name))


def _stated(message: Message, part: Part) -> Iterator[tuple[bool, str]]:
    """Each name, and whether it is one of a file rather than a description."""
    header = message.octets[part.start : part.body_offset]
    if b"name" not in (lower := header.lower()) and b"content-description" not in lower:
        return
    for field in _FIELD.finditer(_text(header)):
        value = field["value"].replace("\n", "")
        if field["what"].lower() == "description":
            yield False, decode_words(value.strip())
        else:
            for name in _names(value):
                yield True, name


def identity_number_in_a_name(message: Message, parts: Sequence[Part]) -> bool:
    """Whether a personal identity number stands in the name of some part."""
    return any(holds_identity_number(name) for part in parts for name in names_of(message, part))


def holds_identity_number(name: str) -> bool:
    """Whether one stands in the name of a file, where `_` stands for a blank or a dash."""
    return contains_identity_number(name) or (
        "_" in name and contains_identity_number(name.replace("_", " "))
    )


def _text(header: bytes) -> str:
    try:
        text = header.decode("utf-8")
    except UnicodeDecodeError:
        text = header.decode("latin-1")
    return text.replace("\r\n", "\n")


def _names(value: str) -> Iterator[str]:
    """The names in one field's parameters; the pieces of a split one are put together."""
    split: dict[str, list[_Piece]] = {}
    for match in _PARAMETER.finditer(value):
        quoted = match["quoted"]
        text = _PAIR.sub(r"\1", quoted) if quoted is not None else match["loose"].strip()
        text = text.replace("\t", " ")  # where the field was folded
        if match["number"] is None and match["encoded"] is None:
            yield decode_words(text)
        else:
            pieces = split.setdefault(match["base"].lower(), [])
            if len(pieces) < _PARTS_OF_A_NAME:
                pieces.append((int(match["number"] or 0), match["encoded"] is not None, text))
    for pieces in split.values():
        for each in _readings(sorted(pieces, key=_number)):
            together = _together(each)
            yield together
            yield decode_words(together)


def _number(piece: _Piece) -> int:
    return piece[0]


def _readings(pieces: list[_Piece]) -> Iterator[list[_Piece]]:
    """All of them; where numbers are missing or stand twice, also what stricter readers take."""
    yield pieces
    once = {piece[0]: piece for piece in reversed(pieces)}
    if list(once) != list(range(len(pieces) - 1, -1, -1)):
        unbroken = takewhile(once.__contains__, count())
        yield [once[number] for number in unbroken]


def _together(pieces: list[_Piece]) -> str:
    """RFC 2231, sections 3 and 4: the first piece names the charset; encoded ones hold %XX."""
    charset, octets = "", b""
    for place, (_, encoded, text) in enumerate(pieces):
        piece = text
        if place == 0 and encoded and piece.count("'") >= 2:
            charset, _, piece = piece.split("'", 2)
        octets += unquote_to_bytes(piece) if encoded else piece.encode("utf-8", "replace")
    return decode_text(charset.lower() or "utf-8", octets)
