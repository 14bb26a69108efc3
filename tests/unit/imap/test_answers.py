"""What responses mean."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.imap.answers import (
    Status,
    capabilities_of,
    fetched,
    found_uids,
    listed,
    personal_namespace,
    read_date,
    read_status,
    read_untagged,
    summary,
)
from rorpost_gateway.imap.tokens import Unreadable

FETCH = (
    rb'* 12 FETCH (UID 5 FLAGS (\Seen \Answered) INTERNALDATE " 6-May-2026 08:00:00 +0200" RFC822.SIZE 4711'
)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"OK done", Status(status="OK")),
        (b"ok", Status(status="OK")),
        (b"NO [TRYCREATE] no such", Status(status="NO", code="TRYCREATE")),
        (b"OK [appenduid 7 12] there", Status(status="OK", code="APPENDUID", rest="7 12")),
        (b"BAD  [X", Status(status="BAD")),
        (b"NO people write [this]", Status(status="NO")),
        (b"OKAY", None),
        (b"", None),
    ],
)
def test_status(text: bytes, status: Status | None) -> None:
    assert read_status(text) == status


def test_a_message() -> None:
    read = summary(
        fetched(read_untagged((FETCH + b" BODY[HEADER.FIELDS (A)]<0> ", b"A: b\r\n\r\n", b")"))),
        with_header=True,
    )
    assert (read.uid, read.size, read.header) == (5, 4711, b"A: b\r\n\r\n")
    assert read.arrived_at == datetime(2026, 5, 6, 6, tzinfo=UTC)
    assert read.flags == {"\\Seen", "\\Answered"}
    assert read.seen


def test_seen_in_any_case() -> None:
    assert summary(fetched(read_untagged((FETCH.replace(b"Seen", b"SEEN") + b")",))), with_header=False).seen


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"UID 5 ", b""),
        (b"UID 5", b"UID five"),
        (b"UID 5", b"UID 5000000000"),
        (rb"FLAGS (\Seen \Answered)", b"FLAGS NIL"),
        (rb"(\Seen \Answered)", b"(NIL)"),
        (b"RFC822.SIZE 4711", b"RFC822.SIZE -1"),
        (b"RFC822.SIZE 4711", b""),
        (b"May", b"Maj"),
        (b" 6-May", b"31-Feb"),
        (b"08:00:00", b"25:00:00"),
        (b"+0200", b"+9900"),
        (b'" 6-May-2026 08:00:00 +0200"', b"NIL"),
    ],
)
def test_a_message_of_which_something_is_missing_is_not_taken_for_one(old: bytes, new: bytes) -> None:
    line = FETCH.replace(old, new) + b")"
    assert line != FETCH + b")"
    with pytest.raises(Unreadable):
        summary(fetched(read_untagged((line,))), with_header=False)


def test_a_header_that_was_asked_for_and_did_not_come() -> None:
    with pytest.raises(Unreadable):
        summary(fetched(read_untagged((FETCH + b")",))), with_header=True)


def test_a_leap_second() -> None:
    zone = timezone(-timedelta(hours=7, minutes=30))
    assert read_date(b"31-dec-2016 23:59:60 -0730") == datetime(2016, 12, 31, 23, 59, 59, tzinfo=zone)


@pytest.mark.parametrize(
    ("line", "uids"),
    [
        (b"* SEARCH", []),
        (b"* SEARCH 3 1 2", [3, 1, 2]),
        (b"* search 3 ", [3]),
        (b'* ESEARCH (TAG "A1") UID ALL 1:3,7', [1, 2, 3, 7]),
        (b'* ESEARCH (TAG "A1") UID', []),
        (b'* ESEARCH (TAG "A1") UID COUNT 3 ALL 5', [5]),
    ],
)
def test_search(line: bytes, uids: list[int]) -> None:
    assert found_uids(read_untagged((line,))) == uids


@pytest.mark.parametrize(
    "line", [b"* SEARCH a", b"* SEARCH 1:3", b"* ESEARCH UID ALL", b"* ESEARCH UID ALL (1)"]
)
def test_search_that_found_nonsense(line: bytes) -> None:
    with pytest.raises(Unreadable):
        found_uids(read_untagged((line,)))


def test_capabilities_that_nobody_can_print_are_none() -> None:
    assert capabilities_of("imap4rev1 \x1b[31m å IDLE") == {"IMAP4REV1", "IDLE"}


def test_list() -> None:
    read = listed(read_untagged((b'* LIST (\\Sent \\HasNoChildren) "." ', b"a\xc3\xa5", b"")))
    assert (sorted(read.attributes), read.separator) == (["\\hasnochildren", "\\sent"], ".")
    assert read.name == b"a\xc3\xa5"
    assert listed(read_untagged((b"* LIST () NIL x",))).separator == ""


@pytest.mark.parametrize("line", [b"* LIST", b'* LIST NIL "/" a', b'* LIST () ("/") a', b'* LIST () "/" NIL'])
def test_list_of_nonsense(line: bytes) -> None:
    with pytest.raises(Unreadable):
        listed(read_untagged((line,)))


@pytest.mark.parametrize(
    ("line", "space"),
    [
        (b'* NAMESPACE (("INBOX." ".")("x" "/")) NIL NIL', (b"INBOX.", ".")),
        (b'* NAMESPACE (("" NIL "X-PARAM" ("a"))) NIL NIL', (b"", "")),
        (b"* NAMESPACE NIL NIL NIL", None),
        (b"* NAMESPACE", None),
    ],
)
def test_namespace(line: bytes, space: tuple[bytes, str] | None) -> None:
    assert personal_namespace(read_untagged((line,))) == space


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=4))
def test_anything_is_read_or_refused(pieces: list[bytes]) -> None:
    for reader in (fetched, found_uids, listed, personal_namespace):
        try:
            reader(read_untagged((b"* 1 X " + pieces[0], *pieces[1:])))
        except Unreadable:
            continue
