"""The section `access`: when managers are reminded, and by which way."""

from typing import Any

import pytest

MAIL = "mail: {smtp: {host: 127.0.0.1}, from: rorpost.vakt@motala.se}"
WATCH = (
    "supervision: {imap: {host: mail.motala.se, username: '{mailbox}*v', password_file: p}, "
    "notify: {smtp: {host: 127.0.0.1}, from: vakt@motala.se}}\n"
)
REFUSED = {
    "nobody takes them": ("access: ¶{}", "needs `mail` (or `supervision.notify`)"),
    "no time": (f"access: {{remind: ¶[], {MAIL}}}", "names no time"),
    "no day": (f"access: {{remind: [¶0d], {MAIL}}}", "remind"),
    "hours": (f"access: {{remind: [30d, ¶12h], {MAIL}}}", "remind"),
    "no list": (f"access: {{remind: ¶30d, {MAIL}}}", "must be a list"),
    "longer than a year": (f"access: {{remind: ¶[367d], {MAIL}}}", "must be from 1d to 366d"),
    "no sender": ("access: {mail: ¶{smtp: {host: 127.0.0.1}}}", "key 'from' is missing"),
    "no server": ("access: {mail: ¶{from: vakt@motala.se}}", "key 'smtp' is missing"),
    "a sender that is none": (
        "access: {mail: {smtp: {host: 127.0.0.1}, from: ¶vakt}}",
        "is no address",
    ),
    "an unknown key": (f"access: {{{MAIL}, ¶manager: x}}", "unknown key 'manager'"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(files: Any, what: str) -> None:
    text, said = REFUSED[what]
    assert any(said in line for line in files.findings(more=text + "\n"))


def test_left_out_nobody_is_reminded(files: Any) -> None:
    config = files.load(more=WATCH)
    assert (config.access, config.reminders) == (None, None)


def test_the_longest_time_comes_first_and_each_once(files: Any) -> None:
    config = files.load(more=f"access: {{remind: [7d, 60d, 7d], {MAIL}}}\n")
    assert config.access.remind_days == (60, 7)
    assert config.reminders.sender == "rorpost.vakt@motala.se"
    assert "access.mail.smtp" in config.mail_servers


def test_by_default_as_notices_of_the_watch_go(files: Any) -> None:
    config = files.load(more=WATCH + "access: {}\n")
    assert config.access.remind_days == (30, 7)
    assert config.reminders is config.supervision.notify
