"""Transfer encodings and line ends of what arrives. Refusals first."""

from base64 import encodebytes

import pytest

from rorpost_gateway.errors import MessageMalformed
from rorpost_gateway.message.line_ends import with_crlf
from rorpost_gateway.message.transfer_encoding import decode_body

LARGE = bytes(range(256)) * 4000


@pytest.mark.parametrize(
    "text",
    [
        b"A",
        b"AA",
        b"AAA",
        b"A===",
        b"AA=A",
        b"QQ==QQ==",
        b"QQ==x",
        b"Q Q = =!",
        b"Q-Q_",
        b"=",
        b"QQ==" + b"AAAA" * 200_000,
        b"AAAA" * (64 * 1024 - 1) + b"QQ==" + b"AAAA",
    ],
)
def test_broken_base64_is_refused(text: bytes) -> None:
    with pytest.raises(MessageMalformed):
        decode_body(text, "base64")


@pytest.mark.parametrize("encoding", ["x-uuencode", "base-64", "base64;", "quoted-printable, base64", "gzip"])
def test_an_unknown_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(MessageMalformed):
        decode_body(b"QQ==", encoding)


@pytest.mark.parametrize("octets", [b"", b"A", b"AB", b"ABC", LARGE, LARGE + b"x", LARGE + b"xy"])
def test_base64_is_decoded_whatever_its_length(octets: bytes) -> None:
    assert decode_body(encodebytes(octets).replace(b"\n", b"\r\n"), "base64") == octets


@pytest.mark.parametrize("encoding", ["", "7bit", "8bit", "binary"])
def test_what_is_not_encoded_is_itself(encoding: str) -> None:
    assert decode_body(b"=41\xe5", encoding) == b"=41\xe5"


def test_quoted_printable_always_has_a_reading() -> None:
    assert decode_body(b"a=3Db=\r\nc =zz =\r\n", "quoted-printable") == b"a=bc =zz "


@pytest.mark.parametrize("octets", [b"a\r\nb\n", b"a\nb\r\n", b"a\rb", b"\r", b"a\r\r\n", b"a\n\r"])
def test_mixed_line_ends_are_refused(octets: bytes) -> None:
    with pytest.raises(MessageMalformed) as refusal:
        with_crlf(octets)
    assert not refusal.value.close


@pytest.mark.parametrize(
    ("octets", "read"), [(b"a\n\nb", b"a\r\n\r\nb"), (b"\n", b"\r\n"), (b"", b""), (b"a", b"a")]
)
def test_line_feeds_throughout_have_one_reading(octets: bytes, read: bytes) -> None:
    assert with_crlf(octets) == read
    assert with_crlf(read) is read
