"""Encoded words in header fields: decoding what a reader would show, and encoding our own.

RFC 2047. Decoding never fails: it shows as much as any mail client might, since
the rules look for identity numbers in what it returns. Only charsets on a list
are looked up, because some of Python's codecs take quadratic time (idna, punycode).
"""

import binascii
import codecs
import re

_WORD = re.compile(r"=\?([!-)+->@-~]++)(?:\*[!->@-~]*+)?\?([bBqQ])\?([^?]*+(?>(?:\?(?!=)[^?]*+){0,8}))\?=")
_CHARSET = re.compile(
    r"utf-?(?:7|8|16(?:[bl]e)?|32(?:[bl]e)?)|(?:us-)?ascii|iso-?8859-[0-9]{1,2}(?:-[ei])?|latin-?[0-9]{1,2}"
    r"|(?:windows-?|cp|ibm)[0-9]{3,4}|koi8-[rut]|mac(?:intosh|-?roman)|big5(?:-?hkscs)?|gb(?:2312|k|18030)"
    r"|hz-gb-2312|euc-(?:jp|kr)|shift[_-]jis|iso-2022-(?:jp(?:-[123])?|kr)|tis-620|ks_c_5601-1987",
    re.IGNORECASE | re.ASCII,
)
_Q_OCTET = re.compile(rb"=([0-9A-Fa-f]{2})")
_NO_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_PLAIN = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_OCTETS_A_WORD = 42  # 56 characters of base64; an encoded word is at most 75


def decode_words(value: str) -> str:
    """`value` with its encoded words decoded; white space between two of them disappears.

    Neighbours in one charset are joined before they are decoded, so that a character
    or a number split between them shows. An unknown charset is read as latin-1:
    whatever of it is ASCII shows.
    """
    shown: list[str] = []
    pending: list[bytes] = []
    charset = ""
    position = 0
    for match in _WORD.finditer(value):
        octets = _octets(match[2], match[3])
        between = value[position : match.start()]
        adjoins = position > 0 and not between.strip(" \t")
        if not adjoins or match[1].lower() != charset:
            shown.append(decode_text(charset, b"".join(pending)))
            pending = []
            charset = match[1].lower()
        if not adjoins:
            shown.append(between)
        pending.append(octets)
        position = match.end()
    shown.extend((decode_text(charset, b"".join(pending)), value[position:]))
    return "".join(shown)


def encode_words(text: str) -> str:
    """ASCII for an unstructured field: `text` itself where that is safe, else encoded words, folded."""
    if _PLAIN.fullmatch(text) and "=?" not in text and len(text) <= 900:
        return text
    words: list[str] = []
    octets = b""
    for character in text:
        encoded = character.encode("utf-8", "replace")
        if len(octets) + len(encoded) > _OCTETS_A_WORD:
            words.append(_word(octets))
            octets = b""
        octets += encoded
    return "\r\n ".join([*words, _word(octets)])


def decode_text(charset: str, octets: bytes) -> str:
    """`octets` in that charset; in latin-1 where it is unknown. What cannot be decoded is replaced."""
    if _CHARSET.fullmatch(charset):
        try:
            return codecs.lookup(charset).decode(octets, "replace")[0]
        except (LookupError, ValueError):
            pass
    return octets.decode("latin-1")


def _word(octets: bytes) -> str:
    return f"=?utf-8?B?{binascii.b2a_base64(octets, newline=False).decode('ascii')}?="


def _octets(encoding: str, text: str) -> bytes:
    raw = text.encode("ascii", "replace")
    if encoding in "qQ":
        return _Q_OCTET.sub(lambda match: bytes.fromhex(match[1].decode("ascii")), raw.replace(b"_", b" "))
    return b"".join(_octets_of_base64(piece) for piece in raw.split(b"="))


def _octets_of_base64(piece: bytes) -> bytes:
    """As a lenient reader takes it: what follows padding is read on, a character left over is dropped."""
    letters = _NO_BASE64.sub(b"", piece)
    whole = letters[:-1] if len(letters) % 4 == 1 else letters
    return binascii.a2b_base64(whole + b"===")
