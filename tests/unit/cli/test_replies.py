"""`rorpost policy replies`."""

import json
from typing import Any

import pytest

from rorpost_gateway.decision import Reason


def test_every_reason_in_every_language(rorpost: Any, here: Any) -> None:
    ended = rorpost("policy", "replies", "--json", config=here.path)
    rows = json.loads(ended.out)
    assert ended.code == 0
    assert [(row["reason"], row["language"]) for row in rows] == [
        (reason, language) for reason in Reason for language in ("sv", "en")
    ]
    assert all(row["octets"] == len(row["line"]) <= 510 and row["line"].isascii() for row in rows)
    assert not any(row["own"] for row in rows)


@pytest.mark.parametrize("language", ["sv", "en"])
def test_one_language(rorpost: Any, here: Any, language: str) -> None:
    rows = json.loads(rorpost("policy", "replies", "--language", language, "--json", config=here.path).out)
    assert {row["language"] for row in rows} == {language}


def test_as_a_table(rorpost: Any, here: Any) -> None:
    said = rorpost("policy", "replies", config=here.path).out
    assert all(f" {reason} " in said for reason in Reason)
    assert "[urgent] Ring mottagaren nu: " in said
    assert "[urgent] Phone the recipient now: " in said


def test_a_sites_own_words(rorpost: Any, here: Any) -> None:
    here.write("replies.yaml", "sv:\n  urgent: Ring växeln.\n")
    here.configure(reply_texts="replies.yaml")
    rows = json.loads(rorpost("policy", "replies", "--json", config=here.path).out)
    own = [row for row in rows if row["own"]]
    assert [(row["reason"], row["language"]) for row in own] == [("urgent", "sv")]
    assert own[0]["line"].startswith("550 5.7.1 [urgent] Ring vaxeln. Tel ")
    assert "own words" in rorpost("policy", "replies", config=here.path).out


def test_own_words_that_are_wrong_are_78(rorpost: Any, here: Any) -> None:
    here.write("replies.yaml", "sv:\n  urgent: Ring {unit}.\n")
    here.configure(reply_texts="replies.yaml")
    ended = rorpost("policy", "replies", config=here.path)
    assert ended.code == 78
    assert ended.err.startswith(f"{here.folder}/replies.yaml:2:11: sv.urgent may hold no braces\n")


def test_the_daemon_says_them(rorpost: Any, here: Any) -> None:
    """`explain` stands on the house that the daemon stands on."""
    here.write("replies.yaml", "sv:\n  pair-not-allowed: Ring växeln.\n")
    here.configure(reply_texts="replies.yaml")
    asked = ("--from", "rorpost.hemsjukvarden@motala.se", "--to", "rorpost.utankanal@regionostergotland.se")
    message = here.write("message.eml", "From: x@motala.se\n\nHej\n")
    for more in ((), ("--message", message)):
        ended = rorpost("policy", "explain", *asked, *more, "--json", config=here.path)
        assert "[pair-not-allowed] Ring vaxeln. Tel " in json.loads(ended.out)["reply"]
