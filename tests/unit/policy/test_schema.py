"""The JSON Schemas: what the readers ask for is in them, what is shipped passes, mistakes are underlined."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from rorpost_gateway.document import DocumentInvalid, Section, parse_file, parse_text, plain
from rorpost_gateway.policy.cases import load_cases
from rorpost_gateway.policy.schema import cases_schema, policy_schema

FOLDER = Path(__file__).parents[3] / "policies"
SCHEMAS = {"policy": policy_schema(), "cases": cases_schema()}
CARE = "rorpost.vcbrinken@regionostergotland.se"


def mistakes(schema: str, text: str) -> list[str]:
    """Where a schema would underline something, as paths."""
    found = Draft202012Validator(SCHEMAS[schema], format_checker=FormatChecker()).iter_errors(
        plain(parse_text(text, shown_as="f.yaml"))
    )
    return ["/".join(map(str, one.absolute_path)) for one in found]


# --- it says what the readers read --------------------------------------------------------------

# Every key once, so that the reader goes everywhere.
EVERYTHING = """\
mailboxes:
  rorpost.a@motala.se:
    read_at: ["08:00"]
    users:
      - {user: a@x.se, requested_by: b@x.se, executed_by: c@x.se, valid_from: 2026-01-01,
         valid_until: 2026-02-01}
    key:
      - {fingerprint: "AAAA0000AAAA0000AAAA0000AAAA0000AAAA0001"}
  rorpost.b@motala.se: {name: B}
channels:
  - name: a-b
    between: [rorpost.a@motala.se, rorpost.b@motala.se]
    rules: &
rules: &
"""
RULES = "{legal_basis: off, declared_user: {inbound: require}, attachments: {max_bytes: 1}}"
EVERY_CASE = """\
cases:
  - name: one
    from: a
    to: b
    direction: inbound
    want: accept
    message: {headers: {X-A: a}, attachments: [{name: a.txt, octets: 1}]}
    signed: {protected: true}
    keys: {rorpost.a@motala.se: missing}
"""
# How the path that a reader gives a mapping is one of the schema's.
PLACES = (
    (re.compile(r"^channel 'a-b'\.rules"), "channels.rules"),
    (re.compile(r"^channel .*"), "channels"),
    (re.compile(r"^rorpost\.[^@]*@motala\.se"), "mailboxes"),
    (re.compile(r"^case 'one'"), "cases"),
    (re.compile(r"\[0\]"), ""),
)


def asked_for(monkeypatch: pytest.MonkeyPatch, world: Any) -> Mapping[str, set[str]]:
    """Every key that the readers ask for, by the place of the mapping that holds it."""
    asked: dict[str, set[str]] = defaultdict(set)
    finish = Section.finish

    def finished(section: Section, **elsewhere: Any) -> None:
        place = section.name
        for pattern, name in PLACES:
            place = pattern.sub(name, place)
        asked[place] |= section._asked
        finish(section, **elsewhere)

    monkeypatch.setattr(Section, "finish", finished)
    policy = world.load(EVERYTHING.replace("&", RULES))
    asked[""], whole = set(), asked.pop("")
    file = world._folder / "cases.yaml"
    file.write_text(EVERY_CASE)
    load_cases([file], policy)
    return {**asked, "": asked[""] | whole}


def described(schema: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, set[str]]]:
    """Every mapping of fixed keys, by its place; elements of a list stand at the place of the list."""
    for part in (*schema.get("anyOf", ()), schema.get("items"), schema.get("additionalProperties")):
        if isinstance(part, Mapping):
            yield from described(part, place)
    if "properties" in schema:
        yield place, set(schema["properties"])
        for key, value in schema["properties"].items():
            yield from described(value, f"{place}.{key}".lstrip("."))


def test_every_key_that_is_read_is_described_and_no_other(
    monkeypatch: pytest.MonkeyPatch, world: Any
) -> None:
    known: dict[str, set[str]] = defaultdict(set)
    for schema in SCHEMAS.values():
        for place, keys in described(schema):
            known[place] |= keys
    read = asked_for(monkeypatch, world)
    assert len(known) >= 13
    assert known == read


def test_every_key_has_words_for_whoever_writes_it() -> None:
    def silent(schema: Any) -> Iterator[str]:
        for key, value in schema.get("properties", {}).items():
            yield from () if len(value.get("description", "")) > 5 else (key,)
        for part in schema.values():
            for one in part if isinstance(part, list) else [part]:
                if isinstance(one, Mapping):
                    yield from silent(one)

    assert [key for schema in SCHEMAS.values() for key in silent(schema)] == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_it_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


# --- the shipped files ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_written_schema_is_this_one(name: str) -> None:
    """If it is not: `rorpost policy schema > policies/schema/policy.json`, and `--cases` for the cases."""
    assert json.loads((FOLDER / "schema" / f"{name}.json").read_text(encoding="utf-8")) == SCHEMAS[name]


def shipped() -> list[tuple[Path, str]]:
    return [(file, "policy") for file in sorted(FOLDER.glob("*.yaml"))] + [
        (file, "cases") for file in sorted((FOLDER / "tests").glob("*.yaml"))
    ]


@pytest.mark.parametrize(("file", "schema"), shipped(), ids=lambda value: getattr(value, "name", value))
def test_a_shipped_file_passes_and_names_its_schema(file: Path, schema: str) -> None:
    assert list(Draft202012Validator(SCHEMAS[schema]).iter_errors(plain(parse_file(file)))) == []
    named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", file.read_text(encoding="utf-8"))
    assert named
    assert (file.parent / named[1]).resolve() == (FOLDER / "schema" / f"{schema}.json").resolve()


def test_what_the_reader_takes_passes(small_text: Any) -> None:
    assert mistakes("policy", small_text()) == []
    assert mistakes("policy", EVERYTHING.replace("&", RULES)) == []
    assert mistakes("cases", EVERY_CASE) == []


# --- mistakes ---------------------------------------------------------------------------------------

MINE = "mailboxes/rorpost.hemsjukvarden@motala.se"
CHANNEL = "between: [rorpost.hemsjukvarden@motala.se, rorpost.vcbrinken@regionostergotland.se]"


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("phone:", "fone:", MINE),
        ('"0141-22 50 00"', "12345", f"{MINE}/phone"),
        ("rorpost.hemsjukvarden@motala.se:", "hemsjukvarden@motala.se:", "mailboxes"),
        ('"08:00"', '"8:00"', f"{MINE}/read_at/0"),
        ('read_at: ["08:00", "13:00"]', "on_duty: [a@x.se]", MINE),
        ('["08:00", "13:00"]', '["08:00"]\n    read_on: [mo]', f"{MINE}/read_on"),
        ("2026-12-31", "2026-12-1", f"{MINE}/users/0/valid_until"),
        ("eva.ek@motala.se\n        executed", "Eva Ek\n        executed",
         f"{MINE}/users/0/requested_by"),
        ("        executed_by: it.drift@motala.se\n", "", f"{MINE}/users/0"),
        ("AAAA0001", "AAAA00", f"mailboxes/{CARE}/key"),
        (CHANNEL, "between: [rorpost.hemsjukvarden@motala.se]", "channels/0/between"),
        (CHANNEL, "between: [rorpost.*@motala.se, rorpost.a@x.se]", "channels/0/between/0"),
        (CHANNEL, "from: rorpost.hemsjukvarden@motala.se", "channels/0"),
        (CHANNEL, f"{CHANNEL}\n    from: rorpost.a@x.se\n    to: [rorpost.b@x.se]", "channels/0"),
        (CHANNEL, "rules: {}", "channels/0"),
        (CHANNEL, f"{CHANNEL}\n    rules: {{authorisation_max_days: 3}}", "channels/0/rules"),
        ("outside_quotes: allow", "outside_quotes: off", "rules/outside_quotes"),
        ("outside_quotes: allow", "outside_quots: allow", "rules"),
        ("outside_quotes: allow", "legal_basis: []", "rules/legal_basis"),
        ("outside_quotes: allow", "declared_user: {sources: [phone]}", "rules/declared_user/sources/0"),
        ("outside_quotes: allow", "declared_user: {header: Sender}", "rules/declared_user/header"),
        ("outside_quotes: allow", "attachments: {max_bytes: 10 MB}", "rules/attachments"),
        ("outside_quotes: allow", "attachments: {deny_types: [exe]}", "rules/attachments"),
        ("outside_quotes: allow", "authorisation_max_days: 0", "rules/authorisation_max_days"),
    ],
)  # fmt: skip
def test_a_mistake_is_underlined_where_the_reader_refuses_it(
    world: Any, small_text: Any, old: str, new: str, place: str
) -> None:
    """The schema is never stricter: what it underlines here is no policy."""
    text = small_text((old, new))
    assert place in mistakes("policy", text)
    with pytest.raises(DocumentInvalid):
        world.load(text)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("want: accept", "want: yes", "cases/0/want"),
        ("want: accept", "wants: accept", "cases/0"),
        ("direction: inbound", "direction: inward", "cases/0/direction"),
        ("direction: inbound", 'at: "2026-05-06T08:00:00"', "cases/0/at"),
        ("octets: 1", "octets: 1, content: a", "cases/0/message/attachments/0"),
        ("octets: 1", "type: text", "cases/0/message/attachments/0/type"),
        ("missing", "gone", "cases/0/keys/rorpost.a@motala.se"),
        ("protected: true", "protected: reject", "cases/0/signed/protected"),
    ],
)
def test_a_mistake_in_a_case_is_underlined(world: Any, old: str, new: str, place: str) -> None:
    text = EVERY_CASE.replace(old, new)
    assert place in mistakes("cases", text)
    policy = world.small()
    file = world._folder / "cases.yaml"
    file.write_text(text)
    with pytest.raises(DocumentInvalid):
        load_cases([file], policy)
