"""Strict YAML: what is read, what is refused, and where the finding points."""

import math
import os
import re
from datetime import date
from pathlib import Path

import pytest

from rorpost_gateway.decision import Position
from rorpost_gateway.document import (
    DocumentInvalid,
    Findings,
    Kind,
    Node,
    Section,
    parse_file,
    parse_text,
    plain,
)


def findings_of(text: str) -> list[str]:
    with pytest.raises(DocumentInvalid) as caught:
        parse_text(text, shown_as="f")
    return [str(finding) for finding in caught.value.findings]


def read(text: str) -> object:
    return plain(parse_text(text, shown_as="f"))


REFUSED = {
    "a second document": ("a: 1\n---\nb: 2\n", "f:2:1: a second document (---): one file holds one"),
    "a key twice": ("a: 1\nb: 2\na: 3\n", "f:3:1: key 'a' stands twice (first on line 1)"),
    "a key twice, once quoted": ("a: 1\n'a': 3\n", "f:2:1: key 'a' stands twice (first on line 1)"),
    "a key twice, deep inside": ("x:\n  - {a: 1, a: 2}\n", "f:2:12: key 'a' stands twice (first on line 2)"),
    "an anchor": ("a: &x 1\n", "f:1:4: anchors (&name) are not used here: write the value out"),
    "an anchor on a list": ("a: &x [1]\n", "f:1:4: anchors (&name) are not used here: write the value out"),
    "a merge key": ("<<: {a: 1}\n", "f:1:1: merge keys (<<) are not used here: write the keys out"),
    "a tag": ("a: !!int '3'\n", "f:1:4: tags (!name) are not used here"),
    "a tag on a mapping": ("a: !!python/object:os.system {}\n", "f:1:4: tags (!name) are not used here"),
    "a directive": ("%YAML 1.1\n---\na: 1\n", "f:1:1: directives (%YAML, %TAG) are not used here"),
    "a key that is a number": ("1: x\n", "f:1:1: a key must be text, not a whole number; put it in quotes"),
    "a key that is a list": ("? [a]\n: x\n", "f:1:3: a key must be text, not a list; put it in quotes"),
    "a day that never was": ("a: 2026-02-30\n", "f:1:4: there is no such day: 2026-02-30"),
    "a number no JSON reader agrees on": (
        "a: 9007199254740992\n",
        "f:1:4: number too large; if it is text, put it in quotes",
    ),
    "a number of a thousand digits": (
        "a: " + "9" * 5000,
        "f:1:4: number too large; if it is text, put it in quotes",
    ),
    "a tab as indentation": (
        "a:\n\tb: 1\n",
        "f:2:1: begins with a tab: lines are indented with blanks only",
    ),
    "an open bracket": ("a: [1\n", "f:2:1: is not YAML: did not find expected ',' or ']'"),
    "a colon too many": ("a: b: c\n", "f:1:5: is not YAML: mapping values are not allowed in this context"),
    "a NUL": ("a: x\0", "f:1:5: holds a character that cannot be seen: U+0000"),
    "text turned around": ("a: 1\nb: \u202ex", "f:2:4: holds a character that cannot be seen: U+202E"),
    "a blank without width": ("a\u200b: 1", "f:1:2: holds a character that cannot be seen: U+200B"),
    "another line end": ("a: 1\u2028b: 2", "f:1:5: holds a character that cannot be seen: U+2028"),
    "a lone surrogate": ("a: \ud800", "f:1:4: holds a character that cannot be seen: U+D800"),
    "51 levels": ("[" * 51 + "]" * 51, "f:1:51: is nested deeper than 50 levels"),
    "100,000 levels": ("[" * 100_000, "f:1:51: is nested deeper than 50 levels"),
    "levels of mappings": ("{a: " * 60, "f:1:201: is nested deeper than 50 levels"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    text, finding = REFUSED[name]
    assert findings_of(text) == [finding]


def test_an_alias_is_refused_and_never_followed() -> None:
    bomb = "a: &a [x]\n" + "".join(f"b{n}: [*a, *a]\n" for n in range(3))
    assert sum("aliases" in finding for finding in findings_of(bomb)) == 6


def test_all_findings_up_to_the_syntax_error_come_at_once() -> None:
    assert findings_of("a: &x 1\na: 2\nb: [\n") == [
        "f:1:4: anchors (&name) are not used here: write the value out",
        "f:2:1: key 'a' stands twice (first on line 1)",
        "f:4:1: is not YAML: did not find expected node content",
    ]


def test_findings_in_the_thousands_are_cut_short() -> None:
    with pytest.raises(DocumentInvalid) as caught:
        parse_text("".join("a: 1\n" for _ in range(1000)), shown_as="f")
    assert len(caught.value.findings) == 999
    assert caught.value.public.endswith("... and 799 more")


SCALARS = {
    "true": True,
    "false": False,
    "null": None,
    "~": None,
    "": None,
    "0": 0,
    "-7": -7,
    "1.5": 1.5,
    "9007199254740991": 9007199254740991,
    "yes": "yes",
    "off": "off",
    "True": "True",
    "NULL": "NULL",
    "012": "012",
    "0o17": "0o17",
    "0x1F": "0x1F",
    "+46": "+46",
    "08:30": "08:30",
    "190:20:30": "190:20:30",
    "1_000": "1_000",
    "1e3": "1e3",
    ".inf": ".inf",
    "2026-05-06T08:00:00+02:00": "2026-05-06T08:00:00+02:00",
    "2026-5-6": "2026-5-6",
    "'true'": "true",
    '"2026-01-01"': "2026-01-01",
    "'1'": "1",
    "''": "",
    "å": "å",
}


@pytest.mark.parametrize("written", SCALARS)
def test_scalar(written: str) -> None:
    value = read(f"a: {written}\n")
    assert value == {"a": SCALARS[written]}
    assert type(value["a"]) is type(SCALARS[written])  # type: ignore[index]


def test_dates_become_dates_and_iso_text() -> None:
    node = parse_text("2026-12-31", shown_as="f")
    assert (node.kind, node.value, plain(node)) == (Kind.DATE, date(2026, 12, 31), "2026-12-31")


def test_structure_and_positions() -> None:
    root = parse_text("a:\n  - b: |\n      x\n    c: {d: 1}\n", shown_as="dir/f.yaml")
    assert plain(root) == {"a": [{"b": "x\n", "c": {"d": 1}}]}
    (entry,) = root.entries
    assert str(entry.position) == "dir/f.yaml:1:1"
    inner = entry.node.elements[0].entries
    assert [str(each.position) for each in inner] == ["dir/f.yaml:2:5", "dir/f.yaml:4:5"]
    assert inner[1].node.entries[0].node.position == Position(file="dir/f.yaml", line=4, column=12)


def test_columns_count_characters() -> None:
    assert findings_of("å: [ä, &x ö]") == ["f:1:8: anchors (&name) are not used here: write the value out"]


def test_an_empty_text_is_nothing() -> None:
    assert parse_text("# only a comment\n", shown_as="f").kind is Kind.NULL


class TestFiles:
    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(DocumentInvalid, match=r"^p:1:1: cannot be read: No such file"):
            parse_file(tmp_path / "none", shown_as="p")

    def test_folder(self, tmp_path: Path) -> None:
        with pytest.raises(DocumentInvalid, match="is no ordinary file"):
            parse_file(tmp_path)

    def test_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(DocumentInvalid, match="is no ordinary file"):
            parse_file(tmp_path / "pipe")

    def test_latin1(self, tmp_path: Path) -> None:
        (tmp_path / "f").write_bytes("a: 1\nnamn: Å".encode("latin-1"))
        with pytest.raises(DocumentInvalid, match="f:2:7: is not UTF-8"):
            parse_file(tmp_path / "f", shown_as="f")

    def test_utf16(self, tmp_path: Path) -> None:
        (tmp_path / "f").write_bytes("a: 1".encode("utf-16"))
        with pytest.raises(DocumentInvalid, match="f:1:1: is not UTF-8"):
            parse_file(tmp_path / "f", shown_as="f")

    def test_too_large(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rorpost_gateway.document.reader.LARGEST_OCTETS", 10)
        (tmp_path / "f").write_text("a: 3456789012")
        with pytest.raises(DocumentInvalid, match="larger than 10 octets"):
            parse_file(tmp_path / "f")

    def test_byte_order_mark_and_crlf(self, tmp_path: Path) -> None:
        (tmp_path / "f").write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
        assert plain(parse_file(tmp_path / "f")) == {"a": 1, "b": 2}


class TestSection:
    def section(self, text: str) -> tuple[Section, Findings]:
        findings = Findings()
        return Section(parse_text(text, shown_as="f"), findings, name="s"), findings

    def texts(self, findings: Findings) -> list[str]:
        return [str(finding) for finding in findings]

    def test_placeholders_let_everything_be_found_at_once(self) -> None:
        section, findings = self.section("phone: 46141\nnmae: x\n")
        assert section.text("phone") == ""
        assert section.text("name") == ""
        assert section.integer("port", least=1) == 1
        assert section.date("until") == date.min
        section.finish()
        assert self.texts(findings) == [
            'f:1:8: s.phone must be text, not a whole number; put it in quotes: "46141"',
            "f:1:1: key 'name' is missing in s",
            "f:1:1: key 'port' is missing in s",
            "f:1:1: key 'until' is missing in s",
            "f:2:1: unknown key 'nmae' in s; did you mean 'name'?",
        ]
        with pytest.raises(DocumentInvalid):
            findings.raise_if_any()

    def test_defaults(self) -> None:
        section, findings = self.section("a: null\n")
        assert section.text("a", "x") == "x"
        assert section.text("b", None) is None
        assert section.integer("c", 3) == 3
        assert section.boolean("d", default=True) is True
        assert section.duration("e", 1.0) == 1.0
        assert section.texts("f", []) == []
        assert section.choice("g", ("x",), "x") == "x"
        assert section.number("h", 0.5) == 0.5
        assert section.section("i") is None
        assert section.sections("j") == []
        section.finish()
        assert self.texts(findings) == []

    def test_a_key_with_nothing_behind_it_is_a_finding(self) -> None:
        section, findings = self.section("a:\nb: 1\n")
        assert section.text("a", "x") == "x"
        assert self.texts(findings) == ["f:1:1: s.a has no value; give one or leave the key out"]

    @pytest.mark.parametrize(
        ("written", "seconds"), [("30s", 30), ("5m", 300), ("1h", 3600), ("14d", 1209600), ("0s", 0)]
    )
    def test_duration(self, written: str, seconds: float) -> None:
        section, findings = self.section(f"a: {written}\n")
        assert section.duration("a") == seconds
        assert isinstance(section.duration("a"), float)
        assert not len(findings)

    @pytest.mark.parametrize("written", ["30", "1.5h", "1 h", "-1s", "h", "1w", "[1h]", "1" * 40 + "s"])
    def test_no_duration(self, written: str) -> None:
        section, findings = self.section(f"a: {written}\n")
        assert section.duration("a") == 0.0
        assert len(findings) == 1

    @pytest.mark.parametrize(
        ("read", "finding"),
        [
            (lambda s: s.integer("t"), "f:1:4: s.t must be a whole number"),
            (
                lambda s: s.integer("n", least=6),
                "f:2:4: s.n must be a whole number from 6 to 9007199254740991",
            ),
            (lambda s: s.integer("b"), "f:3:4: s.b must be a whole number"),
            (lambda s: s.number("n", most=4.5), "f:2:4: s.n must be a number from 0 to 4.5"),
            (lambda s: s.boolean("t"), "f:1:4: s.t must be true or false"),
            (lambda s: s.date("t"), "f:1:4: s.t must be a date such as 2026-12-31, without quotes"),
            (lambda s: s.choice("t", ("a", "b")), "f:1:4: s.t must be one of: a, b"),
            (lambda s: s.texts("t"), "f:1:4: s.t must be a list"),
            (lambda s: s.texts("l"), 'f:4:5: s.l[0] must be text, not a whole number; put it in quotes: "1"'),
            (lambda s: s.section("t"), "f:1:4: s.t must be a mapping (key: value)"),
            (lambda s: s.sections("t"), "f:1:4: s.t must be a list"),
            (lambda s: s.sections("l"), "f:4:5: s.l[0] must be a mapping (key: value)"),
            (lambda s: s.text("e"), "f:5:4: s.e is empty"),
            (lambda s: s.text("t", longest=3), "f:1:4: s.t is longer than 3 characters"),
            (lambda s: s.text("t", pattern=re.compile("x")), "f:1:4: s.t does not look right: 'text'"),
        ],
    )
    def test_wrong_kind(self, read: object, finding: str) -> None:
        section, findings = self.section("t: text\nn: 5\nb: true\nl: [1]\ne: ' '\n")
        read(section)  # type: ignore[operator]
        assert self.texts(findings) == [finding]

    def test_number_takes_both_kinds(self) -> None:
        section, _ = self.section("a: 2\nb: 1.5\n")
        assert math.isclose(section.number("a") + section.number("b"), 3.5)

    def test_items_has_and_position(self) -> None:
        section, findings = self.section("a: 1\nb: null\n")
        assert [(key, str(position)) for key, position, _ in section.items()] == [
            ("a", "f:1:1"),
            ("b", "f:2:1"),
        ]
        assert section.has("a")
        assert not section.has("b")
        assert not section.has("c")
        assert [str(section.position(key)) for key in ("a", "c", None)] == ["f:1:4", "f:1:1", "f:1:1"]
        section.finish()
        assert not len(findings)

    def test_what_is_no_mapping_is_one_finding(self) -> None:
        section, findings = self.section("[1]")
        section.text("a")
        section.finish()
        assert self.texts(findings) == ["f:1:1: s must be a mapping (key: value)"]

    def test_findings_show_no_control_characters(self) -> None:
        section, findings = self.section('"a\\e[2J\\n": 1\n')
        section.finish()
        assert self.texts(findings) == ["f:1:1: unknown key 'a\\u001b[2J\\u000a' in s"]


def test_nodes_are_frozen() -> None:
    node: Node = parse_text("a", shown_as="f")
    with pytest.raises(AttributeError):
        node.line = 3  # type: ignore[misc]
