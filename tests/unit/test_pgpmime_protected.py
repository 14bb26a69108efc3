"""What counts of an opened payload, and whether it agrees with the outside. Hostile payloads first."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.errors import MessageMalformed, MessageTooComplex
from rorpost_gateway.message import parse_message
from rorpost_gateway.pgpmime import (
    Protected,
    RestoreFailed,
    Scheme,
    compare_outer,
    protect,
    read_payload,
)
from tests.peers.messages import CORPUS, RECEIVER, SENDER, USER, added, octets_of
from tests.peers.partners import names, outside_facts, shape

UNREADABLE_WHEN_SIGNED = {
    "bare_cr",
    "eight_bit_field",
    "hp_twice",
    "mixed_line_ends",
    "no_entity",
    "space_before_colon",
    "two_content_types",
}
# Where the detached signature is all there is, multipart/signed must be exactly that.
UNREADABLE_WHEN_SIGNED_INSIDE = {
    "signature_first",
    "signature_in_broken_base64",
    "signature_of_another_type",
    "signature_that_is_none",
    "signature_too_large",
    "signed_alone",
    "signed_by_two",
    "signed_with_a_third_part",
}
BROKEN = {"restore_that_is_broken", "restore_far_down"}
DISAGREES = {
    "another_author": Reason.AUTHOR_MISMATCH,
    "another_author_undeclared": Reason.AUTHOR_MISMATCH,
    "another_date": Reason.HEADERS_NOT_PROTECTED,
    "another_recipient": Reason.HIDDEN_RECIPIENT,
    "hp_outer_a_copy": Reason.HEADERS_NOT_PROTECTED,
    "hp_outer_another_author": Reason.HEADERS_NOT_PROTECTED,
    "hp_outer_another_date": Reason.HEADERS_NOT_PROTECTED,
    "hp_outer_another_message_id": Reason.HEADERS_NOT_PROTECTED,
    "hp_outer_another_recipient": Reason.HEADERS_NOT_PROTECTED,
    "hp_outer_twice": Reason.HEADERS_NOT_PROTECTED,
    "hp_outer_unreadable": Reason.HEADERS_NOT_PROTECTED,
    "two_authors": Reason.AUTHOR_MISMATCH,
    "two_from_fields": Reason.AUTHOR_MISMATCH,
}


def agreement(protected: Protected, **outside: str) -> Reason | None:
    return compare_outer(outside_facts(**outside), protected, reverse_path=SENDER, recipient=RECEIVER)


def test_every_hostile_payload_has_its_expectation() -> None:
    expected = UNREADABLE_WHEN_SIGNED | UNREADABLE_WHEN_SIGNED_INSIDE | BROKEN | set(DISAGREES)
    assert set(names("hostile_inside")) == expected


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("name", sorted(UNREADABLE_WHEN_SIGNED))
def test_a_payload_that_has_two_readings_is_refused(name: str, *, signed: bool) -> None:
    with pytest.raises(MessageMalformed) as refusal:
        read_payload(shape("hostile_inside", name), signed=signed)
    assert not refusal.value.close


@pytest.mark.parametrize("name", sorted(UNREADABLE_WHEN_SIGNED_INSIDE))
def test_a_signed_part_that_is_not_exactly_one_is_refused(name: str) -> None:
    with pytest.raises(MessageMalformed):
        read_payload(shape("hostile_inside", name), signed=False)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_payload_that_claims_to_be_ours_must_be_restorable(name: str, *, signed: bool) -> None:
    with pytest.raises(RestoreFailed):
        read_payload(shape("hostile_inside", name), signed=signed)


@pytest.mark.parametrize(("name", "reason"), DISAGREES.items())
def test_what_disagrees_with_the_outside_is_named(name: str, reason: Reason) -> None:
    assert agreement(read_payload(shape("hostile_inside", name), signed=True)) is reason


@dataclass(frozen=True, kw_only=True)
class Expected:
    scheme: Scheme = Scheme.LEGACY
    protected: bool = False
    line_feeds: bool = False
    legacy_display: bool = False
    subject: str = ""
    fields_said: tuple[str, ...] = ()


ALL = ("date", "from", "to")
EXPECTED = {
    "apple_mail_signed_inside": Expected(scheme=Scheme.NONE, line_feeds=True),
    "body_only": Expected(scheme=Scheme.NONE),
    "delta_chat": Expected(
        scheme=Scheme.HP_CIPHER, protected=True, subject="Message from Hemsjukvarden", fields_said=ALL
    ),
    "enigmail_legacy_display": Expected(
        protected=True, subject="Hemtagning", legacy_display=True, fields_said=ALL
    ),
    "gateway_without_declaration": Expected(scheme=Scheme.NONE, subject="Hemtagning", fields_said=ALL),
    "k9_protected_subject": Expected(subject="Hemtagning"),
    "k9_unprotected": Expected(scheme=Scheme.NONE),
    "mutt_protected_subject": Expected(subject="Hemtagning", line_feeds=True),
    "mutt_signed_inside": Expected(subject="Hemtagning", line_feeds=True),
    "mutt_unprotected": Expected(scheme=Scheme.NONE, line_feeds=True),
    "rfc_9788_cipher": Expected(
        scheme=Scheme.HP_CIPHER, protected=True, subject="Hemtagning", legacy_display=True, fields_said=ALL
    ),
    "rfc_9788_clear": Expected(
        scheme=Scheme.HP_CLEAR, protected=True, subject="Hemtagning", fields_said=("cc", "date", "from")
    ),
    "schleuder": Expected(protected=True, subject="Hemtagning", fields_said=ALL),
    "schleuder_unprotected": Expected(scheme=Scheme.NONE, line_feeds=True),
    "signed_inside_protected": Expected(
        scheme=Scheme.HP_CIPHER, protected=True, subject="Hemtagning", fields_said=ALL
    ),
    "thunderbird_protected": Expected(protected=True, subject="Hemgång i dag", fields_said=("from", "to")),
    "thunderbird_unprotected": Expected(scheme=Scheme.NONE),
}
SIGNED_INSIDE = {"apple_mail_signed_inside", "mutt_signed_inside", "signed_inside_protected"}


@pytest.mark.parametrize("name", names("inside"))
def test_what_partners_seal_is_read(name: str) -> None:
    read = read_payload(shape("inside", name), signed=name not in SIGNED_INSIDE)
    said = tuple(sorted({"from", "to", "cc", "date"} & set(read.facts.fields)))
    found = Expected(
        scheme=read.scheme,
        protected=read.protected,
        line_feeds=read.line_feeds,
        legacy_display=read.legacy_display,
        subject=read.facts.subject,
        fields_said=said,
    )
    assert found == EXPECTED[name]
    assert (read.signed_inside is not None) == (name in SIGNED_INSIDE)
    assert not read.added
    assert read.restored is None
    assert agreement(read) is None


@pytest.mark.parametrize("name", sorted(SIGNED_INSIDE))
def test_the_signed_octets_are_the_first_part_with_crlf(name: str) -> None:
    read = read_payload(shape("inside", name), signed=False)
    assert read.signed_inside
    octets = shape("inside", name).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    first = octets.split(b"\r\n--")[1]
    assert read.signed_inside.signed == first[first.index(b"\r\n") + 2 :]
    assert read.entity.octets == read.signed_inside.signed
    assert read.signed_inside.signature.startswith(b"-----BEGIN PGP SIGNATURE-----\r\n\r\niHUEAB")
    assert read.signed_inside.signature.endswith(b"\r\n=abcd\r\n-----END PGP SIGNATURE-----\r\n")


def test_under_a_signature_of_the_whole_the_declaring_entity_counts() -> None:
    """The OpenPGP message was signed and its payload is multipart/signed all the same."""
    root = read_payload(shape("inside", "apple_mail_signed_inside"), signed=True)
    assert root.entity.content_type
    assert root.entity.content_type.kind == "multipart/signed"
    assert root.signed_inside is None
    part = read_payload(shape("inside", "signed_inside_protected"), signed=True)
    assert part.facts.subject == "Hemtagning"
    assert part.signed_inside is None


def test_without_a_signature_of_the_whole_its_declaration_counts_for_nothing() -> None:
    payload = shape("inside", "signed_inside_protected").replace(b"sha512;", b'sha512; hp="cipher";', 1)
    read = read_payload(payload, signed=False)
    assert read.signed_inside
    assert read.facts.subject == "Hemtagning"
    assert read_payload(payload, signed=True).facts.subject == "nobody signed this"


def test_without_any_signature_nothing_inside_is_found_to_verify() -> None:
    read = read_payload(shape("inside", "rfc_9788_cipher"), signed=False)
    assert read.signed_inside is None


@pytest.mark.parametrize("line_feeds", [False, True])
@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_our_own_payloads_are_restored(path: Path, *, line_feeds: bool) -> None:
    message = parse_message(path.read_bytes())
    payload = protect(message, added())
    read = read_payload(payload.replace(b"\r\n", b"\n") if line_feeds else payload, signed=True)
    assert read.restored
    assert read.entity.octets == message.octets
    assert read.line_feeds == line_feeds
    assert read.protected
    assert read.scheme is Scheme.HP_CIPHER
    assert read.added["x-rorpost-channel"] == "hemsjukvarden-brinken"
    assert read.outside["to"] == (RECEIVER,)


def test_the_added_sending_user_counts_and_not_the_submitted_one() -> None:
    octets = octets_of(f"From: {SENDER}", f"To: {RECEIVER}", "X-Rorpost-Sending-User: eva.ek@motala.se")
    read = read_payload(protect(parse_message(octets), added()), signed=True)
    assert read.facts.fields["x-rorpost-sending-user"] == (USER,)
    assert read.facts.date == datetime(2026, 5, 6, 6, tzinfo=UTC)
    assert agreement(read) is None


def test_ours_agrees_and_each_change_outside_is_seen() -> None:
    octets = octets_of(f"From: {SENDER}", f"To: {RECEIVER}")
    read = read_payload(protect(parse_message(octets), added()), signed=True)
    assert agreement(read) is None
    assert agreement(read, Subject="[EXTERN] [...]", To=f"Brinken <{RECEIVER.upper()}>") is None
    assert agreement(read, Date="Wed, 6 May 2026 06:00:00 GMT") is None
    assert agreement(read, From=f"{SENDER}, a@x.se") is Reason.AUTHOR_MISMATCH
    assert agreement(read, From="a@x.se", Sender=SENDER) is Reason.AUTHOR_MISMATCH
    assert agreement(read, From="") is Reason.AUTHOR_MISMATCH
    for change in (
        {"To": "a@x.se"},
        {"To": ""},
        {"Cc": "a@x.se"},
        {"Date": "Wed, 6 May 2026 06:00:01 GMT"},
        {"Date": ""},
        {"Message_ID": "<another@motala.se>"},
        {"Message_ID": ""},
    ):
        assert agreement(read, **change) is Reason.HEADERS_NOT_PROTECTED


def test_the_reverse_path_is_the_author_in_any_case() -> None:
    read = read_payload(shape("inside", "rfc_9788_clear"), signed=True)

    def reason(reverse_path: str, recipient: str) -> Reason | None:
        return compare_outer(outside_facts(), read, reverse_path=reverse_path, recipient=recipient)

    assert reason(SENDER.upper(), RECEIVER.upper()) is None
    assert reason("", RECEIVER) is Reason.AUTHOR_MISMATCH
    assert reason("rorpost.bistand@motala.se", RECEIVER) is Reason.AUTHOR_MISMATCH
    assert reason(SENDER, "rorpost.vclyckorna@regionostergotland.se") is Reason.HIDDEN_RECIPIENT


def test_unprotected_recipients_are_those_outside() -> None:
    read = read_payload(shape("inside", "mutt_unprotected"), signed=True)
    assert agreement(read) is None
    assert agreement(read, To="a@x.se") is Reason.HIDDEN_RECIPIENT
    assert agreement(read, To="a@x.se", Cc=RECEIVER) is None


@pytest.mark.parametrize(
    "lines",
    [
        (f"To: {RECEIVER}", "Date: Wed, 06 May 2026 08:00:00 +0200"),
        (f"From: {SENDER}", "Date: Wed, 06 May 2026 08:00:00 +0200"),
        (f"From: {SENDER}", f"To: {RECEIVER}"),
        (),
    ],
)
def test_a_declaration_over_too_little_protects_nothing(lines: tuple[str, ...]) -> None:
    payload = octets_of('Content-Type: text/plain; hp="cipher"', *lines)
    assert not read_payload(payload, signed=True).protected


@pytest.mark.parametrize(
    "parameters", ['hp="none"', 'protected-headers="v2"', "hp=", "x-hp=cipher", "hp*=cipher"]
)
def test_other_declarations_are_none(parameters: str) -> None:
    payload = octets_of(
        f"Content-Type: text/plain; {parameters}".removesuffix("; hp="),
        f"From: {SENDER}",
        f"To: {RECEIVER}",
        "Date: Wed, 06 May 2026 08:00:00 +0200",
    )
    read = read_payload(payload, signed=True)
    assert (read.scheme, read.protected) == (Scheme.NONE, False)


def test_an_unreadable_added_date_is_refused() -> None:
    payload = protect(parse_message(octets_of(f"From: {SENDER}")), added())
    with pytest.raises(MessageMalformed):
        read_payload(payload.replace(b"\r\nDate: Wed, 06 May", b"\r\nDate: Wed, 36 May", 1), signed=True)


def test_an_opened_message_is_bounded_like_any_other() -> None:
    body = b"--m\r\n\r\nhej\r\n" * 10_000
    octets = octets_of("Content-Type: multipart/mixed; boundary=m", body=body)
    for payload in (octets, protect(parse_message(octets), added())):
        with pytest.raises(MessageTooComplex):
            read_payload(payload, signed=True)
    signed = octets.replace(b"multipart/mixed;", b'multipart/signed; protocol="application/pgp-signature";')
    with pytest.raises(MessageTooComplex):
        read_payload(signed, signed=False)


def test_what_a_replay_guard_hashes_is_what_was_signed_and_no_more() -> None:
    whole = shape("inside", "rfc_9788_cipher")
    as_text = read_payload(whole.replace(b"\r\n", b"\n"), signed=True)
    assert read_payload(whole, signed=True).covered == as_text.covered == whole
    inside = shape("inside", "signed_inside_protected")
    changed = inside.replace(b"Nobody signed this either.", b"x").replace(b"Nor this.", b"y")
    one, other = (read_payload(each, signed=False) for each in (inside, changed))
    assert inside != changed
    assert one.covered == other.covered
    assert one.signed_inside
    assert one.covered == one.signed_inside.signed
    ours = protect(parse_message(octets_of(f"From: {SENDER}")), added())
    assert read_payload(ours, signed=True).covered == ours
