"""Whatever text or structure comes: it loads, or it is refused with findings that point into it."""

from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rorpost_gateway.document import DocumentInvalid, Finding, Node, parse_file, parse_text, plain
from rorpost_gateway.policy.load import load_policy

POLICIES = Path(__file__).parents[2] / "policies"
SHIPPED = "\n".join((POLICIES / name).read_text() for name in ("20-channels.yaml", "30-rules.yaml"))
TOKENS = [
    "a", "b", ": ", ":", "\n", "  ", "- ", "[", "]", "{", "}", ",", "'", '"', "|\n", ">", "&x ", "*x", "!t ",
    "!!int ", "<<", "? ", "---\n", "...\n", "# c\n", "%YAML 1.1\n", "\t", "\r\n", "1", "2026-01-01", "true",
    "~", "\0", "\u2028", "å", "\U0001f600", "\\", "@", "`", "null", "0x1", "1.5", "-",
]  # fmt: skip

CHARACTERS = st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=["Cc"])
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.dates(), st.text(CHARACTERS),
    st.sampled_from(["yes", "off", "012", "08:30", "1_0", "=", "<<", "0o7", "null", "2026-01-01", "1e3", ""]),
)  # fmt: skip
KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8)
STRUCTURES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


def loads_or_points(text: str) -> Node | None:
    lines = text.split("\n")
    try:
        return parse_text(text, shown_as="f")
    except DocumentInvalid as error:
        findings = error.findings
    assert findings
    for finding in findings:
        assert finding.position.file == "f"
        assert 1 <= finding.position.line <= len(lines) + text.count("\r") + 1
        assert 1 <= finding.position.column <= len(text) + 2
        assert finding.text.isprintable()
    return None


@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    loads_or_points(text)


@settings(max_examples=300)
@given(st.lists(st.sampled_from(TOKENS), max_size=60).map("".join))
def test_any_tokens(text: str) -> None:
    loads_or_points(text)


@given(st.data())
def test_a_real_policy_with_something_in_it(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(SHIPPED)))
    cut = data.draw(st.integers(0, 40))
    loads_or_points(SHIPPED[:at] + data.draw(st.sampled_from(TOKENS)) + SHIPPED[at + cut :])


def expected(value: Any) -> Any:
    """What must come back, dates as their ISO text."""
    if isinstance(value, dict):
        return {key: expected(each) for key, each in value.items()}
    if isinstance(value, list):
        return [expected(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def written(value: Any) -> str:
    """Flow style by hand, all text in quotes, so that nothing but our own reader interprets it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(key)}: {written(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, str):
        return quoted(value)
    words = {None: "null", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(STRUCTURES)
def test_any_structure_comes_back(value: Any) -> None:
    assert plain(parse_text("x: " + written(value), shown_as="f")) == {"x": expected(value)}


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(STRUCTURES)
def test_what_another_writer_wrote_comes_back_or_is_refused(value: Any) -> None:
    node = loads_or_points(yaml.dump({"x": value}, allow_unicode=True, Dumper=NoAliases))
    if node is not None:
        assert plain(node) == {"x": expected(value)}


class NoAliases(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_structure_as_a_policy(data: st.DataObject, tmp_path: Path) -> None:
    """The shipped policy with any one value replaced by anything: it loads, or every finding has a place."""
    roots = [plain(parse_file(POLICIES / name)) for name in ("10-mailboxes.yaml", "20-channels.yaml")]
    roots.append(plain(parse_file(POLICIES / "30-rules.yaml")))
    policy: Any = {key: value for root in roots for key, value in root.items()}  # type: ignore[union-attr]
    around: Any = policy
    while True:
        key = data.draw(st.sampled_from(list(around) if isinstance(around, dict) else range(len(around))))
        if not isinstance(around[key], dict | list) or not around[key] or data.draw(st.booleans()):
            around[key] = data.draw(STRUCTURES)
            break
        around = around[key]
    file = tmp_path / "policy.yaml"
    file.write_text(written(policy), encoding="utf-8")
    for finding in findings_of(file):
        assert finding.position.file == "f"
        assert finding.position.line == 1
        assert finding.position.column >= 1
        assert finding.text.isprintable()


def findings_of(file: Path) -> tuple[Finding, ...]:
    try:
        load_policy(
            file, own_domains=frozenset({"motala.se"}), timezone=ZoneInfo("Europe/Stockholm"), shown_as="f"
        )
    except DocumentInvalid as error:
        return error.findings
    return ()
