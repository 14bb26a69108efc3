"""Shapes of everyday and odd messages: sealed by the real gpg, opened again, byte-identical.

Each file of corpus/ is one shape, named for what is special about it.
"""

from pathlib import Path

import pytest

from rorpost_gateway.message import check_structure, parse_message, read_facts, without_private_fields
from rorpost_gateway.pgpmime import protect, restore, wrap
from tests.peers.gnupg_home import RECEIVER, PreparedKeys, gpg, open_with_gpg
from tests.peers.messages import CORPUS, HOSTNAME, added, outer

SHAPES = pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
KEPT = ("X-Rorpost-Sending-User", "X-Rorpost-Legal-Basis")
# One file for each shape that the gateway promises to leave alone.
PROMISED = {
    "all_octets",
    "calendar_invitation",
    "client_private_fields",
    "dkim_signed",
    "empty_body",
    "header_only",
    "latin_1",
    "long_folded_references",
    "nested_message",
    "no_content_type",
    "no_date",
    "no_final_newline",
    "odd_content_type",
    "own_hp_parameter",
    "signed_8_bit",
    "undeclared_8_bit",
    "windows_1252",
    "winmail_dat",
}


def test_the_corpus_holds_every_promised_shape() -> None:
    assert {path.stem for path in CORPUS} >= PROMISED


def test_the_corpus_kept_its_octets() -> None:
    octets = {path.stem: path.read_bytes() for path in CORPUS}
    assert all(each.count(b"\n") == each.count(b"\r\n") for each in octets.values())
    assert b"H\xe4lsar" in octets["latin_1"]
    assert b"\x93Bes\xf6k\x94" in octets["windows_1252"]
    assert not octets["no_final_newline"].endswith(b"\n")
    assert max(len(line) for line in octets["long_unfolded_references"].split(b"\r\n")) > 998
    assert set(range(1, 256)) <= set(octets["all_octets"])


@SHAPES
def test_it_is_read_and_is_nobodys_sealed_message(path: Path) -> None:
    message = parse_message(path.read_bytes())
    assert check_structure(message)
    assert not read_facts(message, hostname=HOSTNAME).sealed_already


@SHAPES
def test_restoring_undoes_protecting(path: Path) -> None:
    submitted = parse_message(path.read_bytes())
    for message in (submitted, without_private_fields(submitted, KEPT)):
        assert restore(protect(message, added())).octets == message.octets


@SHAPES
def test_the_payload_is_a_message_of_the_same_structure(path: Path) -> None:
    message = without_private_fields(parse_message(path.read_bytes()), KEPT)
    payload = protect(message, added())
    if message.header_end == len(message.octets):
        payload += b"\r\n"  # a header that ends with the message
    before, after = check_structure(message), check_structure(parse_message(payload))
    assert [part.kind for part in before] == [part.kind for part in after]


@SHAPES
def test_sealed_by_gpg_and_opened_it_is_byte_identical(path: Path, prepared_keys: PreparedKeys) -> None:
    message = without_private_fields(parse_message(path.read_bytes()), KEPT)
    seal = ("--sign", "--encrypt", "--armor", "--compress-algo", "none")
    keys = ("--local-user", prepared_keys.sender, "--recipient", prepared_keys.receiver)
    block = gpg(prepared_keys.sender_home, *seal, *keys, stdin=protect(message, added()))
    sealed = wrap(block.replace(b"\n", b"\r\n"), outer(recipient=RECEIVER))

    received = parse_message(sealed)
    data = check_structure(received)[-1]
    opened = open_with_gpg(prepared_keys.receiver_home, received.octets[data.body_offset : data.end])
    assert restore(opened).octets == message.octets
