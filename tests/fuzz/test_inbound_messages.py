"""Any octets at all, as a message that arrives or as what was under its seal: named errors, bounded time."""

import time
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorpost_gateway.address import parse_address
from rorpost_gateway.errors import MessageMalformed, MessageTooComplex
from rorpost_gateway.message import parse_message
from rorpost_gateway.message.address_list import read_addresses
from rorpost_gateway.pgpmime import (
    CopyFailed,
    NotSealed,
    RestoreFailed,
    Verification,
    compare_outer,
    find_sealed,
    make_copy,
    protect,
    read_payload,
)
from tests.peers.messages import CORPUS, RECEIVER, SENDER, USER, added, octets_of
from tests.peers.partners import ARMOUR, arrived, names, outside_facts, shape

FUZZ = settings(max_examples=200, deadline=None, derandomize=True, database=None)
BOUND_SECONDS = 5  # generous for a busy machine; quadratic time on these sizes is minutes
NAMED = (MessageMalformed, MessageTooComplex)
VERIFICATION = Verification(
    channel="c", sending_user=USER, signed_by="0" * 40, decision_id="01970000-0000-7000-8000-000000000000"
)
OUTSIDE = [
    arrived(folder, name).octets for folder in ("outside", "hostile_outside") for name in names(folder)
]
INSIDE = [shape(folder, name) for folder in ("inside", "hostile_inside") for name in names(folder)]
INSIDE += [protect(parse_message(path.read_bytes()), added()) for path in CORPUS]
PIECES = st.sampled_from(
    [
        b"Content-Type: multipart/encrypted; boundary=b\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n",
        b'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=b\r\n',
        b"Content-Type: application/pgp-encrypted\r\n",
        b"Content-Type: application/octet-stream; name=encrypted.asc\r\n",
        b"Content-Type: application/pgp-signature\r\n",
        b'Content-Type: text/plain; hp="cipher"; protected-headers="v1"\r\n',
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Transfer-Encoding: quoted-printable\r\n",
        b"HP-Outer: From: a@x.se\r\n",
        b"X-Rorpost-Restore: v=1; added=1; content-type=none; sha256=" + b"0" * 64 + b"\r\n",
        b"X-Rorpost-Verified: yes\r\n",
        b"From: rorpost.hemsjukvarden@motala.se\r\n",
        b"To: rorpost.vcbrinken@regionostergotland.se\r\n",
        b"Date: Wed, 06 May 2026 08:00:00 +0200\r\n",
        b"Version: 1\r\n",
        b"\r\n",
        b"\n",
        b"--b\r\n",
        b"--b--\r\n",
        b"VmVyc2lvbjogMQ==\r\n",
        b"-----BEGIN PGP SIGNATURE-----\r\n\r\nAAAA\r\n-----END PGP SIGNATURE-----\r\n",
        ARMOUR,
        b"hej",
        b"\x84\xe5",
    ]
)
ALMOST = st.lists(PIECES, max_size=16).map(b"".join)


@st.composite
def damaged(draw: st.DrawFn, whole: st.SearchStrategy[bytes]) -> bytes:
    """Octets with a few cut out, put in, changed, or moved elsewhere."""
    octets = draw(whole)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(octets)))
        end = min(len(octets), start + draw(st.integers(0, 40)))
        into = draw(st.one_of(st.binary(max_size=8), PIECES, st.just(octets[start:end] * 2)))
        octets = octets[:start] + into + octets[end:]
    return octets


@FUZZ
@given(st.one_of(st.binary(max_size=300), ALMOST, damaged(st.sampled_from(OUTSIDE))))
def test_any_message_is_found_sealed_or_refused_by_name(octets: bytes) -> None:
    try:
        found = find_sealed(parse_message(octets))
    except (*NAMED, NotSealed):
        return
    assert found.armoured.startswith(b"-----BEGIN PGP MESSAGE-----\r\n\r\n")
    assert found.armoured.endswith(b"\r\n-----END PGP MESSAGE-----\r\n")
    assert found.armoured.count(b"-----BEGIN") == 1
    # What was found is found again in the plainest form.
    assert find_sealed(arrived("outside", "this_gateway", found.armoured)).armoured == found.armoured


@FUZZ
@given(
    st.one_of(st.binary(max_size=300), ALMOST, damaged(st.sampled_from(INSIDE))),
    st.booleans(),
    st.sampled_from([None, "Anna Berg, Hemsjukvården"]),
)
def test_any_payload_is_read_and_delivered_or_refused_by_name(
    payload: bytes, signed: bool, show: str | None
) -> None:
    try:
        read = read_payload(payload, signed=signed)
    except (*NAMED, RestoreFailed):
        return
    compare_outer(outside_facts(), read, reverse_path=SENDER, recipient=RECEIVER)
    try:
        copy = make_copy(
            read,
            VERIFICATION,
            show=show,
            outer=arrived("outside", "mutt"),
            signed_at=datetime(2026, 5, 6, tzinfo=UTC),
        )
    except CopyFailed:
        return
    fields = parse_message(copy).fields
    assert [field.name for field in fields].index("x-rorpost-verified") == 0
    assert sum(field.name == "x-rorpost-verified" for field in fields) == 1
    assert copy.endswith(read.entity.octets[read.entity.header_end :])


@FUZZ
@given(st.text(max_size=200))
def test_no_name_changes_who_the_author_is(name: str) -> None:
    read = read_payload(octets_of(f"From: {SENDER}", "Subject: hej"), signed=True)
    with suppress(CopyFailed):
        message = parse_message(make_copy(read, VERIFICATION, show=name))
        assert [field.name for field in message.fields] == [
            "x-rorpost-verified",
            "mime-version",
            "from",
            "subject",
        ]
        assert read_addresses(message.named("from")[0].value) == (SENDER,)


@FUZZ
@given(st.text(min_size=1, max_size=100), st.text(max_size=20))
def test_no_channel_and_no_user_adds_a_value(channel: str, user: str) -> None:
    local = "".join(each for each in user if " " <= each <= "~" and each not in '"\\')
    sending_user = parse_address(f'"{local}"@x.se')
    verification = Verification(
        channel=channel, sending_user=sending_user, signed_by="0" * 40, decision_id="0"
    )
    read = read_payload(octets_of("Subject: hej"), signed=True)
    values = parse_message(make_copy(read, verification)).fields[0].value.split("; ")
    names_of = [value.partition("=")[0] for value in values]
    assert names_of == ["partly", "channel", "sending-user", "signed-by", "decision"]


REPEATED = [
    b"-----BEGIN PGP MESSAGE-----\r\n",
    b"-----END PGP MESSAGE-----\r\n",
    b"Version: 1\r\n",
    b"A: b\r\n",
    b"\r\n",
    b" \r\n",
    b"AAAA\r\n",
    b"=\r\n",
    b"=3D",
    b"<",
    b"<a>",
    b"&nbsp;",
    b"\xc2\xa0",
    b"a",
    b"--e\r\n",
    b"--e\r\nContent-Type: application/octet-stream; name=encrypted.asc\r\n\r\nhej\r\n",
    b"--e\r\nContent-Type: text/html\r\n\r\n<\r\n",
    b"--e\r\nContent-Type: multipart/mixed; boundary=e\r\n\r\n",
]


@pytest.mark.parametrize("encoding", ["7bit", "base64", "quoted-printable"])
def test_no_repeated_piece_outside_takes_more_than_linear_time(encoding: str) -> None:
    began = time.perf_counter()
    start = "--e\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--e\r\nContent-Type: %s\r\n"
    for piece in REPEATED:
        filler = piece * (500_000 // len(piece))
        for kind in ("application/octet-stream", "text/plain"):
            head = (start % kind + f"Content-Transfer-Encoding: {encoding}\r\n\r\n").encode("ascii")
            for body in (head + filler, head + ARMOUR[:60] + filler + ARMOUR[-40:], filler):
                with suppress(*NAMED, NotSealed):
                    find_sealed(
                        parse_message(octets_of("Content-Type: multipart/encrypted; boundary=e", body=body))
                    )
    assert time.perf_counter() - began < 4 * BOUND_SECONDS


@pytest.mark.parametrize("piece", REPEATED)
def test_no_repeated_piece_inside_takes_more_than_linear_time(piece: bytes) -> None:
    began = time.perf_counter()
    filler = piece * (1_000_000 // len(piece))
    kind = 'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=e'
    signature = b"--e\r\nContent-Type: application/pgp-signature\r\n\r\n-----BEGIN PGP SIGNATURE-----\r\n"
    for body in (filler, b"--e\r\n\r\nhej\r\n" + signature + filler, b"--e\r\n" + filler + signature):
        for payload in (octets_of(kind, body=body), octets_of(kind, body=body).replace(b"\r\n", b"\n")):
            for signed in (True, False):
                with suppress(*NAMED, RestoreFailed):
                    read_payload(payload, signed=signed)
    assert time.perf_counter() - began < BOUND_SECONDS
