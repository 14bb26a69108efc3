"""The queue's tables on a terminal and in a pipe."""

from io import StringIO
from typing import Any

from rich.console import Console

from rorpost_gateway.cli.queue_table import plain, print_entries, print_list
from tests.peers.queues import BRINKEN, LYCKORNA, SENDER


def entry(**more: object) -> dict[str, Any]:
    values: dict[str, Any] = {
        "queue_id": "06GC8M3C00000006",
        "state": "deferred",
        "size": 2000,
        "received": "2026-09-21T14:13:20.000Z",
        "sender": SENDER,
        "recipient": BRINKEN,
        "purpose": "message",
        "next_attempt": "2026-09-21T14:14:20.000Z",
        "last_reply": "451 4.7.1 [red]greylisted[/red]",
        "last_next_hop": "mx.example:25",
        "held_because": None,
    }
    return values | more


def printed(*entries: dict[str, Any], width: int = 200) -> str:
    out = StringIO()
    print_list(entries, Console(file=out, width=width, highlight=False))
    return out.getvalue()


def test_an_empty_queue_says_so() -> None:
    assert printed() == "Queue is empty\n"


def test_what_another_server_said_cannot_move_the_cursor_or_pass_for_markup() -> None:
    text = printed(entry(last_reply="451 \x1b[2J\r[red]x[/red]\n250 ok\x9b1m å"))
    assert "\x1b" not in text
    assert "\x9b" not in text
    assert "\r" not in text
    assert "451 ?[2J?[red]x[/red]?250 ok?1m ?" in text


def test_plain_text_keeps_printable_ascii_only() -> None:
    assert plain("a\tb\x00c\x7f\n~").plain == "a?b?c?\n~"


def test_one_row_a_copy_with_what_postqueue_shows() -> None:
    text = printed(
        entry(),
        entry(recipient=LYCKORNA, state="hold", held_because="key-expired", last_reply=None),
        entry(queue_id="06GC8M3C00000007", size=100, state="active", last_reply=None),
    )
    assert text.count("06GC8M3C00000006") == text.count("06GC8M3C00000007") == 1
    for part in (
        SENDER,
        BRINKEN,
        LYCKORNA,
        "deferred",
        "on hold: key-expired",
        "active",
        "next attempt 2026-09-21",
    ):
        assert part in text
    assert "(mx.example:25 said: 451 4.7.1 [red]greylisted[/red])" in text
    assert text.endswith("-- 3 Kbytes in 2 Requests.\n")


def test_a_copy_for_the_sent_folder_is_told_from_mail_to_that_mailbox() -> None:
    text = printed(entry(), entry(recipient=SENDER, purpose="sent-copy"))
    assert text.count("copy for its own Sent folder") == 1


def test_a_narrow_terminal_cuts_no_queue_id() -> None:
    assert "06GC8M3C00000006" in printed(entry(), width=80)


def test_one_message_shows_every_field_that_has_a_value() -> None:
    out = StringIO()
    print_entries([entry(notify=["DELAY", "FAILURE"], warned=None)], Console(file=out, width=200))
    text = out.getvalue()
    assert "last reply" in text
    assert "DELAY, FAILURE" in text
    assert "warned" not in text
    assert "[red]greylisted[/red]" in text
