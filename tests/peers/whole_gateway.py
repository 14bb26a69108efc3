"""The real `rorpost serve` as a process, with everything it needs, in a short folder of its own.

    def test_it(whole_gateway):
        gateway = whole_gateway()             # or whole_gateway(config={"limits": {"recipients": 2}})
        gateway.start()                       # waits for the line with `ready`
        heard = gateway.submit(body="Hej")    # smtplib, STARTTLS, LOGIN
        gateway.wait_until_relayed(1)
        assert gateway.stop() == 0            # SIGTERM and its exit code; or kill(), reload()
        gateway.verify_log()

The folder and the next hop outlive the process, so that a daemon can be killed and
started again on the same state. What is looked at from outside (`log_lines`,
`queue_rows`, `holds`) uses none of the gateway's own code.
"""

import json
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Self, TypeVar

import pytest

from rorpost_gateway.audit.verify import Verified, verify_log
from tests.peers import gateway_world as world
from tests.peers.authority import Authority
from tests.peers.daemon_process import BOUND_SECONDS, DaemonProcess, Launch, cold
from tests.peers.gnupg_home import PreparedKeys
from tests.peers.next_hop import NextHop
from tests.peers.sink import Script
from tests.peers.submitting import Heard, Submission, make_message, submit

_LOOK_AGAIN_SECONDS = 0.02
T = TypeVar("T")
SERVE = (sys.executable, "-m", "rorpost_gateway", "serve")


class WholeGateway:
    """See the module. `folder` holds the configuration, `policies/`, `state/`, `mail/`, `users.yaml`."""

    def __init__(
        self,
        keys: PreparedKeys,
        authority: Authority,
        *,
        config: Mapping[str, Any] | None = None,
        policy: Mapping[str, Any] | None = None,
        home: Path | None = None,
        script: Script | None = None,
        folder: Path | None = None,
        launch: Launch = cold,
    ) -> None:
        """`config` is laid over the usual one, `policy` replaces it, `script` is the next hop's.

        The prepared GnuPG home is shared: a test that changes keys gives a copy as `home`.
        `folder` is where the gateway's own folder is made; its path must be short.
        `launch` starts the process (`warm_start` does it at less cost).
        """
        self._launch = launch
        self._given = tempfile.TemporaryDirectory(prefix="rw", dir=folder or "/tmp")
        self.folder = Path(self._given.name)
        self.keys = keys
        self.authority = authority
        self.home = home or keys.sender_home
        self.next_hop = NextHop(script)
        self.daemon: DaemonProcess | None = None
        self.runs: list[DaemonProcess] = []
        (self.folder / "policies").mkdir()
        _write_private(self.folder / "users.yaml", world.users_file())
        self.policy = dict(policy or world.make_policy(keys))
        self.config = world.merged(
            world.make_config(authority, home=self.home, next_hop_port=self.next_hop.port), config or {}
        )
        self.set_policy(self.policy)
        self.set_config(self.config)

    # Where things are

    @property
    def config_path(self) -> Path:
        return self.folder / "rorpost.yaml"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def mail(self) -> Path:
        return self.folder / "mail"

    @property
    def log_folder(self) -> Path:
        return self.folder / str(self.config.get("decision_log", {}).get("dir", "state/decisions"))

    @property
    def submission(self) -> tuple[str, int]:
        """Host and port of the first listener of the run that goes on; they differ from run to run."""
        return self.listeners[0]

    @property
    def listeners(self) -> list[tuple[str, int]]:
        where = self.running.wait_for_event("ready")["listening"]
        pairs = [each.rpartition(":") for each in where.split(", ")]
        return [(host.strip("[]"), int(port)) for host, _, port in pairs]

    @property
    def running(self) -> DaemonProcess:
        assert self.daemon is not None, "the daemon was not started"
        return self.daemon

    # What it is told

    def set_policy(self, policy: Mapping[str, Any] | str) -> None:
        """Write the policy (text is written as it is); `reload` puts it in force."""
        text = policy if isinstance(policy, str) else world.as_yaml(policy)
        (self.folder / "policies" / "policy.yaml").write_text(text, encoding="utf-8")

    def set_config(self, config: Mapping[str, Any]) -> None:
        _write_private(self.config_path, world.as_yaml(config))

    # Its life

    def start(
        self,
        *,
        wrapper: Path | None = None,
        arguments: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
        wait: bool = True,
    ) -> DaemonProcess:
        """Start the daemon and wait until it is ready.

        `wrapper` is a Python script in the place of `-m rorpost_gateway`; it gets `arguments`
        before `serve --config …`.
        """
        assert self.daemon is None or self.daemon.process.poll() is not None, "it runs already"
        begin = [*SERVE[:1], str(wrapper), *arguments, SERVE[-1]] if wrapper else [*SERVE]
        command = [*begin, "--config", str(self.config_path), "--log-format", "json"]
        self.daemon = DaemonProcess(command, environment, launch=self._launch)
        self.runs.append(self.daemon)
        if wait:
            self.daemon.wait_for_event("ready")
        return self.daemon

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.running.send(signal.SIGTERM)
        return self.running.wait()

    def kill(self) -> int:
        """SIGKILL; -9, unless it had ended before."""
        self.running.process.kill()
        return self.running.wait()

    def reload(self) -> bool:
        """SIGHUP, and wait until it has been obeyed; whether the new policy is in force."""
        names = ("reloaded", "reload-refused")
        before = Counter(event.get("event") for event in self.running.events)
        self.running.send(signal.SIGHUP)

        def obeyed() -> str | None:
            now = Counter(event.get("event") for event in self.running.events)
            return next((name for name in names if now[name] > before[name]), None)

        return self.until(obeyed, what="the reload") == "reloaded"

    def close(self) -> None:
        for run in self.runs:
            run.end()
        self.next_hop.close()
        self._given.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Mail

    def connect(self, *, login: str | None = "anna", tls: bool = True) -> Submission:
        """A client at the first listener, ready to send."""
        return Submission(self.submission, self.authority.client_context() if tls else None, login=login)

    def submit(
        self,
        octets: bytes | None = None,
        *,
        recipients: tuple[str, ...] = (world.BRINKEN,),
        sender: str = world.HOME_CARE,
        login: str | None = "anna",
        options: tuple[str, ...] = (),
        **message: Any,
    ) -> Heard:
        """One message over a connection of its own; `octets`, or a sound one made of `message`'s parts."""
        if octets is None:
            octets = make_message(recipients=recipients, sender=sender, **message)
        with self.connect(login=login) as client:
            heard = submit(client, octets, recipients=recipients, sender=sender, options=options)
            if heard.cut:
                client.close()
            return heard

    def wait_for_arrivals(self, count: int) -> None:
        self.until(lambda: len(self.next_hop.arrivals) >= count, what=f"{count} arrivals")

    def wait_until_relayed(self, count: int) -> None:
        """Until the log has that many `relayed` lines."""
        self.until(lambda: len(self.lines_of("relayed")) >= count, what=f"{count} relayed lines")

    def wait_until_empty(self) -> None:
        """Until no copy is in the queue."""
        self.until(lambda: not self.queue_rows(), what="an empty queue")

    def until(self, condition: Callable[[], T], *, what: str) -> T:
        """What the condition gives once that is true. Raises AssertionError after `BOUND_SECONDS`.

        The daemon and its files cannot tell a test of news, so they are looked at again and again;
        where the daemon has ended, that is over after one more look.
        """
        pause = threading.Event()
        deadline = time.monotonic() + BOUND_SECONDS
        while not (found := condition()):
            assert time.monotonic() < deadline, self.running.said(f"{what}: not in time")
            if self.running.process.poll() is not None and not (found := condition()):
                raise AssertionError(self.running.said(f"{what}: the daemon ended before"))
            pause.wait(_LOOK_AGAIN_SECONDS)
        return found

    # Looked at from outside

    def log_lines(self) -> list[dict[str, Any]]:
        """Every whole line of the decision log, oldest first."""
        octets = b"".join(path.read_bytes() for path in sorted(self.log_folder.glob("*.jsonl")))
        return [entry for line in octets.split(b"\n")[:-1] if (entry := _entry(line)) is not None]

    def lines_of(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """The lines of one event, of which every given field has that value."""
        return [
            line
            for line in self.log_lines()
            if line["event"] == event and all(line.get(name) == value for name, value in fields.items())
        ]

    def verify_log(self) -> Verified:
        """Raises Broken where the log does not hold, with the key that lies beside the configuration."""
        vkey = (self.folder / "decision-log.vkey").read_text(encoding="ascii").strip()
        return verify_log(self.log_folder, vkey=vkey)

    def queue_rows(self) -> list[dict[str, Any]]:
        """Every copy in the queue with what its message says, by plain SQL."""
        path = self.state / "queue.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            rows = connection.execute("SELECT * FROM copies JOIN messages USING (queue_id) ORDER BY copy_id")
            return [dict(row) for row in rows]

    def notices(self, mailbox: str = world.HOME_CARE) -> list[Path]:
        """What lies in a function mailbox of ours: DSNs."""
        return sorted(path for part in ("new", "cur") for path in (self.mail / mailbox / part).glob("*"))

    def holds(self, marker: bytes) -> list[Path]:
        """The files under the whole folder that contain the octets: none, for a word of the plaintext."""
        return [path for path in self.folder.rglob("*") if path.is_file() and marker in path.read_bytes()]

    @property
    def operator_lines(self) -> list[str]:
        """What every run so far wrote on standard error."""
        return [line for run in self.runs for line in run.lines]


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:  # torn
        return None
    return entry if isinstance(entry, dict) else None


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


MakeGateway = Callable[..., WholeGateway]


@pytest.fixture
def whole_gateway(prepared_keys: PreparedKeys, authority: Authority) -> Iterator[MakeGateway]:
    """Makes gateways, not started yet; each ends with the test."""
    made: list[WholeGateway] = []

    def make(**options: Any) -> WholeGateway:
        made.append(WholeGateway(prepared_keys, authority, **options))
        return made[-1]

    yield make
    for gateway in made:
        gateway.close()
