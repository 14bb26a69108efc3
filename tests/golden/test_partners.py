"""Messages of partners: sealed by the real gpg, mangled on the way, found, opened, read, delivered.

partners/inside are payloads, partners/outside what arrives around them, partners/copies what
the reader gets of each payload: octet by octet.
"""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rorpost_gateway.message import parse_message, read_facts
from rorpost_gateway.openpgp.armour import remove_armour
from rorpost_gateway.pgpmime import (
    Verification,
    compare_outer,
    find_sealed,
    make_copy,
    protect,
    read_payload,
    wrap,
)
from tests.peers.gnupg_home import PreparedKeys, gpg, open_with_gpg
from tests.peers.messages import CORPUS, HOSTNAME, RECEIVER, SENDER, USER, added, outer
from tests.peers.partners import FOLDER, arrived, names, shape

VERIFICATION = Verification(
    channel="hemsjukvarden-brinken",
    sending_user=USER,
    signed_by="0123456789ABCDEF0123456789ABCDEF01234567",
    decision_id="01970000-0000-7000-8000-000000000000",
)
SIGNED_AT = datetime(2026, 5, 6, 6, 0, 3, tzinfo=UTC)
SIGNED_INSIDE = {"apple_mail_signed_inside", "mutt_signed_inside", "signed_inside_protected"}
_SIGNATURE = re.compile(rb"-----BEGIN PGP SIGNATURE-----.*?-----END PGP SIGNATURE-----\r?\n", re.DOTALL)


def seal(keys: PreparedKeys, payload: bytes, *, sign: bool = True, text: bool = False) -> bytes:
    """The armoured block with CRLF. `text`: as clients do that sign and seal text, not octets."""
    options = ["--encrypt", "--armor", "--recipient", keys.receiver, "--local-user", keys.sender]
    options += ["--sign"] * sign + ["--textmode"] * text
    return gpg(keys.sender_home, *options, stdin=payload).replace(b"\n", b"\r\n")


def signed_for_real(keys: PreparedKeys, payload: bytes) -> bytes:
    """The payload with a signature by the sender's key where the shape has a made-up one."""
    read = read_payload(payload, signed=False)
    assert read.signed_inside
    made = gpg(
        keys.sender_home, "-u", keys.sender, "--armor", "--detach-sign", stdin=read.signed_inside.signed
    )
    if b"quoted-printable\r\n\r\n-----BEGIN" in payload:
        made = with_crlf(made.replace(b"=", b"=3D"))
    return _SIGNATURE.sub(lambda _: made, payload)


def with_crlf(octets: bytes) -> bytes:
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


@pytest.mark.parametrize("name", names("inside"))
def test_the_readers_copy_octet_by_octet(name: str) -> None:
    read = read_payload(shape("inside", name), signed=name not in SIGNED_INSIDE)
    outside = arrived("outside", "thunderbird")
    copy = make_copy(read, VERIFICATION, outer=outside, signed_at=SIGNED_AT, show="Anna Berg, Hemsjukvården")
    assert copy == (FOLDER / "copies" / f"{name}.eml").read_bytes()
    facts = read_facts(parse_message(copy), hostname=HOSTNAME)
    assert (facts.authors, facts.date is not None) == ((SENDER,), True)
    assert RECEIVER in facts.to + facts.cc


@pytest.mark.parametrize("name", names("outside"))
def test_whatever_was_made_of_it_on_the_way_it_opens(name: str, prepared_keys: PreparedKeys) -> None:
    payload = shape("inside", "rfc_9788_cipher")
    message = arrived("outside", name, seal(prepared_keys, payload))
    opened = open_with_gpg(prepared_keys.receiver_home, remove_armour(find_sealed(message).armoured))
    assert opened == payload
    facts = read_facts(message, hostname=HOSTNAME)
    read = read_payload(opened, signed=True)
    assert compare_outer(facts, read, reverse_path=SENDER, recipient=RECEIVER) is None


@pytest.mark.parametrize("name", sorted(set(names("inside")) - SIGNED_INSIDE))
def test_sealed_as_text_and_opened_it_reads_the_same(name: str, prepared_keys: PreparedKeys) -> None:
    """gpg hands out text with LF, whatever it was signed with."""
    payload = shape("inside", name)
    block = find_sealed(arrived("outside", "exchange", seal(prepared_keys, payload, text=True))).armoured
    read = read_payload(open_with_gpg(prepared_keys.receiver_home, block), signed=True)
    assert read.entity.octets == with_crlf(payload)


@pytest.mark.parametrize("name", sorted(SIGNED_INSIDE))
def test_what_is_signed_inside_verifies(name: str, prepared_keys: PreparedKeys, tmp_path: Path) -> None:
    payload = signed_for_real(prepared_keys, shape("inside", name))
    sealed = arrived("outside", "google_nested", seal(prepared_keys, payload, sign=False))
    opened = gpg(prepared_keys.receiver_home, "--decrypt", stdin=find_sealed(sealed).armoured)
    read = read_payload(opened, signed=False)
    assert read.signed_inside
    signature = tmp_path / "signature.asc"
    signature.write_bytes(read.signed_inside.signature)
    verify = ("--verify", str(signature), "-")
    gpg(prepared_keys.receiver_home, *verify, stdin=read.signed_inside.signed)
    with pytest.raises(RuntimeError):
        gpg(prepared_keys.receiver_home, *verify, stdin=read.signed_inside.signed + b"\r\n")


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_between_two_gateways_only_the_verification_is_new(path: Path, prepared_keys: PreparedKeys) -> None:
    submitted = parse_message(path.read_bytes())
    sealed = wrap(seal(prepared_keys, protect(submitted, added())), outer())
    opened = open_with_gpg(prepared_keys.receiver_home, find_sealed(parse_message(sealed)).armoured)
    copy = make_copy(read_payload(opened, signed=True), VERIFICATION)
    lines, was = copy.split(b"\r\n"), submitted.octets.split(b"\r\n")
    assert [line.partition(b"=")[0] for line in lines[:4]] == [
        b"X-Rorpost-Verified: yes; channel",
        b" sending-user",
        b" signed-by",
        b" decision",
    ]
    forged = [line for line in was if line.lower().startswith(b"x-rorpost-verified")]
    assert lines[4:] == [line for line in was if line not in forged]


def test_every_copy_has_its_payload() -> None:
    assert names("copies") == names("inside")
