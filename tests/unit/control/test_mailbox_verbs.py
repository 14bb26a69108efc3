"""The verb `mailboxes`, and its table."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from rorpost_gateway.cli.mailbox_table import is_wrong, print_mailboxes
from rorpost_gateway.control.base import ArgumentInvalid, Caller
from rorpost_gateway.control.mailbox_verbs import MailboxVerbs, NotWatched
from rorpost_gateway.daemon.mailbox_figures import mailbox_data, mailbox_figures
from rorpost_gateway.supervision.base import Judged
from rorpost_gateway.supervision.contents import Contents, FolderContents, NotLookedInto
from rorpost_gateway.supervision.deadlines import Outcome
from rorpost_gateway.supervision.standing import Standing
from tests.peers.watched_mailboxes import HOME_CARE, STOCKHOLM, at, watched

ROOT = Caller(uid=0, name="root")
DAY = "2026-05-06"
CONTENTS = Contents(
    looked_at=at(f"{DAY} 08:00"),
    inbox=FolderContents(
        messages=3,
        unread=2,
        oldest_at=at(f"{DAY} 06:00"),
        oldest_unread_at=at(f"{DAY} 07:00"),
        foreign=1,
    ),
    sent=FolderContents(messages=4, oldest_at=at(f"{DAY} 05:00")),
)
MISSED = Judged(at=at(f"{DAY} 08:00"), local=f"{DAY}T08:00:00+02:00", outcome=Outcome.MISSED)
DOWN = NotLookedInto(looked_at=at(f"{DAY} 08:15"), cause="imap.example:143: \x1b[2J[red]gone")


def entry(**more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "watched": watched(HOME_CARE, name="Hemsjukvården, Motala kommun"),
        "look": CONTENTS,
        "contents": CONTENTS,
        "judged": MISSED,
    }
    return Standing(**(given | more)).as_data()


def printed(*entries: dict[str, Any], width: int = 250) -> str:
    out = StringIO()
    print_mailboxes(entries, STOCKHOLM, Console(file=out, width=width, highlight=False))
    return out.getvalue()


async def test_it_takes_no_arguments() -> None:
    with pytest.raises(ArgumentInvalid):
        await MailboxVerbs(standings=list).mailboxes(ROOT, {"mailbox": HOME_CARE})


async def test_where_nothing_is_watched_it_says_so() -> None:
    with pytest.raises(NotWatched, match="no supervision"):
        await MailboxVerbs(standings=lambda: mailbox_data(None)).mailboxes(ROOT, {})
    assert mailbox_figures(None) == ()


async def test_what_it_answers() -> None:
    handlers = MailboxVerbs(standings=lambda: [entry()]).handlers()
    assert await handlers["mailboxes"](ROOT, {}) == [
        {
            "mailbox": HOME_CARE,
            "name": "Hemsjukvården, Motala kommun",
            "unread": 2,
            "oldest_unread": f"{DAY}T05:00:00Z",
            "in_inbox": 3,
            "oldest_in_inbox": f"{DAY}T04:00:00Z",
            "in_sent": 4,
            "oldest_in_sent": f"{DAY}T03:00:00Z",
            "foreign": 1,
            "deadline": f"{DAY}T08:00:00+02:00",
            "outcome": "missed",
            "looked_at": f"{DAY}T06:00:00Z",
            "tried_at": f"{DAY}T06:00:00Z",
            "fault": None,
        }
    ]


def test_before_the_first_look_nothing_is_known() -> None:
    nothing = entry(look=None, contents=None, judged=None)
    assert {name for name, value in nothing.items() if value is not None} == {"mailbox", "name"}
    assert not is_wrong(nothing)
    assert "never" in printed(nothing)


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ({}, True),
        ({"judged": None}, False),
        ({"judged": Judged(at=MISSED.at, local=MISSED.local, outcome=Outcome.MET)}, False),
        ({"judged": Judged(at=MISSED.at, local=MISSED.local, outcome=Outcome.UNKNOWN)}, False),
        ({"judged": None, "look": DOWN}, True),
    ],
)
def test_what_the_command_ends_with_1_for(more: dict[str, Any], wrong: bool) -> None:
    assert is_wrong(entry(**more)) is wrong


def test_a_row_has_all_of_it() -> None:
    text = printed(entry())
    for part in (
        HOME_CARE,
        "Hemsjukvården, Motala kommun",
        "2026-05-06 07:00",
        "2026-05-06 08:00 missed",
        " 3 ",
    ):
        assert part in text


def test_what_a_server_said_cannot_move_the_cursor_or_pass_for_markup() -> None:
    text = printed(entry(look=DOWN))
    assert "\x1b" not in text
    assert "imap.example:143: ?[2J[red]gone" in text.replace("\n", "")


def test_no_mailbox_at_all() -> None:
    assert printed() == "No mailbox is watched\n"


LONG = "rorpost.vcbrinken@regionostergotland.se"
LOGIN_REFUSED = NotLookedInto(
    looked_at=at(f"{DAY} 08:15"),
    cause="mail.regionostergotland.se:143: the server refuses the login (AUTHENTICATIONFAILED)",
)


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_that_is_not_wide_has_two_lines_a_mailbox(width: int) -> None:
    lines = printed(
        entry(),
        entry(look=LOGIN_REFUSED, judged=None),
        entry(watched=watched(LONG, name="Vårdcentralen Brinken")),
        width=width,
    ).splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) <= 12
    assert [word for word in lines[0].split() if word != "Looked"][:5] == [
        *("Mailbox", "Unread", "Deadline", "Left", "Foreign"),
    ]
    assert lines[1].split()[:6] == [HOME_CARE, "2", "missed", "3", "inbox", "1"]
    first, day = "Hemsjukvården, Motala kommun", "05-06"
    assert lines[2].split() == [*first.split(), day, "07:00", day, "08:00", "4", "sent"]
    assert ("Looked at" in lines[0]) is (width == 120)
    assert "(AUTHENTICATIONFAILED)" in "".join("".join(lines).split())


def test_without_foreign_messages_a_narrow_terminal_has_room_for_a_long_address() -> None:
    inbox = FolderContents(messages=1, unread=1, oldest_unread_at=at("2025-12-31 23:00"))
    contents = Contents(looked_at=at(f"{DAY} 08:00"), inbox=inbox)
    text = printed(entry(watched=watched(LONG), contents=contents, look=contents), width=80)
    assert LONG in text
    assert "Foreign" not in text
    assert " 2025-12-31 " in text, "of last year, the date alone"


def test_a_long_fault_does_not_change_what_a_script_reads() -> None:
    text = printed(entry(look=LOGIN_REFUSED), width=220)
    assert text.split()[:3] == ["Mailbox", "Name", "Unread"]
