"""The control socket, over a real Unix socket: who gets in, what is refused, what comes back."""

import asyncio
import grp
import json
import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from rorpost_gateway.control.base import ArgumentInvalid, Busy, Caller, kind_of
from rorpost_gateway.control.client import CallRefused, DaemonUnreachable, call
from rorpost_gateway.control.server import CONNECTIONS, ControlServer, Limits
from rorpost_gateway.errors import ConfigurationInvalid, LogUnavailable, NotFound, QueueFull

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

SECRET = "19121212-1212 in the text of an error"


async def echo(caller: Caller, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": caller.name, "uid": caller.uid, "arguments": dict(arguments)}


async def break_down(_: Caller, __: Mapping[str, Any]) -> None:
    raise ZeroDivisionError(SECRET)


async def be_full(_: Caller, __: Mapping[str, Any]) -> None:
    raise QueueFull("the queue has no room", private=SECRET)


async def never(_: Caller, __: Mapping[str, Any]) -> None:
    await asyncio.Event().wait()


async def long_answer(_: Caller, __: Mapping[str, Any]) -> list[str]:
    return ["x" * 1000] * 5000


async def unspeakable(_: Caller, __: Mapping[str, Any]) -> object:
    return {"a": object()}


HANDLERS = {
    "echo": echo,
    "break": break_down,
    "full": be_full,
    "never": never,
    "long": long_answer,
    "unspeakable": unspeakable,
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """pytest's own folders are too long for a socket, and closed to other users."""
    path = Path(tempfile.mkdtemp(prefix="rq"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def path(folder: Path) -> Path:
    return folder / "control.socket"


@pytest.fixture
async def server(path: Path) -> AsyncIterator[ControlServer]:
    server = ControlServer(path, HANDLERS, limits=Limits(closing_seconds=0.1))
    await server.start()
    yield server
    await server.close()


async def ask(path: Path, verb: str, timeout_seconds: float = 10, **arguments: object) -> Any:
    return await asyncio.to_thread(call, path, verb, arguments, timeout_seconds=timeout_seconds)


@asynccontextmanager
async def connected(path: Path, limit: int = 2**20) -> AsyncIterator[Streams]:
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_unix_connection(path, limit=limit)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()


async def raw(path: Path, octets: bytes, *, answers: int = 1) -> list[dict[str, Any]]:
    """Send octets as they are; the answers, as far as they come."""
    async with connected(path) as (reader, writer):
        writer.write(octets)
        lines = [await reader.readline() for _ in range(answers)]
    return [json.loads(line) for line in lines if line]


# Who gets in


async def test_the_socket_is_for_its_owner_alone(server: ControlServer, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


_CALL = """
import sys
from pathlib import Path
from rorpost_gateway.control.client import call
from rorpost_gateway.errors import GatewayError
try:
    print(call(Path(sys.argv[1]), "echo", {}, timeout_seconds=10)["name"])
except GatewayError as error:
    sys.exit(f"{type(error).__name__}: {error.public}")
"""


async def as_nobody(path: Path, *groups: str) -> subprocess.CompletedProcess[str]:
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0 or setpriv is None:
        pytest.skip("becoming another user takes root")
    path.parent.chmod(0o755)
    member = ["--groups", ",".join(groups)] if groups else ["--clear-groups"]
    command = [
        setpriv,
        "--reuid",
        "65534",
        "--regid",
        "65534",
        *member,
        sys.executable,
        "-c",
        _CALL,
        str(path),
    ]
    return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)


@pytest.mark.root
async def test_other_users_are_kept_out_by_the_sockets_mode(server: ControlServer, path: Path) -> None:
    told = await as_nobody(path)
    assert told.returncode == 1
    assert told.stderr.startswith("DaemonUnreachable: this user may not use")


@pytest.mark.root
async def test_other_users_are_kept_out_even_if_the_mode_was_opened(
    server: ControlServer, path: Path
) -> None:
    path.chmod(0o666)
    with capture_logs() as logs:
        told = await as_nobody(path)
    assert told.stderr.strip() == "CallRefused: only root and the daemon's own user may ask"
    assert [(log["event"], log["uid"]) for log in logs] == [("control-refused", 65534)]


@pytest.mark.root
async def test_members_of_the_group_get_in_and_others_do_not(path: Path) -> None:
    group = grp.getgrnam("adm")
    server = ControlServer(path, HANDLERS, group="adm")
    await server.start()
    try:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        member = await as_nobody(path, str(group.gr_gid))
        other = await as_nobody(path)
    finally:
        await server.close()
    assert member.stdout.strip() == pwd.getpwuid(65534).pw_name
    assert other.returncode == 1


async def test_a_group_that_does_not_exist_stops_the_start(path: Path) -> None:
    with pytest.raises(ConfigurationInvalid, match="no group"):
        await ControlServer(path, HANDLERS, group="no-such-group").start()
    assert not path.exists()


async def test_the_caller_is_who_the_kernel_says(server: ControlServer, path: Path) -> None:
    answer = await ask(path, "echo", uid=4711, name="mallory")
    assert (answer["uid"], answer["name"]) == (os.geteuid(), pwd.getpwuid(os.geteuid()).pw_name)


# Where it listens


async def test_a_path_that_is_too_long_is_explained(folder: Path) -> None:
    path = folder / ("x" * 100) / "control.socket"
    with pytest.raises(ConfigurationInvalid, match=r"shorter path"):
        await ControlServer(path, HANDLERS).start()
    with pytest.raises(ConfigurationInvalid, match=r"shorter path"):
        call(path, "echo", {})


async def test_a_second_daemon_does_not_take_the_place_of_the_first(
    server: ControlServer, path: Path
) -> None:
    with pytest.raises(Busy, match="another daemon"):
        await ControlServer(path, HANDLERS).start()
    assert (await ask(path, "echo"))["arguments"] == {}


async def test_a_stale_socket_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(path))
    server = ControlServer(path, HANDLERS)
    await server.start()
    try:
        assert await ask(path, "echo")
    finally:
        await server.close()
    assert not path.exists()


async def test_what_is_no_socket_is_left_alone(path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(ConfigurationInvalid, match="something else"):
        await ControlServer(path, HANDLERS).start()
    assert path.read_text() == "precious"


async def test_a_folder_that_is_missing_stops_the_start(folder: Path) -> None:
    with pytest.raises(ConfigurationInvalid, match="No such file"):
        await ControlServer(folder / "missing" / "control.socket", HANDLERS).start()


async def test_of_several_that_start_at_once_one_listens(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(path))
    servers = [ControlServer(path, HANDLERS) for _ in range(5)]
    started = await asyncio.gather(*(server.start() for server in servers), return_exceptions=True)
    try:
        assert sorted(type(outcome).__name__ for outcome in started) == ["Busy"] * 4 + ["NoneType"]
        assert await ask(path, "echo")
    finally:
        for server in servers:
            await server.close()


async def test_closing_leaves_a_successors_socket_alone(path: Path) -> None:
    first, second = ControlServer(path, HANDLERS), ControlServer(path, HANDLERS)
    await first.start()
    path.unlink()
    await second.start()
    try:
        await first.close()
        assert await ask(path, "echo")
    finally:
        await second.close()


# What is refused


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"not json\n",
        b"\xff\xfe\n",
        b"[1]\n",
        b'{"verb": "echo"}\n',
        b'{"verb": "echo", "arguments": []}\n',
        b'{"verb": 1, "arguments": {}}\n',
        b'{"verb": "echo", "arguments": {}, "uid": 0}\n',
        b"[" * 60_000 + b"\n",
        b'{"verb": "echo", "arguments": {"n": ' + b"9" * 5000 + b"}}\n",
    ],
)
async def test_what_is_no_request_is_refused_and_the_next_one_served(
    server: ControlServer, path: Path, line: bytes
) -> None:
    refused, served = await raw(path, line + b'{"verb": "echo", "arguments": {}}\n', answers=2)
    assert (refused["ok"], refused["kind"]) == (False, "argument-invalid")
    assert served["ok"] is True


async def test_a_request_of_more_than_64_kib_is_refused(server: ControlServer, path: Path) -> None:
    [answer, *more] = await raw(path, b'{"verb": "' + b"x" * 70_000, answers=2)
    assert (answer["kind"], more) == ("argument-invalid", [])
    with pytest.raises(ArgumentInvalid):
        await ask(path, "echo", text="x" * 70_000)


async def test_half_a_request_is_not_carried_out(server: ControlServer, path: Path) -> None:
    async with connected(path) as (reader, writer):
        writer.write(b'{"verb": "echo", "arguments": {}}')
        writer.write_eof()
        assert await reader.read() == b""


async def test_a_caller_that_says_nothing_is_sent_away(path: Path) -> None:
    server = ControlServer(path, HANDLERS, limits=Limits(request_seconds=0.05))
    await server.start()
    try:
        [answer, *more] = await raw(path, b"", answers=2)
        assert (answer["kind"], more) == ("busy", [])
    finally:
        await server.close()


async def test_a_verb_that_takes_too_long_is_given_up(path: Path) -> None:
    server = ControlServer(path, HANDLERS, limits=Limits(verb_seconds=0.05))
    await server.start()
    try:
        with pytest.raises(CallRefused, match="too long") as raised, capture_logs():
            await ask(path, "never")
        assert raised.value.kind == "timeout"
        assert await ask(path, "echo")
    finally:
        await server.close()


async def test_a_caller_that_does_not_read_is_cut_off(path: Path) -> None:
    asked = asyncio.Event()

    async def long(caller: Caller, arguments: Mapping[str, Any]) -> list[str]:
        asked.set()
        return await long_answer(caller, arguments)

    server = ControlServer(path, {"long": long, "echo": echo}, limits=Limits(answer_seconds=0.05))
    await server.start()
    try:
        async with connected(path, limit=1) as (_, writer):
            writer.write(b'{"verb": "long", "arguments": {}}\n')
            await asked.wait()
            await asyncio.wait(server._connections)
        assert await ask(path, "echo")
    finally:
        await server.close()


async def test_too_many_callers_are_told_so(server: ControlServer, path: Path) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(CONNECTIONS):
            reader, writer = await stack.enter_async_context(connected(path))
            writer.write(b'{"verb": "echo", "arguments": {}}\n')
            assert json.loads(await reader.readline())["ok"]
        with pytest.raises(CallRefused, match="too many"):
            await ask(path, "echo")


async def test_an_unknown_verb_is_not_found(server: ControlServer, path: Path) -> None:
    with pytest.raises(CallRefused) as raised:
        await ask(path, "queue.burn")
    assert raised.value.kind == "not-found"


async def test_a_named_errors_public_text_reaches_the_caller(server: ControlServer, path: Path) -> None:
    [answer] = await raw(path, b'{"verb": "full", "arguments": {}}\n')
    assert answer == {"ok": False, "error": "the queue has no room", "kind": "queue-full"}


@pytest.mark.parametrize("verb", ["break", "unspeakable"])
async def test_anything_unforeseen_is_an_internal_fault(server: ControlServer, path: Path, verb: str) -> None:
    with capture_logs() as logs:
        [answer] = await raw(path, json.dumps({"verb": verb, "arguments": {}}).encode() + b"\n")
    assert answer == {"ok": False, "error": "internal fault", "kind": "internal-fault"}
    assert [(log["event"], log["verb"]) for log in logs] == [("control-fault", verb)]
    assert await ask(path, "echo")


# What comes back


async def test_several_requests_go_over_one_connection(server: ControlServer, path: Path) -> None:
    request = b'{"verb": "echo", "arguments": {"id": "%d"}}\n'
    answers = await raw(path, request % 1 + request % 2, answers=2)
    assert [answer["result"]["arguments"]["id"] for answer in answers] == ["1", "2"]


async def test_a_long_answer_arrives_whole(server: ControlServer, path: Path) -> None:
    assert await ask(path, "long") == ["x" * 1000] * 5000


async def test_closing_lets_a_request_in_hand_end(path: Path) -> None:
    entered, go = asyncio.Event(), asyncio.Event()

    async def slow(_: Caller, __: Mapping[str, Any]) -> str:
        entered.set()
        await go.wait()
        return "done"

    server = ControlServer(path, {"slow": slow})
    await server.start()
    async with connected(path) as (reader, _):
        asked = asyncio.create_task(ask(path, "slow"))
        await entered.wait()
        closing = asyncio.create_task(server.close())
        await asyncio.sleep(0)
        assert not path.exists()
        go.set()
        assert await asked == "done"
        await closing
        assert await reader.read() == b""


# The command line's end


def test_no_daemon_is_said_in_plain_words(path: Path) -> None:
    with pytest.raises(DaemonUnreachable, match="no daemon is running"):
        call(path, "echo", {})
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(path))
    with pytest.raises(DaemonUnreachable, match="no daemon is running"):
        call(path, "echo", {})


async def test_a_daemon_that_does_not_answer_is_given_up(server: ControlServer, path: Path) -> None:
    with pytest.raises(DaemonUnreachable, match="did not answer in time"):
        await ask(path, "never", timeout_seconds=0.1)


@pytest.mark.parametrize("answer", [b"", b"{", b"nonsense\n", b"[]\n", b'{"ok": true}\n', b'{"ok": false}\n'])
def test_an_answer_that_is_none_is_no_result(path: Path, answer: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        listening.settimeout(10)

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with pytest.raises(DaemonUnreachable):
                call(path, "echo", {}, timeout_seconds=10)
        finally:
            thread.join()


@pytest.mark.parametrize(
    ("error", "kind"),
    [(NotFound("x"), "not-found"), (LogUnavailable("x"), "log-unavailable"), (Busy("x"), "busy")],
)
def test_kinds_are_the_errors_names(error: Any, kind: str) -> None:
    assert kind_of(error) == kind
