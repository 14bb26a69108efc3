"""Signed notes and verifier keys: what is refused, and what must be ignored."""

import base64

import pytest

from rorpost_gateway.audit.notes import NOTE_OCTETS, SIGNATURES, NoteFault, parse_note, verify_note
from rorpost_gateway.audit.signatures import KeyFault, parse_vkey
from tests.peers.evidence import ORIGIN, Key
from tests.peers.evidence import note as checkpoint

OURS, OTHER, WITNESS = Key(1), Key(2), Key(3, name="witness.example/w1", kind=4)
NOTE = checkpoint(7, b"r" * 32, OURS)
# The example that golang.org/x/mod/sumdb/note documents.
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6Ry"
    "yBwJnAM=\n"
).encode()


def test_the_note_that_another_implementation_documents() -> None:
    note = parse_note(GO_NOTE)
    assert verify_note(note, [parse_vkey(GO_VKEY)]) == [parse_vkey(GO_VKEY)]
    with pytest.raises(NoteFault, match="does not verify"):
        verify_note(parse_note(GO_NOTE.replace(b"answer", b"anchor")), [parse_vkey(GO_VKEY)])


def test_any_octet_changed_is_found() -> None:
    keys = [parse_vkey(OURS.vkey)]
    for at in range(len(NOTE)):
        for octet in {NOTE[at] ^ 1, 10, 32, 65} - {NOTE[at]}:
            with pytest.raises(NoteFault):
                verify_note(parse_note(NOTE[:at] + bytes([octet]) + NOTE[at + 1 :]), keys)
    for at in range(len(NOTE)):
        with pytest.raises(NoteFault):
            verify_note(parse_note(NOTE[:at] + NOTE[at + 1 :]), keys)


def test_signatures_of_unknown_keys_are_ignored_even_by_the_same_name() -> None:
    both = checkpoint(7, b"r" * 32, OTHER, OURS, Key(9, name="somebody"))
    assert verify_note(parse_note(both), [parse_vkey(OURS.vkey)]) == [parse_vkey(OURS.vkey)]
    with pytest.raises(NoteFault, match="not signed by a known key"):
        verify_note(parse_note(checkpoint(7, b"r" * 32, OTHER)), [parse_vkey(OURS.vkey)])


def test_one_wrong_signature_of_a_known_key_condemns_the_note() -> None:
    wrong = NOTE + checkpoint(8, b"r" * 32, OTHER).rpartition(b"\n\n")[2]
    with pytest.raises(NoteFault, match="does not verify"):
        verify_note(parse_note(wrong), [parse_vkey(OURS.vkey), parse_vkey(OTHER.vkey)])


def test_a_witness_s_signature_says_when() -> None:
    key = parse_vkey(WITNESS.vkey)
    note = parse_note(checkpoint(7, b"r" * 32, OURS, WITNESS))
    assert key in verify_note(note, [parse_vkey(OURS.vkey), key])
    assert key.signed_at(note.text, note.signatures[1].octets) == 1_700_000_000
    late = (1_700_000_001).to_bytes(8, "big") + note.signatures[1].octets[8:]
    assert key.signed_at(note.text, late) is None
    assert key.signed_at(note.text, b"\xff" * 8 + note.signatures[1].octets[8:]) is None
    assert key.signed_at(note.text, b"") is None


def test_the_text_ends_at_the_last_empty_line() -> None:
    text = b"one\n\ntwo\n"
    note = parse_note(text + b"\n" + OURS.line(text))
    assert note.text == text
    assert verify_note(note, [parse_vkey(OURS.vkey)])


SIGNATURE = OURS.line(b"text\n")


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\n",
        b"\n\n",
        b"text\n",
        b"text\n\n",
        b"\n\n" + SIGNATURE,
        b"text\n" + SIGNATURE,
        b"text\n\n" + SIGNATURE[:-1],
        b"text\n\n" + SIGNATURE + b"\n",
        b"text\n\n" + SIGNATURE + b"more\n",
        b"text\r\n\n" + SIGNATURE,
        b"te\0xt\n\n" + SIGNATURE,
        b"te\xffxt\n\n" + SIGNATURE,
        b"text\n\n" + SIGNATURE.replace("—".encode(), b"-"),
        b"text\n\n" + SIGNATURE.replace(b"motala", b"mot+la"),
        b"text\n\n" + SIGNATURE.replace(b"motala", b"mot la"),
        b"text\n\n" + SIGNATURE.replace(b"motala", b"mot\xffla"),
        b"text\n\n" + SIGNATURE.replace(b"=\n", b"\n"),
        b"text\n\n" + SIGNATURE.replace(b"=\n", b"==\n"),
        "text\n\n— a AAAA\n".encode(),
        "text\n\n— a \n".encode(),
        "text\n\n—  AAAAAAAA\n".encode(),
        b"text\n\n" + SIGNATURE * (SIGNATURES + 1),
        b"text\n\n" + SIGNATURE * 100_000,
        b"x" * NOTE_OCTETS + b"\n\n" + SIGNATURE,
    ],
)
def test_what_is_no_note(octets) -> None:
    with pytest.raises(NoteFault):
        parse_note(octets)


def test_base64_has_one_form_only() -> None:
    """The last character before the padding has bits that no octet depends on."""
    encoded = base64.b64encode(b"\0" * 68).decode()
    assert encoded.endswith("A=")
    parse_note(f"text\n\n— a {encoded}\n".encode())
    with pytest.raises(NoteFault, match="base64"):
        parse_note(f"text\n\n— a {encoded[:-2]}B=\n".encode())


def test_a_hundred_signatures_by_one_key_are_few() -> None:
    note = parse_note(checkpoint(7, b"r" * 32, *[OURS] * SIGNATURES))
    assert verify_note(note, [parse_vkey(OURS.vkey)]) == [parse_vkey(OURS.vkey)]


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "++",
        ORIGIN,
        OURS.vkey[:-1],
        OURS.vkey + "\n",
        OURS.vkey.replace("gw1", "gw2"),
        OURS.vkey.replace("gw1", "g w"),
        OURS.vkey.replace("+", "-", 1),
        "x" * 100_000 + OURS.vkey,
        Key(1, kind=2).vkey,
        Key(1, kind=1).vkey.upper(),
    ],
)
def test_what_is_no_verifier_key(vkey) -> None:
    with pytest.raises(KeyFault):
        parse_vkey(vkey)


def test_verifier_keys_are_written_as_they_are_read() -> None:
    for key in (OURS, WITNESS):
        assert parse_vkey(key.vkey).vkey == key.vkey
