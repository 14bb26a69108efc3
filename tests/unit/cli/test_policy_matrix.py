"""`rorpost policy matrix` and `rorpost policy schema`, as they are asked on the command line."""

import csv
import io
import json
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.cli.csv_text import cell
from rorpost_gateway.cli.matrix_html import GRID_MAILBOXES, Page, matrix_html
from rorpost_gateway.policy.matrix import Row, Validity
from rorpost_gateway.reply import Language
from tests.peers import gateway_world as world


@pytest.fixture
def matrix(rorpost: Any, here: Any) -> Any:
    def run(*arguments: object) -> Any:
        return rorpost("policy", "matrix", *arguments, config=here.path)

    return run


def row(**changes: Any) -> Row:
    values = {
        "sender": "rorpost.a@motala.se",
        "sender_name": "A",
        "recipient": "rorpost.b@motala.se",
        "recipient_name": "B",
        "channel": "a-b",
        "both_ways": False,
        "valid_from": None,
        "valid_until": date(2026, 12, 31),
        "validity": Validity.IN_FORCE,
        "rules": (),
    }
    return Row(**(values | changes))


# --- refused first ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("--json", "--csv"),
        ("--csv", "--html", "x"),
        ("--at", "tomorrow"),
        ("--mailbox", "rorpost.x@motala.se"),
    ],
)
def test_wrong_usage(matrix: Any, arguments: tuple[str, ...]) -> None:
    ended = matrix(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert "Error: " in ended.err


@pytest.mark.parametrize("value", ["=1+1", "+46 141", "-1", "@SUM(A1)", "\t=1", " =1", "\uff1d1", "\r=1"])
def test_no_cell_is_a_formula(value: str) -> None:
    assert cell(value) == "'" + value


@pytest.mark.parametrize("value", ["", "a=1", "rorpost.a@motala.se", "0141-22", "[header, sender]"])
def test_an_ordinary_cell_is_as_it_is(value: str) -> None:
    assert cell(value) == value


# --- table, CSV, JSON ---------------------------------------------------------------------------


def test_only_what_is_in_force_and_each_pair_once(matrix: Any) -> None:
    ended = matrix()
    assert (ended.code, ended.err) == (0, "")
    assert world.CLOSED not in ended.out.replace("hemsjukvarden-stangd", "")
    between = [line for line in ended.out.splitlines() if world.HOSPITAL in line]
    assert len(between) == 1
    assert "↔" in between[0]
    assert "legal_basis: [samtycke, menprovning]" in between[0]


def test_all_shows_what_is_over(matrix: Any) -> None:
    assert "(over)" in matrix("--all").out
    assert "(over)" not in matrix().out


def test_nobody_may_write_before_there_are_channels(matrix: Any) -> None:
    said = json.loads(matrix("--json", "--mailbox", world.CLOSED).out)
    assert said == []


def test_the_day_decides(matrix: Any, here: Any) -> None:
    closed = next(one for one in here.policy["channels"] if one["name"] == "hemsjukvarden-stangd")
    said = json.loads(matrix("--json", "--mailbox", world.CLOSED, "--at", closed["valid_until"]).out)
    assert [(one["sender"], one["recipient"], one["validity"]) for one in said] == [
        (world.HOME_CARE, world.CLOSED, "in force"),
        (world.CLOSED, world.HOME_CARE, "in force"),
    ]


def test_csv_has_a_row_for_each_direction(matrix: Any, here: Any) -> None:
    here.policy["mailboxes"][world.BRINKEN]["name"] = '=HYPERLINK("x"; "Brinken")'
    here.write("policies/policy.yaml", world.as_yaml(here.policy))
    rows = list(csv.DictReader(io.StringIO(matrix("--csv").out)))
    pairs = json.loads(matrix("--json").out)
    assert len(rows) == len(pairs)
    to_brinken = next(one for one in rows if one["to"] == world.BRINKEN)
    assert to_brinken["to_name"] == '\'=HYPERLINK("x"; "Brinken")'
    assert {one["both_ways"] for one in rows} == {"yes", "no"}


# --- the page -----------------------------------------------------------------------------------


class Parts(HTMLParser):
    """Tags that were opened, and whether each was closed in its turn."""

    EMPTY = frozenset({"meta", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.said = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.open += [] if tag in self.EMPTY else [tag]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said += data


def page(*rows: Row, language: Language = Language.EN) -> Parts:
    return Parts(matrix_html(Page(rows=rows, day=date(2026, 5, 6), revision="a" * 64, language=language)))


def test_the_page_is_written_and_whole(matrix: Any, tmp_path: Path) -> None:
    file = tmp_path / "matrix.html"
    ended = matrix("--html", file, "--all")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    parts = Parts(file.read_text(encoding="utf-8"))
    assert parts.open == []
    assert "Vem får skriva till vem" in parts.said
    assert "har upphört" in parts.said
    assert parts.tags.count("table") == 2


def test_the_page_runs_and_fetches_nothing() -> None:
    hostile = row(
        sender_name='<script>alert(1)</script>"', channel="<img src=x onerror=a>", rules=(("<b>", "&"),)
    )
    parts = page(hostile)
    assert not {"script", "img", "link", "iframe", "a", "b"} & set(parts.tags)
    assert not {"src", "href", "onerror", "style"} & parts.attributes
    assert "<script>alert(1)</script>" in parts.said
    assert "<img src=x onerror=a>" in parts.said


def test_many_mailboxes_have_no_overview() -> None:
    rows = [row(recipient=f"rorpost.b{number}@x.se") for number in range(GRID_MAILBOXES)]
    assert page(*rows).tags.count("table") == 1
    assert page(*rows[:-1]).tags.count("table") == 2


def test_nobody() -> None:
    assert "Ingen får skriva till någon." in page(language=Language.SV).said


# --- schema ---------------------------------------------------------------------------------------


def test_the_schema_needs_no_configuration(rorpost: Any, tmp_path: Path) -> None:
    for arguments, title in (((), "policy"), (("--cases",), "cases")):
        ended = rorpost("policy", "schema", *arguments, config=tmp_path / "none")
        assert (ended.code, ended.err) == (0, "")
        assert json.loads(ended.out)["$id"] == f"urn:rorpost:{title}"
