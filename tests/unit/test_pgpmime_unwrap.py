"""Finding the sealed block: what is refused first, then every form in which it arrives."""

from base64 import b64encode

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.errors import MessageTooComplex
from rorpost_gateway.message import parse_message
from rorpost_gateway.pgpmime import NotSealed, Shape, find_sealed, wrap
from rorpost_gateway.pgpmime.unwrap import OUTSIDE_TEXT_OCTETS
from tests.peers.messages import octets_of, outer
from tests.peers.partners import ARMOUR, PACKETS, armour, arrived, names

NOT_ENCRYPTED, MALFORMED = Reason.NOT_ENCRYPTED, Reason.MESSAGE_MALFORMED
REFUSED = {
    "a_block_in_the_footer": MALFORMED,
    "a_literal_in_binary": MALFORMED,
    "a_signed_block": MALFORMED,
    "an_attachment_beside": NOT_ENCRYPTED,
    "an_encoded_multipart_beside": NOT_ENCRYPTED,
    "an_image_beside": NOT_ENCRYPTED,
    "an_unknown_encoding": MALFORMED,
    "an_unreadable_part_beside": NOT_ENCRYPTED,
    "another_protocol": NOT_ENCRYPTED,
    "another_version": MALFORMED,
    "attached_message_alone": NOT_ENCRYPTED,
    "attached_under_another_name": NOT_ENCRYPTED,
    "base64_after_its_end": MALFORMED,
    "broken_base64": MALFORMED,
    "data_before_version": MALFORMED,
    "empty_data": MALFORMED,
    "empty_message": NOT_ENCRYPTED,
    "inline_block": NOT_ENCRYPTED,
    "inline_block_in_base64": NOT_ENCRYPTED,
    "inline_block_in_text": NOT_ENCRYPTED,
    "inline_in_mixed": NOT_ENCRYPTED,
    "inside_alternative": NOT_ENCRYPTED,
    "inside_an_attached_message": NOT_ENCRYPTED,
    "much_text_beside": NOT_ENCRYPTED,
    "no_block": MALFORMED,
    "no_data": MALFORMED,
    "no_parts": NOT_ENCRYPTED,
    "no_version": MALFORMED,
    "parts_in_two_containers": MALFORMED,
    "plain_text": NOT_ENCRYPTED,
    "quoted_block": NOT_ENCRYPTED,
    "s_mime": NOT_ENCRYPTED,
    "text_after_the_block": MALFORMED,
    "text_before_the_block": MALFORMED,
    "text_beside_attached": NOT_ENCRYPTED,
    "two_attached": MALFORMED,
    "two_blocks_in_one_part": MALFORMED,
    "two_data_parts": MALFORMED,
    "two_sealed": MALFORMED,
    "two_version_parts": MALFORMED,
}
# OpenPGP is in it, but not as PGP/MIME: the reply can say what to do.
ADVISED = {"inline_block", "inline_block_in_base64", "inline_block_in_text", "inline_in_mixed"}
ADVISED |= {"attached_under_another_name"}
TAKEN_ALL_THE_SAME = {"efail_html_around": (Shape.NESTED, 2)}  # what is around it is not used

FOUND = {
    "base64": (Shape.PGP_MIME, 0),
    "base64_of_binary": (Shape.PGP_MIME, 0),
    "base64_of_line_feeds": (Shape.PGP_MIME, 0),
    "exchange": (Shape.MIXED_UP, 0),
    "exchange_7bit_no_text": (Shape.MIXED_UP, 0),
    "exchange_around_footer": (Shape.MIXED_UP, 1),
    "exchange_banner": (Shape.MIXED_UP, 1),
    "exchange_data_only": (Shape.ATTACHED, 0),
    "exchange_data_only_alone": (Shape.ATTACHED, 0),
    "exchange_html": (Shape.MIXED_UP, 0),
    "exchange_lost_types": (Shape.MIXED_UP, 0),
    "google_api_unreadable_version": (Shape.PGP_MIME, 0),
    "google_nested": (Shape.NESTED, 0),
    "google_nested_twice": (Shape.NESTED, 0),
    "list_footer": (Shape.NESTED, 1),
    "list_header_and_footer": (Shape.NESTED, 2),
    "mutt": (Shape.PGP_MIME, 0),
    "no_protocol_empty_version": (Shape.PGP_MIME, 0),
    "proton_bridge": (Shape.MIXED_UP, 1),
    "quoted_printable": (Shape.PGP_MIME, 0),
    "s_mime_signed_around": (Shape.NESTED, 0),
    "schleuder_7bit_parts": (Shape.PGP_MIME, 0),
    "symantec_header_lines": (Shape.PGP_MIME, 0),
    "this_gateway": (Shape.PGP_MIME, 0),
    "thunderbird": (Shape.PGP_MIME, 0),
    "white_space_at_line_ends": (Shape.PGP_MIME, 0),
}


@pytest.mark.parametrize("name", names("hostile_outside"))
def test_what_is_not_one_sealed_block_and_little_else_is_refused(name: str) -> None:
    if name in TAKEN_ALL_THE_SAME:
        found = find_sealed(arrived("hostile_outside", name))
        assert (found.shape, found.outside_texts) == TAKEN_ALL_THE_SAME[name]
        assert found.armoured == ARMOUR
        return
    with pytest.raises(NotSealed) as refusal:
        find_sealed(arrived("hostile_outside", name))
    assert refusal.value.reason is REFUSED[name]
    assert refusal.value.use_pgp_mime == (name in ADVISED)
    assert "secret" not in refusal.value.public + refusal.value.private


def test_every_expectation_has_its_shape() -> None:
    assert set(names("hostile_outside")) == set(REFUSED) | set(TAKEN_ALL_THE_SAME)
    assert set(names("outside")) == set(FOUND)


@pytest.mark.parametrize("name", names("outside"))
def test_the_block_is_found_in_whatever_it_was_made_into(name: str) -> None:
    found = find_sealed(arrived("outside", name))
    assert (found.shape, found.outside_texts) == FOUND[name]
    assert found.binary == (name == "base64_of_binary")
    assert found.armoured == (armour(PACKETS, checksum=b"") if found.binary else ARMOUR)


def test_what_this_gateway_sends_is_found_unchanged() -> None:
    found = find_sealed(parse_message(wrap(ARMOUR, outer())))
    assert (found.armoured, found.shape, found.binary) == (ARMOUR, Shape.PGP_MIME, False)


@pytest.mark.parametrize("octets", [1, 2, 3, 62, 63, 64, 65, 47, 48, 49, 200_000])
def test_binary_data_of_any_length_are_armoured(octets: int) -> None:
    packets = b"\x84" + bytes(octets - 1)
    body = b64encode(packets)
    lines = b"".join(body[start : start + 76] + b"\r\n" for start in range(0, len(body), 76))
    message = arrived("outside", "base64_of_binary").octets
    start, end = message.index(b"base64\r\n\r\n") + 10, message.rindex(b"\r\n--")
    found = find_sealed(parse_message(message[:start] + lines + message[end:]))
    assert found.armoured == armour(packets, checksum=b"")


@pytest.mark.parametrize("checksum", [b"=abcd\r\n", b""])
@pytest.mark.parametrize("octets", range(1, 8))
def test_padding_is_not_taken_for_a_checksum(octets: int, checksum: bytes) -> None:
    block = armour(b"\x84" + bytes(octets), checksum=checksum)
    assert find_sealed(arrived("outside", "white_space_at_line_ends", block)).armoured == block


@pytest.mark.parametrize("before_line_end", [b" ", b"\t", b" \t ", b"\r\n"])
def test_white_space_in_armour_is_taken_out(before_line_end: bytes) -> None:
    everywhere = ARMOUR.replace(b"\r\n", before_line_end + b"\r\n")
    in_one_line = ARMOUR.replace(b"\r\n=", before_line_end + b"\r\n=")
    for block in (everywhere, in_one_line):
        assert find_sealed(arrived("outside", "thunderbird", block)).armoured == ARMOUR


def test_text_around_may_be_so_long_and_no_longer() -> None:
    footer = arrived("outside", "list_footer").octets
    start, end = footer.index(b"base64\r\n\r\n") + 10, footer.rindex(b"\r\n--m--")

    def with_text(octets: int) -> bytes:
        return footer[:start].replace(b"base64", b"7bit") + b"x" * octets + footer[end:]

    # The line end before the delimiter belongs to the delimiter.
    assert find_sealed(parse_message(with_text(OUTSIDE_TEXT_OCTETS))).outside_texts == 1
    with pytest.raises(NotSealed):
        find_sealed(parse_message(with_text(OUTSIDE_TEXT_OCTETS + 1)))


def test_ten_thousand_parts_are_not_gone_through() -> None:
    body = b"--m\r\n\r\nhej\r\n" * 10_000 + b"--m--\r\n"
    with pytest.raises(MessageTooComplex):
        find_sealed(parse_message(octets_of("Content-Type: multipart/mixed; boundary=m", body=body)))


def test_containers_twenty_one_deep_are_not_gone_through() -> None:
    body = b"".join(
        b"--%d\r\nContent-Type: multipart/mixed; boundary=%d\r\n\r\n" % (n, n + 1) for n in range(25)
    )
    with pytest.raises(MessageTooComplex):
        find_sealed(parse_message(octets_of("Content-Type: multipart/mixed; boundary=0", body=body)))


def test_the_version_text_alone_is_no_sealed_message() -> None:
    with pytest.raises(NotSealed):
        find_sealed(parse_message(octets_of("Content-Type: text/plain", body=b"Version: 1\r\n")))
