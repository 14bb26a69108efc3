"""What is used of aioimaplib, some of it not promised to anybody, is still there and still does it."""

import inspect
import re
from datetime import datetime, timedelta, timezone
from importlib.metadata import version

import pytest
from aioimaplib import aioimaplib

from rorpost_gateway.imap.protocol import ImapProtocol

USED_COMMANDS = {
    "APPEND": {"AUTH", "SELECTED"},
    "AUTHENTICATE": {"NONAUTH"},
    "CAPABILITY": {"NONAUTH", "AUTH", "SELECTED"},
    "COPY": {"SELECTED"},
    "CREATE": {"AUTH", "SELECTED"},
    "EXAMINE": {"AUTH", "SELECTED"},
    "EXPUNGE": {"SELECTED"},
    "FETCH": {"SELECTED"},
    "IDLE": {"SELECTED"},
    "LIST": {"AUTH", "SELECTED"},
    "LOGIN": {"NONAUTH"},
    "LOGOUT": {"NONAUTH", "AUTH", "LOGOUT", "SELECTED"},
    "MOVE": {"SELECTED"},
    "NAMESPACE": {"AUTH", "SELECTED"},
    "NOOP": {"NONAUTH", "AUTH", "SELECTED"},
    "SEARCH": {"SELECTED"},
    "SELECT": {"AUTH", "SELECTED"},
    "STARTTLS": {"NONAUTH"},
    "STATUS": {"AUTH", "SELECTED"},
    "STORE": {"SELECTED"},
    "SUBSCRIBE": {"AUTH", "SELECTED"},
}
MENDED = {"data_received", "connection_made", "connection_lost", "new_tag"}
GIVEN = {"transport", "state", "capabilities"}


def test_the_version_is_the_one_that_was_read() -> None:
    assert version("aioimaplib") == "2.0.3"


def test_which_command_may_be_sent_in_which_state() -> None:
    found = {name: set(aioimaplib.Commands[name].valid_states) for name in USED_COMMANDS}
    assert found == USED_COMMANDS


def test_the_protocol_has_what_is_mended_and_what_is_kept() -> None:
    assert vars(aioimaplib.IMAP4ClientProtocol).keys() >= MENDED
    assert vars(aioimaplib.IMAP4ClientProtocol(None)).keys() >= GIVEN


def test_nothing_of_ours_hides_anything_of_theirs_by_chance() -> None:
    ours = set(re.findall(r"self\.(\w+)", inspect.getsource(ImapProtocol.__init__)))
    assert ours & vars(aioimaplib.IMAP4ClientProtocol(None)).keys() == {"capabilities"}
    hidden = (vars(ImapProtocol).keys() & vars(aioimaplib.IMAP4ClientProtocol).keys()) - {
        "__doc__",
        "__module__",
    }
    assert hidden <= MENDED | {"__init__"}


def test_tags_are_all_different_and_begin_no_response() -> None:
    protocol = aioimaplib.IMAP4ClientProtocol(None)
    tags = [protocol.new_tag() for _ in range(100)]
    assert len(set(tags)) == 100
    assert all(tag.isascii() and tag.isalnum() for tag in tags)


@pytest.mark.parametrize("argument", ["a\rb", "a\nb", "a\0b"])
async def test_an_argument_cannot_be_a_command_of_its_own(argument: str) -> None:
    with pytest.raises(ValueError, match="NUL, CR and LF"):
        aioimaplib.Command("LIST", "A1", '""', argument)


def test_strings_and_dates() -> None:
    assert aioimaplib.quoted('a "b" \\') == '"a \\"b\\" \\\\"'
    zone = timezone(timedelta(hours=2))
    written = aioimaplib.time2internaldate(datetime(2026, 5, 6, 8, 0, 1, tzinfo=zone))
    assert written == '"06-May-2026 08:00:01 +0200"'
