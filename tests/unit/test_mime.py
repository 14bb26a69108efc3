"""The bounded walk over the MIME structure."""

import pytest

from rorpost_gateway.errors import MessageTooComplex
from rorpost_gateway.message import Part, check_structure, parse_message
from rorpost_gateway.message.content_type import read_content_type
from rorpost_gateway.message.grammar import Unreadable
from tests.peers.messages import CORPUS


def parts_of(octets: bytes) -> tuple[Part, ...]:
    return check_structure(parse_message(octets))


def shape(octets: bytes) -> list[tuple[int, str, bytes]]:
    return [(part.depth, part.kind, octets[part.body_offset : part.end]) for part in parts_of(octets)][1:]


def multipart(boundary: str, *parts: bytes) -> bytes:
    inside = b"".join(b"--" + boundary.encode() + b"\r\n" + part + b"\r\n" for part in parts)
    head = f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n'.encode()
    return head + inside + f"--{boundary}--".encode()


def nested(levels: int) -> bytes:
    octets = b"\r\nhej"
    for level in range(levels):
        octets = multipart(f"b{level}", octets)
    return octets


TOO_COMPLEX = {
    "21 levels of multipart": nested(21),
    "21 levels of message/rfc822": b"Content-Type: message/rfc822\r\n\r\n" * 21,
    "1,000 parts in the message": multipart("x", *[b"\r\na"] * 1000),
    "10,000 parts": multipart("x", *[b"\r\na"] * 10_000),
    "10,000 parts of no octets": b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n" * 10_000,
    "parts spread over branches": multipart("x", *[multipart("y", *[b"\r\na"] * 50)] * 20),
    "a million lines that look like delimiters": multipart("x", b"\r\n" + b"--xy\r\n" * 1_000_000),
    "a part header without end": multipart("x", b"A: b\r\n" * 60_000),
}


@pytest.mark.parametrize("octets", TOO_COMPLEX.values(), ids=TOO_COMPLEX)
def test_too_complex(octets: bytes) -> None:
    with pytest.raises(MessageTooComplex):
        parts_of(octets)


def test_bounds_are_met_exactly() -> None:
    assert parts_of(nested(20))[-1].depth == 20
    assert len(parts_of(multipart("x", *[b"\r\na"] * 999))) == 1000


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_everyday_shapes_are_walked(path: object) -> None:
    parts = parts_of(path.read_bytes())  # type: ignore[attr-defined]
    assert all(part.start <= part.body_offset <= part.end for part in parts)
    assert all(part.readable for part in parts)


def test_parts_have_exactly_their_octets() -> None:
    octets = multipart(
        "a", b"Content-Type: text/html\r\n\r\none\r\n", b"\r\n", b"Content-Type: image/png\r\n\r\n\x89"
    )
    assert shape(octets) == [(1, "text/html", b"one\r\n"), (1, "text/plain", b""), (1, "image/png", b"\x89")]


def test_an_inner_part_does_not_reach_beyond_an_outer_delimiter() -> None:
    inner = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none"
    octets = multipart("a", inner, b"\r\n--b\r\n\r\ntwo")
    assert shape(octets)[1:] == [(2, "text/plain", b"one"), (1, "text/plain", b"--b\r\n\r\ntwo")]


def test_look_alikes_are_no_delimiters() -> None:
    octets = multipart("a", b"\r\n --a\r\nx--a\r\n--ab\r\n--a--b\r\n--")
    assert shape(octets) == [(1, "text/plain", b" --a\r\nx--a\r\n--ab\r\n--a--b\r\n--")]


def test_white_space_after_a_delimiter_is_allowed() -> None:
    head = b"Content-Type: multipart/mixed; boundary=a\r\n\r\n"
    octets = head + b"--a \t\r\n\r\none\r\n--a-- \r\n--a\r\n\r\nnot seen\r\n"
    assert shape(octets) == [(1, "text/plain", b"one")]


def test_an_attached_message_is_walked_unless_it_is_encoded() -> None:
    attached = b"Subject: x\r\nContent-Type: text/html\r\n\r\n<p>"
    octets = multipart("a", b"Content-Type: message/rfc822\r\n\r\n" + attached)
    assert [part.kind for part in parts_of(octets)] == ["multipart/mixed", "message/rfc822", "text/html"]
    encoded = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA"
    assert len(parts_of(multipart("a", encoded))) == 2


@pytest.mark.parametrize(
    "field",
    [b'Content-Type: text/plain; x="', b"Content-Type: a/b\r\nContent-Type: c/d", b"Content-Type: \xe5/b"],
)
def test_a_part_whose_type_cannot_be_read_is_said_to_be_so(field: bytes) -> None:
    (_, part) = parts_of(multipart("a", field + b"\r\n\r\nhej"))
    assert not part.readable


@pytest.mark.parametrize(
    ("text", "kind", "parameters"),
    [
        ("text/plain", "text/plain", {}),
        (" TEXT / Plain ;", "text/plain", {}),
        ("text/plain; charset=utf-8", "text/plain", {"charset": "utf-8"}),
        ('text/plain;;CHARSET = "UTF-8" (c);', "text/plain", {"charset": "UTF-8"}),
        (r'a/b; n="q\"; x=y"', "a/b", {"n": 'q"; x=y'}),
        ('a/b; n="one\r\n two"', "a/b", {"n": "one two"}),
        ("a/b; boundary=--=_x/y?:@", "a/b", {"boundary": "--=_x/y?:@"}),
        ("a/b; n*0=x; n*1*=y", "a/b", {"n*0": "x", "n*1*": "y"}),
        ("(c) a (c(c)) / b (;x=y) ; (;) n (=) = (n) v (v)", "a/b", {"n": "v"}),
    ],
)
def test_content_types(text: str, kind: str, parameters: dict[str, str]) -> None:
    read = read_content_type(text)
    assert (read.kind, read.parameters) == (kind, parameters)
    assert all(text[start:end].startswith(";") for start, end in read.spans.values())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text",
        "/b",
        "a/",
        "a/b/c",
        "a/b c",
        "a/b; n",
        "a/b; n=",
        "a/b; =v",
        "a/b; n=v w",
        'a/b; n="v',
        "a/b (c",
        'a/b; n="v"w',
        "a/b; n=v; N=w",
        'multipart/x; boundary="a "',
        f"multipart/x; boundary={'a' * 251}",
    ],
)
def test_content_types_that_cannot_be_read(text: str) -> None:
    with pytest.raises(Unreadable):
        read_content_type(text)


@pytest.mark.parametrize(
    ("fields", "encoding"),
    [
        (b"", ""),
        (b"Content-Transfer-Encoding:\r\n\tBASE64 \r\n", "base64"),
        (b"Content-Transfer-Encoding : base64;\r\n", "base64"),
        (b"Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: 7BIT\r\n", "7bit"),
        (b"Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n", "7bit, base64"),
    ],
)
def test_the_transfer_encoding_of_a_part(fields: bytes, encoding: str) -> None:
    """What some mail client might read; what two would read differently is none that is known."""
    assert parts_of(multipart("x", fields + b"\r\nhej"))[1].encoding == encoding


def test_a_type_with_blanks_before_its_colon() -> None:
    assert parts_of(multipart("x", b"Content-Type : text/html\r\n\r\nhej"))[1].kind == "text/html"
