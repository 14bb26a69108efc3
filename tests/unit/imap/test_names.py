"""Folder names, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.imap.names import Naming, decode_name, encode_name
from rorpost_gateway.imap.tokens import Unreadable


@pytest.mark.parametrize(
    ("plain", "encoded"),
    [
        ("INBOX", "INBOX"),
        ("Skickat från å", "Skickat fr&AOU-n &AOU-"),
        ("A & B", "A &- B"),
        ("&-", "&--"),
        ('with "quotes" and \\', 'with "quotes" and \\'),
        ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # RFC 3501, section 5.1.3
        ("😀", "&2D3eAA-"),
        ("a\r\nb", "a&AA0ACg-b"),
        ("å&ö", "&AOU-&-&APY-"),
    ],
)
def test_modified_utf_7(plain: str, encoded: str) -> None:
    assert encode_name(plain) == encoded
    assert decode_name(encoded.encode("ascii")) == plain


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_name_comes_back(name: str) -> None:
    encoded = encode_name(name)
    assert encoded.isascii()
    assert not encoded or encoded.isprintable()
    assert decode_name(encoded.encode("ascii")) == name


def test_a_server_that_sends_utf_8_is_understood() -> None:
    assert decode_name("Skickat från".encode()) == "Skickat från"


@pytest.mark.parametrize("octets", [b"\xff\xfe", b"&A-", b"&2D0-"])
def test_what_is_no_name(octets: bytes) -> None:
    with pytest.raises(Unreadable):
        decode_name(octets)


@pytest.mark.parametrize(
    ("naming", "plain", "theirs"),
    [
        (Naming(), "Rorpost/Collected", "Rorpost/Collected"),
        (Naming(), "inbox", "INBOX"),
        (Naming(separator="."), "Rorpost/Collected", "Rorpost.Collected"),
        (Naming(separator="."), "Inbox/Sub", "INBOX.Sub"),
        (Naming(prefix="INBOX.", separator="."), "Rorpost/Collected", "INBOX.Rorpost.Collected"),
        (Naming(prefix="INBOX.", separator="."), "inbox", "INBOX"),
        (Naming(prefix="INBOX.", separator="."), "INBOX.Sent", "INBOX.Sent"),
        (Naming(prefix="INBOX.", separator="."), "inbox/Sent", "INBOX.Sent"),
        (Naming(prefix="", separator=""), "a/b", "a/b"),
    ],
)
def test_the_servers_way(naming: Naming, plain: str, theirs: str) -> None:
    assert naming.of_server(plain) == theirs


def test_what_a_server_names_can_be_opened_by_our_name() -> None:
    naming = Naming(prefix="INBOX.", separator=".")
    assert naming.plain("INBOX.Sent.2026") == "Sent/2026"
    assert naming.of_server(naming.plain("INBOX.Sent.2026")) == "INBOX.Sent.2026"
    assert naming.plain("inbox") == "INBOX"
