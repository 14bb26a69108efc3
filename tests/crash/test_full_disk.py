"""A disk that is really full: 452 or 451, nothing answered 250 that is not durable, nothing lost."""

import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.crash.scene import ACCEPTED, BOTH, Scene
from tests.peers.gateway_world import BRINKEN, LYCKORNA
from tests.peers.sink import Script
from tests.peers.submitting import Heard, make_message
from tests.peers.whole_gateway import MakeGateway, WholeGateway

MEBIBYTE = 1024 * 1024
RESERVE_MEBIBYTES = 64  # the queue takes nothing new once less than this is free
Mount = Callable[[Path, str], None]


@pytest.fixture
def mount() -> Iterator[Mount]:
    """Mounts small file systems in memory, gone after the test."""
    mounted: list[Path] = []

    def make(folder: Path, size: str) -> None:
        folder.mkdir(mode=0o700, parents=True)
        options = f"size={size},mode=0700,nosuid,nodev"
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=False)
        if done.returncode:
            pytest.skip("root may not mount here, as in an unprivileged container")
        mounted.append(folder)

    yield make
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


class Ballast:
    """A file that takes up room: `mebibytes` of it, or all that there is."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ballast"

    def load(self, mebibytes: int | None = None) -> None:
        block = b"\0" * 4096
        with self._path.open("wb", buffering=0) as file:
            try:
                while mebibytes is None or file.tell() < mebibytes * MEBIBYTE:
                    file.write(block)
            except OSError:
                assert mebibytes is None

    def drop(self) -> None:
        self._path.unlink()


def other_message(number: int, *, octets: int = 0) -> bytes:
    """A large one needs room that a small one may still find: the queue does not look each time."""
    return make_message(
        recipients=BOTH,
        message_id=f"<fler{number}@klient.motala.se>",
        body=f"FLADDERMUSEN {number}" + "\r\nen rad av manga" * (octets // 17),
    )


def submit_until_it_gives_up(gateway: WholeGateway, *, first: int, otherwise: int) -> list[Heard]:
    """What fits into the log's last page is still taken; the one after it cannot be.

    The last answer is that of a log without room, or of a daemon that is ending: a checkpoint, which
    nobody had asked for, may have been what found no room.
    """
    heard: list[Heard] = []
    while not heard or heard[-1].code == otherwise:
        heard.append(gateway.submit(other_message(first + len(heard)), recipients=BOTH))
        assert len(heard) < 10
    assert heard[-1].code == 451 or (heard[-1].code, heard[-1].reason) == (421, "shutting-down")
    return heard


@pytest.mark.root
def test_queue_and_log_on_a_disk_that_fills_up(whole_gateway: MakeGateway, mount: Mount) -> None:
    gateway = whole_gateway(script=Script(answers={"RCPT": b"450 4.2.0 not now\r\n"}))
    scene = Scene(gateway=gateway)
    mount(gateway.state, f"{RESERVE_MEBIBYTES + 8}m")
    ballast = Ballast(gateway.state)
    gateway.start()
    assert scene.submit().accepted

    ballast.load(8)
    heard = gateway.submit(other_message(0, octets=MEBIBYTE), recipients=BOTH)
    assert (heard.code, heard.reason) == (452, "gateway-full")
    assert len(gateway.queue_rows()) == len(BOTH)
    assert len(gateway.lines_of("decision", reason="gateway-full")) == len(BOTH)

    ballast.load()  # not even the log's lines have room now: the daemon ends rather than go on without
    submit_until_it_gives_up(gateway, first=1, otherwise=452)
    assert gateway.running.wait() == 1
    assert not scene.arrivals()

    ballast.drop()
    gateway.next_hop.script.answers.clear()
    scene.settle()
    assert scene.arrivals() == dict.fromkeys(BOTH, 1)
    assert gateway.submit(other_message(0), recipients=BOTH).accepted
    gateway.wait_until_empty()
    assert gateway.stop() == 0
    gateway.verify_log()
    scene.see_no_plaintext()
    scene.see_that_lines_and_arrivals_agree()


@pytest.mark.root
def test_a_log_without_room_beside_a_queue_that_has_some(whole_gateway: MakeGateway, mount: Mount) -> None:
    gateway = whole_gateway(config={"decision_log": {"dir": "log/decisions"}})
    scene = Scene(gateway=gateway)
    mount(gateway.folder / "log", "1m")
    ballast = Ballast(gateway.folder / "log")
    gateway.start()
    assert scene.repeat().accepted

    ballast.load()
    heard = submit_until_it_gives_up(gateway, first=0, otherwise=250)
    assert gateway.running.wait() == 1
    assert not [each for each in heard[:-1] if not each.accepted]

    ballast.drop()
    scene.settle()
    answered_250 = len(heard)  # the first of all, and all of `heard` but its last
    assert scene.arrivals()[LYCKORNA] == answered_250
    # A write that ended between two lines has left one that holds; the client, told 451, comes again.
    assert scene.arrivals()[BRINKEN] in (answered_250, answered_250 + 1)
    assert gateway.submit(other_message(len(heard) - 1), recipients=BOTH).accepted
    gateway.wait_until_empty()
    assert scene.arrivals() == dict.fromkeys(BOTH, answered_250 + 1)
    scene.end(refused_lines=0)


def test_a_queue_file_that_may_not_grow(scene: Scene) -> None:
    """The kernel's limit for the size of files (EFBIG) stands for any write of the queue that fails."""
    gateway = scene.gateway
    gateway.start()
    pid = gateway.running.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    log_octets = sum(path.stat().st_size for path in gateway.log_folder.glob("*.jsonl"))
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (log_octets + 8192, hard))
    heard = scene.submit()
    assert (heard.code, heard.reason) in ((451, "gateway-fault"), (452, "gateway-full"))
    assert not gateway.queue_rows()
    assert not gateway.lines_of("decision", action="accept")

    resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
    assert scene.repeat().reason == "ok"
    assert scene.arrivals() == dict.fromkeys(BOTH, 1)
    assert gateway.submit(ACCEPTED, recipients=BOTH).reason == "duplicate"
    assert gateway.stop() == 0
    gateway.verify_log()
    scene.see_no_plaintext()
    scene.see_that_lines_and_arrivals_agree()
