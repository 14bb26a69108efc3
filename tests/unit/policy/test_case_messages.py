"""The message of a case: text, HTML, attachments and signature, as they are written and as they are read."""

import email
import email.policy
from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.document import DocumentInvalid
from rorpost_gateway.message import check_structure, parse_message
from rorpost_gateway.policy.cases import load_cases, message_of, run_cases

OUTBOUND = """\
cases:
  - name: n
    from: rorpost.hemsjukvarden@motala.se
    to: rorpost.vcbrinken@regionostergotland.se
    user: anna.berg@motala.se
    want: accept
"""
INBOUND = """\
cases:
  - name: n
    direction: inbound
    from: rorpost.vcbrinken@regionostergotland.se
    to: rorpost.hemsjukvarden@motala.se
    want: WANT
"""


def read(world: Any, folder: Path, text: str) -> Any:
    (folder / "case.yaml").write_text(text, encoding="utf-8")
    (case,) = load_cases([folder / "case.yaml"], world.small())
    return case


def octets_of(world: Any, folder: Path, message: str) -> bytes:
    case = read(world, folder, f"{OUTBOUND}    message: {message}\n")
    return message_of(case, world.small(), at=world.moment())


def parsed(octets: bytes) -> Any:
    check_structure(parse_message(octets))
    return email.message_from_bytes(octets, policy=email.policy.SMTP)


def test_without_anything_said_it_is_a_plain_word(world: Any, tmp_path: Path) -> None:
    octets = octets_of(world, tmp_path, "{subject: s}")
    assert octets.endswith(b"\r\n\r\nText.\r\n")
    assert b"MIME-Version" not in octets


def test_text_is_text(world: Any, tmp_path: Path) -> None:
    message = parsed(octets_of(world, tmp_path, '{text: "Hej\\n> Åke\\n"}'))
    assert message.get_content_type() == "text/plain"
    assert message.get_content().replace("\r\n", "\n") == "Hej\n> Åke\n"


def test_html_alone(world: Any, tmp_path: Path) -> None:
    message = parsed(octets_of(world, tmp_path, '{html: "<p>Hej</p>"}'))
    assert message.get_content_type() == "text/html"
    assert message.get_content().replace("\r\n", "\n") == "<p>Hej</p>\n"


def test_text_and_html_are_alternatives(world: Any, tmp_path: Path) -> None:
    message = parsed(octets_of(world, tmp_path, '{text: Hej, html: "<p>Hej</p>"}'))
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize(
    ("attachment", "kind", "name", "content"),
    [
        (
            "{name: a.pdf, type: application/pdf, content: '%PDF-1.7'}",
            "application/pdf",
            "a.pdf",
            b"%PDF-1.7",
        ),
        ("{name: 'Å b.txt', base64: 'AP8K'}", "application/octet-stream", "Å b.txt", b"\x00\xff\n"),
        ('{name: "a\\"\\\\b", content: x}', "application/octet-stream", 'a"\\b', b"x"),
        ('{name: "a\\u202efdp.exe", content: x}', "application/octet-stream", "a\u202efdp.exe", b"x"),
        ("{type: image/png, octets: 3}", "image/png", None, b"   "),
        ("{octets: 0}", "application/octet-stream", None, b""),
        ("{name: f, file: beside.bin}", "application/octet-stream", "f", b"\x00beside"),
        ("{name: f, file: below/deep.bin}", "application/octet-stream", "f", b"deep"),
    ],
)
def test_an_attachment(
    world: Any, tmp_path: Path, attachment: str, kind: str, name: str | None, content: bytes
) -> None:
    (tmp_path / "beside.bin").write_bytes(b"\x00beside")
    (tmp_path / "below").mkdir()
    (tmp_path / "below/deep.bin").write_bytes(b"deep")
    message = parsed(octets_of(world, tmp_path, f"{{text: Hej, attachments: [{attachment}]}}"))
    assert message.get_content_type() == "multipart/mixed"
    text, attached = message.iter_parts()
    assert text.get_content() == "Hej\r\n"
    assert attached.get_content_disposition() == "attachment"
    assert (attached.get_content_type(), attached.get_filename()) == (kind, name)
    assert attached.get_payload(decode=True) == content


def test_an_attached_message_stays_readable(world: Any, tmp_path: Path) -> None:
    attachment = '{type: message/rfc822, content: "From: a@b.se\\n\\nHej\\n"}'
    octets = octets_of(world, tmp_path, f"{{attachments: [{attachment}]}}")
    assert b"\r\n\r\nFrom: a@b.se\r\n\r\nHej\r\n" in octets


@pytest.mark.parametrize(
    ("message", "finding"),
    [
        ("{attachments: [{name: a}]}", "says what it holds by exactly one of: content, base64, file, octets"),
        ("{attachments: [{content: a, octets: 1}]}", "says what it holds by exactly one of"),
        ("{attachments: [{base64: 'AP8'}]}", "attachments[0].base64 is not base64"),
        ("{attachments: [{type: pdf, content: a}]}", "attachments[0].type does not look right"),
        ("{attachments: [{type: multipart/mixed, content: a}]}", "is that of several parts"),
        ('{attachments: [{name: "a\\r\\nX: y", content: a}]}', "cannot stand in a file name"),
        ("{attachments: [{octets: 67108865}]}", "must be a whole number from 0 to 67108864"),
        ("{attachments: [{file: gone.pdf}]}", "names no file of this folder: 'gone.pdf'"),
        ("{attachments: [{file: ../secret}]}", "names no file of this folder"),
        ("{attachments: [{file: /etc/hostname}]}", "names no file of this folder"),
        ("{attachments: [{file: link}]}", "names no file of this folder"),
        ("{attachments: [{content: a, size: 1}]}", "unknown key 'size'"),
    ],
)
def test_a_broken_attachment(world: Any, tmp_path: Path, message: str, finding: str) -> None:
    (tmp_path / "secret").write_text("s")
    folder = tmp_path / "cases"
    folder.mkdir()
    (folder / "link").symlink_to("../secret")
    with pytest.raises(DocumentInvalid) as caught:
        octets_of(world, folder, message)
    assert finding in caught.value.public


def test_line_ends_of_two_kinds_are_refused_as_the_daemon_would(world: Any, tmp_path: Path) -> None:
    case = read(world, tmp_path, OUTBOUND + '    message: {text: "a\\rb\\n"}\n')
    (result,) = run_cases(world.small(), [case], own_domains=world.OWN, now=world.moment())
    assert (result.got, result.verdict) == ("message-malformed", None)


@pytest.mark.parametrize(
    ("more", "got"),
    [
        ("", "accept"),
        ("    user: olle.ask@regionostergotland.se\n", "accept"),
        ("    message: {subject: s}\n", "user-not-declared"),
        ("    user: a@b.se\n    signed: {by: 00000000000000000000000000000000000000aa}\n", "signer-mismatch"),
        ("    user: a@b.se\n    signed: {at: 2020-01-01}\n", "too-old"),
        ("    user: a@b.se\n    signed: {protected: false}\n", "headers-not-protected"),
        (
            "    user: a@b.se\n    keys: {rorpost.vcbrinken@regionostergotland.se: revoked}\n",
            "signature-invalid",
        ),
        ("    user: a@b.se\n    message: {importance: high}\n", "urgent"),
        ("    user: a@b.se\n    message: {headers: {Sender: c@d.se}}\n", "user-mismatch"),
        ("    user: a@b.se\n    message: {headers: {From: c@d.se}}\n", "author-mismatch"),
        ("    user: a@b.se\n    message: {headers: {To: rorpost.bistand@motala.se}}\n", "hidden-recipient"),
    ],
)
def test_from_the_partner(world: Any, tmp_path: Path, more: str, got: str) -> None:
    """The envelope alone, or what stands under the seal."""
    case = read(world, tmp_path, INBOUND.replace("WANT", got) + more)
    (result,) = run_cases(world.small(), [case], own_domains=world.OWN, now=world.moment())
    assert (result.got, result.fault) == (got, "")


def test_a_signature_is_the_partners(world: Any, tmp_path: Path) -> None:
    with pytest.raises(DocumentInvalid, match="has a meaning for direction: inbound only"):
        read(world, tmp_path, OUTBOUND + "    signed: {protected: true}\n")
