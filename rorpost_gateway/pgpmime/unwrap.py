"""Finding the one sealed block of a message that came from a partner, whatever was done to it on the way.

Taken are: multipart/encrypted (RFC 3156, section 4); the same inside multipart/mixed or
multipart/signed, as mailing lists, Google and signing gateways nest it; its two parts in
multipart/mixed, as Exchange leaves them (draft-dkg-openpgp-pgpmime-message-mangling); and
the second of them alone, under the file names that PGP/MIME clients give.

Invariants. There is exactly one block: two are refused, since a reader would have to
guess. What stands outside it is never used and never joined to what is inside (EFAIL,
2018). Outside it only text may stand, at most 16 KiB in all, which is what lists and
banners of mail systems add and no sender can prevent, and the detached signature of a
multipart/signed around it; anything else would be content that came in clear, and is
refused rather than dropped without a word. A block that is quoted in text is text.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from rorpost_gateway.decision import Reason
from rorpost_gateway.errors import GatewayError, MessageMalformed
from rorpost_gateway.message import Message, Part, check_structure
from rorpost_gateway.message.transfer_encoding import UNENCODED, decode_body
from rorpost_gateway.pgpmime.block import read_message

OUTSIDE_TEXT_OCTETS = 16 * 1024
_VERSION_OCTETS = 1000
_SEARCHED_TEXT_OCTETS = 1024 * 1024  # how far a text is decoded to see whether it is inline PGP
_CONTAINERS = {"multipart/encrypted", "multipart/mixed", "multipart/signed"}
_SIGNATURES = {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
_TEXTS = {"text/plain", "text/html"}
_VERSION = "application/pgp-encrypted"
_DATA = {"application/octet-stream", "application/pgp", "text/plain"}
# What Thunderbird, Apple Mail, K-9, Schleuder and this gateway call it; what mutt; what GpgOL.
_DATA_NAMES = {"encrypted.asc", "msg.asc", "openpgp-encrypted-message.asc"}
_INLINE = re.compile(rb"^-----BEGIN PGP MESSAGE-----[ \t]*+\r?$", re.MULTILINE)
_MARKUP = re.compile(rb"<[^<>]*+>|&nbsp;|\xc2?\xa0|\s++")


class Shape(StrEnum):
    """How the block was found."""

    PGP_MIME = "pgp-mime"  # as RFC 3156 says
    NESTED = "nested"  # as RFC 3156 says, inside something else
    MIXED_UP = "mixed-up"  # both parts, but not in multipart/encrypted
    ATTACHED = "attached"  # the data part alone


class NotSealed(GatewayError):
    """There is no block, or not exactly one, or not only it. `reason` is NOT_ENCRYPTED or MESSAGE_MALFORMED.

    `use_pgp_mime` says that there is OpenPGP in it, only not as PGP/MIME (an inline block):
    worth telling the sender.
    """

    def __init__(self, reason: Reason, private: str, *, use_pgp_mime: bool = False) -> None:
        super().__init__("the message is not sealed as PGP/MIME", private=private)
        self.reason = reason
        self.use_pgp_mime = use_pgp_mime


@dataclass(frozen=True, kw_only=True)
class Found:
    """The block. `armoured` is ASCII with CRLF line ends, without armour header lines, whatever came.

    `binary` says that it came without armour. `outside_texts` counts the texts around
    it that are not blank: nothing of them is used.
    """

    armoured: bytes = field(repr=False)
    shape: Shape
    binary: bool = False
    outside_texts: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Leaf:
    """A part that is not looked into, and the container it stands in (None: it is the message)."""

    part: Part
    parent: Part | None


def find_sealed(message: Message) -> Found:
    """The one sealed block of a message as received.

    Raises NotSealed; MessageTooComplex as `check_structure` does.
    """
    parts = check_structure(message)
    leaves = list(_leaves(parts))
    versions = [at for at, leaf in enumerate(leaves) if _is_version(message, leaf.part)]
    if len(versions) > 1:
        raise _malformed("more than one sealed block")
    if versions:
        shape, data = _shape(leaves[versions[0]].parent), versions[0] + 1
        if len(leaves) == data or leaves[data].parent is not leaves[versions[0]].parent:
            raise _malformed("no data part after the version part")
    else:
        shape, data = Shape.ATTACHED, _attached(message, leaves)
    outside = [leaf for at, leaf in enumerate(leaves) if at not in {*versions, data}]
    texts = _check_outside(message, outside)
    if shape is Shape.ATTACHED and texts:
        raise _in_clear("text beside an attached block")
    armoured, binary = _read_data(message, leaves[data].part)
    return Found(armoured=armoured, binary=binary, shape=shape, outside_texts=texts)


def _leaves(parts: Sequence[Part]) -> Iterator[_Leaf]:
    """The parts that stand in containers only, in order; what is inside them is passed over."""
    path: list[Part] = []  # the containers that the next part may stand in
    for part in parts:
        if part.depth > len(path):
            continue  # inside a leaf
        del path[part.depth :]
        if part.kind in _CONTAINERS and part.encoding in UNENCODED:
            path.append(part)
        else:
            yield _Leaf(part=part, parent=path[-1] if path else None)


def _shape(parent: Part | None) -> Shape:
    if parent is None or parent.content_type is None or parent.kind != "multipart/encrypted":
        return Shape.MIXED_UP
    if parent.content_type.parameters.get("protocol", _VERSION).lower() != _VERSION:
        raise NotSealed(Reason.NOT_ENCRYPTED, "multipart/encrypted of another protocol")
    return Shape.NESTED if parent.depth else Shape.PGP_MIME


def _is_version(message: Message, part: Part) -> bool:
    """Also where its type was lost on the way or cannot be read (`name=`), and only its content tells."""
    if part.kind == _VERSION:
        if not _is_version_text(_small(message, part), empty=True):
            raise _malformed("a version part that says something else")
        return True
    return part.kind in _DATA and _is_version_text(_small(message, part), empty=False)


def _is_version_text(octets: bytes | None, *, empty: bool) -> bool:
    if octets is None:
        return False
    text = b" ".join(octets.split())
    return text == b"Version: 1" or (empty and not text)


def _small(message: Message, part: Part) -> bytes | None:
    """The decoded body of a small part; None for what is larger or cannot be decoded."""
    if part.end - part.body_offset > _VERSION_OCTETS:
        return None
    return _decoded(message, part)


def _attached(message: Message, leaves: Sequence[_Leaf]) -> int:
    """Which leaf is the data part, where there is no version part."""
    found = [at for at, leaf in enumerate(leaves) if _has_data_name(leaf.part)]
    if len(found) == 1:
        return found[0]
    if found:
        raise _malformed("more than one sealed block")
    if any(leaf.parent is not None and leaf.parent.kind == "multipart/encrypted" for leaf in leaves):
        raise _malformed("multipart/encrypted without its parts")
    inline = any(_is_inline(message, leaf.part) for leaf in leaves)
    raise NotSealed(Reason.NOT_ENCRYPTED, "no sealed block", use_pgp_mime=inline)


def _has_data_name(part: Part) -> bool:
    if part.content_type is None or part.kind not in _DATA:
        return False
    return part.content_type.parameters.get("name", "").lower() in _DATA_NAMES


def _check_outside(message: Message, outside: Sequence[_Leaf]) -> int:
    """The number of texts that are not blank. Raises NotSealed for anything that may not stand there."""
    octets, texts = 0, 0
    for leaf in outside:
        part = leaf.part
        if _is_inline(message, part):
            raise _malformed("another OpenPGP block beside the sealed one")
        if part.kind in _SIGNATURES and leaf.parent is not None and leaf.parent.kind == "multipart/signed":
            continue
        if part.kind not in _TEXTS or not part.readable:
            raise _in_clear("a part that is neither sealed nor text")
        octets += part.end - part.body_offset
        if octets > OUTSIDE_TEXT_OCTETS:
            raise _in_clear(f"over {OUTSIDE_TEXT_OCTETS} octets of text")
        body = _decoded(message, part)
        texts += body is None or bool(_MARKUP.sub(b"", body))
    return texts


def _is_inline(message: Message, part: Part) -> bool:
    """Whether an armoured message begins at a line of this part; a quoted one does not (`> -----BEGIN`)."""
    if part.kind not in _TEXTS | _DATA or part.end - part.body_offset > _SEARCHED_TEXT_OCTETS:
        return False
    body = _decoded(message, part)
    return body is not None and _INLINE.search(body) is not None


def _decoded(message: Message, part: Part) -> bytes | None:
    try:
        return decode_body(message.octets[part.body_offset : part.end], part.encoding)
    except MessageMalformed:
        return None


def _read_data(message: Message, part: Part) -> tuple[bytes, bool]:
    if part.kind not in _DATA or not part.readable:
        raise _malformed("a data part of another type")
    try:
        return read_message(decode_body(message.octets[part.body_offset : part.end], part.encoding))
    except MessageMalformed as error:
        raise _malformed(error.private) from error


def _malformed(what: str) -> NotSealed:
    return NotSealed(Reason.MESSAGE_MALFORMED, what)


def _in_clear(what: str) -> NotSealed:
    return NotSealed(Reason.NOT_ENCRYPTED, f"outside the sealed block: {what}")
