"""The payload under the seal, and the way back. Hostile payloads first."""

import hashlib
import re
from base64 import b64encode

import pytest

from rorpost_gateway.errors import SealingFailed
from rorpost_gateway.message import parse_message, without_private_fields
from rorpost_gateway.message.content_type import read_content_type
from rorpost_gateway.pgpmime import RestoreFailed, content_sha256, protect, restore
from tests.peers.messages import RECEIVER, SENDER, USER, added, octets_of, outer

OCTETS = octets_of(f"From: {SENDER}", "Subject: hej", "Content-Type: text/plain; charset=utf-8", "X-Last: x")
PAYLOAD = protect(parse_message(OCTETS), added())
BARE_OCTETS = octets_of(f"From: {SENDER}")
BARE = protect(parse_message(BARE_OCTETS), added())
_RESTORE = re.compile(rb"X-Rorpost-Restore:(?:[^\r]|\r\n )*\r\n")


def restore_field(payload: bytes) -> bytes:
    match = _RESTORE.search(payload)
    assert match
    return match[0]


def with_restore(payload: bytes, **changes: str) -> bytes:
    """The payload with other values in its X-Rorpost-Restore field."""
    field = restore_field(payload).decode("ascii")
    for name, value in changes.items():
        key = name.replace("_", "-")
        field, count = re.subn(rf"{key}=[^;]*?(?=;|\r\n\Z)", f"{key}={value}", field)
        assert count == 1
    return _RESTORE.sub(lambda _: field.encode("ascii"), payload, count=1)


def rehashed(payload: bytes, octets: bytes) -> bytes:
    return with_restore(payload, sha256=hashlib.sha256(octets).hexdigest())


def b64(text: str) -> str:
    return b64encode(text.encode()).decode()


HOSTILE = {
    "nothing": b"",
    "no restore field": OCTETS,
    "only the submitted message of another": BARE_OCTETS,
    "plain text": b"hello\r\n",
    "line feeds for line ends": PAYLOAD.replace(b"\r\n", b"\n"),
    "a changed body": PAYLOAD.replace(b"\r\n\r\nhej", b"\r\n\r\nnej"),
    "a changed subject": PAYLOAD.replace(b"Subject: hej", b"Subject: nej"),
    "something after it": PAYLOAD + b"x",
    "its end cut off": PAYLOAD[:-1],
    "its body cut off": PAYLOAD[: PAYLOAD.index(b"\r\n\r\n")],
    "a field before": b"X-Before: x\r\n" + PAYLOAD,
    "one of our fields before": b"X-Rorpost-Before: x\r\n" + PAYLOAD,
    "a count that is too low": with_restore(PAYLOAD, added="9"),
    "a count that is too high": with_restore(PAYLOAD, added="11"),
    "a count of 0": with_restore(PAYLOAD, added="0"),
    "a count with a zero before": with_restore(PAYLOAD, added="010"),
    "a count beyond reason": with_restore(PAYLOAD, added="9" * 5000),
    "another version": with_restore(PAYLOAD, v="2"),
    "another hash": with_restore(PAYLOAD, sha256="0" * 64),
    "a hash in upper case": with_restore(PAYLOAD, sha256=hashlib.sha256(OCTETS).hexdigest().upper()),
    "no original Content-Type": with_restore(PAYLOAD, content_type="none"),
    "no original Content-Type, and a hash that agrees": rehashed(
        with_restore(PAYLOAD, content_type="none"), PAYLOAD[PAYLOAD.index(b"\r\nFrom: ") + 2 :]
    ),
    "another original Content-Type": with_restore(PAYLOAD, content_type=b64("Content-Type: text/html\r\n")),
    "an original that is no field": with_restore(PAYLOAD, content_type=b64("\r\n\r\nbody")),
    "an original that is another field": with_restore(PAYLOAD, content_type=b64("Subject: x\r\n")),
    "an original of two fields": with_restore(
        PAYLOAD, content_type=b64("Content-Type: text/plain; charset=utf-8\r\nBcc: a@x.se\r\n")
    ),
    "an original that is 8-bit": with_restore(PAYLOAD, content_type=b64("Content-Type: å/b\r\n")),
    "an original that cannot be read": with_restore(PAYLOAD, content_type=b64('Content-Type: a/b; "\r\n')),
    "no base64": with_restore(PAYLOAD, content_type="A"),
    "base64 with octets after it": with_restore(PAYLOAD, content_type="QQ==QQ=="),
    "base64 with odd last bits": with_restore(
        PAYLOAD, content_type=b64("Content-Type: text/plain; charset=utf-8\r\n").replace("DQo=", "DQp=")
    ),
    "an original where none was": with_restore(BARE, content_type=b64("Content-Type: text/plain\r\n")),
    "two Content-Types": rehashed(
        PAYLOAD.replace(b"X-Last: x", b"Content-Type: a/b"),
        OCTETS.replace(b"X-Last: x", b"Content-Type: a/b"),
    ),
    "a submitted Content-Type beside the added one": rehashed(
        BARE.replace(b"\r\nFrom: ", b"\r\nContent-Type: text/html\r\nFrom: ", 1),
        b"Content-Type: text/html\r\n" + BARE_OCTETS,
    ),
    "a message that cannot be read": rehashed(PAYLOAD + b"\n", OCTETS + b"\n"),
    "an added field of another name": PAYLOAD.replace(b"X-Rorpost-Channel", b"X-Other-Channel", 1),
    "an added field twice": PAYLOAD.replace(b"X-Rorpost-Channel", b"X-Rorpost-Salt", 1),
    "a Bcc among the added": PAYLOAD.replace(b"X-Rorpost-Channel: ", b"Bcc: a@x.se, ", 1),
    "HP-Outer without a name": PAYLOAD.replace(b"HP-Outer: From: ", b"HP-Outer: ", 1),
    "HP-Outer twice": PAYLOAD.replace(b"HP-Outer: To: ", b"HP-Outer: From: ", 1),
    "a thousand added fields": b"X-Rorpost-A: b\r\n" * 1000 + PAYLOAD,
    "a huge header": b"X-Rorpost-A: " + b"b" * 900_000 + b"\r\n" + PAYLOAD,
}


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
def test_a_payload_that_is_off_is_refused_by_name(payload: bytes) -> None:
    with pytest.raises(RestoreFailed) as failure:
        restore(payload)
    assert "hej" not in failure.value.public + failure.value.private


def test_the_untouched_payloads_are_restored() -> None:
    assert restore(PAYLOAD).octets == OCTETS
    assert restore(BARE).octets == BARE_OCTETS


def test_the_payload_to_the_letter() -> None:
    message = parse_message(OCTETS)
    assert protect(message, added()).decode("ascii").split("\r\n") == [
        f"X-Rorpost-Sending-User: {USER}",
        "X-Rorpost-Channel: hemsjukvarden-brinken",
        "X-Rorpost-Queue-Id: 4fX2k0ABCDEF",
        "X-Rorpost-Salt: 000102030405060708090a0b0c0d0e0f",
        "Date: Wed, 06 May 2026 08:00:00 +0200",
        "MIME-Version: 1.0",
        f"HP-Outer: From: {SENDER}",
        f"HP-Outer: To: {RECEIVER}",
        "HP-Outer: Date: Wed, 06 May 2026 08:00:00 +0200",
        "HP-Outer: Subject: [...]",
        "HP-Outer: Message-ID: <0123456789abcdef0123456789abcdef@motala.se>",
        "X-Rorpost-Restore: v=1; added=12; content-type=",
        " Q29udGVudC1UeXBlOiB0ZXh0L3BsYWluOyBjaGFyc2V0PXV0Zi04DQo=;",
        f" sha256={hashlib.sha256(OCTETS).hexdigest()}",
        f"From: {SENDER}",
        "Subject: hej",
        "Content-Type: text/plain; charset=utf-8;",
        ' hp="cipher"; protected-headers="v1"',
        "X-Last: x",
        "",
        "hej",
        "",
    ]


def test_what_a_message_has_is_not_added() -> None:
    lines = ("Date: Wed, 06 May 2026 09:00:00 +0200", "MIME-Version: 1.0", "Content-Type: text/html")
    read = restore(protect(parse_message(octets_of(*lines)), added(sending_user=None)))
    assert not {"date", "mime-version", "content-type", "x-rorpost-sending-user"} & set(read.added)


def test_what_was_added_is_read_back() -> None:
    read = restore(protect(parse_message(BARE_OCTETS), added(channel="hemsjukvården =?x?Q?a?=")))
    assert read.added["x-rorpost-sending-user"] == USER
    assert read.added["x-rorpost-channel"] == "hemsjukvården =?x?Q?a?="
    assert read.added["x-rorpost-queue-id"] == "4fX2k0ABCDEF"
    assert read.added["x-rorpost-salt"] == bytes(range(16)).hex()
    assert read.outside == {
        "from": SENDER,
        "to": RECEIVER,
        "date": "Wed, 06 May 2026 08:00:00 +0200",
        "subject": "[...]",
        "message-id": "<0123456789abcdef0123456789abcdef@motala.se>",
    }
    assert read.sha256 == hashlib.sha256(BARE_OCTETS).hexdigest()


@pytest.mark.parametrize(
    "lines",
    [
        ("X-Rorpost-Restore: v=1; added=1; content-type=none; sha256=" + "0" * 64,),
        ("X-Rorpost-Sending-User: eve@x.se", "X-Rorpost-Salt: 00", "HP-Outer: Subject: x"),
        ("Subject: X-Rorpost-Restore: v=1; added=1; content-type=none; sha256=" + "0" * 64,),
    ],
)
def test_nothing_in_the_message_steers_its_restoring(lines: tuple[str, ...]) -> None:
    octets = octets_of(*lines)
    read = restore(protect(parse_message(octets), added()))
    assert read.octets == octets
    assert read.added["x-rorpost-sending-user"] == USER
    assert read.outside["subject"] == "[...]"


@pytest.mark.parametrize(
    "value",
    [
        "text/plain",
        "text/plain;",
        "text/plain; ",
        'text/plain; hp="clear"',
        'text/plain; HP=clear; charset=utf-8; Protected-Headers="v1"',
        'text/plain;\r\n hp="clear"\r\n ; charset=utf-8',
        'text/plain\r\n ; hp="clear"',
        "text/plain; hp*=utf-8''clear; charset=utf-8",
        'text/plain; x="; hp=clear"; charset=utf-8 (; hp=clear)',
        "(a (b)) text (;) / plain ; charset (=) = (;) utf-8 (hp=x)",
        'multipart/signed; protocol="a/b"; micalg=pgp-sha512; boundary="--=_x y"',
    ],
)
def test_the_protection_parameters_replace_any_of_the_clients(value: str) -> None:
    octets = octets_of(f"content-TYPE: {value}")
    payload = protect(parse_message(octets), added())
    assert restore(payload).octets == octets
    submitted = payload[payload.index(b"content-TYPE") :]
    read = parse_message(submitted)
    (field,) = read.named("content-type")
    theirs = dict(read_content_type(value).parameters)
    ours = dict(read_content_type(field.value).parameters)
    assert (ours.pop("hp"), ours.pop("protected-headers")) == ("cipher", "v1")
    assert ours == {name: text for name, text in theirs.items() if not name.startswith(("hp", "protected"))}


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        ((), None),
        ((), b""),
        (("Subject: x",), None),
        (("Content-Type: text/plain",), None),
        (("Content-Type: text/plain",), b""),
    ],
)
def test_every_way_to_end_a_header(lines: tuple[str, ...], body: bytes | None) -> None:
    for octets in (octets_of(*lines, body=body), octets_of(*lines, body=body).removesuffix(b"\r\n")):
        assert restore(protect(parse_message(octets), added())).octets == octets


def test_a_very_long_content_type_is_folded() -> None:
    octets = octets_of("Content-Type: text/plain; x=" + "y" * 60_000, *[f"X-A: {'z' * 60_000}"] * 3)
    payload = protect(parse_message(octets), added())
    assert max(len(line) for line in restore_field(payload).split(b"\r\n")) <= 998
    assert restore(payload).octets == octets


def test_private_fields_are_gone_before_and_the_rest_comes_back() -> None:
    octets = octets_of(f"From: {SENDER}", "X-Rorpost-Verified: yes", f"X-Rorpost-Sending-User: {USER}")
    message = without_private_fields(parse_message(octets), ["x-rorpost-sending-user"])
    assert restore(protect(message, added())).octets == octets_of(
        f"From: {SENDER}", f"X-Rorpost-Sending-User: {USER}"
    )


def test_the_content_hash_is_of_salt_and_message() -> None:
    message = parse_message(OCTETS)
    assert content_sha256(bytes(16), message) == hashlib.sha256(bytes(16) + OCTETS).hexdigest()


@pytest.mark.parametrize(
    "changes",
    [
        {"salt": b""},
        {"salt": bytes(17)},
        {"sending_user": "anna\r\nBcc: eve@x.se"},
        {"sending_user": "anna@x.se, eve@x.se"},
        {"sending_user": "Anna <anna@x.se>"},
    ],
)
def test_what_cannot_be_said_under_the_seal_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(SealingFailed):
        added(**changes)


def test_a_channel_name_injects_no_field() -> None:
    read = restore(protect(parse_message(OCTETS), added(channel="x\r\nX-Rorpost-Sending-User: eve@x.se")))
    assert read.added["x-rorpost-sending-user"] == USER


def test_hp_outer_says_what_stands_outside_for_each_copy() -> None:
    message = parse_message(OCTETS)
    one = restore(protect(message, added()))
    two = restore(protect(message, added(outer=outer(recipient="rorpost.vclyckorna@x.se"))))
    assert one.outside["to"] == RECEIVER
    assert two.outside["to"] == "rorpost.vclyckorna@x.se"
    assert one.octets == two.octets
