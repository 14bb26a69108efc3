"""The pages' server: whoever connects, it answers what is asked properly and cuts off the rest."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from rorpost_gateway.errors import ConfigurationInvalid
from rorpost_gateway.http.answer import Answer
from rorpost_gateway.http.server import HttpLimits, HttpServer

BOUND_SECONDS = 10
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def page() -> Answer:
    return Answer(body=b"all is well\n")


async def broken() -> Answer:
    raise ValueError("a secret of the house")


async def large() -> Answer:
    return Answer(body=b"x" * 8_000_000)


@asynccontextmanager
async def serving(**limits: float) -> AsyncIterator[HttpServer]:
    pages = {"/page": page, "/broken": broken, "/large": large}
    server = HttpServer("127.0.0.1:0", pages, limits=HttpLimits(**limits))  # type: ignore[arg-type]
    await server.start()
    try:
        async with asyncio.timeout(BOUND_SECONDS):
            yield server
    finally:
        await server.close()


async def connect(server: HttpServer) -> Streams:
    assert server.address is not None
    return await asyncio.open_connection(*server.address)


async def until_closed(streams: Streams) -> bytes:
    """What the server still says; nothing where it cuts the connection off."""
    reader, writer = streams
    try:
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def ask(server: HttpServer, octets: bytes) -> bytes:
    streams = await connect(server)
    streams[1].write(octets)
    return await until_closed(streams)


def get(path: str, *, method: str = "GET", more: str = "") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: gw\r\n{more}\r\n".encode()


REFUSED = {
    "no HTTP at all": (b"EHLO klient\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40) + b"\r\n\r\n", 400),
    "no Host": (b"GET /page HTTP/1.1\r\n\r\n", 400),
    "a NUL": (b"GET /page\0 HTTP/1.1\r\nHost: gw\r\n\r\n", 400),
    "two lengths": (get("/page", more="Content-Length: 1\r\nContent-Length: 2\r\n"), 400),
    "a space before the colon": (get("/page", more="X : y\r\n"), 400),
    "an unknown version": (b"GET /page HTTP/7.7\r\nHost: gw\r\n\r\n", 505),
    "a huge field": (get("/page", more="X: " + "y" * 20_000 + "\r\n"), 431),
    "a huge request line": (get("/page?" + "y" * 20_000), 431),
    "a thousand fields": (get("/page", more="X: y\r\n" * 4_000), 431),
    "a field without end": (b"GET /page HTTP/1.1\r\nX: " + b"y" * 20_000, 431),
    "another path": (get("/"), 404),
    "a path out of here": (get("/../page"), 404),
    "a proxy's request": (get("http://elsewhere/page"), 404),
    "POST": (get("/page", method="POST", more="Content-Length: 4\r\n") + b"body", 405),
    "DELETE": (get("/page", method="DELETE"), 405),
    "OPTIONS": (get("*", method="OPTIONS"), 405),
    "CONNECT": (get("gw:25", method="CONNECT"), 405),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_refused(case: str) -> None:
    octets, status = REFUSED[case]
    async with serving() as server:
        heard = await ask(server, octets)
        assert heard.startswith(b"HTTP/1.1 %d " % status) or (status == 431 and heard == b""), heard
        assert b"all is well" not in heard
        assert (status == 405) == (b"allow: get, head" in heard.lower())
        assert (await ask(server, get("/page"))).endswith(b"\r\n\r\nall is well\n")


async def test_a_page() -> None:
    async with serving() as server:
        heard = await ask(server, get("/page?x=1"))
    head, _, body = heard.partition(b"\r\n\r\n")
    assert head.splitlines()[0].startswith(b"HTTP/1.1 200")
    assert {b"content-length: 12", b"connection: close", b"cache-control: no-store"} <= set(
        head.lower().splitlines()
    )
    assert body == b"all is well\n"


async def test_head_has_no_body() -> None:
    async with serving() as server:
        heard = await ask(server, get("/page", method="HEAD"))
    assert heard.startswith(b"HTTP/1.1 200")
    assert b"content-length: 12" in heard.lower()
    assert heard.endswith(b"\r\n\r\n")


async def test_http_1_0_and_a_request_octet_by_octet() -> None:
    async with serving() as server:
        assert b"all is well" in await ask(server, b"GET /page HTTP/1.0\r\n\r\n")
        streams = await connect(server)
        for octet in get("/page"):
            streams[1].write(bytes([octet]))
            await streams[1].drain()
        assert b"all is well" in await until_closed(streams)


async def test_one_request_a_connection() -> None:
    async with serving() as server:
        heard = await ask(server, get("/page") * 3)
    assert heard.count(b"all is well") == 1


async def test_a_page_that_fails_tells_nothing() -> None:
    async with serving() as server:
        with capture_logs() as said:
            heard = await ask(server, get("/broken"))
    assert heard.startswith(b"HTTP/1.1 500")
    assert b"secret" not in heard
    assert [entry["event"] for entry in said] == ["http-page-failed"]


async def test_who_never_finishes_the_request_is_cut_off() -> None:
    """Slow loris: a byte now and then, for ever."""
    async with serving(request_seconds=0.05) as server:
        silent, slow = await connect(server), await connect(server)
        slow[1].write(get("/page")[:-2])
        assert await until_closed(silent) == b""
        assert await until_closed(slow) == b""
        assert b"all is well" in await ask(server, get("/page"))


async def test_who_does_not_read_the_answer_is_cut_off() -> None:
    async with serving(exchange_seconds=0.1) as server:
        reader, writer = await connect(server)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(get("/large"))
        while server.open_connections == 0:
            await asyncio.sleep(0)
        await server.until_idle()
        writer.transport.abort()
        assert reader is not None


async def test_more_connections_than_allowed_are_dropped_at_once() -> None:
    async with serving(connections=3, request_seconds=60) as server:
        held = [await connect(server) for _ in range(3)]
        while server.open_connections < 3:
            await asyncio.sleep(0)
        for _ in range(20):
            assert await ask(server, get("/page")) == b""
        for reader, writer in held:
            writer.write(get("/page"))
            assert b"all is well" in await until_closed((reader, writer))
        await server.until_idle()
        assert b"all is well" in await ask(server, get("/page"))


async def test_closing_cuts_off_what_is_in_hand() -> None:
    async with serving(request_seconds=60) as server:
        streams = await connect(server)
        while server.open_connections == 0:
            await asyncio.sleep(0)
        await server.close()
        assert await until_closed(streams) == b""
        await server.close()


async def test_an_address_in_use() -> None:
    async with serving() as server:
        assert server.address is not None
        again = HttpServer(f"127.0.0.1:{server.address[1]}", {})
        with pytest.raises(ConfigurationInvalid, match="cannot listen on"):
            await again.start()
        assert again.address is None


async def test_an_ipv6_address() -> None:
    server = HttpServer("[::1]:0", {"/page": page})
    await server.start()
    try:
        assert server.address is not None
        assert server.address[0] == "::1"
        assert b"all is well" in await ask(server, get("/page"))
    finally:
        await server.close()
