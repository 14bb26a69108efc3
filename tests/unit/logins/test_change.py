"""Setting a password changes one entry and nothing else of the file."""

import re
import threading
from pathlib import Path

import pytest

from rorpost_gateway.errors import AddressMalformed, ConfigurationInvalid, NotFound
from rorpost_gateway.logins import Logins, PasswordRefused, load_users, set_password

BOUND_SECONDS = 30.0
OLD = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$" + "A" * 43
NEW = "nytt lösenord 2026"
FILE = f"""# The logins of the home care.
anna.berg:          # since May
  password: "{OLD}"   # set by IT
  address: anna.berg@motala.se
  aliases: [anna@motala.se]

"bo.ek": {{password: '{OLD}', address: bo.ek@motala.se}}
eva.ek:
  address: eva.ek@motala.se
  password: {OLD}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "users.yaml"
    path.write_text(FILE, encoding="utf-8")
    path.chmod(0o640)
    return path


def blanked(text: str) -> str:
    return re.sub(r"['\"]?\$argon2id[^\s,}'\"]*(,t=2,p=1\$[^\s,}'\"]*)?['\"]?", "HASH", text)


@pytest.mark.parametrize("password", ["", "elva tecken", "x" * 1001])
def test_a_short_password_is_refused(password: str, file: Path) -> None:
    with pytest.raises(PasswordRefused):
        set_password(file, "anna.berg", password)
    assert file.read_text(encoding="utf-8") == FILE


def test_an_unknown_login_needs_an_address(file: Path) -> None:
    with pytest.raises(NotFound):
        set_password(file, "new.user", NEW)
    with pytest.raises(AddressMalformed):
        set_password(file, "new.user", NEW, address="New User")
    assert file.read_text(encoding="utf-8") == FILE


@pytest.mark.parametrize(
    "text",
    [
        f"{{anna.berg: {{password: '{OLD}', address: a@x.se}}}}",
        f"anna.berg:\n  password: |-\n    {OLD}\n  address: a@x.se\n",
        f"anna.berg:\n  password: '{OLD}'\n  address: a@x.se\n...\n",
    ],
)
def test_a_file_in_which_one_entry_cannot_be_written_is_left_alone(text: str, file: Path) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationInvalid):
        set_password(file, "anna.berg" if "|-" in text else "bo.ek", NEW, address="b@x.se")
    assert file.read_text(encoding="utf-8") == text


def test_a_file_that_is_wrong_already_is_left_alone(file: Path) -> None:
    file.write_text(FILE + "anna.berg: {}\n", encoding="utf-8")
    with pytest.raises(ConfigurationInvalid):
        set_password(file, "eva.ek", NEW)
    assert OLD in file.read_text(encoding="utf-8")


def test_an_address_of_somebody_else_cannot_be_taken(file: Path) -> None:
    with pytest.raises(ConfigurationInvalid, match="belongs to"):
        set_password(file, "new.user", NEW, address="anna@motala.se")
    assert file.read_text(encoding="utf-8") == FILE


@pytest.mark.parametrize("user", ["anna.berg", "BO.EK", "eva.ek"])
async def test_one_password_changes_and_everything_else_stays(user: str, file: Path) -> None:
    before = load_users(file)
    assert set_password(file, user, NEW) is False
    after = load_users(file)
    assert blanked(file.read_text(encoding="utf-8")) == blanked(FILE)
    assert {n for n in before.by_name if before.by_name[n] != after.by_name[n]} == {user.lower()}
    login = await Logins(after).verify(user, NEW.encode())
    assert login is not None
    assert login.name == user.lower()
    assert await Logins(after).verify(user, b"another password") is None
    assert oct(file.stat().st_mode & 0o777) == "0o640"
    assert list(file.parent.iterdir()) == [file]


def test_line_ends_stay_as_they_are(file: Path) -> None:
    file.write_bytes(FILE.replace("\n", "\r\n").encode())
    set_password(file, "anna.berg", NEW)
    octets = file.read_bytes()
    assert octets.count(b"\r\n") == octets.count(b"\n") == FILE.count("\n")


@pytest.mark.parametrize("user", ["carl.ek", "carl@motala.se", "null", 'a"b\\c', "Åsa Öst", "1"])
def test_a_new_login_is_appended(user: str, file: Path) -> None:
    assert set_password(file, user, NEW, address="Carl.Ek@Motala.se") is True
    users = load_users(file)
    found = users.find(user)
    assert found is not None
    assert found.login.address == "carl.ek@motala.se"
    assert len(users.by_name) == 4
    assert file.read_text(encoding="utf-8").startswith(FILE)


def test_a_new_address_for_a_known_login(file: Path) -> None:
    set_password(file, "anna.berg", NEW, address="anna.ny@motala.se")
    found = load_users(file).find("anna.berg")
    assert found is not None
    assert found.login.addresses == {"anna.ny@motala.se", "anna@motala.se"}


def test_the_first_login_makes_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "users.yaml"
    set_password(path, "anna.berg", NEW, address="anna.berg@motala.se")
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    assert load_users(path).find("anna.berg") is not None


def test_a_link_stays_a_link_and_others_lose_their_access(file: Path, tmp_path: Path) -> None:
    file.chmod(0o644)
    link = tmp_path / "link.yaml"
    link.symlink_to(file)
    set_password(link, "anna.berg", NEW)
    assert link.is_symlink()
    assert oct(file.stat().st_mode & 0o777) == "0o640"


def test_two_at_a_time_lose_nothing(file: Path) -> None:
    threads = [
        threading.Thread(
            target=set_password, args=(file, f"user.{n}", NEW), kwargs={"address": f"u{n}@x.se"}, daemon=True
        )
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(BOUND_SECONDS)
    assert len(load_users(file).by_name) == 7
