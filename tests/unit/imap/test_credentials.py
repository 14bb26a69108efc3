"""Secrets out of files, and tokens from a server that grants them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from rorpost_gateway.http.answer import Answer
from rorpost_gateway.http.client import Url
from rorpost_gateway.http.server import HttpServer
from rorpost_gateway.imap.base import ImapLoginFailed, ImapUnavailable
from rorpost_gateway.imap.credentials import ClientCredentials, PasswordFile, TokenFile
from tests.peers.authority import Authority

GRANTED = b'{"token_type": "Bearer", "access_token": "token-1", "expires_in": 3600}'
SECRET = "s3cret & more"


class Granting:
    """A token server. `body` and `status` are what it answers next; `asked` what it was sent."""

    def __init__(self) -> None:
        self.status, self.body = 200, GRANTED
        self.asked: list[dict[str, list[str]]] = []
        self.url = Url(tls=True, host="localhost", port=0, target="/token")

    async def take(self, body: bytes) -> Answer:
        self.asked.append(parse_qs(body.decode()))
        return Answer(status=self.status, content_type="application/json", body=self.body)


@asynccontextmanager
async def granting(authority: Authority) -> AsyncIterator[Granting]:
    there = Granting()
    server = HttpServer("127.0.0.1:0", {}, takers={"/token": there.take}, tls=authority.server_context())
    await server.start()
    there.url = Url(tls=True, host="localhost", port=(server.address or ("", 0))[1], target="/token")
    try:
        yield there
    finally:
        await server.close()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def credentials(there: Granting, authority: Authority, tmp_path: Path, clock: Clock) -> ClientCredentials:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    return ClientCredentials(
        url=there.url,
        client_id="client-1",
        secret_file=file,
        scope="https://outlook.office365.com/.default",
        ca=authority.ca_file,
        now=clock,
    )


@pytest.mark.parametrize(
    ("octets", "secret"),
    [
        (b"plain", "plain"),
        (b"plain\n", "plain"),
        (b" a b \r\nsecond", " a b "),
        ("lösen\n".encode(), "lösen"),
    ],
)
async def test_the_first_line_of_a_file(tmp_path: Path, octets: bytes, secret: str) -> None:
    file = tmp_path / "secret"
    file.write_bytes(octets)
    assert await PasswordFile(file).password() == secret
    assert await PasswordFile(file).token() is None
    assert await TokenFile(file).token() == secret
    assert await TokenFile(file).password() is None


@pytest.mark.parametrize("octets", [None, b"", b"\nsecond", b"\xff\xfe\n"])
async def test_a_file_without_a_secret(tmp_path: Path, octets: bytes | None) -> None:
    file = tmp_path / "secret"
    if octets is not None:
        file.write_bytes(octets)
    with pytest.raises(ImapLoginFailed):
        await PasswordFile(file).password()
    with pytest.raises(ImapLoginFailed):
        await TokenFile(file).token()


async def test_a_changed_file_counts_at_the_next_login(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("one")
    password = PasswordFile(file)
    assert await password.password() == "one"
    file.write_text("two")
    assert await password.password() == "two"


async def test_the_grant_that_is_asked_for(authority: Authority, tmp_path: Path) -> None:
    async with granting(authority) as there:
        asked = credentials(there, authority, tmp_path, Clock())
        assert await asked.token() == "token-1"
        assert await asked.password() is None
    assert there.asked == [
        {
            "grant_type": ["client_credentials"],
            "client_id": ["client-1"],
            "client_secret": [SECRET],
            "scope": ["https://outlook.office365.com/.default"],
        }
    ]


async def test_a_token_is_kept_until_a_minute_before_its_end(authority: Authority, tmp_path: Path) -> None:
    clock = Clock()
    async with granting(authority) as there:
        asked = credentials(there, authority, tmp_path, clock)
        assert await asyncio.gather(*(asked.token() for _ in range(10))) == ["token-1"] * 10
        clock.now += 3539
        await asked.token()
        assert len(there.asked) == 1
        clock.now += 1
        await asked.token()
        assert len(there.asked) == 2


async def test_a_token_that_was_refused_is_fetched_anew(authority: Authority, tmp_path: Path) -> None:
    async with granting(authority) as there:
        asked = credentials(there, authority, tmp_path, Clock())
        await asked.token()
        asked.forget()
        await asked.token()
    assert len(there.asked) == 2


@pytest.mark.parametrize(
    ("life", "kept_seconds"),
    [
        (b'"3600"', 3540),
        (b"1e400", 86340),
        (b"NaN", 240),
        (b"-1", 240),
        (b'"soon"', 240),
        (b"null", 240),
    ],
)
async def test_a_life_that_is_told_strangely(
    authority: Authority, tmp_path: Path, life: bytes, kept_seconds: float
) -> None:
    clock = Clock()
    async with granting(authority) as there:
        there.body = GRANTED.replace(b"3600", life)
        asked = credentials(there, authority, tmp_path, clock)
        await asked.token()
        clock.now += kept_seconds - 1
        await asked.token()
        assert len(there.asked) == 1
        clock.now += 2
        await asked.token()
        assert len(there.asked) == 2


async def test_a_token_of_half_a_minute_is_used_once(authority: Authority, tmp_path: Path) -> None:
    async with granting(authority) as there:
        there.body = GRANTED.replace(b"3600", b"30")
        asked = credentials(there, authority, tmp_path, Clock())
        assert [await asked.token(), await asked.token()] == ["token-1"] * 2
    assert len(there.asked) == 2


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_refused_grant(authority: Authority, tmp_path: Path, status: int) -> None:
    async with granting(authority) as there:
        there.status, there.body = status, b'{"error": "invalid_client", "error_description": "marker-word"}'
        with pytest.raises(ImapLoginFailed) as failed:
            await credentials(there, authority, tmp_path, Clock()).token()
    assert "marker-word" not in failed.value.public + failed.value.private


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, GRANTED),
        (302, GRANTED),
        (200, b""),
        (200, b"[]"),
        (200, b'{"access_token": 5}'),
        (200, b'{"access_token": ""}'),
        (200, b'{"access_token": "a\\u0001b"}'),
        (200, b'{"access_token": "a b"}'),
        (200, b"[" * 60_000),
        (200, b"\xff"),
        (200, b" " * 100_000 + GRANTED),
    ],
)
async def test_an_answer_that_is_none(authority: Authority, tmp_path: Path, status: int, body: bytes) -> None:
    async with granting(authority) as there:
        there.status, there.body = status, body
        with pytest.raises(ImapUnavailable):
            await credentials(there, authority, tmp_path, Clock()).token()


async def test_nobody_grants(authority: Authority, tmp_path: Path) -> None:
    async with granting(authority) as there:
        asked = credentials(there, authority, tmp_path, Clock())
    with pytest.raises(ImapUnavailable):
        await asked.token()


async def test_a_stranger_is_not_told_the_secret(
    authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    async with granting(stranger) as there:
        with pytest.raises(ImapUnavailable):
            await credentials(there, authority, tmp_path, Clock()).token()
    assert not there.asked
