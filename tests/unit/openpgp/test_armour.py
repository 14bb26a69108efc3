"""ASCII armour: what is refused first, then what is read."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.errors import SealingFailed
from rorpost_gateway.openpgp import armour
from rorpost_gateway.openpgp.armour import SIGNATURE, add_armour, remove_armour, with_crlf

OCTETS = bytes(range(256)) * 3 + b"x"


def block(octets: bytes = OCTETS, *, headers: str = "", checksum: str = "", end: str = "\n") -> bytes:
    text = base64.encodebytes(octets).decode()
    lines = f"-----BEGIN PGP MESSAGE-----\n{headers}\n{text}{checksum}-----END PGP MESSAGE-----\n"
    return lines.replace("\n", end).encode()


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"hello\n" + block(), id="text before"),
        pytest.param(b"\n" + block(), id="an empty line before"),
        pytest.param(block() + b"hello\n", id="text after"),
        pytest.param(block() + block(), id="two blocks"),
        pytest.param(block().replace(b"MESSAGE", b"SIGNATURE"), id="a signature"),
        pytest.param(block().replace(b"BEGIN PGP MESSAGE", b"BEGIN PGP SIGNED MESSAGE"), id="clear-signed"),
        pytest.param(block(headers="no colon here\n"), id="a header line without a colon"),
        pytest.param(block(headers="A: b\n" * 17), id="too many header lines"),
        pytest.param(block(headers="A" * 60 + ": b\n"), id="a long header name"),
        pytest.param(block().replace(b"MESSAGE-----\n\n", b"MESSAGE-----\n"), id="no empty line"),
        pytest.param(block()[:-30], id="no end line"),
        pytest.param(block().replace(b"\n-----END", b"-----END"), id="end line not at the start of a line"),
        pytest.param(block().replace(b"AAEC", b"A*EC"), id="not base64"),
        pytest.param(block().replace(b"AAEC", b"AA C"), id="a blank within base64"),
        pytest.param(block(b""), id="no base64"),
        pytest.param(block(b"xx").replace(b"=\n", b"\n"), id="padding missing"),
        pytest.param(block(b"xx").replace(b"=\n", b"=\neHh4\n"), id="base64 after its padding"),
        pytest.param(block(checksum="=AAA\n"), id="half a checksum"),
    ],
)
def test_refuses(octets: bytes) -> None:
    with pytest.raises(SealingFailed):
        remove_armour(octets)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("checksum", ["", "=twTO\n", "=AAAA\n"])
@pytest.mark.parametrize("headers", ["", "Version: GnuPG v2\n", "Version: 1\nComment: från Motala\n"])
@pytest.mark.parametrize("size", [1, 2, 3, 48, 769])
def test_reads_what_others_write(end: str, checksum: str, headers: str, size: int) -> None:
    octets = OCTETS[:size]
    assert remove_armour(block(octets, headers=headers, checksum=checksum, end=end)) == octets


def test_trailing_white_space_is_no_content() -> None:
    assert remove_armour(block() + b"\r\n \r\n") == OCTETS


@given(st.binary(min_size=1, max_size=400), st.integers(min_value=4, max_value=40))
def test_slices_do_not_matter(octets: bytes, slice_octets: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(armour, "_SLICE_OCTETS", slice_octets)
        assert remove_armour(block(octets)) == octets
        assert with_crlf(block(octets)) == block(octets, end="\r\n")
        assert with_crlf(block(octets, end="\r\n")) == block(octets, end="\r\n")


@pytest.mark.parametrize("slice_octets", range(4, 20))
def test_base64_after_its_padding_is_refused_across_slices(slice_octets: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(armour, "_SLICE_OCTETS", slice_octets)
        for octets in (b"x", b"xx", b"12345", b"1234567"):
            text = base64.b64encode(octets)
            broken = block(octets).replace(text, text + b"eHh4eHh4")
            with pytest.raises(SealingFailed):
                remove_armour(broken)


@given(st.binary(max_size=300))
def test_garbage_is_refused_and_nothing_else_happens(octets: bytes) -> None:
    with pytest.raises(SealingFailed):
        remove_armour(b"-----BEGIN PGP MESSAGE-----\n\n" + octets)


def test_a_final_line_end_is_added() -> None:
    assert with_crlf(b"a\nb") == b"a\r\nb\r\n"


@given(st.binary(min_size=1, max_size=200))
def test_what_is_armoured_here_can_be_read_here(octets: bytes) -> None:
    made = add_armour(octets)
    assert remove_armour(made) == octets
    assert made.count(b"\n") == made.count(b"\r\n") == made.count(b"\r")


@pytest.mark.parametrize("octets", [49151, 49152, 49153, 49200, 98304, 100_000])
def test_lines_are_of_one_length_across_slices(octets: int) -> None:
    made = add_armour(b"x" * octets, kind=SIGNATURE)
    first, empty, *lines, last, rest = made.split(b"\r\n")
    assert (first, last) == (b"-----BEGIN PGP SIGNATURE-----", b"-----END PGP SIGNATURE-----")
    assert (empty, rest) == (b"", b"")
    assert {len(line) for line in lines[:-1]} == {64}
    assert 0 < len(lines[-1]) <= 64
    assert base64.b64decode(b"".join(lines)) == b"x" * octets
