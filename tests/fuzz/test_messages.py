"""Any octets at all: reading ends in a message or a named refusal, and what was read comes back whole."""

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorpost_gateway.errors import MessageMalformed, MessageTooComplex, SealingFailed
from rorpost_gateway.message import (
    Message,
    check_structure,
    parse_message,
    read_facts,
    without_private_fields,
)
from rorpost_gateway.message.address_list import read_addresses
from rorpost_gateway.message.encoded_words import decode_words, encode_words
from rorpost_gateway.message.grammar import Unreadable
from rorpost_gateway.pgpmime import RestoreFailed, protect, restore, wrap
from tests.peers.messages import CORPUS, HOSTNAME, added, octets_of, outer

FUZZ = settings(max_examples=200, deadline=None, derandomize=True, database=None)
BOUND_SECONDS = 5  # generous for a busy machine; quadratic time on these sizes is minutes

NAMES = st.sampled_from(
    [
        "From",
        "To",
        "Cc",
        "Sender",
        "Reply-To",
        "Date",
        "Subject",
        "Message-ID",
        "MIME-Version",
        "Content-Type",
        "HP-Outer",
        "Received",
        "X-A",
        "Content-Transfer-Encoding",
        "X-Rorpost-Restore",
        "X-Rorpost-Salt",
        "X-Priority",
        "Disposition-Notification-To",
    ]
)
PIECES = st.sampled_from(
    [
        "a@x.se", "<a@x.se>", "Anna", '"', "\\", "(", ")", ",", ";", ":", "=", "/", "text/plain",
        "multipart/mixed", "boundary=b", "hp=", "charset", "=?utf-8?Q?", "=?idna?B?", "?=", "6 May 2026",
        "08:00:00", "+0200", "\r\n ", "\r\n\t", " ", "v=1; added=", "10", "content-type=none", "sha256=",
        "0" * 64, "1 (Highest)", "~", "[", "]",
    ]
)  # fmt: skip
VALUES = st.lists(PIECES, max_size=8).map("".join)
HEADERS = st.lists(st.builds("{}:{}\r\n".format, NAMES, VALUES), max_size=10).map("".join)
BODIES = st.lists(
    st.sampled_from(
        [
            b"--b\r\n",
            b"--b--\r\n",
            b"\r\n",
            b"Content-Type: multipart/mixed; boundary=b\r\n",
            b"hej",
            b"\xe5",
            b"-",
        ]
    ),
    max_size=12,
).map(b"".join)
ALMOST_MESSAGES = st.builds(
    lambda header, blank, body: header.encode("ascii") + blank + body,
    HEADERS,
    st.sampled_from([b"", b"\r\n"]),
    BODIES,
)
SHAPES = [path.read_bytes() for path in CORPUS]


@st.composite
def damaged(draw: st.DrawFn, whole: st.SearchStrategy[bytes]) -> bytes:
    """Octets with a few cut out, put in or changed."""
    octets = draw(whole)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(octets)))
        end = min(len(octets), start + draw(st.integers(0, 20)))
        octets = octets[:start] + draw(st.binary(max_size=8)) + octets[end:]
    return octets


ANYTHING = st.one_of(st.binary(max_size=300), ALMOST_MESSAGES, damaged(st.sampled_from(SHAPES)))


def read_or_none(octets: bytes) -> Message | None:
    try:
        message = parse_message(octets)
    except MessageMalformed:
        return None
    try:
        read_facts(message, hostname=HOSTNAME)
        check_structure(message)
    except (MessageMalformed, MessageTooComplex):
        pass
    return message


@FUZZ
@given(ANYTHING)
def test_any_octets_are_read_or_refused_and_what_was_read_comes_back(octets: bytes) -> None:
    message = read_or_none(octets)
    if message is None:
        return
    assert b"".join(field.raw for field in message.fields) == octets[: message.header_end]
    for each in (message, without_private_fields(message)):
        assert parse_message(each.octets) == each
        assert restore(protect(each, added())).octets == each.octets


@FUZZ
@given(st.one_of(st.binary(max_size=300), ALMOST_MESSAGES, damaged(st.sampled_from(SHAPES))))
def test_any_payload_is_restored_or_refused_by_name(payload: bytes) -> None:
    with suppress(RestoreFailed):
        restore(payload)


@FUZZ
@given(st.data())
def test_a_damaged_payload_is_never_restored_to_another_message(data: st.DataObject) -> None:
    message = parse_message(data.draw(st.sampled_from(SHAPES)))
    payload = protect(message, added())
    try:
        read = restore(data.draw(damaged(st.just(payload))))
    except RestoreFailed:
        return
    assert read.octets == message.octets


@FUZZ
@given(st.text(alphabet=st.sampled_from('ab.@<>()",;:\\ \t[]=?'), max_size=30))
def test_an_address_list_has_one_reading_or_none(value: str) -> None:
    try:
        found = read_addresses(value)
    except Unreadable:
        return
    assert all(address.count("@") == 1 or address.startswith('"') for address in found)
    # What was read is what a plain list of it says.
    assert read_addresses(", ".join(found)) == found
    assert read_addresses(f"(c) {value} (c)") == found


@FUZZ
@given(st.text(max_size=200))
def test_encoded_text_decodes_to_itself(text: str) -> None:
    encodable = text.encode("utf-8", "replace").decode("utf-8")
    assert decode_words(encode_words(encodable).replace("\r\n", "")) == encodable


@FUZZ
@given(st.binary(max_size=200))
def test_only_armour_is_wrapped(octets: bytes) -> None:
    with pytest.raises(SealingFailed):
        wrap(octets, outer())


REPEATED = [
    "(", ")", "()", "(a)", "((((a", "\\(", '"', '"a"', '\\"', "a", "a.", "a ", "a@x.se", "a@x.se,", "<",
    "<a@x.se>", "=?", "=?a?Q?", "=?utf-8?B?QQ==?= ", "=?utf-7?Q?+A?=", ";", ";a=b", ";a", "by ",
    "\r\n a", "\r\n \r\n", ":", ",", "1", 'x="', "/", "?=",
]  # fmt: skip
STARTS = [
    "To: ", "To: a ", 'To: "', "To: (", "To: a:", "To: a@x.se (", "Content-Type: a/b",
    'Content-Type: a/b; x="', "Date: ", "Date: 6 May 2026 08:00 ", "Subject: ", "Subject: =?utf-8?Q?",
    "Received: ", "X-Priority: ", "Message-ID: ", "A",
]  # fmt: skip


@pytest.mark.parametrize("start", STARTS)
def test_no_repeated_piece_takes_more_than_linear_time(start: str) -> None:
    began = time.perf_counter()
    for piece in REPEATED:
        for fold in ("", "\r\n "):
            repeated = piece * (60_000 // len(piece))
            read_or_none(octets_of(start + fold.join([repeated] * (4 if fold else 1))))
    assert time.perf_counter() - began < BOUND_SECONDS


@pytest.mark.parametrize(
    "piece",
    [
        b"--b\r\n",
        b"--b--\r\n",
        b"--bb\r\n",
        b"\r\n--",
        b"--b\r\nContent-Type: message/rfc822\r\n\r\n",
        b"-",
        b"\r\n",
        b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n",
        b"-----BEGIN PGP MESSAGE-----\r\n",
    ],
)
def test_no_repeated_line_in_a_body_takes_more_than_linear_time(piece: bytes) -> None:
    began = time.perf_counter()
    body = piece * (2_000_000 // len(piece))
    for line in ("Content-Type: multipart/mixed; boundary=b", "Content-Type: message/rfc822", "A: b"):
        read_or_none(octets_of(line, body=body))
    assert time.perf_counter() - began < BOUND_SECONDS
