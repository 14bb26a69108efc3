"""config/rorpost.yaml is the reference: what it comments is so."""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rorpost_gateway.config import Config, load_config

SHIPPED = Path(__file__).parents[3] / "config" / "rorpost.yaml"
LINES = SHIPPED.read_text(encoding="utf-8").splitlines()

# Commented keys that show what one may write; everything else that is commented shows its default.
EXAMPLES = {"ca", "username", "password_file", "routes", "lmtp", "smtp", "imap", "supervision", "access"}

# The configuration as it was agreed upon, as far as this version goes.
AGREED = (
    *("node", "hostname", "domains", "timezone", "state_dir", "policies", "language", "submission"),
    *("listen", "tls", "mode", "certificate", "key", "auth", "backend", "users", "trusted_networks"),
    *("network", "originator_org", "delivery", "method", "maildir", "root", "relay", "default"),
    *("lmtp", "smtp", "socket", "show_person"),
    *("host", "port", "routes", "ca", "username", "password_file", "max_size", "retry", "first"),
    *("factor", "longest", "warn_after", "give_up_after", "openpgp", "engine", "home"),
    *("passphrase_file", "queue", "url", "decision_log", "dir", "signing_key_file", "origin"),
    *("witness_file", "witnesses", "timestamps"),
    *("limits", "message_size", "sealed_size", "recipients", "connections", "connections_per_client"),
    *("in_flight_bytes", "metrics"),
    *("inbound", "imap", "poll", "folder", "recipient", "token_file", "token_url", "client_id", "scope"),
    *("client_secret_file", "sent_copy", "sent_folder", "supervision", "interval", "grace"),
    *("escalate_after", "notify", "from", "access", "remind", "mail"),
)
LATER = ("postgresql",)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Commented:
    """A key that is commented out, with the lines that belong to it."""

    key: str
    first: int  # index of its line
    last: int  # index behind its last line
    indent: str


def commented() -> Iterator[Commented]:
    for number, line in enumerate(LINES):
        match = re.match(r"( {0,6})# ([a-z_]+):( |$)", line)
        if match is None:
            continue
        last = number + 1
        deeper = re.compile(rf"{match[1]}#  +(?:- |[a-z_.]+:)")
        while last < len(LINES) and deeper.match(LINES[last]):
            last += 1
        yield Commented(key=match[2], first=number, last=last, indent=match[1])


def without_comment(text: str, *blocks: Commented, only_first: bool = False) -> str:
    lines = text.splitlines()
    for block in blocks:
        for number in range(block.first, block.first + 1 if only_first else block.last):
            lines[number] = lines[number].replace(f"{block.indent}# ", block.indent, 1)
    return "\n".join(lines) + "\n"


def load(text: str, folder: Path) -> Config:
    """As if it stood where the shipped file stands."""
    here = folder / "config"
    here.mkdir(exist_ok=True)
    (here / "rorpost.yaml").write_text(text, encoding="utf-8")
    return load_config(here / "rorpost.yaml")


BLOCKS = {block.key: block for block in commented()}
DEFAULTS = sorted(BLOCKS.keys() - EXAMPLES)


def test_the_shipped_file_is_sound() -> None:
    config = load_config(SHIPPED)
    assert config.policies == SHIPPED.parents[1] / "policies"


def test_something_is_commented() -> None:
    assert len(DEFAULTS) >= 11
    assert BLOCKS.keys() >= {
        "limits",
        "decision_log",
        "trusted_networks",
        "timezone",
        "passphrase_file",
    }
    assert BLOCKS["limits"].last - BLOCKS["limits"].first == 7


@pytest.mark.parametrize("key", DEFAULTS)
def test_what_is_commented_out_shows_the_default(key: str, tmp_path: Path) -> None:
    plain = load("\n".join(LINES), tmp_path)
    changed = without_comment("\n".join(LINES), BLOCKS[key], only_first=key == "trusted_networks")
    assert changed.splitlines() != LINES
    assert load(changed, tmp_path) == plain


def test_all_defaults_together(tmp_path: Path) -> None:
    plain = load("\n".join(LINES), tmp_path)
    blocks = [BLOCKS[key] for key in DEFAULTS if key != "trusted_networks"]
    assert load(without_comment("\n".join(LINES), *blocks), tmp_path) == plain


@pytest.mark.parametrize("keys", [("ca",), ("username", "password_file"), ("routes",)])
def test_what_is_shown_as_an_example_is_taken(keys: tuple[str, ...], tmp_path: Path) -> None:
    plain = load("\n".join(LINES), tmp_path)
    text = without_comment("\n".join(LINES), *(BLOCKS[key] for key in keys))
    assert load(text, tmp_path) != plain


def without_defaults(text: str, block: Commented) -> str:
    """Without the lines of a block that say that they show a default."""
    lines = text.splitlines()
    kept = [line for line in lines[block.first : block.last] if "# default" not in line]
    assert len(kept) < block.last - block.first
    return "\n".join([*lines[: block.first], *kept, *lines[block.last :]]) + "\n"


@pytest.mark.parametrize("part", ["inbound.imap", "delivery.imap", "supervision"])
def test_the_accounts_shown_are_taken_and_their_defaults_are_so(part: str, tmp_path: Path) -> None:
    inbound, delivery = (block for block in commented() if block.key == "imap")
    block = {"inbound.imap": inbound, "delivery.imap": delivery}.get(part, BLOCKS["supervision"])
    text = without_comment("\n".join(LINES), block)
    if part == "delivery.imap":
        text = text.replace("  # sent_copy: none", "  sent_copy: imap")
    shown = load(text, tmp_path)
    assert shown != load("\n".join(LINES), tmp_path)
    assert shown == load(without_defaults(text, block), tmp_path)


def test_the_networks_shown_as_examples_are_taken(tmp_path: Path) -> None:
    block = BLOCKS["trusted_networks"]
    text = without_comment("\n".join(LINES), block).replace("trusted_networks: []", "trusted_networks:")
    networks = load(text, tmp_path).submission.trusted_networks
    assert [network.originator_org for network in networks] == [None, "motala.se"]


@pytest.mark.parametrize("key", AGREED)
def test_every_key_of_this_version_is_in_the_file(key: str) -> None:
    assert re.search(rf"(?<![\w-]){key}:", "\n".join(LINES))


@pytest.mark.parametrize("key", LATER)
def test_nothing_of_a_later_version_is_in_the_file(key: str) -> None:
    assert not re.search(rf"(?<![\w-]){key}\b", "\n".join(LINES))
