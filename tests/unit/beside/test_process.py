"""The process beside the daemon: asked, failing, dying, started anew, seen off."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rorpost_gateway.beside.frames import FRAME_OCTETS, FrameInvalid
from rorpost_gateway.beside.process import Beside, Gone

ECHO = (sys.executable, str(Path(__file__).with_name("echo.py")))
BOUND_SECONDS = 20


@pytest.fixture
async def beside() -> AsyncIterator[Beside]:
    made = Beside("echo", greeting=lambda: {"secret": "by the socket only"}, command=ECHO)
    yield made
    await made.close()


async def test_what_dies_in_the_middle_says_so_and_the_next_question_finds_a_new_one(beside: Beside) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        first, _ = await beside.ask({"do": "say"})
        with pytest.raises(Gone):
            await beside.ask({"do": "die"})
        second, _ = await beside.ask({"do": "say"})
    assert first["pid"] != second["pid"]
    assert second["greeting"] == {"secret": "by the socket only"}


async def test_everything_asked_of_a_process_that_dies_ends(beside: Beside) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        await beside.start()
        asked = [beside.ask({"do": "die" if number == 0 else "say"}) for number in range(20)]
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(outcomes[0], Gone)
    assert all(isinstance(outcome, Gone | tuple) for outcome in outcomes)


async def test_a_fault_in_one_question_ends_that_one_only_and_tells_no_content(beside: Beside) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        with pytest.raises(Gone) as fault:
            await beside.ask({"do": "fail"})
        told, _ = await beside.ask({"do": "say"})
    assert "MARKER" not in f"{fault.value.private} {fault.value}"
    assert "ValueError" in fault.value.private
    assert told["said"] == "say"


async def test_answers_find_their_questions_and_octets_arrive_whole(beside: Beside) -> None:
    sent = [os.urandom(size) for size in (0, 1, 70_000, 3_000_000, 5)]
    async with asyncio.timeout(BOUND_SECONDS):
        asked = [beside.ask({"do": str(number)}, octets) for number, octets in enumerate(sent)]
        answers = await asyncio.gather(*asked)
    assert [octets for _, octets in answers] == sent
    assert [head["said"] for head, _ in answers] == [str(number) for number in range(len(sent))]


async def test_a_question_that_is_too_long_is_refused_here(beside: Beside) -> None:
    class Endless(bytes):
        def __len__(self) -> int:
            return FRAME_OCTETS + 1

    async with asyncio.timeout(BOUND_SECONDS):
        with pytest.raises(FrameInvalid):
            await beside.ask({"do": "say"}, Endless())
        told, _ = await beside.ask({"do": "say"})
    assert told["said"] == "say"


async def test_no_secret_stands_in_arguments_or_environment(beside: Beside) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        await beside.ask({"do": "say"})
    folder = Path("/proc") / str(beside.pid)
    assert b"socket only" not in (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()


async def test_signals_to_the_whole_group_leave_it_at_work_and_the_end_of_the_socket_ends_it(
    beside: Beside,
) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        first, _ = await beside.ask({"do": "say"})
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(first["pid"], number)
        second, _ = await beside.ask({"do": "say"})
        assert second["pid"] == first["pid"]
        await beside.close()
        with pytest.raises(Gone):
            await beside.ask({"do": "say"})
    assert not (Path("/proc") / str(first["pid"])).exists()


async def test_a_program_that_cannot_be_started_is_gone(tmp_path: Path) -> None:
    missing = Beside("missing", command=(str(tmp_path / "no-such-program"),))
    async with asyncio.timeout(BOUND_SECONDS):
        with pytest.raises(Gone, match="No such file"):
            await missing.ask({"do": "say"})
        await missing.close()


async def test_a_program_that_ends_at_once_is_gone() -> None:
    brief = Beside("brief", command=(sys.executable, "-c", ""))
    async with asyncio.timeout(BOUND_SECONDS):
        with pytest.raises(Gone):
            await brief.ask({"do": "say"})
        await brief.close()


async def test_a_program_that_speaks_no_frames_is_gone() -> None:
    other = Beside(
        "other", command=(sys.executable, "-c", "import os; os.write(1, b'\\xff' * 64); os.read(0, 1)")
    )
    async with asyncio.timeout(BOUND_SECONDS):
        with pytest.raises(Gone):
            await other.ask({"do": "say"})
        await other.close()
