"""`rorpost check`: findings as text and as data, and its exit codes."""

import json
from typing import Any

import pytest

from tests.peers import gateway_world as world


@pytest.fixture
def sound(here: Any) -> Any:
    boxes = {name: here.policy["mailboxes"][name] for name in (world.HOME_CARE, world.BRINKEN)}
    channel = {"name": "en", "from": world.HOME_CARE, "to": [world.BRINKEN]}
    here.write(
        "policies/policy.yaml", world.as_yaml({**here.policy, "mailboxes": boxes, "channels": [channel]})
    )
    return here


def test_nothing_is_wrong(rorpost: Any, sound: Any) -> None:
    ended = rorpost("check", "--offline", config=sound.path)
    assert ended.code == 0
    assert "Nothing is wrong." in ended.out
    assert "2 mailboxes, 1 channels" in ended.out


def test_nothing_is_wrong_as_data(rorpost: Any, sound: Any) -> None:
    ended = rorpost("check", "--offline", "--json", config=sound.path)
    assert (ended.code, json.loads(ended.out)) == (0, [])


def test_an_error_ends_with_one(rorpost: Any, sound: Any) -> None:
    (sound.folder / "users.yaml").chmod(0o644)
    ended = rorpost("check", "--offline", config=sound.path)
    assert ended.code == 1
    assert f"error {sound.folder}/users.yaml: holds a secret and has mode 0644; chmod 600\n" in ended.out
    data = rorpost("check", "--offline", "--json", config=sound.path)
    assert data.code == 1
    assert json.loads(data.out) == [
        {
            "weight": "error",
            "place": f"{sound.folder}/users.yaml",
            "text": "holds a secret and has mode 0644; chmod 600",
        }
    ]


def test_a_warning_alone_ends_with_nought(rorpost: Any, sound: Any) -> None:
    """The next hop does not answer: it may only be down for the moment."""
    ended = rorpost("check", config=sound.path)
    assert ended.code == 0
    assert "warning next hop 127.0.0.1:1 (default): " in ended.out
    assert "Nothing is wrong" not in ended.out


def test_errors_stand_before_warnings(rorpost: Any, sound: Any) -> None:
    (sound.folder / "users.yaml").chmod(0o644)
    out = rorpost("check", config=sound.path).out
    assert out.index("error ") < out.index("warning ")


def test_a_place_is_not_broken_over_lines(rorpost: Any, sound: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """`file:line:column` is to be clicked on."""
    (sound.folder / "users.yaml").chmod(0o644)
    monkeypatch.setenv("COLUMNS", "40")
    assert (
        f"{sound.folder}/users.yaml: holds a secret" in rorpost("check", "--offline", config=sound.path).out
    )


def test_an_invalid_policy_is_78_with_every_finding(rorpost: Any, sound: Any) -> None:
    sound.write("policies/policy.yaml", "rules: {outside_quotes: allow}\nnonsense: 1\nmore: 2\n")
    ended = rorpost("check", config=sound.path)
    assert (ended.code, ended.out) == (78, "")
    places = [
        line for line in ended.err.splitlines() if line.startswith(f"{sound.folder}/policies/policy.yaml:")
    ]
    assert [line.split(": ")[1] for line in places] == ["unknown key 'nonsense'", "unknown key 'more'"]
    assert ended.err.endswith("\n\n2 errors in 1 file\n")


def test_everything_at_once(rorpost: Any, sound: Any) -> None:
    """What is wrong in one part does not hide what is wrong in another."""
    (sound.folder / "users.yaml").unlink()
    sound.configure(
        openpgp={"home": "missing", "passphrase_file": "nopassphrase"},
        submission={"tls": {"certificate": "nocert"}},
        state_dir="s" * 100,
    )
    ended = rorpost("check", "--json", config=sound.path)
    assert ended.code == 1
    places = " ".join(each["place"] for each in json.loads(ended.out))
    for name in ("users.yaml", "missing", "nopassphrase", "nocert", "rorpost.yaml", "next hop"):
        assert name in places
