"""The body of an add-checkpoint request, read strictly."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.witness.request import (
    BODY_OCTETS,
    AddCheckpoint,
    RequestInvalid,
    read_request,
    read_size,
    write_request,
)

HASH = base64.b64encode(bytes(range(32)))
NOTE = b"a.example/log\n7\nAAAA\n\n\xe2\x80\x94 a.example/log AAAA\n"
# c2sp.org/tlog-witness, "add-checkpoint"
EXAMPLE = """old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa \
Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
""".encode()

REFUSED = {
    "nothing": b"",
    "no empty line": b"old 7\n",
    "no old size": HASH + b"\n\n" + NOTE,
    "a leading zero": b"old 07\n\n" + NOTE,
    "a sign": b"old +7\n\n" + NOTE,
    "a negative size": b"old -7\n\n" + NOTE,
    "two spaces": b"old  7\n\n" + NOTE,
    "a space behind": b"old 7 \n\n" + NOTE,
    "another case": b"OLD 7\n\n" + NOTE,
    "another digit": "old \N{ARABIC-INDIC DIGIT SEVEN}\n\n".encode() + NOTE,
    "CRLF": b"old 7\r\n\r\n" + NOTE,
    "a huge size": b"old 9223372036854775808\n\n" + NOTE,
    "an endless size": b"old " + b"9" * 10_000 + b"\n\n" + NOTE,
    "no base64": b"old 7\n" + b"*" * 44 + b"\n\n" + NOTE,
    "a short hash": b"old 7\n" + base64.b64encode(bytes(31)) + b"\n\n" + NOTE,
    "a long hash": b"old 7\n" + base64.b64encode(bytes(33)) + b"\n\n" + NOTE,
    "no padding": b"old 7\n" + HASH[:-1] + b"\n\n" + NOTE,
    "stray bits": b"old 7\n" + HASH[:-2] + b"9=\n\n" + NOTE,
    "the other alphabet": b"old 7\n" + base64.urlsafe_b64encode(b"\xff" * 32) + b"\n\n" + NOTE,
    "64 hashes": b"old 7\n" + (HASH + b"\n") * 64 + b"\n" + NOTE,
    "hashes without end": b"old 7\n" + (HASH + b"\n") * 1400 + b"\n" + NOTE,
    "too large": b"old 7\n\n" + b"x" * BODY_OCTETS,
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    with pytest.raises(RequestInvalid):
        read_request(REFUSED[case])


def test_the_specification_s_example() -> None:
    read = read_request(EXAMPLE)
    assert (read.old, len(read.proof)) == (20852014, 4)
    assert read.note.startswith(b"example.com/behind-the-sofa\n20852163\n")
    assert write_request(read.old, read.proof, read.note) == EXAMPLE


@given(
    st.integers(0, 2**63 - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.binary(max_size=200),
)
def test_what_is_written_is_read(old: int, proof: list[bytes], note: bytes) -> None:
    assert read_request(write_request(old, proof, note)) == AddCheckpoint(
        old=old, proof=tuple(proof), note=note
    )


@given(st.binary(max_size=300))
def test_whatever_comes_is_read_or_refused(body: bytes) -> None:
    try:
        read = read_request(body)
    except RequestInvalid:
        return
    assert write_request(read.old, read.proof, read.note) == body


@pytest.mark.parametrize(
    ("body", "size"),
    [
        (b"7\n", 7),
        (b"0\n", 0),
        (b"7", None),
        (b"07\n", None),
        (b"-1\n", None),
        (b"", None),
        (b"9" * 19 + b"\n", None),
        (b"9" * 9999, None),
    ],
)
def test_a_size(body: bytes, size: int | None) -> None:
    assert read_size(body) == size
