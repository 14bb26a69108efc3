"""`rorpost keys` over a real configuration, policy and GnuPG home."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from rorpost_gateway.cli import main
from tests.peers.gnupg_home import (
    SENDER,
    PreparedKeys,
    export_public,
    export_secret,
    generate,
    gpg,
    import_key,
)

OURS, PARTNER = SENDER, "rorpost.vcbrinken@regionostergotland.se"
CONFIG = """\
node: gw1
hostname: gw.motala.se
domains: [motala.se]
policies: policies
state_dir: state
submission: {listen: ["127.0.0.1:0"], tls: {mode: off}, trusted_networks: ["127.0.0.0/8"]}
relay: {default: {host: 127.0.0.1, port: 1, tls: {mode: off}}}
openpgp: {home: HOME, passphrase_file: PASSPHRASE}
"""
POLICY = """\
mailboxes:
  rorpost.hemsjukvarden@motala.se:
    name: Hemsjukvården, Motala kommun
  rorpost.vcbrinken@regionostergotland.se:
    name: Vårdcentralen Brinken
    key: PIN
rules: {outside_quotes: allow}
"""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    code: int
    out: str
    err: str


@dataclass(frozen=True, kw_only=True)
class Gateway:
    folder: Path
    home: Path
    run: Callable[..., Outcome]


@pytest.fixture
def make_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Gateway]:
    def run(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["rorpost", "keys", *arguments])
        monkeypatch.setenv("RORPOST_CONFIG", str(tmp_path / "rorpost.yaml"))
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        code = end.value.code
        return Outcome(
            code=code if isinstance(code, int) else 0 if code is None else 1, out=said.out, err=said.err
        )

    def make(home: Path, pin: str, *, passphrase: str | None = None) -> Gateway:
        (tmp_path / "policies").mkdir()
        (tmp_path / "policies" / "all.yaml").write_text(POLICY.replace("PIN", pin))
        file = "null"
        if passphrase is not None:
            (tmp_path / "secret").write_text(passphrase + "\n")
            file = "secret"
        text = CONFIG.replace("HOME", str(home)).replace("PASSPHRASE", file)
        (tmp_path / "rorpost.yaml").write_text(text)
        return Gateway(folder=tmp_path, home=home, run=run)

    return make


@pytest.fixture
def gateway(
    make_gateway: Callable[..., Gateway],
    prepared_keys: PreparedKeys,
    home_copy: Callable[[Path], Path],
) -> Gateway:
    return make_gateway(home_copy(prepared_keys.sender_home), prepared_keys.receiver)


def findings(outcome: Outcome) -> dict[tuple[str, str], str]:
    return {(row["mailbox"], row["use"]): row["finding"] for row in json.loads(outcome.out)}


def test_check_with_all_well(gateway: Gateway) -> None:
    outcome = gateway.run("check", "--json")
    assert outcome.code == 0
    assert findings(outcome) == {(OURS, "seal"): "fine", (OURS, "sign"): "fine", (PARTNER, "seal"): "fine"}
    table = gateway.run("check")
    assert table.code == 0
    assert PARTNER in table.out


@pytest.mark.parametrize(
    ("pin", "finding"),
    [
        ("0" * 40, "key-missing"),
        ("expired_primary", "key-expired"),
        ("expired_subkey", "key-expired"),
        ("revoked_primary", "key-revoked"),
        ("revoked_subkey", "key-revoked"),
        ("sign_only", "key-unusable"),
    ],
)
def test_check_with_a_pin_that_is_no_good(
    make_gateway: Callable[..., Gateway], prepared_keys: PreparedKeys, pin: str, finding: str
) -> None:
    gateway = make_gateway(prepared_keys.sender_home, getattr(prepared_keys, pin, pin))
    outcome = gateway.run("check", "--json")
    assert outcome.code == 1
    assert findings(outcome)[PARTNER, "seal"] == finding


def test_check_looks_ahead(gateway: Gateway) -> None:
    assert gateway.run("check", "--days", "700").code == 0
    outcome = gateway.run("check", "--days", "800", "--json")
    assert outcome.code == 1
    assert set(findings(outcome).values()) == {"expires-soon"}


def test_check_without_a_key_of_our_own(
    make_gateway: Callable[..., Gateway], prepared_keys: PreparedKeys, new_home: Callable[[], Path]
) -> None:
    home = new_home()
    import_key(home, export_public(prepared_keys.sender_home, prepared_keys.receiver))
    outcome = make_gateway(home, prepared_keys.receiver).run("check", "--json")
    assert outcome.code == 1
    assert findings(outcome)[OURS, "sign"] == "key-missing"


def test_check_tries_the_passphrase(
    make_gateway: Callable[..., Gateway], prepared_keys: PreparedKeys, new_home: Callable[[], Path]
) -> None:
    home = new_home()
    generate(home, SENDER, passphrase="right")
    import_key(home, export_public(prepared_keys.sender_home, prepared_keys.receiver))
    outcome = make_gateway(home, prepared_keys.receiver, passphrase="wrong").run("check", "--json")
    assert outcome.code == 1
    assert findings(outcome)[OURS, "sign"] == "passphrase-wrong"


def test_list(gateway: Gateway, prepared_keys: PreparedKeys) -> None:
    rows = {row["fingerprint"]: row for row in json.loads(gateway.run("list", "--json").out)}
    assert rows[prepared_keys.sender]["mailboxes"] == [OURS]
    assert rows[prepared_keys.sender]["secret"] is True
    assert rows[prepared_keys.receiver]["mailboxes"] == [PARTNER]
    assert rows[prepared_keys.revoked_primary]["state"] == "revoked"
    table = gateway.run("list")
    assert table.code == 0
    assert prepared_keys.receiver in table.out


def test_export(gateway: Gateway, prepared_keys: PreparedKeys) -> None:
    outcome = gateway.run("export", OURS.upper())
    assert outcome.code == 0
    assert outcome.out.startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----")
    refused = gateway.run("export", "rorpost.nobody@motala.se")
    assert refused.code == 1
    assert "key-missing" in refused.err


def test_import_refuses_garbage_and_private_keys(
    gateway: Gateway, prepared_keys: PreparedKeys, new_home: Callable[[], Path]
) -> None:
    other = new_home()
    secret = export_secret(other, generate(other, "rorpost.other@motala.se"))
    before = gateway.run("list", "--json").out
    for octets in (b"hello", secret):
        (gateway.folder / "key").write_bytes(octets)
        outcome = gateway.run("import", str(gateway.folder / "key"))
        assert outcome.code == 1
        assert outcome.err
    assert gateway.run("list", "--json").out == before
    assert gateway.run("import", "--secret", str(gateway.folder / "key")).code == 0


def test_import_shows_the_fingerprint(gateway: Gateway, new_home: Callable[[], Path]) -> None:
    other = new_home()
    key = generate(other, "rorpost.new@regionostergotland.se")
    (gateway.folder / "key").write_bytes(export_public(other, key))
    outcome = gateway.run("import", str(gateway.folder / "key"))
    assert outcome.code == 0
    assert key in outcome.out
    assert "the decision log has no line of this" in outcome.err


def test_generate(
    make_gateway: Callable[..., Gateway], prepared_keys: PreparedKeys, new_home: Callable[[], Path]
) -> None:
    home = new_home()
    import_key(home, export_public(prepared_keys.sender_home, prepared_keys.receiver))
    gateway = make_gateway(home, prepared_keys.receiver, passphrase="Räksmörgås 1")
    assert gateway.run("check").code == 1
    first = gateway.run("generate", OURS)
    assert first.code == 0
    assert b"Hemsjukv\xc3\xa5rden, Motala kommun <" in gpg(home, "--with-colons", "-k", first.out.strip())
    assert gateway.run("check").code == 0
    again = gateway.run("generate", OURS)
    assert again.code == 1
    assert "usable key" in again.err
    second = gateway.run("generate", "--replace", OURS, "--expires", "1y")
    assert second.code == 0
    assert second.out != first.out


@pytest.mark.parametrize("address", [PARTNER, "rorpost.unknown@motala.se", "x"])
def test_generate_is_for_mailboxes_behind_this_gateway(gateway: Gateway, address: str) -> None:
    assert gateway.run("generate", address).code == 1


def test_wrong_usage(gateway: Gateway) -> None:
    assert gateway.run("export").code == 2
    assert gateway.run("import", "/nonexistent").code == 2
    assert gateway.run("frobnicate").code == 2


def test_a_home_that_is_not_right(gateway: Gateway) -> None:
    gateway.home.chmod(0o755)
    outcome = gateway.run("check")
    assert outcome.code == 78
    assert "0700" in outcome.err
    shutil.rmtree(gateway.folder / "policies")
    assert gateway.run("list").code == 78


def test_a_passphrase_file_that_is_not_there(
    make_gateway: Callable[..., Gateway], prepared_keys: PreparedKeys
) -> None:
    gateway = make_gateway(prepared_keys.sender_home, prepared_keys.receiver, passphrase="x")
    (gateway.folder / "secret").unlink()
    assert gateway.run("check").code == 78
