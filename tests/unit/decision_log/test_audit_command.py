"""`rorpost audit verify` and `new-key` as a person runs them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rorpost_gateway.cli.audit import audit

CONFIGURATION = """
node: gw1
hostname: gw.motala.se
domains: [motala.se]
submission: {listen: ["127.0.0.1:0"], tls: {mode: "off"}, auth: {backend: file, users: users.yaml}}
relay: {default: {host: 127.0.0.1, port: 1526, tls: {mode: "off"}}}
decision_log: {dir: decisions, signing_key_file: decision-log.key, origin: motala.se/rorpost/gw1}
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(audit, [str(argument) for argument in arguments])


@pytest.fixture
def configuration(tmp_path) -> Path:
    path = tmp_path / "rorpost.yaml"
    path.write_text(CONFIGURATION)
    return path


async def test_a_broken_log_exits_1_naming_the_place(two_days) -> None:
    path = two_days.files()[0]
    path.write_bytes(path.read_bytes().replace(b'"n":2', b'"n":3'))
    result = run("verify", "--log", two_days.folder)
    assert result.exit_code == 1
    assert result.output == "does not hold: 2026-05-06.jsonl:3: entry 2: its number is 3 [number]\n"
    result = run("verify", "--log", two_days.folder, "--json")
    assert result.exit_code == 1
    assert json.loads(result.output) == {
        "verified": False,
        "file": "2026-05-06.jsonl",
        "line": 3,
        "entry": 2,
        "check": "number",
        "text": "its number is 3",
    }


async def test_a_sound_log_exits_0_and_says_what_was_not_covered(two_days) -> None:
    result = run("verify", "--log", two_days.folder)
    assert result.exit_code == 0
    assert "holds: 8 entries in 2 files" in result.output
    assert "not compared" in result.output
    assert "not covered" in result.output
    result = run("verify", "--log", two_days.folder, "--vkey", two_days.vkey, "--json")
    assert (result.exit_code, json.loads(result.output)["entries"]) == (0, 8)


async def test_an_unfinished_line_is_told_of(workshop) -> None:
    await workshop.write()
    with workshop.files()[0].open("ab") as file:
        file.write(b'{"n":4,')
    result = run("verify", "--log", workshop.folder)
    assert result.exit_code == 0
    assert "7 octets of a line that was not finished" in result.output


async def test_the_verifier_key_may_be_a_file(two_days, tmp_path) -> None:
    good, wrong = tmp_path / "good.vkey", tmp_path / "wrong.vkey"
    good.write_text(f"{two_days.vkey}\n")
    wrong.write_text("motala.se/rorpost/gw1+00000000+AAAA\n")
    assert run("verify", "--log", two_days.folder, "--vkey", good).exit_code == 0
    assert run("verify", "--log", two_days.folder, "--vkey", wrong).exit_code == 1


@pytest.mark.parametrize("vkey", ["", "no-such-file", "a+b", "/dev/null", "/", "a\0b"])
async def test_a_verifier_key_that_is_none_is_wrong_usage(two_days, vkey) -> None:
    result = run("verify", "--log", two_days.folder, "--vkey", vkey)
    assert result.exit_code == 2


def test_a_folder_that_is_not_there_is_wrong_usage(tmp_path) -> None:
    assert run("verify", "--log", tmp_path / "missing").exit_code == 2


def test_an_empty_folder_is_no_sound_log(tmp_path) -> None:
    assert run("verify", "--log", tmp_path).exit_code == 1


def test_new_key_makes_one_key_and_never_another(configuration) -> None:
    result = run("new-key", "--config", configuration)
    assert result.exit_code == 0
    assert result.output == configuration.with_name("decision-log.vkey").read_text()
    key = configuration.with_name("decision-log.key").read_bytes()
    again = run("new-key", "--config", configuration)
    assert again.exit_code == 1
    assert "there is no log" in str(again.exception)
    assert configuration.with_name("decision-log.key").read_bytes() == key


async def test_without_a_folder_the_configured_log_and_key_count(workshop, configuration) -> None:
    await workshop.write()
    assert "not compared" in run("verify", "--config", configuration).output
    configuration.with_name("decision-log.vkey").write_text(f"{workshop.vkey}\n")
    assert "as expected" in run("verify", "--config", configuration).output
    configuration.with_name("decision-log.vkey").write_text("motala.se/rorpost/gw1+00000000+AAAA\n")
    assert run("verify", "--config", configuration).exit_code == 1


async def test_no_key_is_made_for_a_log_that_another_one_signed(workshop, configuration) -> None:
    await workshop.write()
    result = run("new-key", "--config", configuration)
    assert result.exit_code == 1
    assert "audit restart" in str(result.exception)
    assert not configuration.with_name("decision-log.key").exists()


def test_a_configured_log_that_is_not_there_does_not_hold(configuration) -> None:
    result = run("verify", "--config", configuration)
    assert result.exit_code == 1
    assert "cannot be read" in result.output
