"""One request to somebody else's server: an answer or one clear failure, in bounded time."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from rorpost_gateway.errors import ConfigurationInvalid
from rorpost_gateway.http.answer import Answer
from rorpost_gateway.http.client import Bounds, Heard, HttpFailed, parse_url, post
from rorpost_gateway.http.server import HttpLimits, HttpServer
from tests.peers.authority import Authority

BOUND_SECONDS = 10
Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def speaking(octets: bytes | None) -> AsyncIterator[str]:
    """A server that says `octets` to whoever connects and closes; None: it says nothing, and waits."""
    over = asyncio.Event()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        if octets is None:
            await over.wait()
        else:
            writer.write(octets)
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    try:
        async with asyncio.timeout(BOUND_SECONDS):
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
    finally:
        over.set()
        server.close()


async def ask(url: str, body: bytes = b"x", *, tls: ssl.SSLContext | None = None, **bounds: float) -> Heard:
    return await post(
        parse_url(url),
        body,
        content_type="text/plain",
        tls=tls,
        bounds=Bounds(**bounds),  # type: ignore[arg-type]
    )


OK = b"HTTP/1.1 200 OK\r\n"
FAILING = {
    "nothing": (b"", "none that is HTTP"),
    "no HTTP": (b"220 mail ESMTP\r\n\r\n", "none that is HTTP"),
    "cut in the header": (OK + b"Content-Length: 3\r\n", "none that is HTTP"),
    "cut in the body": (OK + b"Content-Length: 30\r\n\r\nabc", "none that is HTTP"),
    "two lengths": (OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "none that is HTTP"),
    "a wrong chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "none that is HTTP"),
    "a body without end": (OK + b"Content-Length: 2000\r\n\r\n" + b"a" * 2000, "too large"),
    "chunks without end": (OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 2000, "too large"),
    "a header without end": (OK + b"X: " + b"y" * 20_000, "none that is HTTP|too large"),
    "100 without end": (b"HTTP/1.1 100 Continue\r\n\r\n" * 2000, "too large"),
}


@pytest.mark.parametrize("case", FAILING)
async def test_an_answer_that_is_none(case: str) -> None:
    octets, says = FAILING[case]
    async with speaking(octets) as url:
        with pytest.raises(HttpFailed, match=says):
            await ask(url, body_octets=1000, header_octets=1000)


async def test_a_server_that_says_nothing() -> None:
    async with speaking(None) as url:
        with pytest.raises(HttpFailed, match=r"no answer within 0\.05 seconds"):
            await ask(url, seconds=0.05)


async def test_nobody_there() -> None:
    async with speaking(b"") as url:
        pass
    with pytest.raises(HttpFailed, match=r"127\.0\.0\.1"):
        await ask(url)


async def test_an_answer_before_the_request_was_read() -> None:
    """A server may refuse a large body without having taken it."""
    async with speaking(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n") as url:
        try:
            heard = await ask(url, b"x" * 4_000_000)
        except HttpFailed:
            return  # the reset may overtake the answer
        assert heard.status == 413


async def echo(body: bytes) -> Answer:
    return Answer(body=body.upper(), content_type="Text/X.Tlog.Size; charset=utf-8", status=409)


@asynccontextmanager
async def echoing(tls: ssl.SSLContext | None = None, **limits: float) -> AsyncIterator[HttpServer]:
    server = HttpServer(
        "127.0.0.1:0",
        {},
        takers={"/echo": echo},
        tls=tls,
        limits=HttpLimits(**limits),  # type: ignore[arg-type]
    )
    await server.start()
    try:
        async with asyncio.timeout(BOUND_SECONDS):
            yield server
    finally:
        await server.close()


def at(server: HttpServer, *, scheme: str = "http", host: str = "127.0.0.1", path: str = "/echo") -> str:
    assert server.address is not None
    return f"{scheme}://{host}:{server.address[1]}{path}"


async def test_our_own_server() -> None:
    async with echoing() as server:
        heard = await ask(at(server), b"abc" * 9000, body_octets=30_000)
        assert (heard.status, heard.content_type, heard.body) == (409, "text/x.tlog.size", b"ABC" * 9000)
        assert (await ask(at(server, path="/other"))).status == 404


async def test_a_body_over_the_servers_bound() -> None:
    async with echoing(body_octets=100) as server:
        with suppress(HttpFailed):  # the reset may overtake the answer
            assert (await ask(at(server), b"x" * 101)).status == 413
        assert (await ask(at(server), b"x" * 100)).status == 409


async def test_tls_is_verified(authority: Authority, stranger: Authority) -> None:
    trusting = authority.client_context()
    async with echoing(authority.server_context()) as server:
        assert (await ask(at(server, scheme="https"), tls=trusting)).body == b"X"
        for context in (stranger.client_context(), None):
            with pytest.raises(HttpFailed, match="TLS: "):
                await ask(at(server, scheme="https"), tls=context)
        with pytest.raises(HttpFailed):
            await ask(at(server, scheme="http"))


async def test_a_certificate_for_another_name(authority: Authority) -> None:
    certificate, key = authority.issue("witness.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    async with echoing(context) as server:
        with pytest.raises(HttpFailed, match="TLS: "):
            await ask(at(server, scheme="https"), tls=authority.client_context())


@pytest.mark.parametrize(
    "text",
    [
        *("", "witness.example", "ftp://witness.example/", "https://", "https:///x", "https://a b/"),
        *("https://w.example:0/", "https://w.example:99999/", "https://w.example:x/", "https://[::1/"),
        *("https://user@w.example/", "https://user:word@w.example/", "https://w.example/#part"),
        *(
            "https://w.example/a b",
            "https://w.example/å",
            "https://w.example/\r\nX: y",
            "https://wå.example/",
        ),
    ],
)
def test_no_url(text: str) -> None:
    with pytest.raises(ConfigurationInvalid):
        parse_url(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "https://me:Hemligt1@w.example/",
            "https://me:Hemligt1@w.example:x/",
            "ftp://me:Hemligt1@w.example/",
        ),
        *("https://w.example/a b?key=Hemligt1", "https://w.example/?key=Hemligt1#part"),
    ],
)
def test_what_may_be_a_secret_is_not_repeated(text: str) -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        parse_url(text)
    assert "Hemligt1" not in f"{refused.value.public} {refused.value.private}"


@pytest.mark.parametrize(
    ("text", "authority", "target"),
    [
        ("https://w.example", "w.example", "/"),
        ("https://w.example:443/a?b=c", "w.example", "/a?b=c"),
        ("http://w.example:8080/add", "w.example:8080", "/add"),
        ("http://[::1]:8080/add", "[::1]:8080", "/add"),
    ],
)
def test_a_url(text: str, authority: str, target: str) -> None:
    url = parse_url(text)
    assert (url.authority, url.target) == (authority, target)
