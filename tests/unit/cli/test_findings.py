"""How findings look: the place underlined whatever the line is made of, and no secret on the screen."""

from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from rorpost_gateway.cli.excerpt import excerpt
from rorpost_gateway.cli.findings import render
from rorpost_gateway.document import REST, WORD, DocumentInvalid, Findings, Section, parse_file
from rorpost_gateway.logins.users import load_users


def underlined(line: str, *, column: int, length: int = WORD, room: int = 80) -> str:
    """What stands above the underline, as shown."""
    part = excerpt(line, column=column, length=length, room=room)
    assert cell_len(part.text) <= max(room, 20)
    cells = [c for c in part.text for _ in range(cell_len(c))]
    return "".join(cells[part.indent : part.indent + part.width])


# line, column, length → what is underlined
MARKED: dict[str, tuple[str, int, int, str]] = {
    "a word": ("    phone: 0141", 12, WORD, "0141"),
    "a key": ("    phone: 0141", 5, WORD, "phone"),
    "before a comment": ("a: some text  # why", 4, WORD, "some text"),
    "with a comma": ("name: Hemsjukvården, Motala", 7, WORD, "Hemsjukvården, Motala"),
    "in a list": ("to: [a@b.se, c@d.se]", 6, WORD, "a@b.se"),
    "in quotes": ('a: "x: y" # z', 4, WORD, '"x: y"'),
    "a quote left open": ("a: 'x", 4, WORD, "'x"),
    "so many characters": ("a: b c d", 4, 3, "b c"),
    "more than there are": ("a: b", 4, 99, "b"),
    "a bracket": ("a: [1, [2], 3] # x", 4, REST, "[1, [2], 3]"),
    "a bracket left open": ("a: [1, [2], 3", 4, REST, "[1, [2], 3"),
    "the rest": ("  - name: x  # y", 5, REST, "name: x"),
    "å": ("å: [ä, é ö]", 8, WORD, "é ö"),
    "a tab": ("\ta: 1", 1, 1, "→   "),
    "behind a tab": ("a:\t1", 4, WORD, "1"),
    "what nobody sees": ("a: \u202eb", 4, 1, "\\u202e"),
}


@pytest.mark.parametrize("name", MARKED)
def test_marked(name: str) -> None:
    line, column, length, marked = MARKED[name]
    assert underlined(line, column=column, length=length) == marked


def test_wide_characters_take_two_cells() -> None:
    part = excerpt("漢字: 漢", column=5, length=WORD, room=80)
    assert (part.indent, part.width) == (6, 2)


def test_combining_marks_take_none() -> None:
    part = excerpt("a\u030a: b", column=5, length=WORD, room=80)
    assert (part.indent, part.width) == (3, 1)


def test_behind_the_end_of_a_line_one_cell_is_marked() -> None:
    part = excerpt("a: [", column=99, length=WORD, room=80)
    assert (part.text, part.indent, part.width) == ("a: [", 4, 1)


@pytest.mark.parametrize("column", [1, 50, 500, 999])
@pytest.mark.parametrize("character", ["x", "漢"])
def test_a_long_line_is_cut_around_the_place(column: int, character: str) -> None:
    part = excerpt(character * 1000, column=column, length=10, room=60)
    assert cell_len(part.text) <= 60
    assert part.width == (10 if character == "x" else 20) - (column == 999) * (8 if character == "x" else 16)
    assert part.indent + part.width <= cell_len(part.text)
    assert part.text.startswith("…") is (column > 1)
    assert part.text.endswith("…") is (column < 999)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("password: hunter2", "password: …"),
        ("  db_passwd:  hunter2", "  db_passwd: …"),
        ("a: {'client_secret': hunter2}", "a: {'client_secret': …"),
        ("TOKEN: hunter2", "TOKEN: …"),
        ("password_file: a.txt", "password_file: a.txt"),
        ("token_url: https://x", "token_url: https://x"),
        ("password:", "password:"),
    ],
)
def test_what_stands_behind_the_key_of_a_secret_is_not_shown(line: str, shown: str) -> None:
    assert excerpt(line, column=1, length=WORD, room=80).text == shown


def invalid(file: Path, text: str, **named: Any) -> DocumentInvalid:
    file.write_text(text, encoding="utf-8")
    findings = Findings(**named)
    try:
        section = Section(parse_file(file, findings=findings), findings)
        section.text("name", None)
        section.finish()
        findings.raise_if_any()
    except DocumentInvalid as error:
        return error
    raise AssertionError("nothing found")


def test_lines_of_logins_are_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "users.yaml"
    for text in ("a:\n  password: hunter2\n  b: [x\n", "a: {password: hunter2}\n", "hunter2\n", "'hunter2"):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(DocumentInvalid) as caught:
            load_users(file)
        assert "hunter2" not in render(caught.value, width=100).plain


def test_a_file_that_is_gone_shows_its_place_only(tmp_path: Path) -> None:
    error = invalid(tmp_path / "f.yaml", "nmae: x\n")
    (tmp_path / "f.yaml").unlink()
    assert render(error, width=80).plain.endswith("/f.yaml:1:1: unknown key 'nmae'; did you mean 'name'?\n")


def test_a_file_of_this_folder_is_called_as_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = invalid(tmp_path / "f.yaml", "nmae: x\n")
    monkeypatch.chdir(tmp_path)
    assert render(error, width=80).plain.startswith("f.yaml:1:1: unknown key")


def test_the_end_of_a_file_is_shown_behind_its_last_line(tmp_path: Path) -> None:
    text = render(invalid(tmp_path / "f.yaml", "a:\n  - [1, 2\n\n\n"), width=80).plain
    assert "    2 |   - [1, 2\n      |          ^\n" in text


def test_what_is_too_long_to_be_written_by_hand_is_not_shown(tmp_path: Path) -> None:
    text = render(invalid(tmp_path / "f.yaml", "nmae: " + "a" * 30_000 + "\n"), width=80).plain
    assert len(text.splitlines()) == 1


def test_thousands_are_counted(tmp_path: Path) -> None:
    text = render(
        invalid(tmp_path / "f.yaml", "".join(f"x{number}: 1\n" for number in range(300))), width=80
    ).plain
    assert text.endswith("\n... and 100 more\n\n300 errors in 1 file\n")


def test_a_file_does_not_write_on_the_screen(rorpost: Any, here: Any) -> None:
    """Nor in the log: names of mailboxes and channels stand in findings as they were written."""
    here.write("policies/policy.yaml", '"mailboxes": {"a\\e[2J\\r@b.se": {"\\e]0;x\\a": 1, "phone": 1}}\n')
    ended = rorpost("check", config=here.path)
    assert ended.code == 78
    assert all(line.isprintable() for line in ended.err.splitlines())


def test_markup_in_a_file_is_text(tmp_path: Path) -> None:
    assert "'[bold]x[/]'" in render(invalid(tmp_path / "f.yaml", "'[bold]x[/]': 1\n"), width=80).plain


def test_colour_on_a_terminal_only(rorpost: Any, here: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    here.write("policies/policy.yaml", "nonsense: 1\n")
    assert "\x1b[" not in rorpost("check", config=here.path).err
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in rorpost("check", config=here.path).err
