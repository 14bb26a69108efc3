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


async def test_what_waits_for_room_ends_when_the_process_does() -> None:
    deaf = Beside("deaf", command=(sys.executable, "-c", "import signal; signal.pause()"))
    async with asyncio.timeout(BOUND_SECONDS):
        await deaf.start()
        asked = [asyncio.create_task(deaf.ask({}, bytes(4_000_000))) for _ in range(3)]
        await asyncio.sleep(0)  # the first fills the socket, the others wait
        assert deaf.pid is not None
        os.kill(deaf.pid, signal.SIGKILL)
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        await deaf.close()
    assert [type(outcome) for outcome in outcomes] == [Gone, Gone, Gone]


async def test_an_answer_that_cannot_be_told_is_a_fault_of_that_question_only(beside: Beside) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        with pytest.raises(Gone) as fault:
            await beside.ask({"do": "tell too much"})
        told, _ = await beside.ask({"do": "say"})
    assert "FrameInvalid" in fault.value.private
    assert told["said"] == "say"


async def test_nothing_is_imported_from_where_the_daemon_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap, sprung = tmp_path / "rorpost_gateway", tmp_path / "sprung"
    trap.mkdir()
    (trap / "__init__.py").write_text(f"open({str(sprung)!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    real = Beside("rorpost_gateway.smtp_client.beside")
    async with asyncio.timeout(BOUND_SECONDS):
        try:
            await real.ask({"close": True})
        finally:
            await real.close()
    assert not sprung.exists()


async def test_a_fault_in_one_question_ends_that_one_only_and_tells_no_content(beside: Beside) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        with pytest.raises(Gone) as fault:
            await beside.ask({"do": "fail"})
        told, _ = await beside.ask({"do": "say"})
    assert "MARKER" not in f"{fault.value.private} {fault.value}"
    assert "ValueError" in fault.value.private
    assert told["said"] == "say"


async def test_what_is_printed_or_logged_there_goes_nowhere(
    beside: Beside, capfd: pytest.CaptureFixture[str]
) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        told, _ = await beside.ask({"do": "speak"})
        again, _ = await beside.ask({"do": "say"})
    assert (told["said"], again["pid"]) == ("speak", told["pid"])
    assert "MARKER" not in "".join(capfd.readouterr())


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


async def test_one_that_is_stuck_is_killed_and_another_answers() -> None:
    patient = Beside("echo", command=ECHO)
    impatient = Beside("echo", command=ECHO, patience_seconds=0)
    async with asyncio.timeout(BOUND_SECONDS):
        told, _ = await patient.ask({"do": "say"})
        await impatient.start()
        stuck = impatient.pid
        assert stuck is not None
        os.kill(stuck, signal.SIGSTOP)
        asked = [impatient.ask({"do": "say"}, bytes(500_000)) for _ in range(8)]
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(outcome, Gone) for outcome in outcomes)
        await impatient.start()
        assert impatient.pid not in (None, stuck)
        assert not (Path("/proc") / str(stuck)).exists()
        assert told["said"] == "say"
        await impatient.close()
        await patient.close()


async def test_one_answer_that_is_missing_takes_nothing_from_the_others() -> None:
    # Longer than a busy machine takes to start an interpreter: until then nothing is heard at all.
    made = Beside("echo", command=ECHO, patience_seconds=3.0)
    try:
        async with asyncio.timeout(BOUND_SECONDS):
            forgotten = asyncio.create_task(made.ask({"do": "forget"}))
            while not forgotten.done():
                told, _ = await made.ask({"do": "say"})
                assert told["pid"] == made.pid
            with pytest.raises(Gone, match="no answer in time"):
                await forgotten
            assert (await made.ask({"do": "say"}))[0]["pid"] == told["pid"]
    finally:
        await made.close()


async def test_whoever_goes_away_during_the_start_leaves_it_to_the_others(beside: Beside) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        first = asyncio.create_task(beside.ask({"do": "say"}))
        other = asyncio.create_task(beside.ask({"do": "say"}))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        first.cancel()
        told, _ = await other
        assert told["pid"] == beside.pid
        assert first.cancelled()


async def test_closed_during_the_start_it_leaves_no_process_behind() -> None:
    made = Beside("echo", command=ECHO)
    async with asyncio.timeout(BOUND_SECONDS):
        asked = asyncio.create_task(made.ask({"do": "say"}))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        asked.cancel()
        await made.close()
    assert made.pid is None
    children = " ".join(each.read_text() for each in Path("/proc/self/task").glob("*/children")).split()
    assert not [child for child in children if b"echo.py" in Path(f"/proc/{child}/cmdline").read_bytes()]
