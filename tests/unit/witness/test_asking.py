"""The log's side: over real HTTP to a real witness, and to one that says whatever it likes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from rorpost_gateway.decision_log.published.note import Checkpoint
from rorpost_gateway.decision_log.signing import generate
from rorpost_gateway.errors import LogUnavailable
from rorpost_gateway.http.answer import Answer
from rorpost_gateway.http.client import HttpFailed, Url, parse_url
from rorpost_gateway.http.server import HttpServer
from rorpost_gateway.witness.asking import Witness, WitnessConflict, WitnessRefused
from rorpost_gateway.witness.cosignature import parse_witness_key
from rorpost_gateway.witness.request import PATH, SIZE_TYPE, read_request
from rorpost_gateway.witness.service import make_server, monitoring_path
from rorpost_gateway.witness.witness import Judge
from rorpost_gateway.witness.witnesses import Witnesses
from tests.peers.authority import Authority
from tests.peers.witnessed_log import SignedLog, WitnessHouse

NOW = 1_790_000_000
NOWHERE = parse_url("http://127.0.0.1:1")
BOUND_SECONDS = 10


@pytest.fixture
def house(tmp_path: Path) -> WitnessHouse:
    return WitnessHouse(tmp_path / "witness")


@asynccontextmanager
async def serving(server: HttpServer, scheme: str = "http") -> AsyncIterator[Url]:
    await server.start()
    try:
        assert server.address is not None
        async with asyncio.timeout(BOUND_SECONDS):
            yield parse_url(f"{scheme}://127.0.0.1:{server.address[1]}/")
    finally:
        await server.close()


def of(judge: Judge) -> HttpServer:
    return make_server(judge, listen="127.0.0.1:0", tls=None, now=lambda: NOW)


def saying(answers: Sequence[Answer], heard: list[bytes]) -> HttpServer:
    """A witness that gives these answers one after the other, the last one for ever."""
    left = list(answers)

    async def add_checkpoint(body: bytes) -> Answer:
        heard.append(body)
        return left.pop(0) if len(left) > 1 else left[0]

    return HttpServer("127.0.0.1:0", {}, takers={PATH: add_checkpoint})


def asking(house: WitnessHouse, url: Url, *, forked_at: int | None = None) -> Witness:
    async def proof(old: int, new: int) -> list[bytes]:
        return house.log.proof(old, new, forked_at=forked_at)

    return Witness(key=parse_witness_key(house.key.vkey), url=url, tls=None, proof=proof)


async def test_it_grows_with_the_log_and_survives_restarts_of_both(house: WitnessHouse) -> None:
    log = house.log
    async with serving(of(house.judge())) as url:
        witness = asking(house, url)
        for size in (3, 3, 7, 300):
            found = await witness.cosign(log.checkpoint(size), now=NOW)
            assert found.at == NOW
            assert witness.size == size
    async with serving(of(house.judge())) as url:
        witness = asking(house, url)
        assert await witness.cosign(log.checkpoint(301), now=NOW)


async def test_what_it_holds_is_served(house: WitnessHouse) -> None:
    path = monitoring_path(house.log.key.origin)
    async with serving(of(house.judge())) as url:
        for wanted in (b"404 Not Found", house.log.checkpoint(3).note + cosignature(house, 3)):
            reader, writer = await asyncio.open_connection(url.host, url.port)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: w\r\n\r\n".encode())
            assert wanted in await reader.read()
            writer.close()
            await asking(house, url).cosign(house.log.checkpoint(3), now=NOW)


async def test_a_rolled_back_log_is_a_conflict(house: WitnessHouse) -> None:
    log = house.log
    async with serving(of(house.judge())) as url:
        await asking(house, url).cosign(log.checkpoint(9), now=NOW)
        with pytest.raises(WitnessConflict, match="it cosigned 9 entries of this log, which has 7"):
            await asking(house, url).cosign(log.checkpoint(7), now=NOW)


async def test_a_witness_that_has_forgotten_is_told_of_once(house: WitnessHouse) -> None:
    async with serving(of(house.judge())) as url:
        witness = asking(house, url)
        await witness.cosign(house.log.checkpoint(9), now=NOW)
    next((house.folder / "logs").iterdir()).unlink()
    async with serving(of(house.judge())) as url:
        after = asking(house, url)
        after.size = witness.size
        with pytest.raises(WitnessRefused, match="it had cosigned 9 entries and remembers 0"):
            await after.cosign(house.log.checkpoint(12), now=NOW)
        assert await after.cosign(house.log.checkpoint(12), now=NOW)


@pytest.mark.parametrize("size", [9, 12])
async def test_a_forked_log_is_a_conflict(house: WitnessHouse, size: int) -> None:
    log = house.log
    async with serving(of(house.judge())) as url:
        await asking(house, url).cosign(log.checkpoint(9), now=NOW)
        with pytest.raises(WitnessConflict, match="not the first of this log"):
            await asking(house, url, forked_at=5).cosign(log.checkpoint(size, forked_at=5), now=NOW)


async def test_a_witness_that_does_not_know_the_log(house: WitnessHouse) -> None:
    other = SignedLog(generate("elsewhere.se/log"))
    async with serving(of(house.judge(other))) as url:
        with pytest.raises(WitnessRefused, match="does not know this log"):
            await asking(house, url).cosign(house.log.checkpoint(3), now=NOW)
    async with serving(of(house.judge(SignedLog(generate(house.log.key.origin))))) as url:
        with pytest.raises(WitnessRefused, match="does not know the key"):
            await asking(house, url).cosign(house.log.checkpoint(3), now=NOW)


def size_told(text: bytes, content_type: str = SIZE_TYPE) -> Answer:
    return Answer(status=409, body=text, content_type=content_type)


def cosignature(house: WitnessHouse, size: int, *, at: int = NOW, text: bytes | None = None) -> bytes:
    return house.key.cosign(text or house.log.checkpoint(size).text, at=at)


WRONG: dict[str, Callable[[WitnessHouse], Answer]] = {
    "nothing": lambda _: Answer(body=b""),
    "a page": lambda _: Answer(body=b"<html>\xff</html>"),
    "an error": lambda _: Answer(body=b"", status=500),
    "a redirection": lambda _: Answer(body=b"", status=302),
    "a conflict with the size that was asked from": lambda _: size_told(b"0\n"),
    "a conflict without a size": lambda _: size_told(b""),
    "a conflict of another type": lambda _: size_told(b"2\n", "text/plain"),
    "a size that is none": lambda _: size_told(b"02\n"),
    "a size for ever": lambda _: size_told(b"2\n"),
    "a cosignature on something else": lambda house: Answer(body=cosignature(house, 4)),
    "a cosignature from the future": lambda house: Answer(body=cosignature(house, 3, at=NOW + 3600)),
    "the log's own signature": lambda house: Answer(body=house.log.checkpoint(3).note.split(b"\n\n")[1]),
    "another note behind it": lambda house: Answer(
        body=b"x\n\n" + cosignature(house, 3, text=house.log.checkpoint(3).note + b"x\n")
    ),
    "half a line": lambda house: Answer(body=cosignature(house, 3)[:-20]),
}


@pytest.mark.parametrize("case", WRONG)
async def test_a_witness_that_answers_wrongly(house: WitnessHouse, case: str) -> None:
    async with serving(saying([WRONG[case](house)], [])) as url:
        with pytest.raises(WitnessRefused):
            await asking(house, url).cosign(house.log.checkpoint(3), now=NOW)


async def test_lines_of_others_are_passed_over(house: WitnessHouse, tmp_path: Path) -> None:
    other = WitnessHouse(tmp_path / "other", house.log)
    ours = cosignature(house, 3)
    answer = Answer(body=cosignature(other, 3) + ours + cosignature(other, 3))
    heard: list[bytes] = []
    async with serving(saying([answer], heard)) as url:
        found = await asking(house, url).cosign(house.log.checkpoint(3), now=NOW)
    assert found.line == ours
    assert read_request(heard[0]).note == house.log.checkpoint(3).note


async def test_over_verified_tls(house: WitnessHouse, authority: Authority, stranger: Authority) -> None:
    judge = house.judge()
    server = make_server(judge, listen="127.0.0.1:0", tls=authority.server_context(), now=lambda: NOW)
    async with serving(server, "https") as url:
        for trusted, fails in ((stranger, True), (authority, False)):
            witness = asking(house, url)
            witness._tls = trusted.client_context()
            if fails:
                with pytest.raises(HttpFailed, match="TLS"):
                    await witness.cosign(house.log.checkpoint(3), now=NOW)
            else:
                assert await witness.cosign(house.log.checkpoint(3), now=NOW)


class Publishing:
    """A log's publisher as the witnesses see it, with a wait that is let go by hand."""

    def __init__(self, log: SignedLog) -> None:
        self.log = log
        self.newest: Checkpoint | None = None
        self.shown: list[tuple[int, bytes]] = []
        self.waits: asyncio.Queue[float] = asyncio.Queue()
        self.available = True

    async def publish(self, lines: Sequence[bytes], checkpoint: Checkpoint) -> None:
        if not self.available:
            raise LogUnavailable("the decision log takes no lines")
        self.shown += [(checkpoint.size, line) for line in lines]

    async def wait(self, seconds: float) -> None:
        self.waits.put_nowait(seconds)
        await asyncio.Event().wait()

    def witnesses(self, *asked: Witness) -> Witnesses:
        return Witnesses(
            asked, newest=lambda: self.newest, publish=self.publish, now=lambda: NOW, wait=self.wait
        )


async def test_none_waits_for_another_and_failures_are_figures(house: WitnessHouse) -> None:
    publishing = Publishing(house.log)
    async with serving(of(house.judge())) as url:
        witnesses = publishing.witnesses(asking(house, NOWHERE), asking(house, url))
        await witnesses.round()
        assert publishing.shown == []
        publishing.newest = house.log.checkpoint(5)
        with capture_logs() as said:
            await witnesses.round()
            await witnesses.round()
    assert [size for size, _ in publishing.shown] == [5]  # once: what is cosigned is not asked for again
    assert [(each.size, each.failures, each.conflict) for each in witnesses.figures] == [
        (0, 2, False),
        (5, 0, False),
    ]
    assert [entry["event"] for entry in said if entry["event"].startswith("witness-")] == ["witness-failed"]


async def test_a_conflict_is_told_once_and_stays_a_figure(house: WitnessHouse) -> None:
    publishing = Publishing(house.log)
    async with serving(of(house.judge())) as url:
        await asking(house, url).cosign(house.log.checkpoint(9), now=NOW)
        witnesses = publishing.witnesses(asking(house, url))
        with capture_logs() as said:
            for size in (7, 8, 10):
                publishing.newest = house.log.checkpoint(size)
                await witnesses.round()
    told = [(entry["event"], entry["log_level"]) for entry in said if entry["event"].startswith("witness-")]
    assert told == [("witness-conflict", "error"), ("witness-answers", "info")]
    assert [(each.failures, each.conflict) for each in witnesses.figures] == [(2, True)]
    assert [size for size, _ in publishing.shown] == [10]


async def test_it_runs_on_what_is_published(house: WitnessHouse) -> None:
    publishing = Publishing(house.log)
    async with serving(of(house.judge())) as url:
        witnesses = publishing.witnesses(asking(house, url))
        running = asyncio.create_task(witnesses.run())
        publishing.newest = house.log.checkpoint(5)
        witnesses.published(publishing.newest)
        assert await publishing.waits.get() == 5.0
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert [size for size, _ in publishing.shown] == [5]


async def test_it_ends_with_the_log(house: WitnessHouse) -> None:
    publishing = Publishing(house.log)
    publishing.available = False
    publishing.newest = house.log.checkpoint(5)
    async with serving(of(house.judge())) as url:
        witnesses = publishing.witnesses(asking(house, url))
        witnesses.published()
        await witnesses.run()
    assert publishing.shown == []
