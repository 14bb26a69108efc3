"""Checkpoints as notes: the specification's own example, rotations, witnesses' lines, what is no note."""

import base64
import hashlib

import pytest

from rorpost_gateway.decision_log.published.note import (
    Checkpoint,
    checkpoint_text,
    cosigned,
    parse_checkpoint,
    sign_checkpoint,
    signed_by,
    whole_notes,
)
from rorpost_gateway.decision_log.signing import generate
from tests.peers.log_workshop import KEY, ORIGIN

# From c2sp.org/tlog-checkpoint.
EXAMPLE = """\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa \
Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
""".encode()
ROOT = bytes(range(32))
WITNESS_LINE = f"— witness.example/w {base64.b64encode(bytes(76)).decode()}\n".encode()


def checkpoint(size: int = 7) -> Checkpoint:
    return sign_checkpoint([KEY], origin=ORIGIN, size=size, root=ROOT)


def test_the_specification_s_example_is_read() -> None:
    read = parse_checkpoint(EXAMPLE)
    assert read is not None
    assert (read.origin, read.size) == ("example.com/behind-the-sofa", 20852163)
    assert read.text == EXAMPLE[: EXAMPLE.index(b"\n\n") + 1]


def test_a_checkpoint_is_its_text_an_empty_line_and_the_signature() -> None:
    text, _, signature = checkpoint().note.decode().partition("\n\n")
    assert text == f"{ORIGIN}\n7\n{base64.b64encode(ROOT).decode()}"
    dash, name, encoded = signature.removesuffix("\n").split(" ")
    octets = base64.b64decode(encoded)
    assert (dash, name, len(octets)) == ("\N{EM DASH}", ORIGIN, 4 + 64)
    public = KEY.key.public_key()
    named = ORIGIN.encode() + b"\n\x01" + public.public_bytes_raw()
    assert octets[:4] == hashlib.sha256(named).digest()[:4]
    public.verify(octets[4:], text.encode() + b"\n")
    assert parse_checkpoint(checkpoint().note) == checkpoint()


def test_at_a_rotation_both_keys_sign() -> None:
    new = generate(ORIGIN)
    both = sign_checkpoint([KEY, new], origin=ORIGIN, size=7, root=ROOT)
    assert [signed_by(both, [key]) for key in (KEY, new, generate(ORIGIN))] == [True, True, False]
    assert not signed_by(checkpoint(), [new])
    assert both.note.startswith(checkpoint().note)


def test_a_signature_over_another_text_is_none() -> None:
    forged = checkpoint().note.replace(b"\n7\n", b"\n8\n")
    read = parse_checkpoint(forged)
    assert read is not None
    assert not signed_by(read, [KEY])


def test_a_witness_line_stands_behind_the_log_s_own_and_only_once() -> None:
    once = cosigned(checkpoint(), [WITNESS_LINE])
    assert once.note == checkpoint().note + WITNESS_LINE
    assert cosigned(once, [WITNESS_LINE]) == once
    assert signed_by(once, [KEY])
    assert once.text == checkpoint().text


@pytest.mark.parametrize(
    "line",
    [b"", b"\n", b"x\n", "— w\n".encode(), "— w AAAA\n".encode(), WITNESS_LINE[:-1], WITNESS_LINE + b"\n"],
)
def test_what_is_no_signature_line_is_not_added(line: bytes) -> None:
    if line:
        with pytest.raises(ValueError, match="not a signature line"):
            cosigned(checkpoint(), [line])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\n7\n", b"\n07\n"),
        (b"\n7\n", b"\n-7\n"),
        (b"\n7\n", b"\n" + b"9" * 30 + b"\n"),
        (b"\n7\n", b"\n7\r\n"),
        (b"\n\n", b"\n"),
        (b"\n\n", b"\nextension\n\n"),
        (b"\xe2\x80\x94", b"-"),
        (ORIGIN.encode() + b" ", b"somebody "),
        (b"=\n\n", b"\n\n"),
        (b"AAECAw", b"AAECA="),
    ],
)
def test_what_is_no_checkpoint_of_ours_is_not_read(old: bytes, new: bytes) -> None:
    note = checkpoint().note
    assert old in note
    assert parse_checkpoint(note.replace(old, new)) is None


def test_every_cut_of_a_note_is_none_but_the_one_that_lacks_its_newline() -> None:
    first, second = checkpoint(7).note, cosigned(checkpoint(8), [WITNESS_LINE]).note
    own = len(checkpoint(8).note)
    for end in range(len(second)):
        octets = first + second[:end] + b"\n"
        sizes = [read.size for _, read in whole_notes(octets, ORIGIN)]
        # Cut within the dash of the second line there is nothing yet that a signature line begins with;
        # a whole number of base64's groups is a signature, of whomever.
        encoded = b"".join(second[own:end].split(b" ")[2:])
        unharmed = own - 1 <= end < own + len("— ".encode()) or (len(encoded) >= 8 and len(encoded) % 4 == 0)
        assert sizes == ([7, 8] if unharmed else [7]), end
    assert whole_notes(first + second, ORIGIN)[-1][0] == len(first + second)


def test_the_text_of_an_empty_tree_has_a_zero() -> None:
    assert checkpoint_text("o", 0, hashlib.sha256().digest()).splitlines()[1] == b"0"
