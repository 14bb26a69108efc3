"""Checking passwords: wrong ones first; bounded; as slow for nobody as for somebody."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from rorpost_gateway.envelope import Login
from rorpost_gateway.errors import LoginsBusy
from rorpost_gateway.logins import CheckingPool, Logins, User, Users, passwords

ANNA = Login(name="anna.berg", address="anna.berg@motala.se")
PASSWORD = "korrekt häst batteri"


@pytest.fixture(scope="module")
def users() -> Users:
    return Users(by_name={"anna.berg": User(login=ANNA, password_hash=passwords.HASHER.hash(PASSWORD))})


@pytest.fixture
def pool() -> Iterator[CheckingPool]:
    pool = CheckingPool()
    yield pool
    pool.close()


async def test_only_the_right_password_of_a_known_login(users: Users, pool: CheckingPool) -> None:
    logins = Logins(users, pool=pool)
    assert await logins.verify("anna.berg", b"wrong") is None
    assert await logins.verify("anna.berg", b"") is None
    assert await logins.verify("anna.berg", PASSWORD.encode("latin-1")) is None
    assert await logins.verify("bo.ek", PASSWORD.encode()) is None
    assert await logins.verify("", b"") is None
    assert await logins.verify("Anna.BERG", PASSWORD.encode()) == ANNA
    assert logins.knows("ANNA.berg")
    assert not logins.knows("bo.ek")


async def test_without_users_nobody_gets_in(pool: CheckingPool) -> None:
    assert await Logins(None, pool=pool).verify("anna.berg", PASSWORD.encode()) is None


async def test_a_damaged_hash_lets_nobody_in(pool: CheckingPool) -> None:
    users = Users(by_name={"anna.berg": User(login=ANNA, password_hash="$argon2id$broken")})
    assert await Logins(users, pool=pool).verify("anna.berg", b"anything") is None


async def test_an_unknown_login_is_checked_at_the_same_cost(
    users: Users, monkeypatch: pytest.MonkeyPatch, pool: CheckingPool
) -> None:
    seen: list[str] = []
    real = passwords._matches

    def watched(password_hash: str, password: bytes) -> bool:
        seen.append(password_hash)
        return real(password_hash, password)

    monkeypatch.setattr(passwords, "_matches", watched)
    logins = Logins(users, pool=pool)
    await logins.verify("anna.berg", b"wrong")
    await logins.verify("nobody", b"wrong")
    costs = [password_hash.rsplit("$", 2)[0] for password_hash in seen]
    assert costs[0] == costs[1]
    assert [len(password_hash) for password_hash in seen] == [len(seen[0])] * 2


async def test_the_loop_goes_on_and_too_many_at_once_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(passwords, "_matches", lambda *_: release.wait(10))
    pool = CheckingPool(workers=1, waiting=1)
    try:
        checks = [asyncio.create_task(pool.matches("", b"")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(LoginsBusy):
            await pool.matches("", b"")
        checks[0].cancel()
        await asyncio.sleep(0)
        with pytest.raises(LoginsBusy):  # its thread still works, client or not
            await pool.matches("", b"")
        release.set()
        assert await checks[1]
        assert await pool.matches("", b"")
    finally:
        release.set()
        pool.close()
