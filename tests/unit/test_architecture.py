"""What the folders promise and import-linter cannot see: third-party rooms, sizes, forbidden calls."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "rorpost_gateway"
LONGEST_FILE_LINES = 400
LONGEST_FUNCTION_LINES = 60

# Where a name may be imported: a room, or one file of it. One room each, the terminal and the
# operator's log aside.
ROOMS = {
    "aioimaplib": {"imap"},
    "aiosmtpd": {"smtp"},
    "aiosmtplib": {"smtp_client"},
    "argon2": {"logins"},
    "click": {"cli", "demo"},
    "cryptography": {
        "audit.signatures",
        "decision_log.signing",
        "certificates",
        "witness.key",
        "witness.timestamp",
    },
    "gnupg": {"openpgp"},
    "h11": {"http"},
    "holidays": {"supervision"},
    "personnummer": {"identity_number"},
    "prometheus_client": {"metrics"},
    "pysequoia": {"openpgp.sequoia", "openpgp.known_signers"},
    "rfc3161_client": {"witness.timestamp"},
    "rfc8785": {"policy"},
    "rich": {"cli", "demo"},
    "sqlite3": {"queue"},
    "structlog": {
        "beside",
        "cli",
        "collecting",
        "control",
        "daemon",
        "http",
        "imap",
        "inbound",
        "operator_log",
        "outbound",
        "reception",
        "relay",
        "reminding",
        "smtp",
        "supervision",
        "witness",
    },
    "trustme": {"demo"},
    "uvloop": {"event_loop"},
    "yaml": {"document"},
}
# Whoever decides, formats or stores is told the time.
CLOCKS = {"time.time", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
MAY_READ_THE_CLOCK = {"__main__", "cli", "daemon", "demo", "operator_log"}
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path) -> str:
    """`smtp.session` for rorpost_gateway/smtp/session.py; the empty string for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def lies_in(module: str, rooms: set[str]) -> bool:
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


def place(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def imports(path: Path) -> Iterator[tuple[ast.AST, str]]:
    """Every imported module or name, dotted; relative imports are refused elsewhere."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


def calls(path: Path) -> Iterator[tuple[ast.Call, str]]:
    """Every call with the dotted name it is written by."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            yield node, dotted(node.func)


def dotted(node: ast.expr) -> str:
    """As it is written; of names, as nearly all are, in a hundredth of `ast.unparse`'s time."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ast.unparse(node)


def docstrings(path: Path) -> set[ast.AST]:
    return {node.value for node in ast.walk(tree_of(path)) if isinstance(node, ast.Expr)}


def test_there_is_a_house_to_look_at() -> None:
    assert len(sources()) > 20


def test_third_party_names_stand_in_their_own_rooms() -> None:
    offenders = []
    for path in sources():
        for node, name in imports(path):
            top = name.partition(".")[0]
            if top == "rorpost_gateway" or (top in sys.stdlib_module_names and top not in ROOMS):
                continue
            if top not in ROOMS or not lies_in(module_of(path), ROOMS[top]):
                offenders.append(f"{place(path, node)}: {name}")
    assert not offenders


def test_every_dependency_has_a_room_and_every_room_a_dependency() -> None:
    names = {
        "argon2-cffi": "argon2",
        "python-gnupg": "gnupg",
        "prometheus-client": "prometheus_client",
        "pyyaml": "yaml",
        "rfc3161-client": "rfc3161_client",
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[=<>]", text)[0] for text in project["dependencies"]}
    assert {names.get(name, name) for name in declared} == set(ROOMS) - sys.stdlib_module_names


def test_imports_are_written_in_full() -> None:
    offenders = [
        place(path, node)
        for path in sources()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not offenders


def test_verification_shares_nothing_with_the_writer() -> None:
    """What checks the log is written a second time, so that one mistake is not made on both sides."""
    verifiers = [path for path in sources() if lies_in(module_of(path), {"audit"})]
    shared = [
        f"{place(path, node)}: {name}"
        for path in verifiers
        for node, name in imports(path)
        if name.startswith("rorpost_gateway.") and not name.startswith("rorpost_gateway.audit")
    ]
    assert verifiers
    assert not shared


def test_files_are_short() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in sources()
    }
    assert not {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE_LINES}


def test_functions_are_short() -> None:
    offenders = {
        f"{place(path, node)} {node.name}": lines
        for path in sources()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION_LINES
    }
    assert not offenders


def test_every_module_says_what_it_is_for() -> None:
    offenders = [
        str(path.relative_to(ROOT))
        for path in sources()
        if tree_of(path).body and not ast.get_docstring(tree_of(path))
    ]
    assert not offenders


def test_nothing_has_a_vague_name() -> None:
    assert not [str(path) for path in PACKAGE.rglob("*") if path.stem in VAGUE_NAMES]


def test_no_assertion_decides_anything() -> None:
    """`python -O` removes them."""
    offenders = [
        place(path, node)
        for path in sources()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Assert)
    ]
    assert not offenders


def test_nothing_goes_through_a_shell() -> None:
    shells = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"}
    offenders = [
        place(path, node)
        for path in sources()
        for node, name in calls(path)
        if name in shells
        or name.endswith("create_subprocess_shell")
        or any(keyword.arg == "shell" for keyword in node.keywords)
    ]
    assert not offenders


def test_nothing_is_evaluated_or_unpickled() -> None:
    forbidden = {
        "eval",
        "exec",
        "pickle.loads",
        "pickle.load",
        "marshal.loads",
        "yaml.load",
        "yaml.unsafe_load",
    }
    assert not [place(path, node) for path in sources() for node, name in calls(path) if name in forbidden]


def test_only_the_terminal_prints() -> None:
    offenders = [
        place(path, node)
        for path in sources()
        for node, name in calls(path)
        if name in {"print", "pprint"} and not lies_in(module_of(path), {"cli", "demo"})
    ]
    assert not offenders


def test_nothing_reads_the_clock_that_is_not_the_shell() -> None:
    offenders = [
        f"{place(path, node)}: {name}"
        for path in sources()
        for node, name in calls(path)
        if any(name == clock or name.endswith(f".{clock}") for clock in CLOCKS)
        and not lies_in(module_of(path), MAY_READ_THE_CLOCK)
    ]
    assert not offenders


def test_no_group_is_possessive() -> None:
    """Python 3.11.2, which Debian 12 has, keeps what a failed round of `(...)*+` has eaten (gh-106052)."""
    possessive = re.compile(r"(?<!\\)\)(?:[*+?]|\{[\d,]+\})\+")
    offenders = []
    for path in sources():
        told = docstrings(path)
        for node in ast.walk(tree_of(path)):
            if not isinstance(node, ast.Constant) or node in told:
                continue
            text = node.value.decode("latin-1") if isinstance(node.value, bytes) else str(node.value)
            if possessive.search(text):
                offenders.append(place(path, node))
    assert not offenders


def who_writes(*words: str) -> list[Path]:
    """Whoever does not write the word does not do the thing: most need not be parsed."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests").rglob("*.py"))}
    return [path for path, text in texts.items() if any(word in text for word in words)]


def test_no_test_sleeps() -> None:
    """A test waits for a condition, with a bound. `asyncio.sleep(0)` yields, which is another thing."""
    offenders = [
        place(path, node)
        for path in who_writes("sleep")
        for node, name in calls(path)
        if name in {"time.sleep", "asyncio.sleep", "sleep"}
        and not (node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0)
    ]
    assert not offenders


def test_no_test_is_left_out_without_a_reason() -> None:
    """Needing root is the one reason there is, and it has its mark."""
    offenders = [
        place(path, node)
        for path in who_writes("skip", "xfail")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute)
        and dotted(node)
        in {"pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail", "pytest.importorskip"}
    ]
    assert not offenders
