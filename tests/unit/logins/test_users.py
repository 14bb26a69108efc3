"""The users file: what is refused, with file, line and column; and what is read."""

from pathlib import Path

import pytest

from rorpost_gateway.errors import ConfigurationInvalid
from rorpost_gateway.logins import Users, load_users

HASH = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$" + "A" * 43


def write(folder: Path, text: str) -> Path:
    path = folder / "users.yaml"
    path.write_text(text.replace("HASH", HASH), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("anna: {password: secret-password, address: a@x.se}", ":1:18: anna.password must be an argon2id"),
        ("anna: {password: '$argon2i$v=19$m=1,t=1,p=1$a$a', address: a@x.se}", "argon2id"),
        (
            "anna: {password: '$argon2id$v=19$m=9999999,t=1,p=1$c29tZXNhbHQ$HASH', address: a@x.se}",
            "argon2id",
        ),
        ("anna: {address: a@x.se}", "'password' is missing"),
        ("anna: {password: 'HASH'}", "'address' is missing"),
        ("anna: {password: 'HASH', address: Anna Berg}", "no mailbox address"),
        ("anna: {password: 'HASH', address: a@x.se, aliases: [b]}", "no mailbox address"),
        ("anna: {password: 'HASH', address: a@x.se, admin: true}", "unknown key 'admin'"),
        (
            "anna: {password: 'HASH', address: a@x.se}\nANNA: {password: 'HASH', address: b@x.se}",
            ":2:1: login 'ANNA'",
        ),
        (
            "a: {password: 'HASH', address: a@x.se}\nb: {password: 'HASH', address: b@x, aliases: [A@x.SE]}",
            "a@x.se belongs to login 'a' already",
        ),
        ("anna: HASH", "must be a mapping"),
        ("- anna", "must be a mapping"),
    ],
)
def test_what_is_refused(text: str, finding: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationInvalid) as refusal:
        load_users(write(tmp_path, text))
    assert finding in refusal.value.public
    assert "secret-password" not in refusal.value.public


def test_a_file_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationInvalid, match=r"users\.yaml"):
        load_users(tmp_path / "users.yaml")


def test_logins_are_found_whatever_their_case(tmp_path: Path) -> None:
    text = "Anna.Berg:\n  password: 'HASH'\n  address: Anna.Berg@Motala.se\n  aliases: [AB@motala.se]\n"
    users = load_users(write(tmp_path, text))
    user = users.find("ANNA.berg")
    assert user is not None
    assert user.login.name == "Anna.Berg"
    assert user.login.addresses == {"anna.berg@motala.se", "ab@motala.se"}
    assert users.find("anna") is None
    assert HASH not in repr(users)


def test_a_file_with_nothing_but_comments_is_no_users(tmp_path: Path) -> None:
    assert load_users(write(tmp_path, "# nobody yet\n")) == Users()
