"""What libyaml complains about is said where the mistake is, in words for who made it."""

import pytest

from rorpost_gateway.document import DocumentInvalid, Finding, parse_text
from rorpost_gateway.document.syntax import lines_from


def finding_in(text: str) -> Finding:
    with pytest.raises(DocumentInvalid) as caught:
        parse_text(text, shown_as="f")
    return caught.value.findings[-1]


# text → where, and a word of what is said
TAUGHT = {
    "a tab": ("a:\n  b: 1\n\tc: 2\n", (3, 1), "begins with a tab"),
    "a tab after blanks": ("a:\n  \tb: 1\n", (2, 3), "begins with a tab"),
    "a blank that is none": ("a:\n\u00a0\u00a0b: 1\n\u00a0\u00a0c: 1\n", (3, 1), "where a blank belongs"),
    "after a colon": ("name:\u00a0x\nb: 1\n", (1, 6), "U+00A0"),
    "in a value alone": ("name: x\u202f\n", (1, 8), "U+202F"),
    "one column off": ("a:\n  b: 1\n c: 2\n", (3, 2), "indented differently"),
    "one column off in a list": ("a:\n  - x: 1\n   y: 2\n", (3, 4), "indented differently"),
    "a quote that is not closed": ("a: 'x\nb: 'y'\n", (1, 4), "quotation mark"),
    "a quote to the end": ('a: "x\nb: 1\n', (1, 4), "never closed"),
    "a colon forgotten": ("a: 1\nb\nc: 2\n", (2, 1), "a key is followed by a colon"),
    "a colon forgotten above": ("m:\n  x@y\n    name: X\n", (3, 9), "lacks its colon"),
    "a colon in a value": ("d: Beslut: 19\n", (1, 10), "put in quotes"),
    "indented too far": ("a: 1\n  b: 2\n", (2, 4), "indented too"),
    "a bracket": ("a: [1, 2\nb: 3\n", (2, 2), "closed with ]"),
    "a brace": ("a: {b: 1\nc: 2\n", (2, 2), "closed with }"),
    "an at sign": ("a: @x\n", (1, 4), "begins with @"),
    "a star": ("to: [*@region.se]\n", (1, 7), "begins with * or &"),
    "a list on the line of its key": ("a: - b\n", (1, 4), "a list begins on the line below"),
    "a backslash": ('a: "c:\\d"\n', (1, 7), "single quotes"),
    "a quote that the next one closes": ('a: "x\nb: 1\nc: "y"\n', (1, 4), "does not close"),
    "what git leaves": ("a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> x\n", (2, 1), "git"),
    "what git leaves at the top": ("<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> x\n", (1, 1), "git"),
    "a word processor's quotes": ("a: \u201d0141-22 50 00\u201d\n", (1, 4), "quotation mark of a word"),
    "text after a quote": ("a: 'x'y\n", (1, 7), "nothing may follow"),
    "an anchor": ("a: &b\n", (1, 4), "put it in quotes"),
    "an exclamation mark": ("a: !b c\n", (1, 4), "put it in quotes"),
}  # fmt: skip


@pytest.mark.parametrize("name", TAUGHT)
def test_taught(name: str) -> None:
    text, place, word = TAUGHT[name]
    finding = finding_in(text)
    assert (finding.position.line, finding.position.column) == place
    assert word in f"{finding.text} / {finding.advice}"


def test_where_it_began_is_shown_too() -> None:
    (aside,) = finding_in("a:\n  b: 1\n c: 2\n").asides
    assert str(aside.position) == "f:1:1"


@pytest.mark.parametrize("written", ["Vårdcentralen\u00a0Brinken", "'\u00a0x\u00a0'", "x  # a\u00a0comment"])
def test_a_blank_that_does_no_harm_may_stand(written: str) -> None:
    assert parse_text(f"a: {written}\n", shown_as="f").entries


def test_quotes_of_a_word_processor_within_a_text_may_stand() -> None:
    assert parse_text("a: Kallas \u201dBrinken\u201d\nb: '\u201dx\u201d'\n", shown_as="f").entries


def test_lines_are_found_without_splitting_the_text() -> None:
    text = "a\r\nb\rc\nd"
    assert list(lines_from(text, 1, 2)) == ["a", "b"]
    assert list(lines_from(text, 3, 2)) == ["c", "d"]
    assert list(lines_from(text, 4, 2)) == ["d"]
    assert list(lines_from(text, 5, 1)) == []


def test_one_text_holds_so_many_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rorpost_gateway.document.builder.MOST_VALUES", 5)
    assert finding_in("a: [1, 2, 3, 4, 5, 6]\n").text == "holds more than 5 values"


def test_reading_ends_where_too_much_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rorpost_gateway.document.builder.KEPT", 3)
    assert "the rest was not read" in finding_in("a: [&a 1, &b 2, &c 3, &d 4, &e 5]\n").text
